"""What the routes work with, assembled once by `app.create_app`; every member can be a ten-line fake in tests."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from fastapi import Request

from api.access import Principal, in_subtree
from api.acts import Acts, Log
from api.brake import Brake
from api.config import ApiConfig, fixed_clock
from api.feed import Moments
from api.health import Facts
from api.keys import KeyStore
from api.metrics import Counters
from api.stream import Hub, Moment
from domain.errors import Gs766Error
from domain.indicator_documents import packaged_documents, packaged_sets
from domain.indicator_sets import IndicatorSet
from domain.instants import Millis, Zone
from domain.periods import parse_instant
from producers.edge import Edge
from producers.memory import Memory

TREE_AGE_MS = 5_000


class Figures(Protocol):
    """The query services of `api/figures`, as the routes call them; `ctx` is their FigureContext."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """scorecard, indicator, indicator_dossiers, dossier, dossier_events, overdue, due, units, …"""


@dataclass(slots=True)
class Services:
    """The parts of one running API."""

    config: ApiConfig
    zone: Zone
    keys: KeyStore
    log: Log
    acts: Acts
    moments: Moments
    hub: Hub
    figures: Figures
    context: Callable[["Services", Principal], AbstractContextManager[Any]]
    """Makes (as a context manager) the FigureContext of one request."""
    probe: Callable[["Services"], Facts]
    counters: Counters = field(default_factory=Counters)
    wall: Callable[[], Millis] = lambda: time.time_ns() // 1_000_000
    units_of_dossiers: Callable[[Sequence[str]], Mapping[str, str]] = lambda _codes: {}
    """The units that hold dossiers now, by code; what the store does not hold, or cannot say, is absent."""
    edge: Edge = field(default_factory=lambda: Edge(None))
    """Cuts events to the allow-list and hashes identifiers."""
    imports: Memory = field(default_factory=lambda: Memory(None))
    """What whole records said last, so that pushing the same again is no event."""
    close: Callable[[], None] = lambda: None
    brake: Brake = field(default_factory=Brake)
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    """Names this run of the server in ETags."""
    _tree: "UnitTree | None" = None

    def now(self, moment: Moment | None) -> Millis:
        """The instant that questions without one are asked at: wall, fixed, or the log's clock."""
        fixed = fixed_clock(self.config)
        if fixed is not None:
            return parse_instant(fixed, self.zone)
        if self.config.clock == "log" and moment is not None and moment.clock:
            return moment.clock
        return self.wall()

    def instant_of(self, clock: Literal["wall", "log"]) -> Millis:
        """Now by a clock that a question names; the wall's while the log has none."""
        return (self.moments.current().clock if clock == "log" else 0) or self.wall()

    def sees(self, principal: Principal) -> Callable[[str], bool]:
        """Whether a unit lies in the principal's subtrees: by the registered parents, else by its dotted code."""
        if not principal.units or self.config.root in principal.units:
            return lambda _: True
        if self._tree is None:
            self._tree = UnitTree(self._parents)
        tree, now = self._tree, time.monotonic_ns() // 1_000_000
        return lambda unit: tree.within(unit, principal.units, now)

    def known_sets(self) -> tuple[Mapping[str, Mapping[str, Any]], Sequence[IndicatorSet]]:
        """The documents of indicator sets by name, and the sets; without the store, those that came with us."""
        with suppress(Gs766Error), self.context(self, Principal("sets", frozenset({"read"}))) as ctx:
            found: tuple[Mapping[str, Mapping[str, Any]], Sequence[IndicatorSet]] = ctx.published_sets()
            return found
        return packaged_documents(), packaged_sets()

    def _parents(self) -> Mapping[str, str | None]:
        with self.context(self, Principal("tree", frozenset({"read"}))) as ctx:
            return {code: unit.parent for code, unit in ctx.tree.units.items()}


class UnitTree:
    """Parents of units, read again when they are older than a few seconds; without them codes decide."""

    def __init__(self, read: Callable[[], Mapping[str, str | None]]) -> None:
        self._read = read
        self._mutex = threading.Lock()
        self._parents: Mapping[str, str | None] = {}
        self._read_at: int | None = None

    def within(self, unit: str, roots: tuple[str, ...], now: Millis) -> bool:
        """Whether a unit is, or lies below, one of the roots."""
        parents = self._current(now)
        here: str | None = unit
        for _ in range(20):  # deeper than any administration; ends a circle of parents
            if here is None:
                return False
            if here in roots:
                return True
            if here not in parents:
                return any(in_subtree(here, root) for root in roots)
            here = parents[here]
        return False

    def _current(self, now: Millis) -> Mapping[str, str | None]:
        with self._mutex:
            if self._read_at is None or now - self._read_at > TREE_AGE_MS:
                self._read_at = now
                # Without the store, what was read last still holds, and codes decide the rest.
                with suppress(Gs766Error):
                    self._parents = self._read()
            return self._parents


def services_of(request: Request) -> Services:
    """A dependency: the services of the app that answers."""
    found: Services = request.app.state.services
    return found
