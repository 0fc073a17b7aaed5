"""Target sets as documents: decoding, checking, choosing by date, and the one that comes with the product."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from domain.errors import InvalidInput
from domain.targets import Target, TargetSet


def decode_targets(document: Mapping[str, Any]) -> TargetSet:
    """A document as a checked set of targets; InvalidInput lists everything that is wrong with it at once."""
    plain = {name: _as_date(name, value) for name, value in document.items()}
    try:
        found = msgspec.convert(plain, TargetSet)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the targets cannot be used: {error}") from error
    problems = problems_of(found)
    if problems:
        raise InvalidInput(f"the targets {found.name} cannot be used: " + "; ".join(problems))
    return found


def problems_of(found: TargetSet) -> tuple[str, ...]:
    """Everything wrong with a decoded set, in plain sentences."""
    codes = [t.code for t in found.targets]
    listed = [f"target {code} stands twice" for code in dict.fromkeys(codes) if codes.count(code) > 1]
    if not codes:
        listed.append("there is no target")
    if found.valid_from and found.valid_to and found.valid_to < found.valid_from:
        listed.append("it ends before it begins")
    if found.rule.raise_ < 0 or (found.rule.cap is not None and not 0 < found.rule.cap <= 1):
        listed.append("the rule's raise must not be below 0, its cap above 0 and at most 1 (a rate)")
    for target in found.targets:
        listed += [f"{target.code}: {problem}" for problem in _target_problems(target)]
    return tuple(listed)


def _target_problems(target: Target) -> list[str]:
    listed = []
    if not target.values:
        listed.append("it has no values")
    years = [v.from_ for v in target.values]
    if len(set(years)) < len(years):
        listed.append("two values begin in the same year")
    if target.indicator and target.unit != "rate":
        listed.append("an indicator's figure is a rate")
    for value in target.values:
        if (value.value is None) == (value.on_last_year is None):
            listed.append(f"the value from {value.from_} must have either value or on_last_year")
        if value.to is not None and value.to < value.from_:
            listed.append(f"the value from {value.from_} ends before it begins")
        if target.unit == "rate" and value.value is not None and not 0 <= value.value <= 1:
            listed.append(f"{value.value:g} is no rate: 0.8 is 80 %")
    return listed


def choose_targets(sets: Iterable[TargetSet], day: date) -> TargetSet | None:
    """The set valid on a day: of several the one that began last, of equal beginnings the later in `sets`."""
    valid = [s for s in sets if (s.valid_from or date.min) <= day <= (s.valid_to or date.max)]
    return max(reversed(valid), key=lambda s: s.valid_from or date.min) if valid else None


@lru_cache(maxsize=1)
def packaged_targets() -> tuple[TargetSet, ...]:
    """The sets that come with the product. The only place here that reads files."""
    found = sorted((files("domain") / "target_sets").iterdir(), key=lambda e: e.name)
    return tuple(
        decode_targets(tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in found
        if entry.name.endswith(".toml")
    )


def _as_date(name: str, value: Any) -> Any:
    """A date of validity as an event carries it, in text."""
    if name not in ("valid_from", "valid_to") or not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value[:10])
    except ValueError as error:
        raise InvalidInput(f"{name} '{value[:40]}' is not a date such as 2026-01-01") from error
