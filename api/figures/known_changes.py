"""What became known between a midnight and an instant of its day: dossiers that changed, as they stood at both.

Tables tell what was known at a midnight; what changed from the nearer one to the asked instant is booked one by
one, and added or (from the midnight after) taken away.
"""

from collections.abc import Iterator

from api.figures.context import FigureContext
from api.figures.totals import Dimensions
from domain.daily import DayBookings, daily
from domain.instants import Millis
from domain.timeline import decode_timeline
from sinks.queries import known
from sinks.queries.dossiers import Timed
from sinks.queries.reader import Reader

KEPT = 50_000
"""Of so many versions at most the bookings are kept for the next question of the same request; more are read
again: an import makes a whole province known in one day."""
Changed = tuple[Dimensions, DayBookings, int]
"""(dimensions, bookings by day of a dossier that stood so, +1 or −1 towards the asked instant)."""


class KnownChanges:
    """From `midnight`, the nearer one, to `known_at`."""

    def __init__(self, ctx: FigureContext, reader: Reader, known_at: Millis) -> None:
        self._ctx, self._reader, self._known_at = ctx, reader, known_at
        self.midnight, self._versions = _nearer_midnight(ctx, reader, known_at)
        self._kept: list[Changed] | None = None

    def changed(self) -> Iterator[Changed]:
        """Every dossier that changed, as it stood at both ends; nothing at a midnight itself."""
        if self._kept is None and self._versions <= KEPT:
            self._kept = [*self._read()]
        return self._read() if self._kept is None else iter(self._kept)

    def _read(self) -> Iterator[Changed]:
        if not self._versions:
            return
        low, high = min(self.midnight, self._known_at), max(self.midnight, self._known_at)
        sign = 1 if self.midnight < self._known_at else -1
        for before, after in known.changed(self._reader, low, high, self._versions):
            for stood, one in ((after, sign), (before, -sign)):
                if stood is not None:
                    yield (stood.unit, stood.procedure, stood.channel), self._booked(stood), one

    def _booked(self, stood: Timed) -> DayBookings:
        return daily(decode_timeline(stood.timeline), self._ctx.zone).by_day


def known_changes(ctx: FigureContext, reader: Reader, known_at: Millis) -> KnownChanges:
    """The changes up to an instant among the reader's units; the same ones for every part of a request."""
    key = "known changes", reader.units, known_at
    if key not in ctx.memo:
        ctx.memo[key] = KnownChanges(ctx, reader, known_at)
    found: KnownChanges = ctx.memo[key]
    return found


def _nearer_midnight(ctx: FigureContext, reader: Reader, known_at: Millis) -> tuple[Millis, int]:
    """The midnight before or after, to which fewer versions became known, and how many. The one after counts only
    when its day is over: cells of a day that still runs grow between one statement and the next."""
    low = ctx.zone.midnight(ctx.zone.day(known_at))
    if low == known_at:
        return low, 0
    high = ctx.zone.midnight(ctx.zone.day(known_at) + 1)
    before, after = known.count_changed(reader, low, known_at, high)
    return (low, before) if before <= after or ctx.known_everywhere < high else (high, after)
