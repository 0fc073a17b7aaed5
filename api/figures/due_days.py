"""Coming due dates day by day, as a calendar shows them."""

from collections import defaultdict
from datetime import date
from typing import Any

from api.figures.context import FigureContext
from api.figures.lists import due
from domain.instants import Millis, date_day, day_date

LISTED = 5_000
"""Dossiers looked at one by one; days beyond have their count only."""


def due_days(
    ctx: FigureContext, unit: str | None = None, within: str = "10wd", as_of: str | Millis | None = None
) -> dict[str, Any]:
    """For each day with open dossiers due: how many, how many of them still without an apology and not paused, the
    last day to send one, and their codes. Null where the day lies beyond what is looked at one by one."""
    found = due(ctx, unit, within=within, as_of=as_of, limit=LISTED)
    mine = (found["unit"],) if unit is not None or ctx.visible is None else ctx.scope or ()
    lines = defaultdict[str, list[dict[str, Any]]](list)
    for line in found["dossiers"]:
        lines[line["due_at"][:10]].append(line)
    units = ctx.tree.units
    return {
        "unit": "+".join(mine),
        "name": ", ".join(units[code].name if code in units else code for code in mine),
        "as_of": found["as_of"],
        "within": within,
        "days": [_day(ctx, text, n, lines[text]) for text, n in found["by_day"].items()],
        **ctx.position(),
    }


def _day(ctx: FigureContext, text: str, count: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    day = date_day(date.fromisoformat(text))
    calendar = ctx.calendar(ctx.zone.midnight(day))
    last = calendar.previous_working_day(day, ctx.reference.thresholds.apology_working_days)
    whole = len(lines) == count
    return {
        "day": text,
        "due": count,
        "without_apology": sum(not x["apology"] and not x["paused"] for x in lines) if whole else None,
        "last_day": day_date(last).isoformat(),
        "dossiers": [x["dossier_code"] for x in lines] if whole else None,
    }
