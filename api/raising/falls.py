"""A15 from scorecards at the ends of the last working days, all units in a few statements, once a working day."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.figures.context import FigureContext, InvalidInput
from api.figures.scorecards import scorecard
from api.raising.runner import Standing, once_after
from domain.falls import Card, falls, rose
from domain.instants import MS_DAY, Day, Millis, day_date
from domain.raised import Raised, clock_on, episode_of

KIND = "A15"


class Falls:
    """The month so far at the end of the last working day, beside the working days before it in that month."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        day, calendar = ctx.zone.day(ctx.now_ms), ctx.calendar(ctx.now_ms)
        slot = clock_on(calendar, day, ctx.reference.thresholds.fall_slot)
        ready = calendar.is_working_day(day) and ctx.now_ms >= slot
        return once_after(slot if ready else None, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`."""
        t, calendar = ctx.reference.thresholds, ctx.calendar(ctx.now_ms)
        today = ctx.zone.day(ctx.now_ms)
        end = calendar.previous_working_day(today)
        days = [end, *(calendar.previous_working_day(end, n) for n in range(1, t.fall_days + 1))]
        by_unit = _cards(ctx, [d for d in days if _month(d) == _month(end)])
        for one in standing.values():
            if one.holds(ctx.now_ms) and not rose(by_unit.get(one.subject, ())):
                yield one
        start = ctx.zone.midnight(end + 1)
        # Counted from the day on which it is told: holidays may be longer than it lasts.
        lasts = ctx.zone.midnight(today) + t.fall_lasts_days * MS_DAY
        for unit, cards in by_unit.items():
            found = falls(cards, t)
            if found:
                evidence = {
                    "day": day_date(end).isoformat(),
                    "period": cards[0].period,
                    "set": cards[0].set,
                    "falls": [
                        {"metric": f.metric, "before": f.before, "after": f.after, "days": f.days} for f in found
                    ],
                }
                yield Raised(KIND, unit, episode_of(end), unit, start, lasts, evidence=evidence)


def _cards(ctx: FigureContext, days: list[Day]) -> dict[str, list[Card]]:
    """By unit, its cards at the ends of these days, as far as there are any running from the first."""
    found: dict[str, list[Card]] = {}
    for n, day in enumerate(days):
        try:
            whole = scorecard(ctx, ctx.root, _month(day), ctx.zone.midnight(day + 1), children=True)
        except InvalidInput:
            break
        for card in (whole, *whole["children"]):
            cards = found.setdefault(card["unit"], [])
            if len(cards) == n:
                cards.append(_card(card))
    return found


def _month(day: Day) -> str:
    return f"{day_date(day):%Y-%m}"


def _card(card: Mapping[str, Any]) -> Card:
    points = {g["code"]: g["points"] for g in card["groups"] if g["points"] is not None}
    maxima = {g["code"]: g["max"] for g in card["groups"]} | {"total": card["max_applicable"]}
    if card["total_portal"] is not None:
        points["total"] = card["total_portal"]
    rates = {
        i["code"]: (i["rate"], i["denominator"])
        for i in card["indicators"]
        if i["rate"] is not None and i["denominator"]
    }
    cases = card["volumes"].get("received") or 0
    return Card(card["period"], card["versions"]["set"], cases, points, maxima, rates)
