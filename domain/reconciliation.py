"""Why a published figure differs from ours: the difference taken apart by cause, without a rest that is not shown.

A cause's amount is our figure under the portal's presumable rule minus ours, one rule after another in the order
of `CAUSES`: amounts and remainder add to the difference exactly, whatever the rules do together. What the log
tells (`fact`) is always applied; what is only supposed of the portal's programs is applied where it
explains at least half of what is left, and shown as a supposition.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from domain.expressions import Number
from domain.portal_figures import Published

CauseCode = Literal[
    "period_cut",
    "not_synced",
    "refused",
    "undated",
    "hour_or_date",
    "pauses",
    "null_handling",
    "set_version",
]
CAUSES: tuple[CauseCode, ...] = (
    "period_cut",
    "not_synced",
    "refused",
    "undated",
    "hour_or_date",
    "pauses",
    "null_handling",
    "set_version",
)
"""The order in which rules are applied: what is counted at all, then how it is judged, then how it is scored."""
SUPPOSED: frozenset[CauseCode] = frozenset({"undated", "hour_or_date", "pauses"})
OPENABLE: tuple[CauseCode, ...] = ("period_cut", "not_synced", "refused", "undated", "hour_or_date", "pauses")
"""The causes behind which dossiers stand."""
NAMES: Mapping[CauseCode, tuple[str, str]] = {
    "period_cut": ("Thời điểm chốt kỳ", "the portal counted up to another instant"),
    "not_synced": ("Chưa đồng bộ lên Cổng", "not synced to the portal"),
    "refused": ("Cổng từ chối nhận", "refused by the portal"),
    "undated": ("Không có ngày hẹn trả", "no due date"),
    "hour_or_date": ("So giờ hay so ngày", "compared by date instead of hour, or the reverse"),
    "pauses": ("Thời gian tạm dừng bổ sung", "supplement time not taken out, or only where the due date stood"),
    "null_handling": ("Cách tính khi không phát sinh", "what nothing to count gives"),
    "set_version": ("Phiên bản bộ chỉ số", "another version of the index"),
}
Kind = Literal["numerator", "denominator", "score"]
KINDS: tuple[Kind, ...] = ("numerator", "denominator", "score")
_SCORE_DIGITS = 6
_SCORE_TOLERANCE = 0.02
_COUNT_TOLERANCE = 0.01
_CONVINCING = 0.5
"""The part of the gap that a supposition must take away before it is believed: any rule that raises a numerator
brings a figure that is far off a little nearer."""


class Count(msgspec.Struct, frozen=True):
    """One metric's figures; a `group` has a score only. None is unknown or nothing to score."""

    numerator: Number | None = None
    denominator: Number | None = None
    score: float | None = None
    group: bool = False

    @property
    def unknown(self) -> bool:
        """Whether nothing is known of it, which is another thing than nothing to count."""
        return self.score is None and not self.group and (self.numerator is None or self.denominator is None)


Figures = Mapping[str, Count]
"""By metric."""


class Amount(msgspec.Struct, frozen=True):
    """What one cause accounts for."""

    cause: CauseCode
    amount: Number


class Difference(msgspec.Struct, frozen=True):
    """published − ours, taken apart. `comparable` is false where one side does not know (`reason`): unknown is not
    zero. In scores null counts 0, as in the portal's sum. `explained`: the remainder is within 0.02 point, or 1 %
    of the published count."""

    metric: str
    kind: Kind
    ours: Number | None
    portal: Number | None
    comparable: bool
    difference: Number | None = None
    causes: tuple[Amount, ...] = ()
    remainder: Number | None = None
    explained: bool | None = None
    reason: str | None = None


def explain(
    ours: Figures, steps: Sequence[tuple[CauseCode, Figures]], portal: Mapping[str, Published]
) -> tuple[Difference, ...]:
    """Every published figure against ours; `steps` are our figures after each rule, in order."""
    return tuple(
        _difference(metric, kind, ours[metric], [(cause, at[metric]) for cause, at in steps], row)
        for metric, row in portal.items()
        if metric in ours
        for kind in KINDS
        if getattr(row, kind) is not None or getattr(ours[metric], kind) is not None
    )


def _difference(
    metric: str, kind: Kind, ours: Count, steps: Sequence[tuple[CauseCode, Count]], row: Published
) -> Difference:
    mine, theirs = getattr(ours, kind), getattr(row, kind)
    why = _incomparable(kind, steps[-1][1] if steps else ours, theirs)
    if why is not None:
        return Difference(metric, kind, mine, theirs, comparable=False, reason=why)
    values = [_exact(kind, mine), *(_exact(kind, getattr(at, kind)) for _, at in steps)]
    amounts = tuple(
        Amount(cause, _shown(kind, after - before))
        for (cause, _), before, after in zip(steps, values, values[1:], strict=False)
    )
    published = _exact(kind, theirs)
    remainder = _shown(kind, published - values[-1])
    allowed = _SCORE_TOLERANCE if kind == "score" else _COUNT_TOLERANCE * theirs
    return Difference(
        metric,
        kind,
        mine,
        theirs,
        comparable=True,
        difference=_shown(kind, published - values[0]),
        causes=amounts,
        remainder=remainder,
        explained=abs(remainder) <= allowed + 1e-9,
    )


def _incomparable(kind: Kind, mine: Count, theirs: Number | None) -> str | None:
    if theirs is None:
        return "the portal showed none"
    if mine.unknown or (kind != "score" and getattr(mine, kind) is None):
        return "our figure is not known"
    return None


def _exact(kind: Kind, value: Number | None) -> Number:
    """Counts as they are; scores in millionths, so that amounts add up without an error of floats."""
    if value is None:
        return 0
    return round(value * 10**_SCORE_DIGITS) if kind == "score" else value


def _shown(kind: Kind, value: Number) -> Number:
    return value / 10**_SCORE_DIGITS if kind == "score" else value


def gap(figures: Figures, portal: Mapping[str, Published]) -> float:
    """How far figures are from the published counts: the sum over metrics of the parts of the denominators by
    which they differ. Tells whether a supposed rule brings them nearer."""
    found = 0.0
    for metric, row in portal.items():
        at = figures.get(metric)
        if at is None or not row.denominator or row.numerator is None:
            continue
        for mine, theirs in ((at.numerator, row.numerator), (at.denominator, row.denominator)):
            if mine is not None:
                found += abs(theirs - mine) / row.denominator
    return found


def convinces(before: Figures, after: Figures, portal: Mapping[str, Published]) -> bool:
    """Whether a supposed rule explains at least half of what is left to explain."""
    left = gap(before, portal)
    return left > 1e-12 and gap(after, portal) <= (1 - _CONVINCING) * left + 1e-12


def verdict_of(differences: Iterable[Difference]) -> Literal["holds", "fails", "cannot_tell"]:
    """Whether all that can be compared is explained; nothing to compare cannot tell."""
    told = [d.explained for d in differences if d.comparable]
    if not told:
        return "cannot_tell"
    return "holds" if all(told) else "fails"
