"""The store's writer: reads the three topics from its own positions and inserts what it reads.

Two pipelines run side by side, the logs and the change records, each with one batch in flight: read, INSERT,
then the position row. A position is never ahead of the data; after any error the same batch is inserted again.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from clickhouse_driver import Client

from eventlog.config import KafkaConfig
from sinks.change_batches import SETTINGS, ChangeBatches, PartInserts
from sinks.clickhouse import connect
from sinks.feed import Feed, change_starts, log_starts
from sinks.generations import generations
from sinks.insist import Insist, Stopped
from sinks.log_batches import LogBatches
from sinks.pace import Pace
from sinks.positions import (
    ALERTS,
    CHANGE_TOPIC,
    EVENTS,
    Fault,
    Position,
    read_faults,
    read_positions,
    write_faults,
    write_positions,
)
from sinks.schema import DATABASE, migrate
from sinks.writer_health import Health

log = logging.getLogger("gs766.writer")

_GENERATIONS_SECONDS = 1.0
# Figures wait for change records only. The log's own copy is for dossiers' pages and proofs: it may come in fewer
# pieces. What people do about alerts is waited for, but every reading of a dossier is an act, too; while many
# alerts are told at once (four acts each), acts are gathered for a second.
_EVENTS_PACE = 4.0, 1.0
_CHANGES_PACE = 0.5, 0.1
_ACTS_PACE = 2.0, 0.5, 1 << 20, 12 << 20, 1.0


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """What the writer needs: both ends, and how it paces itself."""

    kafka: KafkaConfig
    store: str | Mapping[str, Any] = field(repr=False)
    """As `sinks.clickhouse.connect` takes it; holds a password."""
    database: str = DATABASE
    batch_bytes: int = 16 * 1024 * 1024
    """About how much one INSERT carries under load."""
    wait_ms: int = 25
    """How long a pipeline waits at one topic for the first record."""
    retry_seconds: tuple[float, float] = (0.1, 5.0)
    """The first and the longest pause before the same batch is tried again."""
    health_file: Path | None = None
    """Where the process tells how it is; see `sinks.writer_health`."""


def run(config: WriterConfig, stop: threading.Event) -> None:
    """Writes until `stop` is set. Brings the schema up to date first.

    A store or a Kafka that is away is waited for, and so is a store that refuses a batch: red in health.
    Raises Refused when a topic was replaced or holds what cannot be: a person decides.
    """
    health = Health(config.health_file)
    end = threading.Event()
    ended = threading.Event()
    relay = threading.Thread(target=_relay, args=(stop, end, ended, health), name="writer-health", daemon=True)
    relay.start()
    try:
        _Writer(config, end, health).run()
    except Stopped:
        pass
    except BaseException as error:
        ended.set()
        relay.join()
        health.refused(str(error) or type(error).__name__)
        log.error("the writer stops: %s", error)
        raise
    ended.set()
    relay.join()
    health.stopped()


def _relay(stop: threading.Event, end: threading.Event, ended: threading.Event, health: Health) -> None:
    """Passes the caller's stop on and says every second that the process lives."""
    while not ended.is_set():
        if stop.wait(0.05):
            end.set()
            ended.wait(0.05)
        health.beat()


