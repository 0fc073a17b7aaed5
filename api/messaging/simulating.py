"""`alerts simulate`: what would have been sent to whom over a past week, under the rules in force or others."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from api.figures.context import FigureContext
from api.messaging.acts import ActLog
from api.messaging.comparing import compared
from api.messaging.known_then import known_between, known_now
from api.messaging.reading import province_of, rules_in_force
from domain.errors import InvalidInput
from domain.instants import MS_DAY, Day, date_day, day_date
from domain.message import Recipient
from domain.messages.rules import decode_rules
from domain.messages.simulation import Round, simulated
from domain.messages.values import Alert, Planned

_REST = "acts of people from the alert log; units, calendar and recipients (by the dates they held posts) as now"
KNOWLEDGE = {
    "then": f"alerts as they were known at each instant (what was imported later was not known); {_REST}",
    "now": f"alerts as they are known now, as if known when they began; {_REST}",
}
LOOK_BACK_DAYS = 14
"""Where something was really sent within so many days before the week, what was done goes on from there."""
_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def simulation(
    ctx: FigureContext,
    week: str,
    recipients: Sequence[Recipient],
    document: Mapping[str, Any] | None = None,
    *,
    known: str = "then",
) -> dict[str, Any]:
    """The messages of an ISO week in order, with their texts; what was held, suppressed and escalated, counted by
    day; and how that differs from what was really sent (`compared`). Alerts as they were known then (`knowledge`
    says what is not); nobody is told anything.

    What stood before the week is what was really done, where the notifier was sending then (`begins_with` acts),
    else working days played before it, as many as the chain of the rules needs."""
    first = week_day(week)
    last = first + 6
    if ctx.zone.midnight(first) > ctx.now_ms:
        raise InvalidInput(f"week {week} lies ahead: simulate one that has begun")
    monday, end = ctx.zone.midnight(first), min(ctx.zone.midnight(last + 1), ctx.now_ms)
    rules, version = rules_in_force(ctx, end - 1, end)
    if document is not None:
        rules, version = decode_rules(document), "given"
    province = province_of(ctx, rules, recipients, None)
    done = [act for act in ActLog().read(ctx.client, monday) if act.at < end]
    before = [act for act in done if act.at < monday]
    since = monday - LOOK_BACK_DAYS * MS_DAY
    went_on = any(act.verb == "notified" and act.at >= since for act in before)
    steps = [step.after_working_days for step in rules.escalation.steps]
    warm_up = 0 if went_on else max(steps, default=0) + 1
    start = ctx.zone.midnight(province.calendar.previous_working_day(first, warm_up)) if warm_up else monday
    alerts = (known_now if known == "now" else known_between)(ctx, rules, start, end)
    people = [act for act in done if act.at >= monday] if went_on else done
    played = simulated(first, last, alerts, people, province, warm_up, before if went_on else ())
    rounds = [r for r in played if r.at < end]
    about = {one.alert.id: one.alert for one in alerts}
    messages = [_message(ctx, r, planned, about) for r in rounds for planned in r.plan.messages]
    unreached = sorted({(u.unit, u.post, u.why, u.instead) for r in rounds for u in r.plan.unreached})
    return {
        "week": week,
        "from": ctx.text(monday),
        "until": ctx.text(end),
        "rules": version,
        "knowledge": KNOWLEDGE[known],
        "begins_with": "acts" if went_on else f"{warm_up} working days played before",
        "recipients": len(recipients),
        "totals": dict(sorted(Counter(m["account"] for m in messages).items())),
        "compared": compared(rounds, [act for act in done if monday <= act.slot < end], ctx.text),
        "messages": messages,
        "noted": _noted(ctx, rounds),
        "unreached": [
            {"post": post, "unit": unit, "why": why, "instead": instead} for unit, post, why, instead in unreached
        ],
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
