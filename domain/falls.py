"""A15: points that were lost from one working day to the next; only what is comparable is compared.

Same source (the log), same set and version, same maximum, the same period: else there is no fall, whatever the
figures. Below some cases a rate jumps by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from domain.raised import RaisedThresholds

_NEARLY = 1e-9


@dataclass(frozen=True, slots=True)
class Card:
    """What a unit's scorecard said at the end of a working day. `points` of the total ('total') and the groups,
    `maxima` beside them; `rates` with their denominators; null is left out, for null is not zero."""

    period: str
    set: str
    cases: int
    points: Mapping[str, float]
    maxima: Mapping[str, float]
    rates: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Fall:
    """One figure that fell: `metric`, from what to what, over how many days."""

    metric: str
    before: float
    after: float
    days: int = 1


def comparable(a: Card, b: Card) -> bool:
    """Whether two cards may be compared at all."""
    return a.period == b.period and a.set == b.set


def falls(cards: Sequence[Card], t: RaisedThresholds) -> tuple[Fall, ...]:
    """What fell, of cards at the ends of working days, the newest first: a total or group by `fall_points` in a
    day, a rate by `fall_rate`, or the total on `fall_days` days running."""
    if len(cards) < 2 or not comparable(cards[0], cards[1]) or cards[0].cases < t.fall_minimum:
        return ()
    return (*_in_a_day(cards[0], cards[1], t), *_running(cards, t.fall_days))


def _in_a_day(now: Card, before: Card, t: RaisedThresholds) -> Iterator[Fall]:
    for metric, points in now.points.items():
        earlier = before.points.get(metric)
        same = now.maxima.get(metric) == before.maxima.get(metric)
        if earlier is not None and same and earlier - points >= t.fall_points - _NEARLY:
            yield Fall(metric, earlier, points)
    for metric, (rate, cases) in now.rates.items():
        was = before.rates.get(metric)
        if was is not None and min(cases, was[1]) >= t.fall_minimum and was[0] - rate >= t.fall_rate - _NEARLY:
            yield Fall(metric, was[0], rate)


def _running(cards: Sequence[Card], days: int) -> Iterator[Fall]:
    told = cards[: days + 1]
    if len(told) <= days or not all(comparable(told[0], card) for card in told):
        return
    totals = [card.points.get("total") for card in told]
    known = [x for x in totals if x is not None]
    if len(known) == len(told) and all(a < b - _NEARLY for a, b in pairwise(known)):
        yield Fall("total", known[-1], known[0], days)


def rose(cards: Sequence[Card]) -> bool:
    """Whether the total is higher than on the working day before: what ends the alert."""
    if len(cards) < 2 or not comparable(cards[0], cards[1]):
        return False
    now, before = cards[0].points.get("total"), cards[1].points.get("total")
    return now is not None and before is not None and now > before + _NEARLY