class _Writer:
    """One run: what was read at the start, and the two pipelines."""

    def __init__(self, config: WriterConfig, end: threading.Event, health: Health) -> None:
        self._config = config
        self._end = end
        self._health = health
        self._insist = Insist(config.retry_seconds, end, health)
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._version = 0

    def run(self) -> None:
        """Both pipelines, until the end is asked for or one has met what only a person can clear."""
        config, kafka, insist = self._config, self._config.kafka, self._insist
        insist("schema", lambda: migrate(config.store, config.database))
        with self._client() as client:
            positions, self._version = insist("positions", lambda: read_positions(client), client)
            faults = insist("faults", lambda: read_faults(client), client)
        self._health.faults(faults)
        logs: list[tuple[Feed, LogBatches]] = []
        for topic, name in ((EVENTS, kafka.events), (ALERTS, kafka.alerts)):
            log_id, starts = insist(topic, partial(log_starts, kafka, name, topic, positions))
            logs.append((Feed(kafka, name, starts), LogBatches(topic, log_id, positions)))
        starts = insist(CHANGE_TOPIC, partial(change_starts, kafka, positions))
        changes = ChangeBatches(logs[0][1].log_id, positions, faults)
        self._health.ready()
        self._run_all(
            partial(self._write_logs, logs),
            partial(self._write_changes, Feed(kafka, kafka.changes, starts), changes),
        )

    def _run_all(self, *pipelines: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self._guard, args=(p,), name="writer") for p in pipelines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _guard(self, pipeline: Callable[[], None]) -> None:
        try:
            pipeline()
        except Stopped:
            pass
        except BaseException as error:
            self._errors.append(error)
        finally:
            self._end.set()

    def _write_logs(self, logs: Sequence[tuple[Feed, LogBatches]]) -> None:
        paces = {EVENTS: Pace(*_EVENTS_PACE), ALERTS: Pace(*_ACTS_PACE)}
        with self._client() as client:
            while not self._end.is_set():
                self._end.wait(min(pace.left(time.monotonic()) for pace in paces.values()))
                for feed, batches in logs:
                    self._write_log(client, feed, batches, paces[batches.topic])
        for feed, _ in logs:
            feed.close()

    def _write_log(self, client: Client, feed: Feed, batches: LogBatches, pace: Pace) -> None:
        config, topic = self._config, batches.topic
        if pace.left(time.monotonic()):
            return
        records = self._insist(topic, lambda: feed.take(config.batch_bytes, config.wait_ms))
        if records:
            begun = time.monotonic()
            known_at = batches.known_at(records)
            self._insist(topic, lambda: batches.insert(client, records, known_at), client)
            self._save(client, topic, batches.positions(records, known_at))
            self._health.wrote(topic, len(records))
            pace.wrote(begun, time.monotonic(), sum(len(r.value) for r in records))

    def _write_changes(self, feed: Feed, batches: ChangeBatches) -> None:
        looked = float("-inf")
        pace = Pace(*_CHANGES_PACE)
        with closing(PartInserts(partial(self._client, settings=SETTINGS))) as insert, self._client() as client:
            while not self._end.is_set():
                self._write_change_batch(client, insert, feed, batches, pace)
                if time.monotonic() - looked >= _GENERATIONS_SECONDS:
                    batches.dropped = self._insist(CHANGE_TOPIC, lambda: _dropped(client), client)
                    looked = time.monotonic()
        feed.close()

    def _write_change_batch(
        self, client: Client, insert: PartInserts, feed: Feed, batches: ChangeBatches, pace: Pace
    ) -> None:
        config = self._config
        self._end.wait(pace.left(time.monotonic()))
        records = self._insist(CHANGE_TOPIC, lambda: feed.take(config.batch_bytes, 2 * config.wait_ms))
        if records:
            begun = time.monotonic()
            batch = batches.judge(records)
            self._insist(CHANGE_TOPIC, lambda: insert(batch.parts))
            self._report(client, batch.faults)
            self._save(client, CHANGE_TOPIC, batch.positions)
            self._health.wrote(CHANGE_TOPIC, len(records))
            pace.wrote(begun, time.monotonic(), sum(len(r.value) for r in records))

    def _report(self, client: Client, faults: Sequence[Fault]) -> None:
        """Faults are recorded before the position passes them, so that a restart knows of them."""
        if faults:
            for fault in faults:
                log.error("generation %s stops: %s", fault.generation, fault)
            self._insist(CHANGE_TOPIC, lambda: write_faults(client, faults, _now()), client)
            self._health.faults(faults)

    def _save(self, client: Client, what: str, positions: Sequence[Position]) -> None:
        with self._lock:
            self._version += 1
            version = self._version
        self._insist(what, lambda: write_positions(client, positions, version, _now()), client)

    def _client(self, **options: Any) -> Any:
        return connect(self._config.store, database=self._config.database, **options)


def _dropped(client: Client) -> frozenset[int]:
    return frozenset(g.number for g in generations(client) if g.state == "dropped")


def _now() -> int:
    return time.time_ns() // 1_000_000
