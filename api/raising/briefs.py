"""A20 from the calendar: nothing else is asked."""

from collections.abc import Iterable

from api.figures.context import FigureContext
from api.raising.runner import Standing, every
from domain.briefs import morning_brief
from domain.instants import Millis
from domain.raised import Raised


class Briefs:
    """Judged every ten seconds: it costs nothing."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return ("A20",)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        return every(10_000, ctx.now_ms, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`."""
        del standing
        now, t = ctx.now_ms, ctx.reference.thresholds
        calendar = ctx.calendar(now)
        found = morning_brief(ctx.root, now, calendar, t.brief_slot, t.report_days, t.report_warning_days)
        if found is not None:
            yield found
