"""Drives one partition's fold: from its own position, through the log, to acknowledged output and commit.

The position is the state's own; whoever delivers records (Faust, the plain driver) is only a hint. On a gap the
log is read from the position, on an overlap records are skipped (design rule 4).
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from domain.changes import decode_change, pack
from domain.errors import NewerEvent, Refused, Unavailable
from domain.events import without_values
from domain.fold import fingerprint
from domain.instants import Zone
from domain.rows import STOPPED, DeadLetterRow
from eventlog.config import KafkaConfig
from eventlog.quarantine import read_quarantine
from eventlog.reader import LogReader
from eventlog.topics import read_log_id
from stream.partition import CLOCK_TOLERANCE_MS, Batch, FoldConfig, LogRecord, PartitionFold, may_hold_documents
from stream.snapshots import Snapshots, take_over
from stream.state import Position, StateStore, record_hash

log = logging.getLogger(__name__)
Emit = Callable[[int, Sequence[bytes]], None]
"""Sends change records to a partition of `dossier-changes`, in order; returns when all are acknowledged."""
MAX_ROWS = 20_000
SLICE_S = 0.8
DISK_PATIENCE_S = 15.0
DISK_PAUSE_S = 0.5
_SCAN_BACK = 3_000


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker needs: the log, where its state lies, the province's zone and the generation it fills."""

    kafka: KafkaConfig
    state_folder: Path
    zone: Zone
    generation: int
    log_id: str
    partitions: int = 4
    quarantined: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """(partition, offset) of records to skip, with the reason that was given."""
    clock_ahead_ms: int = CLOCK_TOLERANCE_MS
    """Longer in a demonstration, whose time runs ahead of the wall."""
    snapshot_folder: Path | None = None
    """Where snapshots of state are kept, best on a share that all workers reach; None: none are."""
    snapshot_every_s: float = 900.0
    snapshot_records: int = 500
    """A snapshot is taken, or taken over, when it saves folding at least so many log records."""

    member: str = ""
    """A name in the worker group that outlives the process (`stream.membership`); nothing: a new one each time."""

    @property
    def fingerprint(self) -> str:
        """What the rows of this generation depend on besides the log."""
        return fingerprint(self.zone, self.log_id)

    def fold(self, partition: int) -> FoldConfig:
        """What the fold of one partition depends on."""
        return FoldConfig(
            partition,
            self.partitions,
            self.zone,
            self.generation,
            self.log_id,
            self.fingerprint,
            {offset: reason for (p, offset), reason in self.quarantined.items() if p == partition},
            self.clock_ahead_ms,
        )

    def folder(self, partition: int) -> Path:
        """The state folder of one partition in this generation."""
        return self.state_folder / f"g{self.generation}" / f"p{partition}"

    def snapshots(self, partition: int) -> Path | None:
        """The snapshot folder of one partition in this generation."""
        return self.snapshot_folder and self.snapshot_folder / f"g{self.generation}" / f"p{partition}"


