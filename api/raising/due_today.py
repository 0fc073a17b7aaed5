"""A03 from the store: open dossiers due today, at the slots of a working day; over when they end."""

from collections.abc import Iterable

from api.figures.context import FigureContext
from api.raising.runner import Standing, every
from domain.due_today import due_today
from domain.instants import Millis
from domain.raised import Raised, slots_so_far
from domain.timeline import decode_timeline
from sinks.queries import dossiers

AGAIN_MS = 10_000
KIND = "A03"


class DueToday:
    """Judged after each slot and, while something stands, every ten seconds: who has finished is left alone."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        return every(AGAIN_MS, ctx.now_ms, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`."""
        now, calendar = ctx.now_ms, ctx.calendar(ctx.now_ms)
        slots = slots_so_far(calendar, now, ctx.reference.thresholds.due_today_slots)
        if not slots:
            return
        codes = {one.subject for one in standing.values() if one.holds(now)}
        start, end = (ctx.zone.midnight(ctx.zone.day(now) + n) for n in (0, 1))
        codes.update(dossiers.open_at(ctx.everything, now, dossiers.due_within(start, end)))
        for d in dossiers.timed(ctx.everything, sorted(codes)):
            found = due_today(d.code, d.unit, d.procedure, decode_timeline(d.timeline), slots, calendar)
            if found is not None:
                yield found
