"""The forecast of a unit: what falls due in the coming days beside its usual output, and each open dossier's risk.

Estimates, and marked so: plain counts of similar dossiers (`domain/forecast.py`). Of the present only: a past
instant would need what was finished by then.
"""

from collections.abc import Sequence
from typing import Any

from api.figures import cursors
from api.figures.coming import coming, output_days, together
from api.figures.context import FigureContext
from api.figures.similar import SimilarDossiers
from domain.crunch import crunch
from domain.forecast import ENOUGH, HOUR_MS, QUANTILES, Similar, risk, sentence
from domain.instants import day_date
from domain.timeline import decode_timeline
from sinks.queries import durations

DAYS_AHEAD = 10
"""Working days that are shown."""
BASIS = (
    "same procedure and step, else same procedure, else same field; same kind of unit, finished in the past year "
    "without a supplement, the last ones of each"
)


def forecast(
    ctx: FigureContext, unit: str | None = None, cursor: str | None = None, limit: int = 100
) -> dict[str, Any]:
    """`days`: open dossiers due on each of the coming days (today first), the usual daily output, and whether the
    next days are a crunch (A18). `dossiers`: those that come due, the first due first, a page at a time, each with
    how similar ones did that had spent as much working time at the same step, else in hand; null where too few are
    similar. `asked` names each basis that was looked at, nearest first."""
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
    known = SimilarDossiers(ctx, page)
    listed = []
    for code, unit, procedure, _, accepted, due, timeline in page:
        pauses = [p for p in decode_timeline(timeline).supplements if p.done is not None]
        left = known.between(ctx.now_ms, due)
        bases = known.bases(code, unit, procedure, accepted, pauses)
        found = risk(bases, left)
        shown = found.found or next((one for one in bases if len(one.took) >= ENOUGH), bases[-1])
        listed.append(
            {
                "dossier_code": code,
                "unit": unit,
                "procedure": procedure,
                "step": known.step(code),
                "accepted_at": ctx.text(accepted),
                "due_at": ctx.text(due),
                "age_working_hours": _hours(known.spent(accepted, pauses)),
                "left_working_hours": _hours(left),
                "basis": None if found.found is None else found.found.basis,
                "similar": found.similar,
                "on_time": found.on_time,
                "risk": found.share,
                "working_hours": _quantiles(shown),
                "asked": [_asked(one) for one in bases],
                "vi": sentence(found, left),
            }
        )
    return listed


def _hours(ms: int) -> float:
    return round(ms / HOUR_MS, 1)


def _quantiles(one: Similar) -> dict[str, Any]:
    found = {f"p{round(100 * q)}": one.quantile(q) for q in QUANTILES}
    shown = {name: None if ms is None else _hours(ms) for name, ms in found.items()}
    return {**shown, "dossiers": len(one.took), "of": one.basis}


def _asked(one: Similar) -> dict[str, Any]:
    """What a basis told, used or not: how many in all, how many were still there."""
    quantiles = {name: value for name, value in _quantiles(one).items() if name.startswith("p")}
    return {
        "basis": one.basis,
        "of": one.of,
        "spent_working_hours": _hours(one.spent),
        "dossiers": len(one.took),
        "still_there": len(one.still),
        **quantiles,
    }
