"""An API over ten-line fakes: a log in a list, figures from a dict, a store that stands still."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.access import Principal
from api.acts import Acts
from api.app import create_app
from api.config import ApiConfig, StoreConfig
from api.due_acts import DueActs
from api.feed import Moments
from api.figures.units import build_tree
from api.health import Facts
from api.keys import KeyStore
from api.problems import NotFound
from api.services import Services
from api.stream import Hub, Moment
from api.vector import Vector
from domain.errors import Unavailable
from domain.indicator_documents import packaged_documents, packaged_sets
from domain.instants import parse_rfc3339, zone
from eventlog.config import KafkaConfig
from eventlog.pending import Coordinates
from eventlog.writer import WriterState

NOW = parse_rfc3339("2026-08-20T10:00:00+07:00")
DEVELOPMENT = "gs766_development-token"


class FakeLog:
    """A log of two partitions in a list; `full` is a spool at its quota, `away` a Kafka that is away."""

    def __init__(self) -> None:
        self.records: list[tuple[str | None, int, str, bytes, str]] = []
        self.full = False
        self.away = False

    def submit(
        self,
        events: Iterable[tuple[str, bytes]],
        *,
        key_id: str = "",
        topic: str | None = None,
        partition: int | None = None,
    ) -> Future[list[Coordinates | None]]:
        future: Future[list[Coordinates | None]] = Future()
        if self.full:
            raise Unavailable("Kafka is away and the spool is full")
        places: list[Coordinates | None] = []
        for subject, event in events:
            self.records.append((topic, partition or 0, subject, event, key_id))
            places.append(None if self.away else Coordinates(partition or 0, len(self.records), 0))
        future.set_result(places)
        return future

    def submit_broadcast(
        self, subject: str, event: bytes, *, key_id: str = ""
    ) -> Future[list[Coordinates | None]]:
        future: Future[list[Coordinates | None]] = Future()
        found = [self.submit([(subject, event)], key_id=key_id, partition=p).result()[0] for p in (0, 1)]
        future.set_result(found)
        return future

    def state(self) -> WriterState:
        return WriterState("live", 0, 0, 0, "")

    def close(self) -> None:
        pass


class FakeFigures:
    """Answers every question with what it was asked; a unit outside the scope does not exist."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(ctx: Any = None, *args: Any) -> Any:
            self.asked.append((name, args))
            unit = args[0] if name in ("scorecard", "overdue") else None
            if unit is not None and ctx.scope and not Principal("", frozenset(), ctx.scope).sees(unit):
                raise NotFound(f"there is no unit {unit}")
            if args and args[0] == "missing":
                return None
            return {"asked": name, "args": list(args)}

        return ask


class FakeFeed:
    """A store at a place that tests move, and the changes that it tells."""

    def __init__(self) -> None:
        self.vector = Vector(1, (10, 20), 5)
        self.clock = NOW
        self.told: list[Any] = []
        self.too_many = False

    def moment(self) -> Moment:
        return Moment(self.vector, NOW, self.clock)

    def changes(self, since: Vector, to: Vector, limit: int) -> list[Any] | None:
        def within(change: Any) -> bool:
            if change.log == "acts":
                return bool(since.acts < change.offset <= to.acts)
            return bool(since.events[change.partition] < change.offset <= to.events[change.partition])

        return (
            None if self.too_many or len(self.told) > limit else [change for change in self.told if within(change)]
        )


@dataclass
class Bench:
    """The app under test and its fakes."""

    config: ApiConfig
    log: FakeLog = field(default_factory=FakeLog)
    figures: FakeFigures = field(default_factory=FakeFigures)
    feed: FakeFeed = field(default_factory=FakeFeed)
    facts: dict[str, Any] = field(default_factory=dict)
    services: Services | None = None
    wall: int = NOW

    def open(self, config: ApiConfig) -> Services:
        keys = KeyStore(config.private)

        @contextmanager
        def context(_: Services, principal: Principal) -> Iterator[Any]:
            tree = build_tree("H44", {}, ("H44.1", "H44.1.2", "H44.10"), NOW)
            yield SimpleNamespace(
                scope=principal.units,
                now_ms=NOW,
                tree=tree,
                position=lambda: {"generation": 1, "complete_to": {}},
                published_sets=lambda: (packaged_documents(), packaged_sets()),
            )

        def probe(_: Services) -> Facts:
            known: dict[str, Any] = {"now": NOW, "clock": "wall", "generation": 1}
            return Facts(**known | self.facts)

        self.services = Services(
            config=config,
            zone=zone(config.zone),
            keys=keys,
            log=self.log,
            acts=Acts(self.log, "alert-log", keys, DueActs(config.private)),
            moments=Moments(self.feed.moment, lambda: 0, max_age_ms=-1),
            hub=Hub(self.feed),
            figures=self.figures,
            context=context,
            probe=probe,
            wall=lambda: self.wall,
            close=keys.close,
        )
        return self.services

    def key(self, *scopes: str, units: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> dict[str, str]:
        """The headers of a new key."""
        assert self.services is not None
        made = self.services.keys.create_key("test", scopes, now=NOW, units=units, sources=sources)
        return {"Authorization": f"Bearer {made.token}"}

    def events(self) -> list[bytes]:
        """What stands in dossier-events."""
        return [event for topic, _, _, event, _ in self.log.records if topic is None]

    def acts(self) -> list[bytes]:
        """What stands in the alert log."""
        return [event for topic, _, _, event, _ in self.log.records if topic == "alert-log"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The fakes, before the app starts."""
    config = ApiConfig(
        KafkaConfig("127.0.0.1:1"), StoreConfig(), tmp_path / "private.sqlite", partitions=2,
        development_key=DEVELOPMENT, max_body_bytes=300_000, max_items=500,
    )  # fmt: skip
    return Bench(config)


@pytest.fixture
def remote(bench: Bench) -> Iterator[TestClient]:
    """A client elsewhere: it needs a key."""
    app = create_app(bench.config, bench.open)
    with TestClient(app, client=("192.0.2.1", 5000), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def local(bench: Bench, remote: TestClient) -> TestClient:
    """A client on the same machine."""
    del bench
    return TestClient(
        remote.app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 5000), raise_server_exceptions=False
    )


@pytest.fixture
def owner() -> dict[str, str]:
    """The headers of the development key."""
    return {"Authorization": f"Bearer {DEVELOPMENT}"}
