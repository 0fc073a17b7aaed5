"""What a figure rests on where nothing was accepted in its period: last year's share, opened for a stranger.

As the scorecard's `LastYear`: what documents told of the year counts, else the dossiers accepted in it.
"""

from typing import Any

import msgspec

from api.audit.counted import Counted
from api.figures.context import FigureContext, Question
from api.figures.quantities import TOLD, LastYear, told
from domain.instants import Millis
from domain.periods import parse_period
from sinks.queries import dossiers
from sinks.queries.dossiers import Timed
from sinks.queries.reader import at
from sinks.sealing.offline import verify_bundle


def bounds(ctx: FigureContext, q: Question) -> dict[str, Any] | None:
    """The year before: its label, its bounds, of how many parts the period is one, whether documents told of it.
    None for a period that is no month, quarter or year: no share of a year stands for it."""
    label, parts = LastYear.share_of(q.period.label)
    if not parts:
        return None
    year = parse_period(label, ctx.zone, q.as_of)
    reports = told(ctx, q, q.unit, label)
    whole = max((reports.get(name) or 0 for name in TOLD.values()), default=0)
    return {"period": label, "parts": parts, "start": year.start_ms, "until": year.end_ms, "told": whole}


def rows(ctx: FigureContext, q: Question, figure: dict[str, Any], year: dict[str, Any]) -> list[Counted]:
    """The dossiers that were accepted in the year, in order of code; each adds to the denominator alone."""
    found = []
    for d in sorted(_accepted(ctx, q, year["start"], year["until"])):
        timeline = msgspec.json.decode(d.timeline)
        known = verify_bundle.quantities(timeline, year["start"], year["until"], q.family, figure["utc_offset_ms"])
        down = sum(sign * known[name] for sign, name in figure["parts"]["denominator"])
        if down:
            found.append(Counted(d.code, timeline, 0, down, (("dossier", d.code),)))
    return found


def denominator(year: dict[str, Any], counted: int) -> dict[str, Any]:
    """What a bundle says of it: the year, our count of it, and the share of the one that counts."""
    share = (year["told"] or counted) / year["parts"]
    said = {name: year[name] for name in ("period", "parts", "start", "until")}
    whole = int(share) if share == int(share) else share
    return {"denominator": whole, "counted_denominator": counted, "last_year": said}


def _accepted(ctx: FigureContext, q: Question, start: Millis, until: Millis) -> list[Timed]:
    if q.known_at is None:
        where = f"accepted_at >= {at(start)} AND accepted_at < {at(until)}"
        return [d for page in dossiers.pages(ctx.reader(q.unit), where) for d in page]
    reader = ctx.reader(q.unit)
    if q.unit != ctx.root:
        units = ctx.tree_at(q.known_at, q.as_of).subtree(q.unit)
        reader = ctx.everything.within(units if ctx.visible is None else units & ctx.visible)
    return list(dossiers.known(reader, q.known_at))
