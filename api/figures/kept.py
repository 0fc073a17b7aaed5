"""What answers rest on, kept between requests: documents and what they come to, and sums of the whole province.

Never stale: every request first asks the store how far the log is folded (one small statement) and takes what was
made while it stood exactly there, or makes it anew. Objects made once are shared and never changed.
"""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sized
from contextlib import suppress
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from api.figures.then import KINDS, History, Told
from api.figures.units import Tree, build_tree
from domain.errors import InvalidInput
from domain.event_types import EVENT_TYPES
from domain.facts import Fact
from domain.indicator_documents import decode_set, packaged_documents, packaged_sets
from domain.indicator_sets import IndicatorSet
from domain.instants import Millis, Zone
from domain.reference import Reference
from sinks.queries import log, reference
from sinks.queries.reader import Reader

Fingerprint = tuple[Any, ...]
T = TypeVar("T")
_MAX_MADE = 64


Published = tuple[dict[str, Mapping[str, Any]], tuple[IndicatorSet, ...]]
"""The documents of indicator sets by name, and the sets in order of publication."""


def published_sets(histories: Mapping[str, History]) -> Published:
    """The packaged sets and those that documents publish; one that cannot be used (the intake refuses such,
    another writer of the log may not) is passed over."""
    known: dict[str, Mapping[str, Any]] = dict(packaged_documents())
    found = list(packaged_sets())
    for _, _, _, data in sorted((h for history in histories.values() for h in history), key=lambda h: h[1]):
        document = dict(data["document"])
        with suppress(InvalidInput, ValueError):
            for bound in ("valid_from", "valid_to"):
                if isinstance(document.get(bound), str):
                    document[bound] = date.fromisoformat(document[bound][:10])
            found.append(decode_set(document, known))
            known[str(document.get("name"))] = document
    return known, tuple(found)


class Known:
    """The documents and units of one fingerprint, and what is made of them when it is first asked for."""

    def __init__(
        self,
        documents: list[tuple[str, str, str]],
        units: tuple[str, ...],
        zone: Zone,
        root: str,
        fingerprint: Fingerprint = (),
    ) -> None:
        self.fingerprint = fingerprint
        self._texts = documents
        self._units = units
        self._zone = zone
        self._root = root
        self._histories: dict[str, dict[str, History]] = {}
        self._said: dict[str, list[Millis]] = {}
        self._made: dict[tuple[Any, ...], Any] = {}
        self._began: Millis | None = None
        self._told: Told | None = None

    def histories(self, kind: str) -> Mapping[str, History]:
        """The documents of a kind by subject."""
        if kind not in self._histories:
            self._histories[kind] = {
                subject: [(h[0], h[1], h[2], h[3]) for h in msgspec.json.decode(text)]
                for found, subject, text in self._texts
                if found == kind
            }
        return self._histories[kind]

    def as_said(self, kind: str, at: Millis, name: str, make: Callable[[], T]) -> T:
        """What `make` makes of the documents of a kind said before `at`: the same for all instants between which
        nothing was said."""
        if kind not in self._said:
            instants = {h[1] for history in self.histories(kind).values() for h in history}
            self._said[kind] = sorted(instants)
        key = name, kind, bisect_left(self._said[kind], at)
        if key not in self._made:
            if len(self._made) >= _MAX_MADE:
                self._made = {}
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def tree(self, at: Millis) -> Tree:
        """The units as they stood at an instant."""
        texts = {subject: text for kind, subject, text in self._texts if kind == "unit"}
        return self.as_said("unit", at, "tree", lambda: build_tree(self._root, texts, self._units, at))

    @cached_property
    def reference(self) -> Reference:
        """Calendars, limits and thresholds as the fold sees them."""
        documents = {
            (kind, subject): tuple(
                Fact(at, EVENT_TYPES[name].rank, None, "", event_id, b"", name, msgspec.json.encode(data))
                for name, at, event_id, data in history
            )
            for kind in ("calendar", "procedure", "alert_rules")
            for subject, history in self.histories(kind).items()
        }
        return Reference(documents, self._zone)

    @property
    def units(self) -> tuple[str, ...]:
        """The units that any dossier or petition stood under."""
        return self._units

    @cached_property
    def published(self) -> Published:
        """The packaged indicator sets and those published in the log."""
        return published_sets(self.histories("indicator_set"))

    @property
    def sets(self) -> tuple[IndicatorSet, ...]:
        """All indicator sets, in order of publication."""
        return self.published[1]

    def told(self, reader: Reader) -> Told:
        """The documents' own events, read when knowledge of before is first asked for."""
        if self._told is None:
            self._told = Told(reader)
        return self._told

    def began(self, reader: Reader) -> Millis | None:
        """When the log began; asked of the store until it has."""
        if self._began is None:
            self._began = log.log_began(reader)
        return self._began


class Shared:
    """What was made for one place of the log; what was not asked for the longest goes first."""

    def __init__(self, most: int = 32, rows: int = 200_000) -> None:
        self._most, self._rows = most, rows
        self._mutex = threading.Lock()
        self._found: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives; two requests at once may both make it: equal, and one of them is kept."""
        with self._mutex:
            if key in self._found:
                self._found.move_to_end(key)
                found: T = self._found[key][1]
                return found
        made = make()
        with self._mutex:
            self._drop(key)
            weight = len(made) if isinstance(made, Sized) else 1
            self._found[key] = weight, made
            self._weight += weight
            while len(self._found) > 1 and (len(self._found) > self._most or self._weight > self._rows):
                self._drop(next(iter(self._found)))
        return made

    def _drop(self, key: Hashable) -> None:
        self._weight -= self._found.pop(key, (0, None))[0]


class Kept:
    """The last `Known` of a server and what stands at the last place of the log (one generation answers at a
    time); shared by all its requests."""

    def __init__(self, known: Known | None = None) -> None:
        self._mutex = threading.Lock()
        self._last = known
        self._shared: dict[str, tuple[Hashable, Shared]] = {}

    def at(self, place: Hashable) -> Shared:
        """What was made while the log stood there; what stood anywhere else is forgotten."""
        return self._of("at", place)

    def settled(self, generation: Hashable) -> Shared:
        """What no later record can change any more."""
        return self._of("settled", generation, 8)

    def _of(self, name: str, key: Hashable, most: int = 32) -> Shared:
        with self._mutex:
            found = self._shared.get(name)
            if found is None or found[0] != key:
                found = self._shared[name] = key, Shared(most)
            return found[1]

    def known(self, reader: Reader, zone: Zone, root: str) -> Known:
        """What the store holds now. Two requests at once may both make it: equal, and one of them is kept."""
        print_of_documents, units = reference.standing(reader)
        fingerprint = (reader.generation, zone.name, root, print_of_documents, units)
        with self._mutex:
            last = self._last
        if last is not None and last.fingerprint == fingerprint:
            return last
        made = Known(reference.documents(reader, KINDS), units, zone, root, fingerprint)
        with self._mutex:
            self._last = made
        return made
