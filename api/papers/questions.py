"""What a paper is asked with, and the heading that every paper carries."""

from datetime import date
from typing import Any

import msgspec

from api.figures.context import versions as figure_versions
from api.papers.standing import StandingContext
from domain.errors import InvalidInput
from domain.fold import RULES_VERSION
from domain.indicator_sets import IndicatorSet, choose_set
from domain.instants import Millis, date_day, day_date
from domain.periods import Period, parse_period

FORM_FIRST_DAY = 15
"""Reports of form II.06a run from the 15th to the 14th (domain.md §5); a setting."""


class PaperQuestion(msgspec.Struct, frozen=True):
    """[start, until) of a unit; `options` are the paper's own settings, as text."""

    kind: str
    unit: str
    period: Period
    as_of: Millis
    until: Millis
    options: dict[str, str]
    indicator_set: IndicatorSet

    @property
    def start(self) -> Millis:
        """The first instant of the period."""
        return self.period.start_ms


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on every paper: whose, of which time, from which log positions under which versions.

    `code` is the verification code: a hash over everything that the paper says. `issued` is false for a preview.
    """

    kind: str
    unit: str
    unit_name: str
    period: str
    first_day: str
    last_day: str
    as_of: str
    forecast: bool
    known_at: str
    positions: dict[str, int]
    versions: dict[str, str]
    options: dict[str, str]
    code: str = ""
    issued: bool = False


def question(
    ctx: StandingContext,
    kind: str,
    unit: str,
    period: str,
    as_of: Millis,
    options: dict[str, str],
    set_name: str | None = None,
) -> PaperQuestion:
    """The question made exact. InvalidInput for a period that is none or had not begun; NotFound outside."""
    ctx.units_of(unit)
    found = _period(ctx, kind, period, as_of, options)
    until = found.until(as_of)
    chosen = choose_set(ctx.known_sets, day_date(ctx.zone.day(until - 1)), set_name)
    return PaperQuestion(kind, unit, found, as_of, until, options, chosen)


def _period(ctx: StandingContext, kind: str, text: str, as_of: Millis, options: dict[str, str]) -> Period:
    """The period as typed. For II.06a a month, quarter or year runs from the 15th before it to its 14th unless
    `first_day` says another day (1: the calendar's)."""
    found = parse_period(text, ctx.zone, as_of)
    first = int(options.get("first_day", FORM_FIRST_DAY)) if kind == "ii06a" else 1
    if not 1 <= first <= 28:
        raise InvalidInput(f"first_day is a day of the month from 1 to 28, not {first}")
    if first == 1 or ".." in text or text.strip().lower() in ("today", "ytd"):
        return found
    bounds = (_shifted(ctx, found.start_ms, first), _shifted(ctx, found.end_ms, first))
    return Period(*bounds, found.label)


def _shifted(ctx: StandingContext, midnight: Millis, first: int) -> Millis:
    """The same bound a month earlier, on the `first` day."""
    d = day_date(ctx.zone.day(midnight))
    before = date(d.year - (d.month == 1), (d.month - 2) % 12 + 1, first)
    return ctx.zone.midnight(date_day(before))


def heading(ctx: StandingContext, q: PaperQuestion) -> Heading:
    """The heading before the code is known."""
    node = ctx.tree.units[q.unit]
    zone = ctx.zone
    positions = {str(p): n for p, n in sorted(ctx.at.items())}
    if ctx.acts_to >= 0:
        positions["acts"] = ctx.acts_to
    return Heading(
        kind=q.kind,
        unit=q.unit,
        unit_name=node.name,
        period=q.period.label,
        first_day=day_date(zone.day(q.start)).isoformat(),
        last_day=day_date(zone.day(q.period.end_ms - 1)).isoformat(),
        as_of=zone.local(q.as_of).isoformat(timespec="milliseconds"),
        forecast=q.until > ctx.now_ms,
        known_at=zone.local(ctx.known_ms).isoformat(timespec="milliseconds"),
        positions=positions,
        versions={
            **figure_versions(ctx, q.until, q.indicator_set),
            "fold": str(RULES_VERSION),
            "generation": str(ctx.generation),
        },
        options=dict(sorted(q.options.items())),
    )


def text_day(ctx: StandingContext, ms: Millis | None) -> str | None:
    """An instant as people write it on paper: 18/11/2026 10:00."""
    return None if ms is None else f"{ctx.zone.local(ms):%d/%m/%Y %H:%M}"


def plain(value: Any) -> Any:
    """A paper as JSON's own types."""
    return msgspec.to_builtins(value)
