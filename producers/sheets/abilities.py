"""The capability table: which indicators a file can serve, and what it lacks for the others."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.coverage import FACTS, untold
from domain.expressions import names
from domain.indicator_sets import QUANTITIES, IndicatorSet


class Ability(NamedTuple):
    """One indicator: computed from this file ('yes'), not ('no'), or from reference data ('other')."""

    code: str
    name: str
    can: str
    lacks: tuple[str, ...]


def abilities(chosen: IndicatorSet, cannot_tell: Iterable[str]) -> tuple[Ability, ...]:
    """Every indicator of a set, in its order."""
    missing = frozenset(cannot_tell)
    zero = dict.fromkeys(QUANTITIES, 0) | {"received": 1, "undated_open": 1}
    hidden = {fact: untold(zero, frozenset({fact}), frozenset({fact})) for fact in missing}
    found = []
    for indicator in chosen.indicators:
        figure = chosen.figure(indicator)
        used = {*names(figure.numerator), *names(figure.denominator)}
        lacks = tuple(FACTS[fact] for fact in FACTS if fact in missing and used & hidden[fact])
        other = any(n.startswith(("procedures:", "fact:")) for n in used - {"fact:national_report_accepted"})
        found.append(
            Ability(indicator.code, indicator.name, "no" if lacks else "other" if other else "yes", lacks)
        )
    return tuple(found)
