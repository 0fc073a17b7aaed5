"""From figures to points, groups, totals and a band, as the national portal computes them (domain.md §5).

Null is not zero: an indicator without anything to count has no points, counts 0 in the portal's plain sum and
is left out of the re-based total. Nothing is rounded here; screens round for display.
"""

from collections.abc import Iterable, Mapping
from math import fsum

import msgspec

from domain.expressions import Number, evaluate
from domain.indicator_sets import Indicator, IndicatorSet, UnitKind

Quantities = Mapping[str, Number | None]
_NEARLY = 1e-9
"""Points by which a sum of floats may miss a band's floor that it reaches exactly."""


class IndicatorScore(msgspec.Struct, frozen=True):
    """One row of a scorecard. `rate` is 0–1; `points` is None exactly where `applies` is false."""

    code: str
    group: str
    numerator: Number | None
    denominator: Number | None
    rate: float | None
    points: float | None
    max: float
    applies: bool


class GroupScore(msgspec.Struct, frozen=True):
    """A group's plain sum, in which null counts 0; None when none of its indicators applies."""

    code: str
    points: float | None
    max: float


class Score(msgspec.Struct, frozen=True):
    """The scored part of a scorecard. `total_rebased` is out of 100 on `max_applicable`, None if that is 0."""

    set: str
    total_portal: float
    total_rebased: float | None
    max_applicable: float
    band: str
    groups: tuple[GroupScore, ...]
    indicators: tuple[IndicatorScore, ...]


def rate(numerator: Number | None, denominator: Number | None) -> float | None:
    """numerator / denominator, None where either is unknown or the denominator is 0."""
    if numerator is None or not denominator:
        return None
    return numerator / denominator


def points(indicator: Indicator, numerator: Number | None, denominator: Number | None) -> float | None:
    """min(max, max × rate / full_marks_at); without a rate, what the portal gives for nothing or unknown."""
    reached = rate(numerator, denominator)
    if reached is not None:
        return max(0.0, min(indicator.max, indicator.max * reached / indicator.full_marks_at))
    unknown = numerator is None or denominator is None
    rule = indicator.when_unknown if unknown else indicator.when_empty
    return {"empty": None, "zero": 0.0, "full": float(indicator.max)}[rule]


def figures(
    indicator_set: IndicatorSet, indicator: Indicator, quantities: Quantities
) -> tuple[Number | None, Number | None]:
    """An indicator's numerator and denominator from quantities by name; None where they are unknown."""
    figure = indicator_set.figure(indicator)
    denominator = evaluate(figure.denominator, quantities)
    if not denominator and figure.fallback is not None:
        fallback = evaluate(figure.fallback, quantities)
        denominator = denominator if fallback is None else fallback
    return evaluate(figure.numerator, quantities), denominator


def score_indicator(
    indicator: Indicator,
    numerator: Number | None,
    denominator: Number | None,
    unit_kind: UnitKind | None = None,
) -> IndicatorScore:
    """One scored row; where the indicator is not meant for that kind of unit it does not apply."""
    meant = not indicator.unit_kinds or unit_kind is None or unit_kind in indicator.unit_kinds
    scored = points(indicator, numerator, denominator) if meant else None
    return IndicatorScore(
        code=indicator.code,
        group=indicator.group,
        numerator=numerator,
        denominator=denominator,
        rate=rate(numerator, denominator),
        points=scored,
        max=indicator.max,
        applies=scored is not None,
    )


def score(
    indicator_set: IndicatorSet,
    quantities: Quantities,
    unit_kind: UnitKind | None = None,
    inherited: Quantities | None = None,
) -> Score:
    """A unit's whole score. `inherited` are the province's quantities, for what its units take over."""
    rows = []
    for indicator in indicator_set.indicators:
        from_province = inherited is not None and unit_kind in indicator.inherited_by
        source = inherited if from_province and inherited is not None else quantities
        rows.append(score_indicator(indicator, *figures(indicator_set, indicator, source), unit_kind))
    return totalled(indicator_set, rows)


def totalled(indicator_set: IndicatorSet, rows: Iterable[IndicatorScore]) -> Score:
    """Groups, both totals and the band over scored rows."""
    listed = tuple(rows)
    total = _sum(listed)
    applicable = fsum(row.max for row in listed if row.applies)
    return Score(
        set=indicator_set.name,
        total_portal=total,
        total_rebased=total * 100 / applicable if applicable else None,
        max_applicable=applicable,
        band=band(indicator_set, total),
        groups=tuple(_group(indicator_set, g.code, listed) for g in indicator_set.groups),
        indicators=listed,
    )


def band(indicator_set: IndicatorSet, total: float) -> str:
    """The name of the grade that a total (out of 100, unrounded) reaches."""
    for found in indicator_set.bands:
        if total >= found.at_least - _NEARLY:
            return found.name
    return indicator_set.bands[-1].name


def _group(indicator_set: IndicatorSet, code: str, rows: tuple[IndicatorScore, ...]) -> GroupScore:
    members = tuple(row for row in rows if row.group == code)
    whole = fsum(i.max for i in indicator_set.members(code))
    return GroupScore(code, _sum(members) if any(row.applies for row in members) else None, whole)


def _sum(rows: Iterable[IndicatorScore]) -> float:
    return fsum(row.points for row in rows if row.points is not None)
