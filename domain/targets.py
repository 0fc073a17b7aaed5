"""Targets as versioned data: what a unit is assigned, how far it is, and what it needs (domain.md §7).

Rates are 0–1. Nothing is rounded; what is missing or needed in dossiers is rounded up, since half a dossier
reaches nothing.
"""

from datetime import date
from math import ceil
from typing import Literal

import msgspec

from domain.expressions import Number
from domain.indicator_sets import UnitKind

Better = Literal["higher", "lower"]
Status = Literal["reached", "on_track", "at_risk", "hard", "missed", "no_target", "no_data"]
_NEARLY = 1e-9


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """The central target of some years, both included (`to` left out: until a newer one). `yearly_step` is added
    for each year after `from`; `on_last_year` makes the target last year's result plus so much."""

    from_: int
    to: int | None = None
    value: float | None = None
    yearly_step: float = 0.0
    on_last_year: float | None = None


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a plan. Without `indicator` its figure is an observation that a person records under `code`.
    `unit_kinds` are those it is for (none named: all); `assign` whether the rule of last year's result applies."""

    code: str
    name: str
    basis: str
    values: tuple[Value, ...]
    name_en: str = ""
    indicator: str = ""
    unit: Literal["rate", "minutes", "count"] = "rate"
    better: Better = "higher"
    unit_kinds: tuple[UnitKind, ...] = ()
    assign: bool = True

    def value_in(self, year: int) -> Value | None:
        """The value of a year: of those that began by then the last, even where it has ended (`ended`)."""
        begun = [v for v in self.values if v.from_ <= year]
        return max(begun, key=lambda v: v.from_) if begun else None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"raise_": "raise"}):
    """How a target is assigned from last year's result; `raise` is relative (0.10: ten per cent more) or points
    (0.10: ten points more). `cap` bounds assigned rates; None for no bound."""

    raise_: float = 0.10
    raise_as: Literal["relative", "points"] = "relative"
    cap: float | None = None


class TargetSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of the targets. Dates of validity are both included; None is open."""

    name: str
    targets: tuple[Target, ...]
    version: str = "1"
    title: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    rule: Rule = Rule()


class Figure(msgspec.Struct, frozen=True):
    """A figure: counts where there are any, and the value (a rate, minutes, a count); None is unknown."""

    value: float | None = None
    numerator: Number | None = None
    denominator: Number | None = None


class Pace(msgspec.Struct, frozen=True):
    """What is known of the pace: months since the period began and until its end; the rates of the whole months so
    far in order. `level` figures (procedures, communes) do not grow with time."""

    elapsed: float
    left: float
    months: tuple[Figure, ...] = ()
    level: bool = False


class Progress(msgspec.Struct, frozen=True):
    """How far a unit is. `expired`: no newer central target is known, the last one goes on. `missing`: more in the
    numerator to reach the target at today's denominator; `needed_a_month`: in each month that is left, at the
    denominator's pace; `needed_rate` the rate that needs; `best_month` the best so far."""

    central: float | None
    expired: bool
    last_year: float | None
    assigned: float | None
    achieved: float | None
    numerator: Number | None
    denominator: Number | None
    missing: int | None
    needed_a_month: int | None
    needed_rate: float | None
    best_month: float | None
    forecast: float | None
    status: Status


def central_of(target: Target, year: int, last_year: float | None) -> tuple[float | None, bool]:
    """The central target of a year, and whether it stands only because none is newer."""
    found = target.value_in(year)
    if found is None:
        return None, False
    expired = found.to is not None and found.to < year
    if found.on_last_year is not None:
        value = None if last_year is None else last_year + found.on_last_year
    else:
        until = year if found.to is None else min(year, found.to)
        value = None if found.value is None else found.value + found.yearly_step * (until - found.from_)
    return (min(1.0, value) if value is not None and target.unit == "rate" else value), expired


