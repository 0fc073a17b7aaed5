"""Sums of units as they were known at an instant: whole days of knowledge from cells, the rest of its day by what
changed in it.

Cells tell what was known at a midnight, `known_changes` the rest. An end inside a day is made exact as for now:
the day counts whole, what was known to lie behind the end is taken away.
"""

from collections.abc import Iterator
from typing import NamedTuple

from api.figures.context import FigureContext
from api.figures.known_changes import KnownChanges, known_changes
from api.figures.replayed import Petitions, petitions_since
from api.figures.totals import Grain, Totals, sums_of
from domain.bookings import Booking, book
from domain.instants import Day, Millis
from domain.measures import INDEX, MEASURES, suffix
from domain.petition import book_petition
from domain.timeline import decode_timeline
from sinks.queries import known
from sinks.queries.reader import Reader
from sinks.queries.sums import ALL_TIME, Key, Sums, unit_sums

BASES = 6
"""So many midnights are kept of a period, for an auditor who goes from day to day; 2 MB each with 160 units."""
Signed = tuple[str, Booking, int]
"""(unit, booking, +1 or −1)."""


def known_totals(ctx: FigureContext, reader: Reader, grain: Grain, measures: tuple[str, ...]) -> dict[Key, Totals]:
    """The totals of every unit without its recalls; `grain` names units and an instant of knowledge."""
    assert grain.known_at is not None
    zone, until = ctx.zone, grain.until
    day = zone.day(until)
    upto_day = day if until == zone.midnight(day) else day + 1
    upto = zone.midnight(upto_day)
    since = known_changes(ctx, reader, grain.known_at)
    start = ALL_TIME if grain.start is None else zone.day(grain.start)
    bounds = Bounds(ctx.asked(reader), measures, start, upto_day)
    cells = bounds.known(ctx, grain.family, since.midnight)
    found = {key: Totals(sums) for key, sums in sums_of(reader, cells).items()}
    petitions = petitions_since(ctx, min(since.midnight, grain.known_at))
    for unit, booking, sign in _since(reader, since, grain.known_at, petitions):
        if booking[0] < upto:
            _add(found, grain, unit, booking, sign)
    if upto_day != day:
        for unit, booking, sign in _ahead(ctx, reader, grain, upto, petitions):
            _add(found, grain, unit, booking, sign)
    return found


class Bounds(NamedTuple):
    """Whose sums, and from when until when."""

    asked: Reader
    measures: tuple[str, ...]
    start: Day
    until: Day

    def known(self, ctx: FigureContext, family: str, midnight: Millis) -> dict[Key, Sums]:
        """As known at a midnight: from the nearest one asked about before, and what became known between the two;
        only the first of them is summed from the beginning of the log."""
        key = "unit sums as known", self.asked.units, family, self.start, self.until
        bases: dict[Day, dict[Key, Sums]] = ctx.settled(midnight, key, dict)
        wanted = ctx.zone.day(midnight)
        held = dict(bases)  # other requests change it meanwhile
        nearest = min(held, key=lambda day: abs(day - wanted), default=None)
        if nearest == wanted:
            return held[wanted]
        if nearest is None:
            found = unit_sums(*self, wanted)
        else:
            found = sums_of(self.asked, held[nearest])
            between = unit_sums(*self, max(nearest, wanted), min(nearest, wanted))
            for unit, sums in between.items():
                found.setdefault(unit, Sums()).add(sums if nearest < wanted else sums.negative())
        if len(held) >= BASES:
            bases.pop(next(iter(held)), None)
        bases[wanted] = found
        return found


def _add(found: dict[Key, Totals], grain: Grain, unit: str, booking: Booking, sign: int) -> None:
    at, measure, value = booking
    sums = found.setdefault((unit,), Totals()).sums
    name = MEASURES[measure]
    sums.until[name] = sums.until.get(name, 0) + sign * value
    if grain.start is not None and at < grain.start:
        sums.before[name] = sums.before.get(name, 0) + sign * value


def _since(reader: Reader, since: KnownChanges, known_at: Millis, petitions: Petitions) -> Iterator[Signed]:
    """What the bookings of all that changed between the two differ by, towards `known_at`."""
    if since.midnight == known_at:
        return
    for (unit, _, _), bookings, sign in since.changed():
        yield from ((unit, booking, sign) for booking in bookings)
    low, high = min(since.midnight, known_at), max(since.midnight, known_at)
    towards = 1 if since.midnight < known_at else -1
    for code in petitions.changed:
        for at, one in ((high, towards), (low, -towards)):
            petition = petitions.known(code, at)
            unit = petition.unit or "?"
            if reader.units is None or unit in reader.units:
                yield from ((unit, booking, one) for booking in book_petition(petition))


def _ahead(
    ctx: FigureContext, reader: Reader, grain: Grain, upto: Millis, petitions: Petitions
) -> Iterator[Signed]:
    """The bookings from the end to the end of its day, as known then, to be taken away."""
    assert grain.known_at is not None
    low, family = grain.until, grain.family
    said = []
    for d in known.ahead(reader, family, ctx.zone.day(low), low, upto, grain.known_at):
        if d.said:
            said.append(d.code)
            continue
        yield d.unit, (low, INDEX[f"late_open_{suffix(family)}"], 1), -1
        if d.unhappy:
            yield d.unit, (low, INDEX[f"late_unhappy_{suffix(family)}"], 1), -1
    for stood in known.stood(reader, said, grain.known_at):
        for booking in book(decode_timeline(stood.timeline), ctx.zone).entries:
            if low <= booking[0] < upto:
                yield stood.unit, booking, -1
    for petition in petitions.near(ctx.everything, low, upto, grain.known_at):
        unit = petition.unit or "?"
        if reader.units is None or unit in reader.units:
            for booking in book_petition(petition):
                if low <= booking[0] < upto:
                    yield unit, booking, -1
