"""Sums of units as they were known at an instant: whole days of knowledge from cells, the rest of its day by what
changed in it.

Cells tell what was known at a midnight, `known_changes` the rest. An end inside a day is made exact as for now:
the day counts whole, what was known to lie behind the end is taken away.
"""

from collections.abc import Iterator
from typing import NamedTuple

from api.figures.context import FigureContext
from api.figures.known_changes import known_changes
from api.figures.replayed import petitions_since
from api.figures.totals import Grain, Totals, sums_of
from domain.bookings import Booking, book
from domain.daily import DayBookings, by_day
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
    zone, until, known_at = ctx.zone, grain.until, grain.known_at
    day = zone.day(until)
    upto_day = day if until == zone.midnight(day) else day + 1
    start = ALL_TIME if grain.start is None else zone.day(grain.start)
    bounds = Bounds(ctx.asked(reader), measures, start, upto_day)
    found = {key: Totals(sums) for key, sums in sums_of(reader, bounds.sums(ctx, grain.family, known_at)).items()}
    if upto_day != day:
        for unit, (at, measure, value), sign in _ahead(ctx, reader, grain, zone.midnight(upto_day)):
            sums = found.setdefault((unit,), Totals()).sums
            name = MEASURES[measure]
            sums.until[name] = sums.until.get(name, 0) + sign * value
            if grain.start is not None and at < grain.start:
                sums.before[name] = sums.before.get(name, 0) + sign * value
    return found


class Bounds(NamedTuple):
    """Whose sums, and from when until when."""

    asked: Reader
    measures: tuple[str, ...]
    start: Day
    until: Day

    def sums(self, ctx: FigureContext, family: str, known_at: Millis) -> dict[Key, Sums]:
        """As known at an instant, of whole days; not to be changed."""
        if known_at == ctx.zone.midnight(ctx.zone.day(known_at)):
            return self.known(ctx, family, known_at)
        key = "unit sums inside a day", self.asked.units, family, self.start, self.until, known_at
        return ctx.settled(known_at, key, lambda: self._inside(ctx, family, known_at))

    def _inside(self, ctx: FigureContext, family: str, known_at: Millis) -> dict[Key, Sums]:
        since = known_changes(ctx, self.asked, known_at)
        changes, midnight = _Changes(self.start, self.until), since.midnight
        for (unit, _, _), days, sign in since.changed():
            changes.add(unit, days, sign)
        petitions = petitions_since(ctx, min(midnight, known_at))
        for code in petitions.changed:
            for at, sign in ((known_at, 1), (midnight, -1)):
                petition = petitions.known(code, at)
                unit = petition.unit or "?"
                if self.asked.includes(unit):
                    changes.add(unit, by_day(book_petition(petition), ctx.zone), sign)
        found = sums_of(self.asked, self.known(ctx, family, midnight))
        for unit, sums in changes.items():
            found.setdefault((unit,), Sums()).add(sums)
        return found

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


class _Changes:
    """Bookings by day and with their signs, summed by unit over days before `start` and before `until`."""

    def __init__(self, start: Day, until: Day) -> None:
        self._start, self._until = start, until
        self._sums: dict[str, tuple[list[int], list[int]]] = {}

    def add(self, unit: str, days: DayBookings, sign: int) -> None:
        """One dossier or petition, as it stood."""
        if unit not in self._sums:
            self._sums[unit] = [0] * len(MEASURES), [0] * len(MEASURES)
        before, until = self._sums[unit]
        for day, cell in days:
            if day < self._until:
                for measure, value in cell:
                    until[measure] += sign * value
                    if day < self._start:
                        before[measure] += sign * value

    def items(self) -> Iterator[tuple[str, Sums]]:
        """By unit."""
        for unit, sums in self._sums.items():
            yield unit, Sums(*(dict(zip(MEASURES, values, strict=True)) for values in sums))


def _ahead(ctx: FigureContext, reader: Reader, grain: Grain, upto: Millis) -> Iterator[Signed]:
    """The bookings from the end to the end of its day, as known then, to be taken away."""
    assert grain.known_at is not None
    low, family, known_at = grain.until, grain.family, grain.known_at
    said = []
    for d in _those_ahead(ctx, reader, family, low, upto, known_at):
        if d.last_fact_at >= low:
            said.append(d.code)
        elif low <= d.late_from:
            yield d.unit, (low, INDEX[f"late_open_{suffix(family)}"], 1), -1
            if d.unhappy:
                yield d.unit, (low, INDEX[f"late_unhappy_{suffix(family)}"], 1), -1
    for stood in known.stood(reader, said, known_at):
        for booking in book(decode_timeline(stood.timeline), ctx.zone).entries:
            if low <= booking[0] < upto:
                yield stood.unit, booking, -1
    for petition in petitions_since(ctx, known_at).near(ctx.everything, low, upto, known_at):
        unit = petition.unit or "?"
        if reader.includes(unit):
            for booking in book_petition(petition):
                if low <= booking[0] < upto:
                    yield unit, booking, -1


def _those_ahead(
    ctx: FigureContext, reader: Reader, family: str, low: Millis, upto: Millis, known_at: Millis
) -> list[known.Ahead]:
    """From what lay ahead of an earlier instant of that day, so that a clock that goes on asks once."""
    asked, day = ctx.asked(reader), ctx.zone.day(low)

    def made() -> tuple[Millis, list[known.Ahead]]:
        return low, known.ahead(asked, family, day, low, upto, known_at)

    since, listed = ctx.settled(known_at, ("ahead as known", asked.units, family, day, known_at), made)
    if since > low:
        since, listed = ctx.settled(known_at, ("ahead as known", asked.units, family, low, known_at), made)
    return [d for d in listed if reader.includes(d.unit)]
