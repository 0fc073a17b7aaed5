"""Sums of units as they were known at an instant: whole days of knowledge from cells, the rest of its day by what
changed in it.

Cells tell what was known at a midnight. From the nearer one to the asked instant every dossier that changed is
booked as it stood before and after, and the difference added (or taken away, from the midnight after). An end
inside a day is made exact as for now: the day counts whole, what was known to lie behind the end is taken away.
"""

from collections.abc import Iterator

from api.figures.context import FigureContext
from api.figures.replayed import Petitions
from api.figures.totals import Grain, Totals
from domain.bookings import Booking, book
from domain.instants import Millis
from domain.measures import INDEX, MEASURES, suffix
from domain.petition import book_petition
from domain.timeline import decode_timeline
from sinks.queries import at_positions, known
from sinks.queries.dossiers import Timed
from sinks.queries.reader import Reader
from sinks.queries.sums import ALL_TIME, Key, unit_sums

Signed = tuple[str, Booking, int]
"""(unit, booking, +1 or −1)."""


def known_totals(ctx: FigureContext, reader: Reader, grain: Grain, measures: tuple[str, ...]) -> dict[Key, Totals]:
    """The totals of every unit without its recalls; `grain` names units and an instant of knowledge."""
    assert grain.known_at is not None
    zone, until = ctx.zone, grain.until
    day = zone.day(until)
    upto_day = day if until == zone.midnight(day) else day + 1
    upto = zone.midnight(upto_day)
    boundary, versions = _nearer_midnight(ctx, reader, grain.known_at)
    start = ALL_TIME if grain.start is None else zone.day(grain.start)
    cells = unit_sums(reader, measures, start, upto_day, zone.day(boundary))
    found = {key: Totals(sums) for key, sums in cells.items()}
    petitions = Petitions(ctx, min(boundary, grain.known_at))
    for unit, booking, sign in _since(ctx, reader, boundary, grain.known_at, versions, petitions):
        if booking[0] < upto:
            _add(found, grain, unit, booking, sign)
    if upto_day != day:
        for unit, booking, sign in _ahead(ctx, reader, grain, upto, petitions):
            _add(found, grain, unit, booking, sign)
    return found


def _add(found: dict[Key, Totals], grain: Grain, unit: str, booking: Booking, sign: int) -> None:
    at, measure, value = booking
    sums = found.setdefault((unit,), Totals()).sums
    name = MEASURES[measure]
    sums.until[name] = sums.until.get(name, 0) + sign * value
    if grain.start is not None and at < grain.start:
        sums.before[name] = sums.before.get(name, 0) + sign * value


def _nearer_midnight(ctx: FigureContext, reader: Reader, known_at: Millis) -> tuple[Millis, int]:
    """The midnight before or after, to which fewer versions became known, and how many. The one after counts only
    when its day is over: cells of a day that still runs grow between one statement and the next."""
    low = ctx.zone.midnight(ctx.zone.day(known_at))
    if low == known_at:
        return low, 0
    high = ctx.zone.midnight(ctx.zone.day(known_at) + 1)
    before, after = known.count_changed(reader, low, known_at), known.count_changed(reader, known_at, high)
    return (low, before) if before <= after or known_everywhere(ctx) < high else (high, after)


def known_everywhere(ctx: FigureContext) -> Millis:
    """The instant before which nothing more becomes known: all of it lies within the rows that answer."""
    if "known everywhere" not in ctx.memo:
        ctx.memo["known everywhere"] = at_positions.known_everywhere(ctx.everything, ctx.complete_to) or 0
    found: Millis = ctx.memo["known everywhere"]
    return found


def _since(
    ctx: FigureContext, reader: Reader, boundary: Millis, known_at: Millis, versions: int, petitions: Petitions
) -> Iterator[Signed]:
    """What the bookings of all that changed between the two differ by, towards `known_at`."""
    if boundary == known_at:
        return
    sign = 1 if boundary < known_at else -1
    low, high = min(boundary, known_at), max(boundary, known_at)
    if versions:
        for before, after in known.changed(reader, low, high, versions):
            yield from _signed(ctx, after, sign)
            yield from _signed(ctx, before, -sign)
    for code in petitions.changed:
        for at, one in ((high, sign), (low, -sign)):
            petition = petitions.known(code, at)
            unit = petition.unit or "?"
            if reader.units is None or unit in reader.units:
                yield from ((unit, booking, one) for booking in book_petition(petition))


def _signed(ctx: FigureContext, d: Timed | None, sign: int) -> Iterator[Signed]:
    if d is not None:
        for booking in book(decode_timeline(d.timeline), ctx.zone).entries:
            yield d.unit, booking, sign


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
        yield from (one for one in _signed(ctx, stood, -1) if low <= one[1][0] < upto)
    for petition in petitions.near(low, upto, grain.known_at):
        unit = petition.unit or "?"
        if reader.units is None or unit in reader.units:
            for booking in book_petition(petition):
                if low <= booking[0] < upto:
                    yield unit, booking, -1
