"""A10: what the fold found odd in the past week, by kind and unit; for the monitoring room only.

The alert stands under the root, so that no key of the office concerned sees it, until the room gives a reason.
"""

from collections.abc import Iterable
from dataclasses import replace

from api.figures.context import FigureContext
from api.raising.runner import Standing, every
from domain.alerts import alert_id
from domain.instants import MS_DAY, Millis, day_date
from domain.raised import Raised, clock_on, episode_of
from sinks.queries import alerts, beat

KIND = "A10"
WEEK_MS = 7 * MS_DAY
LASTS_MS = 365 * MS_DAY


class Findings:
    """Raised at the slot of a week's first working day, or later in that week by a notifier that was away then;
    every minute a look whether the room has spoken."""

    def __init__(self) -> None:
        self._said: Millis = 0
        """The slot of which it is known that it was told."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        return every(60_000, ctx.now_ms, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`."""
        now = ctx.now_ms
        slot = _slot(ctx)
        stands = {key: one for key, one in standing.items() if one.holds(now)}
        closed = self._closed(ctx, [alert_id(*key) for key in stands])
        for key, one in stands.items():
            at = closed.get(alert_id(*key))
            yield one if at is None else replace(one, until=max(at, one.start))
        if slot is None or slot == self._said or self._was_said(ctx, standing, slot):
            return
        for kind, unit, count, some in beat.findings_known(ctx.everything, slot - WEEK_MS, slot):
            evidence = {"finding": kind, "count": count, "some": list(some)}
            yield Raised(KIND, unit, episode_of(kind, slot), ctx.root, slot, slot + LASTS_MS, evidence=evidence)

    def _was_said(self, ctx: FigureContext, standing: Standing, slot: Millis) -> bool:
        """Whether the findings of a slot were told. On a later day of the week they may have been closed since, so
        long ago that nobody remembers: then the store is asked, once, and what a notifier finds first is all."""
        told = any(one.start == slot for one in standing.values())
        if ctx.zone.day(ctx.now_ms) != ctx.zone.day(slot):
            told = told or any(row[0] == KIND and row[5] == slot for row in alerts.raised(ctx.everything, slot))
            self._said = slot
        return told

    def _closed(self, ctx: FigureContext, ids: list[str]) -> dict[str, Millis]:
        """When the room gave its reason, by alert."""
        rows = alerts.acts(ctx.client, ids)
        return {row[0]: row[2] for row in rows if row[1] == "alert.reason_given"}


def _slot(ctx: FigureContext) -> Millis | None:
    """The slot of this week, on its first working day; None before it has come, and in a week without any."""
    day, calendar = ctx.zone.day(ctx.now_ms), ctx.calendar(ctx.now_ms)
    monday = day - day_date(day).weekday()
    first = monday if calendar.is_working_day(monday) else calendar.next_working_day(monday)
    slot = clock_on(calendar, first, ctx.reference.thresholds.findings_slot)
    return slot if slot <= ctx.now_ms else None
