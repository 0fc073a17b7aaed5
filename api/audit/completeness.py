"""Completeness: what sources said, what the log got, what the tables hold and what the portal counted, by day."""

from typing import Any

from api.audit import answers
from api.audit.answers import LISTED, answer
from api.figures.context import FigureContext, Question, ask, heading
from api.figures.quantities import told
from api.figures.scorecards import scorecard
from domain.errors import InvalidInput
from domain.instants import MS_DAY, Millis, day_date
from domain.measures import MEASURES
from sinks.queries import controls as rows
from sinks.queries.sums import day_sums

_HOUR = 3_600_000
MOST_DAYS = 400
BUSY = 5.0
"""Events a working hour on average, from which on an hour without any is told as silent."""


def completeness(ctx: FigureContext, unit: str, period: str, as_of: Millis | None = None) -> dict[str, Any]:
    """A unit's period by day: events that the log got, dossiers accepted by the rows and by the cells; dossiers of
    the log without a row, events refused, working hours without any event, and what the portal told.

    fails: rows and cells differ, a dossier of the log has no row, an event was refused, or the portal told another
    number of accepted dossiers. cannot_tell: nobody outside told a number, or a busy unit's hours are silent.
    """
    q = ask(ctx, unit, period, as_of)
    if q.until - q.start > MOST_DAYS * MS_DAY:
        raise InvalidInput(f"completeness is told by day, for at most {MOST_DAYS} days at once")
    reader, units = ctx.reader(unit), ctx.units_of(unit)
    offset = int(ctx.zone.local(q.until).utcoffset().total_seconds() * 1000)  # type: ignore[union-attr]
    days = _days(ctx, q, offset)
    missing = rows.without_row(reader, q.start, q.until, None if units is None else sorted(units))
    # Refused events name no unit that could be relied on: they are told to who may see everything.
    refused = rows.dead_by_day(ctx.everything, q.start, q.until, offset) if ctx.visible is None else []
    silent = _silent(ctx, q)
    ours = scorecard(ctx, unit, period, q.as_of)["volumes"].get("accepted")
    portal = told(ctx, q, unit, q.period.label).get("accepted_per_portal")
    differences: list[dict[str, Any]] = [
        *({"what": "rows and cells differ", **day} for day in days if day["accepted"] != day["in_cells"]),
        *({"what": "no row", "dossier_code": code, "events": n} for code, n in missing),
        *({"what": "refused", **row, "day": _date(row["day"])} for row in refused),
    ]
    if portal is not None and portal != ours:
        differences.append({"what": "the portal told another number", "portal": portal, "accepted": ours})
    why = [
        text
        for text, holds in (
            ("nobody outside told how many were accepted: nothing to compare with", portal is None),
            (f"{len(silent)} working hours without any event", bool(silent)),
        )
        if holds
    ]
    checked = {
        "days": len(days),
        "events": sum(day["events"] for day in days),
        "accepted": sum(day["accepted"] for day in days),
        "refused": sum(row["count"] for row in refused),
        "silent_hours": len(silent),
    }
    found = answers.verdict(bool(differences), bool(why))
    reason = "; ".join(why)
    more = {"days": days, "silent": silent[:LISTED], "portal": portal, "counted": ours}
    return answer("completeness", found, checked, differences[:LISTED], heading(ctx, q), reason=reason, **more)


def _days(ctx: FigureContext, q: Question, offset: Millis) -> list[dict[str, Any]]:
    """Whole days of the period up to its end; the last one as far as it goes."""
    reader, zone = ctx.reader(q.unit), ctx.zone
    first, last = zone.day(q.start), zone.day(q.until - 1)
    by_rows = rows.rows_by_day(reader, zone.midnight(first), zone.midnight(last + 1), offset)
    cells = day_sums(reader, MEASURES, first, last + 1)
    logged = rows.events_by_day(reader, zone.midnight(first), zone.midnight(last + 1), offset)
    return [
        {
            "day": _date(day),
            "events": logged.get(day, (0, 0))[0],
            "dossiers": logged.get(day, (0, 0))[1],
            "accepted": by_rows.get(day, 0),
            "in_cells": cells.get(day, {}).get("accepted", 0),
        }
        for day in range(first, last + 1)
    ]


def _date(day: int) -> str:
    return day_date(day).isoformat()


def _silent(ctx: FigureContext, q: Question) -> list[dict[str, Any]]:
    """Working hours in which nothing happened, of a unit in which something usually does."""
    until = min(q.until, ctx.now_ms)
    counted = rows.events_by_hour(ctx.reader(q.unit), q.start, until)
    hours = [hour for hour in range(-(-q.start // _HOUR), until // _HOUR) if _is_working(ctx, hour * _HOUR)]
    if not hours or sum(counted.get(hour, 0) for hour in hours) < BUSY * len(hours):
        return []
    return [{"from": ctx.text(hour * _HOUR), "hours": 1} for hour in hours if not counted.get(hour)]


def _is_working(ctx: FigureContext, hour: Millis) -> bool:
    """Whether the whole hour is working time."""
    calendar = ctx.calendar(hour)
    return calendar.working_ms_between(hour, hour + _HOUR) == _HOUR
