"""A16: targets that the best month so far would not reach, as it stood on the first of the month."""

from collections.abc import Iterable

from api.figures.context import FigureContext, InvalidInput
from api.figures.targets import targets
from api.raising.runner import Standing, once_after
from domain.instants import Millis, date_day, day_date
from domain.raised import Raised, clock_on, episode_of

KIND = "A16"


class Pace:
    """Judged once a day from the figures of the month's first instant: a target that is updated, or figures that
    are corrected, end it; the next month is judged anew."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        today, at = ctx.zone.day(ctx.now_ms), ctx.reference.thresholds.pace_slot
        slot = clock_on(ctx.calendar(ctx.now_ms), today, at)
        return once_after(slot if ctx.now_ms >= slot else None, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`."""
        del standing
        first = day_date(ctx.zone.day(ctx.now_ms)).replace(day=1)
        start = ctx.zone.midnight(date_day(first))
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        try:
            told = targets(ctx, ctx.root, "ytd", start, children=True)
        except InvalidInput:
            return
        for unit in (told, *told["children"]):
            for row in unit["targets"]:
                if row["status"] == "hard":
                    named = (
                        "code",
                        "basis",
                        "assigned",
                        "achieved",
                        "needed_rate",
                        "best_month",
                        "needed_a_month",
                    )
                    evidence = {name: row[name] for name in named} | {"targets": told["targets_set"]["name"]}
                    yield Raised(
                        KIND,
                        unit["unit"],
                        episode_of(row["code"], first.isoformat()),
                        unit["unit"],
                        start,
                        ctx.zone.midnight(date_day(following)),
                        evidence=evidence,
                    )