class PartitionRunner:
    """One partition, open for folding. Not thread-safe: one call at a time, from any thread."""

    def __init__(
        self, config: WorkerConfig, partition: int, emit: Emit, hear: Callable[[Batch], None] | None = None
    ) -> None:
        """`hear` gets every batch that was acknowledged, before it is committed."""
        self.partition = partition
        self._config = config
        self._emit = emit
        self._hear = hear
        self._store = StateStore(config.folder(partition))
        self._reader = LogReader(config.kafka, config.kafka.events)
        self.fault: str | None = None
        self._snapshots: Snapshots | None = None
        try:
            self._take_over()
            self._check_identity()
            self._fold = PartitionFold(
                self._store,
                config.fold(partition),
            )
            self._emitted_to = self._last_emitted()
        except BaseException:
            self.close()
            raise

    @property
    def next_offset(self) -> int:
        """The offset that is folded next."""
        return self._fold.next_offset

    def close(self) -> None:
        """Leaves the state clean for the next owner, whatever else fails to close: its lock must not stay."""
        try:
            self._reader.close()
        except Exception as error:
            log.warning("partition %d: the reader of the log was not closed in order: %r", self.partition, error)
        try:
            if self._snapshots is not None:
                self._snapshots.close()
        finally:
            self._store.close()

    def _take_over(self) -> None:
        """Goes on from a snapshot where that saves folding, and sees that further ones are taken."""
        folder, config = self._config.snapshots(self.partition), self._config
        if folder is None:
            return

        def is_of_log(position: Position) -> bool:
            if (position.log_id, position.fingerprint) != (config.log_id, config.fingerprint):
                return False
            record = self._reader.read_one(self.partition, position.offset)
            return record is not None and record_hash(record.value) == position.record_hash

        take_over(self._store, folder, config.snapshot_records, is_of_log)
        self._snapshots = Snapshots(self._store, folder, config.snapshot_every_s, config.snapshot_records)

    def _check_identity(self) -> None:
        """Refused when the stored state is of another log, another fold, or beyond the log's end."""
        position = self._store.position
        if position is None:
            return
        where = f"the state folder {self._store.folder}"
        if position.log_id != self._config.log_id:
            raise Refused(f"{where} was folded from another log ({position.log_id}): restore that log, or rebuild")
        if position.fingerprint != self._config.fingerprint:
            raise Refused(f"{where} was folded by other rules ({position.fingerprint}): run gs766 rebuild")
        if position.offset < 0:
            return
        record = self._reader.read_one(self.partition, position.offset)
        if record is None or record_hash(record.value) != position.record_hash:
            raise Refused(
                f"partition {self.partition} of the log no longer holds what was folded at offset "
                f"{position.offset}: the log was replaced or cut short; restore it before going on"
            )

    def _last_emitted(self) -> int:
        """The last log offset whose rows stand whole in `dossier-changes`, −1 when none is found.

        Up to there a state that is older folds silently.
        """
        with LogReader(self._config.kafka, self._config.kafka.changes) as reader:
            end = reader.end_offsets([self.partition])[self.partition]
            start = max(end - _SCAN_BACK, reader.beginning_offsets([self.partition])[self.partition])
            found = -1
            for record in reader.read_range(self.partition, start, end):
                change = decode_change(record.value)
                if change.generation == self._config.generation and change.last:
                    found = max(found, change.to_offset)
        return found

    def handle(self, records: Iterable[LogRecord]) -> None:
        """Folds delivered records, reading from the log what lies before them; for about a second at most.

        What is left then is a gap, which whoever follows the log closes: a partition that is taken away must not
        keep the whole group waiting for all that had been delivered.
        """
        began = time.monotonic()
        for record in records:
            if time.monotonic() - began > SLICE_S:
                break
            if self._fold.sweeping:
                self._finish_sweep()
            if record.offset > self._fold.next_offset:
                self.catch_up(record.offset)
            if record.offset < self._fold.next_offset or self.fault:
                continue
            self._apply(record)
        self._flush()

    def catch_up(self, until: int | None = None, stop: Callable[[], bool] | None = None) -> bool:
        """Folds from the log up to an offset (None: its present end). False when `stop` said so first."""
        end = self.end_offset() if until is None else until
        while self._fold.next_offset < end and not self.fault:
            if stop is not None and stop():
                self._flush()
                return False
            self.catch_up_slice(end)
        self._flush()
        return True

    def catch_up_slice(self, end: int) -> int:
        """At most about a second of catching up; returns the number of records folded."""
        began, count = time.monotonic(), 0
        while self._fold.next_offset < end and not self.fault and time.monotonic() - began < SLICE_S:
            if self._fold.sweeping:
                self._finish_sweep()
                continue
            for record in self._reader.read_slice({self.partition: self._fold.next_offset}, max_records=100):
                if record.offset >= end or self.fault:
                    break
                self._apply(record)
                count += 1
        self._flush()
        return count

    def end_offset(self) -> int:
        """The present end of this partition of the log."""
        return self._reader.end_offsets([self.partition])[self.partition]

    def _apply(self, record: LogRecord) -> None:
        if self._fold.next_offset - 1 == self._emitted_to or may_hold_documents(record.value):
            self._flush()
        try:
            self._fold.apply(record)
        except NewerEvent as error:
            self._stop(record, f"{error}: install the newer release")
            return
        except (Refused, Unavailable):
            raise
        except Exception as error:
            log.exception("partition %d offset %d", self.partition, record.offset)
            self._stop(record, f"the fold raised {type(error).__name__}: {without_values(str(error))}")
            return
        if self._fold.sweeping:
            self._flush()
            self._finish_sweep(record)
        elif self._fold.size >= MAX_ROWS:
            self._flush()

    def _stop(self, record: LogRecord, reason: str) -> None:
        """Stops this partition before a record, red, with coordinates; the others go on.

        What the record had begun is thrown away with the uncommitted batch.
        """
        self.fault = f"partition {self.partition} stopped at offset {record.offset}: {reason}"
        log.error(self.fault)
        self._store.rollback()
        self._fold = self._fold.reopened()
        for earlier in self._reader.read_range(self.partition, self._fold.next_offset, record.offset):
            self._fold.apply(earlier)
        self._flush()
        letter = DeadLetterRow(record.offset, 0, self._fold.position.known_at, "", reason, STOPPED)
        self._send({"dead_letters": [letter]}, record.offset, record.offset, whole=False)

    def _finish_sweep(self, record: LogRecord | None = None) -> None:
        under = self._fold.position.sweep
        assert under is not None
        source = record or self._reader.read_one(self.partition, under.offset)
        if source is None:
            raise Refused(f"partition {self.partition} of the log no longer holds offset {under.offset}")
        while self._fold.sweeping:
            self._fold.sweep(source)
            self._flush()

    def _flush(self) -> None:
        """Emits the batch, waits for the acknowledgements, commits."""
        stored = self._store.position
        if self._fold.position == stored or (
            stored is None and self._fold.position.offset < 0 and not self._fold.sweeping
        ):
            return
        batch = self._fold.batch()
        sent = 0
        if batch.to_offset > self._emitted_to:
            sent = self._send(batch.rows, batch.from_offset, batch.to_offset, seq=batch.seq, whole=batch.last)
        if self._hear is not None:
            self._hear(batch)
        self._commit(sent)

    def _commit(self, sent: int) -> None:
        """A full disk is waited for, some seconds here, longer by who starts this process again."""
        deadline = time.monotonic() + DISK_PATIENCE_S
        while True:
            try:
                self._fold.commit(sent)
                break
            except Unavailable as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("partition %d waits: %s", self.partition, error)
                time.sleep(DISK_PAUSE_S)
        if self._snapshots is not None:
            self._snapshots.consider()

    def _send(
        self, rows: Mapping[str, Sequence[Struct]], start: int, end: int, *, seq: int = 0, whole: bool
    ) -> int:
        """Emits the rows of the records [start, end]; returns how many change records were acknowledged."""
        position = self._fold.position
        values = [
            *pack(
                rows,
                generation=self._config.generation,
                partition=self.partition,
                from_offset=start,
                to_offset=end,
                known_at=position.known_at,
                clock=position.clock,
                log_id=self._config.log_id,
                first_seq=seq,
                whole=whole,
            )
        ]
        self._emit(self.partition, values)
        return len(values)


def worker_config(
    kafka: KafkaConfig, state_folder: Path, zone: Zone, generation: int, partitions: int
) -> WorkerConfig:
    """A worker's configuration with the identity of the log it will fold, and what to skip of it, read from
    the logs themselves."""
    log_id = read_log_id(kafka, kafka.events)
    return WorkerConfig(kafka, state_folder, zone, generation, log_id, partitions, read_quarantine(kafka))
