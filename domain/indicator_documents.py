"""Indicator sets as documents: decoding, inheritance, checking, and the ones that come with the product.

A document is a plain dict: TOML in `domain/sets/`, or what an `indicator_set.published` event carries.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import msgspec

from domain.errors import InvalidInput
from domain.expressions import names
from domain.indicator_sets import QUANTITIES, Indicator, IndicatorSet


def decode_set(document: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]] | None = None) -> IndicatorSet:
    """A document as a checked set. `known` are the documents it may inherit from (default: the packaged).

    InvalidInput lists everything that is wrong with it at once.
    """
    whole = resolve(document, packaged_documents() if known is None else known)
    try:
        found = msgspec.convert(whole, IndicatorSet)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the indicator set cannot be used: {error}") from error
    problems = problems_of(found)
    if problems:
        raise InvalidInput(f"the indicator set {found.name} cannot be used: " + "; ".join(problems))
    return found


def resolve(document: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A document that `inherits` from another as a whole one: own values first, rows matched by code.

    Validity is never inherited, and bands are replaced as a whole.
    """
    seen: list[str] = []
    chain = [dict(document)]
    while parent := chain[-1].get("inherits"):
        if not isinstance(parent, str) or parent in seen or parent not in known:
            raise InvalidInput(f"the indicator set inherits from '{parent}', which is unknown or itself")
        seen.append(parent)
        chain.append(dict(known[parent]))
    whole = chain.pop()
    while chain:
        own = chain.pop()
        base = {k: v for k, v in whole.items() if k not in ("valid_from", "valid_to")}
        rows: dict[str, Any] = {
            k: _overlaid(base.get(k, []), own[k]) for k in ("groups", "indicators") if k in own
        }
        whole = {**base, **own, **rows}
    whole.pop("inherits", None)
    return whole


def problems_of(found: IndicatorSet) -> tuple[str, ...]:
    """Everything wrong with a decoded set, in plain sentences; empty when it can be used."""
    groups = [g.code for g in found.groups]
    listed = [*_twice("group", groups), *_twice("indicator", (i.code for i in found.indicators))]
    listed += _twice("metric", (g.metric for g in found.groups if g.metric))
    listed += [f"group {g} has no indicator" for g in groups if not found.members(g)]
    maxima = sum(i.max for i in found.indicators)
    if abs(maxima - found.total) > 1e-9:
        listed.append(f"the maxima add to {maxima:g}, not {found.total:g}")
    if found.valid_from and found.valid_to and found.valid_to < found.valid_from:
        listed.append("it ends before it begins")
    floors = [b.at_least for b in found.bands]
    if not floors or floors[-1] != 0 or any(a <= b for a, b in pairwise(floors)):
        listed.append("bands must go from the best to the weakest, which begins at 0")
    for indicator in found.indicators:
        listed += [f"{indicator.code}: {problem}" for problem in _indicator_problems(found, indicator)]
    return tuple(dict.fromkeys(listed))


def holes(sets: Iterable[IndicatorSet]) -> tuple[str, ...]:
    """Stretches of days between the sets' validities on which none of them holds, as sentences."""
    listed = []
    reached: date | None = date.min
    for found in sorted(sets, key=lambda s: s.valid_from or date.min):
        begins = found.valid_from or date.min
        if reached is not None and reached != date.min and begins.toordinal() > reached.toordinal() + 1:
            listed.append(f"no indicator set holds after {reached} and before {begins} ({found.name})")
        if reached is not None:
            reached = None if found.valid_to is None else max(reached, found.valid_to)
    return tuple(listed)


@lru_cache(maxsize=1)
def packaged_documents() -> Mapping[str, Mapping[str, Any]]:
    """The raw documents that come with the product, by name. The only place here that reads files."""
    found = {}
    for entry in sorted((files("domain") / "sets").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            document = tomllib.loads(entry.read_text(encoding="utf-8"))
            found[document["name"]] = document
    return found


@lru_cache(maxsize=1)
def packaged_sets() -> tuple[IndicatorSet, ...]:
    """The sets that come with the product, oldest first."""
    known = packaged_documents()
    return tuple(decode_set(document, known) for document in known.values())


def _overlaid(base: Any, own: Any) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for row in [*base, *own] if isinstance(own, list | tuple) else [own]:
        if not isinstance(row, Mapping) or not isinstance(row.get("code"), str):
            raise InvalidInput("every group and indicator of an indicator set must be a table with a code")
        rows[row["code"]] = {**rows.get(row["code"], {}), **row}
    return list(rows.values())


def _twice(what: str, codes: Iterable[str]) -> list[str]:
    listed = list(codes)
    return [f"{what} {code} stands twice" for code in dict.fromkeys(listed) if listed.count(code) > 1]


def _indicator_problems(found: IndicatorSet, indicator: Indicator) -> list[str]:
    listed = []
    if indicator.group not in {g.code for g in found.groups}:
        listed.append(f"there is no group {indicator.group}")
    if not 0 < indicator.max <= found.total:
        listed.append(f"a maximum of {indicator.max:g} is not possible")
    if not 0 < indicator.full_marks_at <= 1:
        listed.append("full_marks_at must be above 0 and at most 1 (a rate, not a percentage)")
    try:
        figure = found.figure(indicator)
    except InvalidInput as error:
        return [*listed, str(error)]
    parts = (figure.numerator, figure.denominator, *([figure.fallback] if figure.fallback else []))
    mentioned = dict.fromkeys(name for part in parts for name in names(part))
    return listed + [
        f"'{name}' is not a known quantity"
        for name in mentioned
        if name not in QUANTITIES and not name.startswith("fact:")
    ]
