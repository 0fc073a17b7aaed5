"""Sending records: one place that knows kafka-python's producer, and the bulk path of imports."""

import threading
from collections.abc import Callable
from typing import Any, Literal

from kafka import KafkaProducer
from kafka.errors import KafkaError

from domain.blocks import Block, Grouper, check_event, partition_of
from domain.errors import Unavailable
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.spool import Spooled

Origin = Literal["live", "import"]
_IN_FLIGHT_BYTES = 16 * 1024 * 1024
BULK_TIMEOUT_MS = 60_000
STRETCH_EVENTS = 5_000
STRETCH_BYTES = 8 * 1024 * 1024


def open_producer(config: KafkaConfig, ack_timeout_ms: int, linger_ms: int = 0) -> Any:
    """A connected producer: all replicas acknowledge, retries make no second copy, zstd.

    Raises Unavailable when Kafka does not answer, Refused when it refuses.
    """
    with kafka_errors("connecting to write"):
        return KafkaProducer(
            **config.client(),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            linger_ms=linger_ms,
            batch_size=1024 * 1024,
            max_request_size=8 * 1024 * 1024,
            max_block_ms=ack_timeout_ms,
            request_timeout_ms=max(1_000, ack_timeout_ms - linger_ms - 1_000),
            delivery_timeout_ms=ack_timeout_ms,
            allow_auto_create_topics=False,
        )


def send(producer: Any, record: Spooled, done: Callable[[int], None], failed: Callable[[Exception], None]) -> None:
    """Sends one record without waiting; exactly one of `done(offset)` and `failed(error)` is called, from
    the producer's thread or at once."""
    headers = [("origin", record.origin.encode()), ("key_id", record.key_id.encode())]
    try:
        future = producer.send(
            record.topic, record.value, key=record.key, headers=headers, partition=record.partition
        )
    except (KafkaError, OSError, AssertionError, ValueError) as error:
        failed(error)
        return
    future.add_callback(lambda metadata: done(metadata.offset))
    future.add_errback(failed)


def close_producer(producer: Any, timeout_s: float) -> None:
    """Ends a producer; what has not been acknowledged by then has failed."""
    try:
        producer.close(timeout_s)
    except KafkaError:
        # close() raises before it ends its thread when something is still unacknowledged (kafka-python 3.0),
        # and that thread would deliver it much later, behind newer records.
        producer._sender.force_close()
        producer._sender.join(timeout_s + 5)
        producer._closed = True


class BulkWriter:
    """Imports into one topic: full blocks by partition, many in flight, nothing spooled.

    Events wait for a stretch of some thousands, which is put in order of subject before it is cut into blocks: a
    dossier is then folded once for many of its events (four times faster in all), and what it comes to is the
    same in any order. A failure is raised by the next `add` or by `flush`; the import is then run again, its ids
    are the same. Not thread-safe.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topic: str,
        partitions: int,
        *,
        origin: Origin = "import",
        key_id: str = "",
        block_events: int = 500,
        timeout_ms: int = BULK_TIMEOUT_MS,
    ) -> None:
        self._topic = topic
        self._partitions = partitions
        self._origin = origin
        self._key_id = key_id
        self._timeout_ms = timeout_ms
        self._grouper = Grouper(block_events)
        self._stretches: dict[int, list[tuple[str, bytes]]] = {}
        self._stretch_bytes: dict[int, int] = {}
        self._wake = threading.Condition()
        self._in_flight = 0
        self._failures = 0
        self._first_failure = ""
        self._ends: dict[int, int] = {}
        self._producer = open_producer(config, timeout_ms, linger_ms=5)

    def __enter__(self) -> "BulkWriter":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            close_producer(self._producer, 0 if kind else 5)

    def add(self, subject: str, event: bytes, partition: int | None = None) -> None:
        """Takes one encoded event; waits while too much is in flight.

        Raises InvalidEvent (too large), Unavailable (an earlier block was not acknowledged).
        """
        check_event(event)
        where = partition_of(subject, self._partitions) if partition is None else partition
        stretch = self._stretches.setdefault(where, [])
        stretch.append((subject, event))
        size = self._stretch_bytes[where] = self._stretch_bytes.get(where, 0) + len(event)
        if len(stretch) >= STRETCH_EVENTS or size >= STRETCH_BYTES:
            self._cut(where)

    def _cut(self, partition: int) -> None:
        """Cuts a stretch into blocks; events of one subject keep their order."""
        stretch = self._stretches.pop(partition, [])
        self._stretch_bytes.pop(partition, None)
        for _, event in sorted(stretch, key=lambda pair: pair[0]):
            for block in self._grouper.add(partition, event):
                self._send(block)

    def broadcast(self, event: bytes) -> None:
        """Takes one event for every partition."""
        for partition in range(self._partitions):
            self.add("", event, partition)

    def flush(self) -> dict[int, int]:
        """Sends what is left and waits until all is acknowledged.

        Returns, for each partition written to, the offset behind the last record: what a reader must reach.
        Raises Unavailable when any block failed.
        """
        for partition in sorted(self._stretches):
            self._cut(partition)
        for block in self._grouper.drain():
            self._send(block)
        with self._wake:
            self._wait(lambda: self._in_flight == 0)
            return dict(self._ends)

    def _send(self, block: Block) -> None:
        value = block.encode()
        size = len(value)
        with self._wake:
            self._wait(lambda: self._in_flight == 0 or self._in_flight + size <= _IN_FLIGHT_BYTES)
            self._in_flight += size

        def done(offset: int) -> None:
            with self._wake:
                self._ends[block.partition] = max(self._ends.get(block.partition, 0), offset + 1)
                self._in_flight -= size
                self._wake.notify_all()

        def failed(error: Exception) -> None:
            with self._wake:
                self._failures += 1
                self._first_failure = self._first_failure or type(error).__name__
                self._in_flight -= size
                self._wake.notify_all()

        count = len(block.events)
        record = Spooled(self._topic, block.partition, None, value, self._origin, self._key_id, count)
        send(self._producer, record, done, failed)

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Waits with the lock held; raises Unavailable when a block failed or nothing is acknowledged."""
        if not self._wake.wait_for(lambda: self._failures > 0 or condition(), self._timeout_ms / 1000):
            self._failures += 1
            self._first_failure = f"no acknowledgement in {self._timeout_ms // 1000} s"
        if self._failures:
            raise Unavailable(
                f"Kafka did not take {self._failures} blocks ({self._first_failure}): run the import again, "
                "what is already in the log is not counted twice"
            )