def assign(rule: Rule, central: float | None, last_year: float | None, target: Target) -> float | None:
    """What a unit is assigned: last year worse than the central target → the central target; as good or better →
    last year's result raised, never worse than the central target, and never above the cap."""
    if central is None or last_year is None or not target.assign:
        return central
    sign = 1 if target.better == "higher" else -1
    if sign * last_year < sign * central - _NEARLY:
        return central
    step = rule.raise_ * last_year if rule.raise_as == "relative" else rule.raise_
    raised = last_year + sign * step
    best = max(raised, central) if sign > 0 else max(0.0, min(raised, central))
    return min(best, max(rule.cap, central)) if rule.cap is not None and target.unit == "rate" else best


def progress(
    target: Target, rule: Rule, year: int, achieved: Figure, last_year: float | None, pace: Pace
) -> Progress:
    """How far a unit is with one target, and what it needs."""
    central, expired = central_of(target, year, last_year)
    assigned = assign(rule, central, last_year, target)
    best = _best(target, pace)
    forecast = _forecast(achieved, pace)
    needed = _needed_rate(assigned, achieved, pace)
    return Progress(
        central,
        expired,
        last_year,
        assigned,
        achieved.value,
        achieved.numerator,
        achieved.denominator,
        _missing(assigned, achieved),
        _needed_a_month(assigned, achieved, pace, needed),
        needed,
        best,
        forecast,
        _status(target, assigned, achieved, pace, forecast, needed, best),
    )


def meets(target: Target, value: float, assigned: float) -> bool:
    """Whether a value reaches what was assigned."""
    return value >= assigned - _NEARLY if target.better == "higher" else value <= assigned + _NEARLY


def _missing(assigned: float | None, at: Figure) -> int | None:
    if assigned is None or at.numerator is None or not at.denominator:
        return None
    return max(0, ceil(assigned * at.denominator - at.numerator - _NEARLY))


def _coming(at: Figure, pace: Pace) -> float | None:
    """How much the denominator will grow in the time left; None where nothing tells it."""
    if at.numerator is None or not at.denominator or pace.elapsed <= 0:
        return None
    return 0.0 if pace.level else at.denominator / pace.elapsed * max(0.0, pace.left)


def _needed_rate(assigned: float | None, at: Figure, pace: Pace) -> float | None:
    coming = _coming(at, pace)
    if assigned is None or not coming or at.numerator is None or at.denominator is None:
        return None
    return max(0.0, (assigned * (at.denominator + coming) - at.numerator) / coming)


def _needed_a_month(assigned: float | None, at: Figure, pace: Pace, rate: float | None) -> int | None:
    if pace.left <= 0 or assigned is None:
        return None
    if pace.level:
        short = _missing(assigned, at)
        return None if short is None else ceil(short / max(1.0, pace.left) - _NEARLY)
    coming = _coming(at, pace)
    return None if rate is None or not coming else ceil(rate * coming / pace.left - _NEARLY)


def _forecast(at: Figure, pace: Pace) -> float | None:
    """The value at the period's end if what comes has the rate of the last three whole months."""
    coming = _coming(at, pace)
    if not coming or at.numerator is None or at.denominator is None:
        return at.value
    recent = [m for m in pace.months if m.denominator][-3:]
    whole = sum(m.denominator or 0 for m in recent)
    rate = sum(m.numerator or 0 for m in recent) / whole if whole else at.numerator / at.denominator
    return (at.numerator + rate * coming) / (at.denominator + coming)


def _best(target: Target, pace: Pace) -> float | None:
    told = [m.value for m in pace.months if m.value is not None]
    return (max(told) if target.better == "higher" else min(told)) if told else None


def _status(
    target: Target,
    assigned: float | None,
    at: Figure,
    pace: Pace,
    forecast: float | None,
    needed: float | None,
    best: float | None,
) -> Status:
    """`hard`: the rate needed is better than the best month so far (alert A16), or is not possible at all."""
    if at.value is None:
        return "no_data"
    if assigned is None:
        return "no_target"
    if pace.left <= 0:
        return "reached" if meets(target, at.value, assigned) else "missed"
    if forecast is not None and meets(target, forecast, assigned):
        return "reached" if meets(target, at.value, assigned) else "on_track"
    if needed is not None and (needed > 1 + _NEARLY or (best is not None and needed > best + _NEARLY)):
        return "hard"
    return "at_risk"
