"""Writing to the log: concurrent callers' events become blocks; each caller learns where its events stand.

`append` returns after Kafka's acknowledgement (all replicas) or, while Kafka is away, after the events are
on disk in the spool. A spool that holds something is always sent before anything newer.
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from domain.blocks import MAX_BLOCK_EVENTS, check_event, partition_of
from domain.errors import Gs766Error, Unavailable
from eventlog.config import KafkaConfig
from eventlog.pending import Call, Coordinates, Item, PendingBlock, blocks
from eventlog.producer import BulkWriter, Origin, close_producer, open_producer, send
from eventlog.spool import QUOTA_BYTES, Spool, Spooled

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """What a writer is for and how patient it is; times in milliseconds."""

    kafka: KafkaConfig
    topic: str
    partitions: int
    spool: Path | None = None
    """The spool's folder; without one, a Kafka that is away is Unavailable to the caller."""
    quota: int = QUOTA_BYTES
    linger_ms: int = 20
    ack_timeout_ms: int = 5_000
    """How long an acknowledgement may take before the events go to the spool."""
    max_waiting_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WriterState:
    """For health: `live` (straight to Kafka) or `spooling`; what waits; the last reason, '' when all is well."""

    mode: Literal["live", "spooling"]
    spooled: int
    spooled_bytes: int
    torn_bytes: int
    last_error: str


