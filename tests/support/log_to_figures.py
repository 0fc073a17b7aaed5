"""Events through the real log, the stream's fold and the writer, to figures: no HTTP, no supervisor."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from api.figures import FigureContext
from domain.events import Event, encode_event
from domain.instants import Millis, Zone
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.topics import ensure_topics
from sinks.clickhouse import connect
from sinks.generations import activate, begin
from sinks.positions import complete_to, wait_until
from sinks.schema import migrate
from sinks.writer import WriterConfig
from sinks.writer import run as run_writer
from stream.driver import fold_to_end
from stream.runner import worker_config


class LogToFigures:
    """One log and one store; events may be added at any time, and the fold made anew as another generation."""

    def __init__(self, kafka: KafkaConfig, store: dict[str, Any], folder: Path, zone: Zone, root: str) -> None:
        self._kafka, self._store, self._folder, self._zone, self._root = kafka, store, folder, zone, root
        self._partitions = 2
        now = time.time_ns() // 1_000_000
        self._log = ensure_topics(kafka, now, self._partitions).events
        migrate(store)
        self.generation = 0
        self.rebuild()

    def rebuild_from_log(self) -> None:
        """The fold made anew from the whole log, as another generation; returns when it is queryable."""
        with connect(self._store, database="gs766") as client:
            ends = {p: n + 1 for p, n in complete_to(client, self.generation).items()}
        self.rebuild(ends)

    def rebuild(self, ends: Any = None) -> None:
        """A new generation."""
        now = time.time_ns() // 1_000_000
        self.generation += 1
        with connect(self._store, database="gs766") as client:
            begin(client, self.generation, "test", self._log, now)
        self._fold(ends)
        with connect(self._store, database="gs766") as client:
            activate(client, self.generation, now)

    def add(self, events: Iterable[Event]) -> None:
        """Sends events, folds them, and waits until they are queryable."""
        with BulkWriter(self._kafka, self._kafka.events, self._partitions) as writer:
            for event in events:
                writer.add(event.subject, encode_event(event))
            ends = writer.flush()
        self._fold(ends)

    def _fold(self, ends: Any) -> None:
        config = worker_config(
            self._kafka, self._folder / f"state{self.generation}", self._zone, self.generation, self._partitions
        )
        fold_to_end(config, range(self._partitions))
        if ends:
            with connect(self._store, database="gs766") as client:
                wait_until(client, ends, seconds=600, generation=self.generation)

    @contextmanager
    def context(self, now: Millis, **changes: Any) -> Iterator[FigureContext]:
        """What figures are asked with, at an instant."""
        with connect({**self._store, "user": "reader", "password": "r"}, database="gs766") as client:
            yield replace(FigureContext(client, self.generation, self._zone, self._root, now), **changes)


@contextmanager
def log_to_figures(
    kafka: KafkaConfig, store: dict[str, Any], folder: Path, zone: Zone, root: str = "H44"
) -> Iterator[LogToFigures]:
    """A log, a store and the writer between them; `store` are the writer's parameters."""
    made = LogToFigures(kafka, store, folder, zone, root)
    stop = threading.Event()
    writer = threading.Thread(target=run_writer, args=(WriterConfig(kafka, store), stop), daemon=True)
    writer.start()
    try:
        yield made
    finally:
        stop.set()
        writer.join(30)
