"""What a wall shows: one small answer from the same functions as every other figure."""

from typing import Any

from api.figures.context import FigureContext
from api.figures.lists import state_totals
from api.figures.scorecards import scorecard
from domain.instants import day_date
from sinks.queries import dossiers

TOP_UNITS = 9


def live(ctx: FigureContext) -> dict[str, Any]:
    """The month so far, what is due today and still open, what is late, and the units that need attention most.
    For a key that may see one unit only, that unit; for several, sums over all it may see."""
    unit = ctx.root if ctx.visible is None else (ctx.scope or (ctx.root,))[0]
    day = ctx.zone.day(ctx.now_ms - 1)
    card = scorecard(ctx, unit, f"{day_date(day):%Y-%m}")
    reader = ctx.reader(unit)
    counts = dossiers.open_counts(reader, ctx.now_ms, ctx.zone.midnight(ctx.zone.day(ctx.now_ms) + 1))
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
