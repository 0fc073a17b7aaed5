"""Indicator sets as documents: decoding, inheritance, checking, and the ones that come with the product.

A document is a plain dict: TOML in `domain/sets/`, or what an `indicator_set.published` event carries.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, get_args

import msgspec

from domain.errors import InvalidInput
from domain.expressions import names
from domain.indicator_sets import FACTS, QUANTITIES, Indicator, IndicatorSet, UnitKind


def decode_set(document: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]] | None = None) -> IndicatorSet:
    """A document as a checked set. `known` are the documents it may inherit from (default: the packaged).

    InvalidInput lists everything that is wrong with it at once.
    """
    whole = resolve(document, packaged_documents() if known is None else known)
    try:
        found = msgspec.convert(whole, IndicatorSet)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the indicator set cannot be used: {_plain(error)}") from error
    problems = problems_of(found)
    if problems:
        raise InvalidInput(f"the indicator set {found.name} cannot be used: " + "; ".join(problems))
    return found


def resolve(document: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A document that `inherits` from another as a whole one: own values first, rows matched by code.

    Validity is never inherited, nor being a draft, and bands are replaced as a whole.
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
        base = {k: v for k, v in whole.items() if k not in ("valid_from", "valid_to", "draft")}
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
    listed += _settings_problems(found)
    for indicator in found.indicators:
        listed += [f"{indicator.code}: {problem}" for problem in _indicator_problems(found, indicator)]
    return tuple(dict.fromkeys(listed))


def conflicts(found: IndicatorSet, sets: Iterable[IndicatorSet]) -> tuple[str, ...]:
    """What a set to be published would do to the validity of those that stand, as sentences: days on which no
    set holds, and days on which two hold (one that is open at either side gives way to what begins later)."""
    if found.draft:
        return ()
    others = [s for s in _standing(sets) if s.name != found.name]
    listed = list(holes([*others, found]))
    if all(s.valid_to is not None for s in (*others, found)):
        last = max(s.valid_to for s in (*others, found) if s.valid_to is not None)
        listed.append(f"no indicator set holds after {last}: publish the one that follows before ending this one")
    for other in others:
        first = max(found.valid_from or date.min, other.valid_from or date.min)
        until = min(found.valid_to or date.max, other.valid_to or date.max)
        bounds = (found.valid_from, found.valid_to, other.valid_from, other.valid_to)
        gives_way = None in bounds and found.valid_from != other.valid_from
        if first <= until and not gives_way:
            listed.append(f"it holds together with the set {other.name} from {first} to {until}: end one before")
    return tuple(listed)


def _standing(sets: Iterable[IndicatorSet]) -> tuple[IndicatorSet, ...]:
    """Of sets of one name, the one published last."""
    return tuple(s for s in {s.name: s for s in sets}.values() if not s.draft)


def holes(sets: Iterable[IndicatorSet]) -> tuple[str, ...]:
    """Stretches of days between the sets' validities on which none of them holds, as sentences."""
    listed = []
    reached: date | None = date.min
    for found in sorted((s for s in sets if not s.draft), key=lambda s: s.valid_from or date.min):
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


def _plain(error: msgspec.ValidationError) -> str:
    """The decoder's sentence, with the words that are allowed where it names only the wrong one."""
    text = str(error)
    if "unit_kinds" in text or "inherited_by" in text:
        return f"{text}: kinds of units are {', '.join(get_args(UnitKind))}"
    return text


def _overlaid(base: Any, own: Any) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for row in [*base, *own] if isinstance(own, list | tuple) else [own]:
        if not isinstance(row, Mapping) or not isinstance(row.get("code"), str):
            raise InvalidInput("every group and indicator of an indicator set must be a table with a code")
        rows[row["code"]] = {**rows.get(row["code"], {}), **row}
    return list(rows.values())


def _settings_problems(found: IndicatorSet) -> list[str]:
    """Settings that contradict one another, or that nothing here can compute."""
    listed = []
    if list(found.peer_sizes) != sorted({*found.peer_sizes}) or any(size < 1 for size in found.peer_sizes):
        listed.append("peer_sizes must rise, from 1 on")
    if found.supplement_credit != "always" and found.rules != "766":
        listed.append("supplement_credit is a choice within the rules 766 only")
    if found.stopped == "open" and not found.rules.startswith("06a"):
        listed.append("stopped = 'open' is a reading of form II.06a: in the index a stopped dossier has ended")
    if found.payment_wait != "not_credited":
        listed.append("payment_wait = 'credited' cannot be computed: the wait for a fee is taken out by no rule")
    if found.reopened != "first_verdict_stays":
        listed.append("reopened = 'last_record' cannot be computed: the period of the first end keeps its verdict")
    return listed


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
        if name not in QUANTITIES and name not in FACTS and not name.startswith("observed:")
    ]
