"""`alerts simulate`: what would have been sent to whom over a past week, under the rules in force or others."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from api.figures.context import FigureContext
from api.messaging.acts import ActLog
from api.messaging.reading import held_between, province_of, rules_in_force
from domain.errors import InvalidInput
from domain.instants import MS_DAY, Day, date_day, day_date
from domain.message import Recipient
from domain.messages.rules import decode_rules
from domain.messages.simulation import PEOPLE, Round, simulated
from domain.messages.values import Alert, Planned

WARM_UP = 6
"""Working days played before the week: the chain reaches its end after five."""
_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def simulation(
    ctx: FigureContext, week: str, people: Sequence[Recipient], document: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The messages of an ISO week in order, with their texts, and what was held, suppressed and escalated, counted
    by day. Alerts as they are known now; acts of people from the alert log; nobody is told anything."""
    first = week_day(week)
    last = first + 6
    if ctx.zone.midnight(first) > ctx.now_ms:
        raise InvalidInput(f"week {week} lies ahead: simulate one that has begun")
    rules, version = rules_in_force(ctx, min(ctx.now_ms, ctx.zone.midnight(last + 1) - 1))
    if document is not None:
        rules, version = decode_rules(document), "given"
    province = province_of(ctx, rules, people, None)
    start, end = ctx.zone.midnight(first) - 2 * WARM_UP * MS_DAY, min(ctx.zone.midnight(last + 1), ctx.now_ms)
    alerts = held_between(ctx, rules, start, end)
    acts = [act for act in ActLog().read(ctx.client, ctx.now_ms, PEOPLE) if act.at < end]
    rounds = [r for r in simulated(first, last, alerts, acts, province, WARM_UP) if r.at < end]
    about = {alert.id: alert for alert in alerts}
    messages = [_message(ctx, r, planned, about) for r in rounds for planned in r.plan.messages]
    unreached = sorted({place for r in rounds for place in r.plan.unreached})
    return {
        "week": week,
        "from": ctx.text(ctx.zone.midnight(first)),
        "until": ctx.text(end),
        "rules": version,
        "recipients": len(people),
        "totals": dict(sorted(Counter(m["account"] for m in messages).items())),
        "messages": messages,
        "noted": _noted(ctx, rounds),
        "unreached": [{"post": post, "unit": unit} for post, unit in unreached],
        **ctx.position(),
    }


def week_day(week: str) -> Day:
    """The Monday of an ISO week as '2026-W48'."""
    found = _WEEK.fullmatch(week)
    try:
        if found:
            return date_day(date.fromisocalendar(int(found[1]), int(found[2]), 1))
    except ValueError:
        pass
    raise InvalidInput(f"'{week[:20]}' is not an ISO week such as 2026-W48")


def _message(ctx: FigureContext, at: Round, planned: Planned, about: Mapping[str, Alert]) -> dict[str, Any]:
    message = planned.message
    kinds = Counter(about[alert].kind for alert in message.alerts)
    return {
        "at": ctx.text(at.at),
        "slot": ctx.text(message.slot),
        "account": message.account,
        "unit": message.unit,
        "channels": list(planned.channels),
        "level": message.level,
        "kinds": dict(sorted(kinds.items())),
        "reasons": dict(sorted(Counter(planned.reasons.values()).items())),
        "subject": message.subject,
        "text": message.text,
        "sms": message.sms,
        "alerts": list(message.alerts),
    }


def _noted(ctx: FigureContext, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for one in rounds:
        day = day_date(ctx.zone.day(one.at)).isoformat()
        counts.update((day, decision.verb, decision.reason) for decision in one.plan.decisions)
    return [{"day": d, "act": verb, "reason": why, "alerts": n} for (d, verb, why), n in sorted(counts.items())]
