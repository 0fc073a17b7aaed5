"""A18 from the store: units with more due in the next working days than they usually finish in as many."""

from collections.abc import Iterable

from api.figures.coming import coming
from api.figures.context import FigureContext
from api.raising.runner import Standing, every, once_after
from domain.crunch import crunch
from domain.instants import Millis, day_date
from domain.raised import Raised, clock_on, episode_of

KIND = "A18"
AGAIN_MS = 1_800_000


class Crunch:
    """Raised at the slot of a working day; looked at again every half hour: it ends when the load falls."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        slot = _slot(ctx)
        return once_after(slot if slot <= ctx.now_ms else None, last) or every(AGAIN_MS, ctx.now_ms, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`. A crunch that goes on stays the same alert."""
        now, t, calendar = ctx.now_ms, ctx.reference.thresholds, ctx.calendar(ctx.now_ms)
        today, slot = ctx.zone.day(now), _slot(ctx)
        last = calendar.next_working_day(today, t.crunch_days)
        open_now = {one.subject: one for one in standing.values() if one.holds(now)}
        raising = calendar.is_working_day(today) and now >= slot
        for unit, one in coming(ctx, ctx.everything, ctx.zone.midnight(today + 1), last).items():
            usual, due = one.usual(calendar, today), one.due_until(last)
            if not crunch(due, t.crunch_days, usual, t.crunch_ratio, t.crunch_minimum):
                continue
            if unit in open_now:
                yield open_now[unit]
            elif raising:
                evidence = {
                    "due": due,
                    "days": {day_date(d).isoformat(): n for d, n in sorted(one.due.items())},
                    "usual_daily_output": usual,
                    "ratio": t.crunch_ratio,
                }
                yield Raised(KIND, unit, episode_of(today), unit, slot, evidence=evidence)


def _slot(ctx: FigureContext) -> Millis:
    return clock_on(ctx.calendar(ctx.now_ms), ctx.zone.day(ctx.now_ms), ctx.reference.thresholds.crunch_slot)
