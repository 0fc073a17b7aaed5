"""What-if: the totals with other numerators and denominators in place of some."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from domain.errors import InvalidInput
from domain.expressions import Number
from domain.indicator_sets import IndicatorSet, UnitKind
from domain.scoring import GroupScore, IndicatorScore, score_indicator, totalled

_CHANGE = re.compile(r"\s*(?P<code>[A-Z][A-Z0-9_]*)\s*=\s*(?P<up>\d+(?:\.\d+)?)\s*/\s*(?P<down>\d+(?:\.\d+)?)\s*")
Change = tuple[Number, Number]


class Changed(msgspec.Struct, frozen=True):
    """One indicator before and after; `change` counts a missing score as 0, as the portal's sum does."""

    code: str
    before: IndicatorScore
    after: IndicatorScore
    change: float


class WhatIf(msgspec.Struct, frozen=True):
    """The totals with the changes; `change` is that of the portal's total."""

    total_portal: float
    total_rebased: float | None
    max_applicable: float
    band: str
    change: float
    groups: tuple[GroupScore, ...]
    indicators: tuple[Changed, ...]


def parse_changes(texts: Iterable[str]) -> dict[str, Change]:
    """`CODE=numerator/denominator` each; InvalidInput shows the text that is none, or a code given twice."""
    found: dict[str, Change] = {}
    for text in texts:
        match = _CHANGE.fullmatch(text)
        if match is None:
            raise InvalidInput(
                f"'{text[:100]}' is not CODE=numerator/denominator, such as PROCESSED_ON_TIME=95/100"
            )
        if match["code"] in found:
            raise InvalidInput(f"{match['code']} is changed twice: give it once")
        found[match["code"]] = (_number(match["up"]), _number(match["down"]))
    return found


def what_if(
    indicator_set: IndicatorSet,
    rows: Iterable[IndicatorScore],
    changes: Mapping[str, Change],
    unit_kind: UnitKind | None = None,
) -> WhatIf:
    """The score over `rows` with some of them changed. InvalidInput for an indicator that the set does not have,
    or a numerator above its denominator."""
    before = {row.code: row for row in rows}
    after = dict(before)
    for code, (up, down) in changes.items():
        indicator = indicator_set.indicator(code)
        if indicator is None:
            raise InvalidInput(f"the set {indicator_set.name} has no indicator {code[:64]}")
        if up > down:
            raise InvalidInput(f"{code}: the numerator {up} is greater than the denominator {down}")
        after[code] = score_indicator(indicator, up, down, unit_kind)
    old, new = totalled(indicator_set, before.values()), totalled(indicator_set, after.values())
    return WhatIf(
        new.total_portal,
        new.total_rebased,
        new.max_applicable,
        new.band,
        new.total_portal - old.total_portal,
        new.groups,
        tuple(
            Changed(code, before[code], after[code], (after[code].points or 0.0) - (before[code].points or 0.0))
            for code in changes
            if code in before
        ),
    )


def _number(text: str) -> Number:
    return int(text) if text.isdigit() else float(text)
