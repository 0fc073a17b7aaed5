"""What a wall shows: one small answer from the same functions as every other figure."""

from typing import Any

from api.figures.context import FigureContext
from api.figures.lists import state_totals
from api.figures.scorecards import scorecard
from domain.instants import day_date
from domain.timeline import decode_timeline
from domain.verdicts import judge_before, stay_at
from sinks.queries import dossiers
from sinks.queries.reader import Reader

TOP_UNITS = 9


def live(ctx: FigureContext) -> dict[str, Any]:
    """The month so far, what is due today and still open, what is late, and the units that need attention most.
    For a key that may see one unit only, that unit; for several, sums over all it may see."""
    unit = ctx.root if ctx.visible is None else (ctx.scope or (ctx.root,))[0]
    day = ctx.zone.day(ctx.now_ms - 1)
    card = scorecard(ctx, unit, f"{day_date(day):%Y-%m}")
    reader = ctx.reader(unit)
    counts = open_counts(ctx, reader)
    rows: list[dict[str, Any]] = [
        {
            "unit": code,
            "name": ctx.tree.units[code].name if code in ctx.tree.units else code,
            "open": found[0],
            "open_late": found[1],
            "late_without_apology": found[2],
            "due_today_open": found[3],
        }
        for code, found in counts.items()
    ]
    rows.sort(key=lambda r: (-r["open_late"], -r["due_today_open"], r["unit"]))
    totals = state_totals(ctx, reader, ctx.now_ms, "766")
    return {
        "as_of": ctx.text(ctx.now_ms),
        "unit": unit,
        "name": card["name"],
        "period": card["period"],
        "set": card["set"],
        "versions": card["versions"],
        "score": {name: card[name] for name in ("total_portal", "total_rebased", "max_applicable", "band")},
        "groups": card["groups"],
        "volumes": card["volumes"],
        "totals": totals,
        "open": card["volumes"]["open"],
        "open_late": totals["open_late"],
        "due_today_open": sum(r["due_today_open"] for r in rows),
        "late_without_apology": sum(r["late_without_apology"] for r in rows),
        "units": rows[:TOP_UNITS],
        **ctx.position(),
    }


def open_counts(ctx: FigureContext, reader: Reader) -> dict[str, list[int]]:
    """Per unit: open, late, late without an apology, due later today; by one statement, and by judging the few
    dossiers of which something later than now is known already."""
    now = ctx.now_ms
    tomorrow = ctx.zone.midnight(ctx.zone.day(now) + 1)
    found = {unit: list(counts) for unit, counts in dossiers.open_counts(reader, now, tomorrow).items()}
    for d in dossiers.said_after(reader, now):
        tl = decode_timeline(d.timeline)
        state, verdict = judge_before(tl, "766", now, ctx.zone)
        stay = stay_at(tl.stays, now - 1)
        if verdict is None or stay is None or (stay.end is not None and stay.end < now):
            continue
        late = state == "open_late"
        today = verdict.due is not None and now <= verdict.due < tomorrow
        one = (1, late, late and not any(at < now for at in tl.apologies), today)
        counts = found.setdefault(d.unit, [0, 0, 0, 0])
        for n, holds in enumerate(one):
            counts[n] += holds
    return found
