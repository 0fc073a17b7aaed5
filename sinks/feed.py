"""What the writer reads: one topic from the writer's own positions, in bounded batches, without waiting long."""

import hashlib
from collections.abc import Iterable, Mapping

from domain.errors import Refused
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader, Record
from eventlog.topics import read_log_id
from sinks.positions import CHANGES, RECORDS, Position

_SLICE = 32
"""Records a poll: with records of at most 512 KiB a batch exceeds its bound by 16 MiB at most."""
MAX_RECORDS = 20_000
_FETCH_MS = 100
"""How long is waited for what the log is known to hold."""


class Feed:
    """Batches of one topic. A batch that was taken is the caller's: it is not given out again."""

    def __init__(self, config: KafkaConfig, topic: str, positions: Mapping[int, int]) -> None:
        """`positions` gives the next offset of each partition to be read."""
        self._config = config
        self._topic = topic
        self._positions = dict(positions)
        self._reader: LogReader | None = None

    def take(self, max_bytes: int, wait_ms: int) -> list[Record]:
        """What is there now, about `max_bytes` of it at most; waits up to `wait_ms` for the first record.

        Up to where the log ends now: what the client holds ready was fetched while the batch before was being
        written, and what came since would wait for another whole batch.

        Raises Unavailable or Refused as the reader does; called again, it connects anew.
        """
        taken: list[Record] = []
        size = 0
        try:
            reader = self._reader = self._reader or LogReader(self._config, self._topic)
            ends: Mapping[int, int] = {}
            while size < max_bytes and len(taken) < MAX_RECORDS:
                found = reader.read_slice(self._positions, _SLICE, _FETCH_MS if taken else wait_ms)
                if not found:
                    break
                ends = ends or reader.end_offsets()
                for record in found:
                    self._positions[record.partition] = record.offset + 1
                    size += len(record.value)
                taken += found
                if all(self._positions.get(p, end) >= end for p, end in ends.items()):
                    break
        except Exception:
            self.close()
            if not taken:
                raise
        return taken

    def close(self) -> None:
        """Ends the connection; the positions stay."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def record_hash(value: bytes) -> str:
    """What a position keeps of the last record applied, to see at the next start that it is still the same."""
    return hashlib.blake2b(value, digest_size=16).hexdigest()


def log_starts(
    config: KafkaConfig, name: str, topic: str, positions: Iterable[Position]
) -> tuple[str, dict[int, int]]:
    """A log's identity and the next offset of each partition.

    `name` is the topic in Kafka, `topic` in the store. Raises Refused when it is not the log that was applied:
    another id, an end before what was applied, or another last record.
    """
    log_id = read_log_id(config, name)
    with LogReader(config, name) as reader:
        starts = dict.fromkeys(reader.partitions(), 0)
        for position in positions:
            if (position.name, position.topic) == (RECORDS, topic):
                if position.log_id != log_id:
                    raise Refused(
                        f"{name} is the log {log_id}, the store holds the log {position.log_id}: it was replaced; "
                        "restore it, or rebuild into an empty store"
                    )
                _check_last(reader, position, 0)
                starts[position.partition] = position.offset
    return log_id, starts


def change_starts(config: KafkaConfig, positions: Iterable[Position]) -> dict[int, int]:
    """The next offset of each partition of dossier-changes.

    Its beginning where retention has passed the position: whether that left a hole is then seen from the
    records themselves. Raises Refused when the topic ends before the position or has another record there.
    """
    with LogReader(config, config.changes) as reader:
        starts = reader.beginning_offsets()
        for position in positions:
            if position.name == CHANGES:
                begin = starts.get(position.partition, 0)
                _check_last(reader, position, begin)
                starts[position.partition] = max(begin, position.offset)
    return starts


def _check_last(reader: LogReader, position: Position, begin: int) -> None:
    """That the last applied record is still there and the same; one below `begin` cannot be asked for."""
    where = f"{reader.topic} partition {position.partition}"
    end = reader.end_offsets().get(position.partition, 0)
    if end < position.offset:
        raise Refused(
            f"{where} ends at offset {end}, the store holds it up to {position.offset}: it was cut or replaced; "
            "restore it, or rebuild"
        )
    if position.offset > begin:
        last = reader.read_one(position.partition, position.offset - 1)
        if last is None or record_hash(last.value) != position.record_hash:
            raise Refused(
                f"{where} has another record at offset {position.offset - 1} than the store: it was replaced; "
                "restore it, or rebuild"
            )
