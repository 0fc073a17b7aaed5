"""The tree of units at an instant: registered ones by what was said of them, others by their code.

A unit that nobody registered exists with name = code; its parent is the longest dot prefix that is known, else
the root (decisions 30). A merged unit stands under the one that took it over, so that its figures stay counted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from domain.fold import UNKNOWN_UNIT
from domain.instants import Millis


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; `parent` is None for the root only."""

    code: str
    name: str
    kind: str | None
    parent: str | None
    registered: bool
    seen: bool
    merged_into: str | None = None
    closed_at: Millis | None = None
    copies_from: Millis | None = None
    """Since when it offers certified electronic copies."""


@dataclass(frozen=True, slots=True)
class Tree:
    """All units by code, the root included."""

    root: str
    units: Mapping[str, Unit]
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def subtree(self, code: str) -> frozenset[str]:
        """The unit and everything under it."""
        found: set[str] = set()
        waiting = [code]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting += self.children.get(here, ())
        return frozenset(found)


def build_tree(root: str, histories: Mapping[str, str], seen: Iterable[str], at: Millis) -> Tree:
    """`histories` are the unit documents by code; what was said before `at` counts, or the first thing said
    where all of it came later."""
    said = {code: _said(msgspec.json.decode(text), at) for code, text in histories.items()}
    seen = frozenset(seen)
    codes = {root, *said, *seen} - {""}
    parents = {code: _parent(code, root, said.get(code, {}), codes) for code in codes}
    units = {
        code: _unit(code, said.get(code), _without_cycle(code, parents, root), code in seen) for code in codes
    }
    children: dict[str, list[str]] = {}
    for code in sorted(codes):
        parent = units[code].parent
        if parent is not None:
            children.setdefault(parent, []).append(code)
    return Tree(root, units, {code: tuple(listed) for code, listed in children.items()})


def _said(history: Sequence[Sequence[Any]], at: Millis) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = [h for h in history if h[1] < at] or list(history[:1])
    for event_type, occurred, _, data in known:
        verb = event_type.removeprefix("unit.")
        if verb in ("registered", "renamed"):
            found |= {k: v for k, v in data.items() if v is not None}
            found["registered"] = True
        elif verb == "merged":
            found |= {"merged_into": data["into"], "closed_at": occurred}
        elif verb == "closed":
            found["closed_at"] = occurred
        elif verb == "certified_copies_offered":
            found.setdefault("copies_from", occurred)
    return found


def _parent(code: str, root: str, said: Mapping[str, Any], codes: Collection[str]) -> str | None:
    if code == root:
        return None
    for stated in (said.get("merged_into"), said.get("parent")):
        if stated in codes and stated != code:
            return str(stated)
    if code != UNKNOWN_UNIT:
        prefix = code.rpartition(".")[0]
        while prefix:
            if prefix in codes:
                return prefix
            prefix = prefix.rpartition(".")[0]
    return root


def _without_cycle(code: str, parents: Mapping[str, str | None], root: str) -> str | None:
    """The parent, or the root where following parents would come round in a circle."""
    here: str | None = code
    for _ in range(len(parents) + 1):
        here = parents[here] if here is not None else None
        if here is None:
            return parents[code]
    return root


def _unit(code: str, said: Mapping[str, Any] | None, parent: str | None, seen: bool) -> Unit:
    known = said or {}
    return Unit(
        code=code,
        name=known.get("name") or code,
        kind=known.get("kind") or ("province" if parent is None else None),
        parent=parent,
        registered=bool(known.get("registered")) or parent is None,
        seen=seen,
        merged_into=known.get("merged_into"),
        closed_at=known.get("closed_at"),
        copies_from=known.get("copies_from"),
    )
