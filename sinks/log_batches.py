"""Both logs into `records`: whole records verbatim, with the running maximum of append time (decisions 18)."""

from collections.abc import Iterable, Sequence

from clickhouse_driver import Client

from domain.instants import Millis, from_millis
from eventlog.reader import KnownAt, Record
from sinks.clickhouse import clean_errors
from sinks.feed import record_hash
from sinks.positions import RECORDS, Position

_INSERT = (
    "INSERT INTO records (topic, partition, offset, appended_at, known_at, key, origin, key_id, value) VALUES"
)


class LogBatches:
    """Turns batches of one log into an INSERT and the positions that follow it."""

    def __init__(self, topic: str, log_id: str, positions: Iterable[Position]) -> None:
        """`topic` is the name in the store; `positions` are its rows there."""
        mine = [p for p in positions if p.name == RECORDS and p.topic == topic]
        self.topic = topic
        self.log_id = log_id
        self._known_at = KnownAt({p.partition: p.known_at for p in mine})

    def insert(self, client: Client, records: Sequence[Record], known_at: Sequence[Millis]) -> None:
        """One INSERT; the views explode the events. Raises StoreError or StoreUnavailable: nothing is lost by
        inserting the same again."""
        columns = [
            [self.topic] * len(records),
            [r.partition for r in records],
            [r.offset for r in records],
            [from_millis(r.timestamp_ms) for r in records],
            [from_millis(ms) for ms in known_at],
            [r.key or b"" for r in records],
            [r.header("origin") for r in records],
            [r.header("key_id") for r in records],
            [r.value for r in records],
        ]
        with clean_errors():
            client.execute(_INSERT, columns, columnar=True)

    def known_at(self, records: Iterable[Record]) -> list[Millis]:
        """Each record's `known_at`. Call it once for every batch, in order."""
        return [self._known_at.of(r.partition, r.timestamp_ms) for r in records]

    def positions(self, records: Iterable[Record], known_at: Iterable[Millis]) -> list[Position]:
        """The position rows behind a batch."""
        last: dict[int, Position] = {}
        for r, ms in zip(records, known_at, strict=True):
            last[r.partition] = Position(
                RECORDS,
                self.topic,
                r.partition,
                offset=r.offset + 1,
                to_offset=r.offset,
                known_at=ms,
                log_id=self.log_id,
                record_hash=record_hash(r.value),
            )
        return list(last.values())
