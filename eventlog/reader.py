"""Reading the log by position: no group, no commits; each caller keeps its own place.

Used by catch-up, the store's writer, reconcile, the sealer and the command line.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from domain.errors import Refused, Unavailable
from domain.instants import Millis
from eventlog.archive import Archive
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.segments import Row

SLICE_RECORDS = 500
SLICE_MS = 500


@dataclass(frozen=True, slots=True)
class Record:
    """One log record. `timestamp_ms` is Kafka's append time; `known_at` is its running maximum."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: Millis
    key: bytes | None
    value: bytes
    """The bytes verbatim; a record without a value (no block) has b''."""
    headers: tuple[tuple[str, bytes], ...]

    def header(self, name: str) -> str:
        """A header as text, '' when absent; the last one counts, as in Kafka's own clients."""
        found = b""
        for key, value in self.headers:
            if key == name:
                found = value
        return found.decode("utf-8", "replace")


class KnownAt:
    """The running maximum of append time per partition: when the system knew of a record.

    Kafka's clock may step back; `known_at` must not. Start it with what was stored beside the position.
    """

    def __init__(self, start: Mapping[int, Millis] | None = None) -> None:
        self._latest: dict[int, Millis] = dict(start or {})

    def of(self, partition: int, timestamp_ms: Millis) -> Millis:
        """The `known_at` of the next record of that partition; call it once a record, in order."""
        latest = max(timestamp_ms, self._latest.get(partition, timestamp_ms))
        self._latest[partition] = latest
        return latest

    @property
    def latest(self) -> dict[int, Millis]:
        """The maximum so far by partition, to be stored beside the position."""
        return dict(self._latest)


class LogReader:
    """Reads one topic from positions that the caller names. Not thread-safe: one reader a thread.

    Of a log with cold storage, what Kafka holds no more is read from there; callers notice nothing.

    Every method may raise Unavailable (Kafka does not answer) or Refused (the position lies outside the log,
    no rights).
    """

    def __init__(self, config: KafkaConfig, topic: str) -> None:
        self.topic = topic
        self._next: dict[int, int] = {}
        self._config = config
        self._cold: Archive | None = None
        self._kept_from: dict[int, int] = {}
        with kafka_errors(f"connecting to read {topic}"):
            self._consumer: Any = KafkaConsumer(
                **config.client(),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                isolation_level="read_uncommitted",
                fetch_max_bytes=32 << 20,
                max_partition_fetch_bytes=8 << 20,
                fetch_max_wait_ms=200,
            )

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()

    def partitions(self) -> tuple[int, ...]:
        """The topic's partitions, ascending; Refused when the topic does not exist."""
        with kafka_errors(f"reading {self.topic}"):
            found = self._consumer.partitions_for_topic(self.topic)
        if not found:
            raise Refused(f"the topic {self.topic} does not exist: start the stack once, or check the prefix")
        return tuple(sorted(found))

    def beginning_offsets(self, partitions: Iterable[int] | None = None) -> dict[int, int]:
        """The first offset that each partition still holds."""
        found = self._offsets(self._consumer.beginning_offsets, partitions)
        if not self._config.archived(self.topic):
            return found
        return {p: 0 if 0 < begin <= self._archive.stop(p) else begin for p, begin in found.items()}

    def held_cold(self, partition: int) -> int:
        """The offset behind the last record that cold storage holds of a log's partition; 0 without one."""
        return self._archive.stop(partition) if self._config.archived(self.topic) else 0

    @property
    def _archive(self) -> Archive:
        if self._cold is None:
            self._cold = Archive(self._config.cold, self._config.archived(self.topic))
        return self._cold

    def _from_cold(self, partition: int, offset: int, limit: int) -> list[Record]:
        """The next records where they are to be read from cold storage, else []."""
        if not self._config.archived(self.topic):
            return []
        if not self._config.cold_first:
            if partition not in self._kept_from:
                self._kept_from |= self._offsets(self._consumer.beginning_offsets, [partition])
            if offset >= self._kept_from[partition]:
                return []
        elif offset >= self._archive.stop(partition):
            return []
        return [self._unpacked(partition, row) for row in self._archive.rows(partition, offset, limit)]

    def _unpacked(self, partition: int, row: Row) -> Record:
        return Record(self.topic, partition, row.offset, row.timestamp, row.key, row.value or b"", row.headers)

    def end_offsets(self, partitions: Iterable[int] | None = None) -> dict[int, int]:
        """The offset that each partition's next record will get."""
        return self._offsets(self._consumer.end_offsets, partitions)

    def _offsets(self, ask: Any, partitions: Iterable[int] | None) -> dict[int, int]:
        wanted = self.partitions() if partitions is None else tuple(partitions)
        with kafka_errors(f"reading {self.topic}"):
            found = ask([TopicPartition(self.topic, p) for p in wanted])
        return {tp.partition: offset for tp, offset in found.items()}

    def read_slice(
        self,
        positions: Mapping[int, int],
        max_records: int = SLICE_RECORDS,
        timeout_ms: int = SLICE_MS,
    ) -> list[Record]:
        """The next records at or after each partition's position, in offset order within a partition.

        Returns after at most `timeout_ms` (plus a fetch), with at most `max_records`; [] when nothing is
        there yet. Called again with the positions that follow, it goes on without another seek.
        """
        for partition, offset in positions.items():
            if cold := self._from_cold(partition, offset, max_records):
                return cold
        with kafka_errors(f"reading {self.topic}"):
            self._place(positions)
            polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
        records = [self._record(found) for batch in polled.values() for found in batch]
        for record in records:
            self._next[record.partition] = record.offset + 1
        return records

    def _place(self, positions: Mapping[int, int]) -> None:
        if set(positions) != set(self._next):
            self._consumer.assign([TopicPartition(self.topic, p) for p in sorted(positions)])
            self._next = dict.fromkeys(positions, -1)
        for partition, offset in positions.items():
            if self._next[partition] != offset:
                self._consumer.seek(TopicPartition(self.topic, partition), offset)
                self._next[partition] = offset

    def _record(self, found: Any) -> Record:
        headers = tuple((key, value or b"") for key, value in found.headers)
        value = found.value or b""
        return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, value, headers)

    def read_one(self, partition: int, offset: int, timeout_ms: int = 10_000) -> Record | None:
        """The record at that place, None when the log does not reach it or no longer holds it."""
        for record in self.read_range(partition, offset, offset + 1, timeout_ms):
            return record
        return None

    def read_range(
        self, partition: int, start: int, stop: int | None = None, timeout_ms: int = 10_000
    ) -> Iterator[Record]:
        """Records of one partition from `start` up to, not including, `stop` (None: the present end).

        Offsets below the beginning of the log are skipped; Unavailable when nothing came for `timeout_ms`.
        """
        first = self.beginning_offsets([partition])[partition]
        last = self.end_offsets([partition])[partition]
        position, end = max(start, first), last if stop is None else min(stop, last)
        while position < end:
            records = self.read_slice({partition: position}, min(SLICE_RECORDS, end - position), timeout_ms)
            if not records:
                raise Unavailable(f"{self.topic} partition {partition} gave nothing at offset {position}")
            for record in records:
                if record.offset >= end:
                    return
                yield record
            position = records[-1].offset + 1
