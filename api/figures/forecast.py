"""The forecast of a unit: what falls due in the coming days beside its usual output, and each open dossier's risk.

Estimates, and marked so: plain counts of similar dossiers (`domain/forecast.py`). Of the present only: a past
instant would need what was finished by then.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from api.figures import cursors
from api.figures.coming import coming, output_days, together
from api.figures.context import FigureContext
from domain.crunch import crunch
from domain.forecast import BUCKET_MS, ENOUGH, QUANTILES, YEAR_DAYS, Durations, risk, sentence
from domain.instants import MS_DAY, Day, Millis, day_date
from domain.timeline import decode_timeline
from sinks.queries import durations
from sinks.queries.durations import WorkingTime

DAYS_AHEAD = 10
"""Working days that are shown."""
BASIS = "same procedure, same kind of unit, finished in the past year without a supplement"
Kind = tuple[str, str]
"""(procedure, kind of unit)."""


def forecast(
    ctx: FigureContext, unit: str | None = None, cursor: str | None = None, limit: int = 100
) -> dict[str, Any]:
    """`days`: open dossiers due on each of the coming days (today first), the usual daily output, and whether the
    next days are a crunch (A18). `dossiers`: those that come due, the first due first, a page at a time, each with
    how similar ones did from the same age on; null where too few are similar."""
    mark = cursors.decode(cursor, due=int, code=str)
    reader, now = ctx.reader(unit), ctx.now_ms
    after = (mark["due"], mark["code"]) if "code" in mark else None
    rows = durations.open_coming(reader, now, after, limit + 1)
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return {
        "unit": unit or ctx.root,
        "as_of": ctx.text(now),
        "estimate": True,
        "basis": BASIS,
        "enough": ENOUGH,
        **_days(ctx, unit),
        "dossiers": _lines(ctx, page),
        "next": cursors.encode(due=last[5], code=last[0]) if last else None,
        **ctx.position(),
    }


def _days(ctx: FigureContext, unit: str | None) -> dict[str, Any]:
    now, t, calendar = ctx.now_ms, ctx.reference.thresholds, ctx.calendar(ctx.now_ms)
    today = ctx.zone.day(now)
    last = calendar.next_working_day(today, max(DAYS_AHEAD, t.crunch_days))
    one = together(coming(ctx, ctx.reader(unit), now, last))
    usual = one.usual(calendar, today)
    soon = calendar.next_working_day(today, t.crunch_days)
    due = one.due_until(soon) - one.due_until(today)
    return {
        "usual_daily_output": usual,
        "output_from": day_date(output_days(calendar, today)[-1]).isoformat(),
        "days": [
            {"day": day_date(d).isoformat(), "working": calendar.is_working_day(d), "due": one.due.get(d, 0)}
            for d in range(today, last + 1)
        ],
        "crunch": {
            "days": t.crunch_days,
            "due": due,
            "limit": None if usual is None else t.crunch_ratio * usual * t.crunch_days,
            "holds": crunch(due, t.crunch_days, usual, t.crunch_ratio, t.crunch_minimum),
        },
    }


def _lines(ctx: FigureContext, page: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    kinds = {code: unit.kind or "" for code, unit in ctx.tree.units.items()}
    known = _durations(ctx, sorted({row[2] for row in page if row[2]}), kinds)
    listed = []
    for code, unit, procedure, step, accepted, due, timeline in page:
        age = _age(ctx, accepted, timeline)
        similar = known.get((procedure, kinds.get(unit, "")), Durations())
        found = risk(similar, age)
        quantiles = {f"p{round(100 * q)}": similar.quantile(q) for q in QUANTILES}
        listed.append(
            {
                "dossier_code": code,
                "unit": unit,
                "procedure": procedure,
                "step": step or None,
                "accepted_at": ctx.text(accepted),
                "due_at": ctx.text(due),
                "age_working_hours": round(age / BUCKET_MS, 1),
                "left_working_hours": round(_between(ctx, ctx.now_ms, due) / BUCKET_MS, 1),
                "similar": found.similar,
                "on_time": found.on_time,
                "risk": found.share,
                "working_hours": {**quantiles, "dossiers": similar.count},
                "vi": sentence(found),
            }
        )
    return listed


def _between(ctx: FigureContext, start: Millis, end: Millis) -> int:
    return ctx.calendar(start).working_ms_between(start, end)


def _age(ctx: FigureContext, accepted: Millis, timeline: str) -> int:
    """Working time in hand so far, completed supplements taken out."""
    out = sum(_between(ctx, p.start, p.done) for p in decode_timeline(timeline).supplements if p.done is not None)
    return max(0, _between(ctx, accepted, ctx.now_ms) - out)


def _durations(ctx: FigureContext, procedures: Sequence[str], kinds: dict[str, str]) -> dict[Kind, Durations]:
    """How long similar dossiers took, of the page's procedures; over all units of a kind, whoever asks: counts."""
    now = ctx.now_ms
    first: Day = ctx.zone.day(now - 3 * YEAR_DAYS * MS_DAY)
    time = WorkingTime(ctx.calendar(now), first, ctx.zone.day(now) + 1)
    units = sorted(kinds)
    since = now - YEAR_DAYS * MS_DAY
    found: dict[Kind, Durations] = defaultdict(Durations)
    asked = durations.durations(
        ctx.everything, time, procedures, units, [kinds[u] for u in units], since, BUCKET_MS
    )
    for procedure, kind, bucket, count, on_time in asked:
        found[procedure, kind].buckets[bucket] = (count, on_time)
    return found