class LogWriter:
    """A client of one topic for any number of threads; close it to send what is left."""

    def __init__(self, settings: WriterSettings) -> None:
        self._settings = settings
        self._spool = Spool(settings.spool, settings.quota) if settings.spool else None
        self._wake = threading.Condition()
        self._queue: list[Item] = []
        self._waiting_bytes = 0
        self._in_flight: dict[int, tuple[PendingBlock, float]] = {}  # by number, with its deadline
        self._failed: list[PendingBlock] = []
        self._closing = False
        self._last_error = ""
        self._live = False
        self._producer: Any = None
        self._mode = threading.Lock()  # held while the spool is appended to, and while it is found empty
        self._try_to_go_live()
        self._threads = [
            threading.Thread(target=self._run, name="log-writer", daemon=True),
            threading.Thread(target=self._recover, name="log-recovery", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "LogWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- for callers ---

    def append(
        self,
        events: Iterable[tuple[str, bytes]],
        *,
        origin: Origin = "live",
        key_id: str = "",
        topic: str | None = None,
        partition: int | None = None,
    ) -> list[Coordinates | None]:
        """Accepts (subject, encoded event) pairs; returns their coordinates, None for each that was spooled.

        `topic` and `partition` name another place than the subject's. Raises InvalidEvent (nothing was
        accepted), Unavailable (answer 503; some of the events may stand in the log: the same ids may come
        again), as `submit`.
        """
        call = self.submit(events, origin=origin, key_id=key_id, topic=topic, partition=partition)
        return call.result()

    async def append_async(
        self,
        events: Iterable[tuple[str, bytes]],
        *,
        origin: Origin = "live",
        key_id: str = "",
        topic: str | None = None,
        partition: int | None = None,
    ) -> list[Coordinates | None]:
        """`append` for an event loop, which it does not block. A cancelled wait does not take events back."""
        call = self.submit(events, origin=origin, key_id=key_id, topic=topic, partition=partition)
        return await asyncio.shield(asyncio.wrap_future(call))

    def submit(
        self,
        events: Iterable[tuple[str, bytes]],
        *,
        origin: Origin = "live",
        key_id: str = "",
        topic: str | None = None,
        partition: int | None = None,
    ) -> Future[list[Coordinates | None]]:
        """`append` without waiting: the future holds its result or its error."""
        if topic not in (None, self._settings.topic) and partition is None:
            raise ValueError(f"a send to {topic} names its partition")
        pairs = [(subject, event, partition) for subject, event in events]
        return self._enqueue(pairs, topic or self._settings.topic, origin, key_id)

    def broadcast(
        self, subject: str, event: bytes, *, origin: Origin = "live", key_id: str = ""
    ) -> list[Coordinates | None]:
        """The same event to every partition; a list of coordinates by partition, when all have it."""
        return self.submit_broadcast(subject, event, origin=origin, key_id=key_id).result()

    def submit_broadcast(
        self, subject: str, event: bytes, *, origin: Origin = "live", key_id: str = ""
    ) -> Future[list[Coordinates | None]]:
        """`broadcast` without waiting."""
        pairs = [(subject, event, partition) for partition in range(self._settings.partitions)]
        return self._enqueue(pairs, self._settings.topic, origin, key_id)

    def bulk(self, *, origin: Origin = "import", key_id: str = "", block_events: int = 500) -> BulkWriter:
        """A writer for imports: large blocks, many in flight, no spool. See `BulkWriter`."""
        s = self._settings
        return BulkWriter(s.kafka, s.topic, s.partitions, origin=origin, key_id=key_id, block_events=block_events)

    def state(self) -> WriterState:
        """What health shows."""
        with self._wake:
            live, error = self._live, self._last_error
        spool = self._spool.state() if self._spool else None
        counts = (spool.events, spool.bytes, spool.torn_bytes) if spool else (0, 0, 0)
        return WriterState("live" if live else "spooling", *counts, error)

    @property
    def spooled(self) -> int:
        """Events that wait on disk."""
        return self._spool.state().events if self._spool else 0

    def close(self) -> None:
        """Takes no more, waits for what is on its way (acknowledged or spooled), and ends."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        self._drop_producer(5)
        if self._spool is not None:
            self._spool.close()

    # --- from callers to blocks (callers' threads, then the writer's) ---

    def _enqueue(
        self, pairs: Sequence[tuple[str, bytes, int | None]], topic: str, origin: str, key_id: str
    ) -> Future[list[Coordinates | None]]:
        call = Call(len(pairs))
        items: list[Item] = []
        for place, (subject, event, explicit) in enumerate(pairs):
            check_event(event)
            partition = partition_of(subject, self._settings.partitions) if explicit is None else explicit
            items.append(Item(call, place, subject.encode(), event, (topic, partition, origin, key_id)))
        if not items:
            call.future.set_result([])
            return call.future
        size = sum(len(item.event) for item in items)
        with self._wake:
            if self._closing:
                raise Unavailable("the log writer is closing")
            if self._waiting_bytes and self._waiting_bytes + size > self._settings.max_waiting_bytes:
                raise Unavailable("too many events are waiting for Kafka: retry later")
            self._waiting_bytes += size
            self._queue += items
            self._wake.notify_all()
        return call.future

    def _run(self) -> None:
        """The writer's thread; should it ever end by an error, nobody is left waiting."""
        try:
            self._write_blocks()
        except BaseException as error:
            with self._wake:
                self._closing, self._last_error = True, f"the log writer has ended: {error!r}"
                lost = [item for block, _ in self._in_flight.values() for item in block.items]
                lost += [item for block in self._failed for item in block.items]
                for item in lost + self._queue:
                    item.call.fail(Unavailable(self._last_error))
                self._wake.notify_all()
            raise

    def _write_blocks(self) -> None:
        number = 0
        while (items := self._next_items()) is not None:
            for block in blocks(items, number):
                number = block.number + 1
                with self._wake:
                    live = self._live and not self._failed
                    if live:
                        deadline = time.monotonic() + self._settings.ack_timeout_ms / 1000
                        self._in_flight[block.number] = (block, deadline)
                    else:
                        self._failed.append(block)
                if live:
                    self._send(block)
            if self._failed:
                self._settle()

    def _next_items(self) -> list[Item] | None:
        """Waits for events, and while others are on their way lingers for more: what comes alone does not wait for
        company. [] when only failures are to be settled; None to end."""
        with self._wake:
            while not self._queue and not self._failed:
                if self._closing and not self._in_flight:
                    return None
                oldest = min((deadline for _, deadline in self._in_flight.values()), default=None)
                if not self._wake.wait(None if oldest is None else max(0.0, oldest - time.monotonic())):
                    self._give_up_late()
            deadline = time.monotonic() + self._settings.linger_ms / 1000
            while (
                self._in_flight and not self._closing and not self._failed and len(self._queue) < MAX_BLOCK_EVENTS
            ):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._wake.wait(left)
            items, self._queue = self._queue, []
            return items

    def _send(self, block: PendingBlock) -> None:
        def done(offset: int) -> None:
            with self._wake:
                if self._in_flight.pop(block.number, None):  # else it came too late: it is in the spool
                    self._answer(block, offset)

        def failed(error: Exception) -> None:
            with self._wake:
                if self._in_flight.pop(block.number, None) is None:
                    return
                self._failed.append(block)
                self._last_error = str(error).splitlines()[0] if str(error) else type(error).__name__
                self._wake.notify_all()

        send(self._producer, block.record, done, failed)

    def _answer(self, block: PendingBlock, offset: int | None, error: Gs766Error | None = None) -> None:
        """Tells the callers of a block; with the lock held, because their other blocks land elsewhere."""
        for index, item in enumerate(block.items):
            self._waiting_bytes -= len(item.event)
            if error is not None:
                item.call.fail(error)
            else:
                place = None if offset is None else Coordinates(block.record.partition, offset, index)
                item.call.answer(item.place, place)
        self._wake.notify_all()

    def _give_up_late(self) -> None:
        """Blocks whose acknowledgement is overdue have failed; kafka-python itself can take much longer."""
        now = time.monotonic()
        late = [block for block, deadline in self._in_flight.values() if deadline <= now]
        for block in late:
            del self._in_flight[block.number]
            self._failed.append(block)
            self._last_error = f"no acknowledgement in {self._settings.ack_timeout_ms} ms"

    def _settle(self) -> None:
        """Kafka is away: waits until nothing is in flight, so that the order is known, then spools all that
        failed and answers; without a spool, or with a full one, the callers get the error."""
        with self._wake:
            while self._in_flight:
                latest = max(deadline for _, deadline in self._in_flight.values())
                self._wake.wait(max(0.0, latest - time.monotonic()))
                self._give_up_late()
            failed = sorted(self._failed, key=lambda block: block.number)
            self._failed = []
            producer, was_live = self._producer, self._live
            if was_live:
                self._producer, self._live = None, False
        if was_live and producer is not None:
            close_producer(producer, 0)
        error: Gs766Error | None = None
        with self._mode:
            try:
                if self._spool is None:
                    raise Unavailable(f"Kafka does not answer ({self._last_error}): retry later")
                self._spool.append([block.record for block in failed])
            except Unavailable as unavailable:
                error = unavailable
            with self._wake:
                self._live = False  # the recovery may have found the spool empty just before this append
                for block in failed:
                    self._answer(block, None, error)

    # --- back to Kafka (the recovery's thread) ---

    def _recover(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or not self._live)
                if self._closing:
                    return
            if not self._try_to_go_live():
                with self._wake:
                    self._wake.wait_for(lambda: self._closing, RETRY_SECONDS)

    def _try_to_go_live(self) -> bool:
        """Connects and sends one slice of the spool; live when nothing is left. False: Kafka is away."""
        try:
            if self._producer is None:
                self._producer = open_producer(self._settings.kafka, self._settings.ack_timeout_ms)
            if self._spool is not None:
                records, place = self._spool.peek()
                if records:
                    self._send_spooled(records)
                    self._spool.advance(place, records)
                    return True
        except (Gs766Error, OSError) as error:
            self._drop_producer(0)
            with self._wake:
                self._last_error = str(error)
            return False
        with self._mode, self._wake:
            if self.spooled == 0:
                self._live, self._last_error = True, ""
        return True

    def _send_spooled(self, records: Sequence[Spooled]) -> None:
        """Sends the records in order and waits for all; Unavailable when one was not acknowledged."""
        landed = threading.Semaphore(0)
        errors: list[Exception] = []

        def failed(error: Exception) -> None:
            errors.append(error)
            landed.release()

        for record in records:
            send(self._producer, record, lambda _: landed.release(), failed)
        deadline = time.monotonic() + self._settings.ack_timeout_ms / 1000 + 1
        for _ in records:
            if not landed.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise Unavailable("Kafka does not acknowledge what was spooled")
        if errors:
            raise Unavailable(f"the spool could not be sent: {errors[0]}")

    def _drop_producer(self, timeout_s: float) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            close_producer(producer, timeout_s)
