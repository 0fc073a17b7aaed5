"""The risk of an open dossier from how long similar ones took: counts and quantiles of working time, nothing else.

Similar are finished dossiers in units of the same kind, without a supplement and never re-opened: first those that
were at the same step of the same procedure, else of the same procedure, else of the same field. Of those that were
still there after as much working time as this one has spent, so many needed no more than it has left: an estimate,
shown as such, with all that it was counted from. Where fewer than ENOUGH tell it, the next basis is asked, and in
the end nobody: None. All durations are working time in milliseconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from domain.instants import Millis

HOUR_MS = 3_600_000
ENOUGH = 30
YEAR_DAYS = 365
QUANTILES = (0.5, 0.75, 0.9)
Basis = Literal["step", "procedure", "field"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A dossier at a step, [start, until): from the first word of it to the first of another, or to the end."""

    step: str
    start: Millis
    until: Millis | None = None


@dataclass(frozen=True, slots=True)
class Took:
    """What one similar dossier took: `stayed` there (at the step; or in hand at all), and `needed` from the same
    beginning until it was finished."""

    stayed: int
    needed: int


@dataclass(frozen=True, slots=True)
class Similar:
    """What a basis tells: what it was about, what this dossier has spent there, and what similar ones took."""

    basis: Basis
    of: str
    """The step's, the procedure's or the field's code or name."""
    spent: int
    took: tuple[Took, ...]

    @property
    def still(self) -> tuple[Took, ...]:
        """Those that were still there after as much working time as this dossier has spent."""
        return tuple(one for one in self.took if one.stayed >= self.spent)

    def quantile(self, q: float) -> int | None:
        """The working time within which that part of them had left; None below ENOUGH."""
        if len(self.took) < ENOUGH:
            return None
        stayed = sorted(one.stayed for one in self.took)
        return stayed[max(0, ceil(q * len(stayed)) - 1)]


@dataclass(frozen=True, slots=True)
class Risk:
    """Of `similar` dossiers of a basis, still there at this age, `on_time` needed no more than is left; `share` is
    the part that needed more. Without a basis: how many similar ones there were at the last one asked."""

    similar: int
    on_time: int
    share: float | None
    found: Similar | None = None


def visits(said: Iterable[tuple[Millis, str]], end: Millis | None = None) -> tuple[Visit, ...]:
    """The steps in which a dossier was, of (instant, step) in canonical order: words about the same step one after
    another are one visit; what is said at or after the end does not count."""
    found: list[Visit] = []
    for at, step in said:
        if end is not None and at >= end:
            break
        if found and found[-1].step == step:
            continue
        if found:
            found[-1] = Visit(found[-1].step, found[-1].start, at)
        found.append(Visit(step, at))
    if found and end is not None:
        found[-1] = Visit(found[-1].step, found[-1].start, end)
    return tuple(found)


def risk(bases: Sequence[Similar], left: int) -> Risk:
    """The risk by the first basis of which ENOUGH were still there; `left` is the working time until the due
    instant."""
    still: tuple[Took, ...] = ()
    for one in bases:
        still = one.still
        if len(still) >= ENOUGH:
            on_time = sum(took.needed <= one.spent + left for took in still)
            return Risk(len(still), on_time, (len(still) - on_time) / len(still), one)
    return Risk(len(still), 0, None)


_SAME = {
    "step": "lượt hồ sơ cùng thủ tục đã ở bước {of} từ {spent} giờ làm việc trở lên",
    "procedure": "hồ sơ cùng thủ tục còn mở sau {spent} giờ làm việc",
    "field": "hồ sơ cùng lĩnh vực (chưa đủ hồ sơ cùng thủ tục) còn mở sau {spent} giờ làm việc",
}


def sentence(found: Risk, left: int) -> str:
    """What a person reads."""
    basis = found.found
    if basis is None or found.share is None:
        return f"Chưa đủ hồ sơ tương tự để ước tính ({found.similar}, cần {ENOUGH})."
    same = _SAME[basis.basis].format(of=basis.of, spent=hours(basis.spent))
    return (
        f"Ước tính: trong {found.similar} {same}, {found.on_time} đã xong trong thời gian như hồ sơ này còn lại "
        f"({hours(left)} giờ làm việc): nguy cơ trễ {round(100 * found.share)} %."
    )


def hours(ms: int) -> str:
    """Working hours as they are written in Viet Nam: 7,5."""
    return f"{ms / HOUR_MS:.1f}".replace(".0", "").replace(".", ",")
