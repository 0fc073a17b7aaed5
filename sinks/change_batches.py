"""Change records into the derived tables: what of a batch is written, how far a generation is, what stops it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import msgspec
from clickhouse_driver import Client

from domain.changes import ChangeRecord, decode_change
from domain.errors import Refused
from domain.rows import RETIRED_PARTS, ROW_TYPES
from eventlog.reader import Record
from sinks.clickhouse import clean_errors
from sinks.contiguity import Hole, Progress, decode_begun, encode_begun, follow
from sinks.feed import record_hash
from sinks.migrations.m0002_rows import SOURCES
from sinks.positions import CHANGE_TOPIC, CHANGES, COMPLETE, EVENTS, Fault, Position

_INSERT = "INSERT INTO {} (generation, partition, offset, part, value) VALUES"
SETTINGS = {"parallel_view_processing": 1}
"""For the connection that inserts them. One view a part: on two cores together they need half the time, and a
repeated INSERT heals what one left undone."""

PartRow = tuple[int, int, int, str, bytes]
"""(generation, log partition, offset in dossier-changes, part, JSON array of rows)."""


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """What is to be done about some change records: write the parts, then the faults, then the positions."""

    parts: tuple[PartRow, ...]
    faults: tuple[Fault, ...]
    positions: tuple[Position, ...]


class ChangeBatches:
    """Follows the change records of every generation, from what the store says was applied."""

    def __init__(
        self, log_id: str, positions: Iterable[Position], faults: Iterable[Fault], dropped: Iterable[int] = ()
    ) -> None:
        self._log_id = log_id
        self._complete = {(p.generation, p.partition): p for p in positions if p.name == COMPLETE}
        self._progress = {key: Progress(p.to_offset, decode_begun(p.open)) for key, p in self._complete.items()}
        self._stopped = {fault.generation for fault in faults}
        self.dropped = frozenset(dropped)
        """Generations whose rows are gone: what still comes for them is skipped."""

    @property
    def stopped(self) -> frozenset[int]:
        """Generations with a hole: nothing more is written to them."""
        return frozenset(self._stopped)

    def judge(self, records: Sequence[Record]) -> ChangeBatch:
        """Follows a batch; call it once for every batch, in order.

        Raises Refused for what cannot be a change record of this log: nobody but a worker may write there.
        """
        parts: list[PartRow] = []
        faults: list[Fault] = []
        moved: dict[tuple[int, int], Position] = {}
        places: dict[int, Position] = {}
        for record in records:
            places[record.partition] = Position(
                CHANGES,
                CHANGE_TOPIC,
                record.partition,
                offset=record.offset + 1,
                to_offset=record.offset,
                known_at=record.timestamp_ms,
                log_id=self._log_id,
                record_hash=record_hash(record.value),
            )
            change = self._decode(record)
            generation = change.generation
            if generation in self._stopped or generation in self.dropped:
                continue
            try:
                position = self._follow(change, record)
            except Hole as hole:
                self._stopped.add(generation)
                faults.append(_fault(change, record, hole))
                continue
            if position is not None:
                moved[generation, change.partition] = position
                parts += _parts(change, record)
        return ChangeBatch(tuple(parts), tuple(faults), (*places.values(), *moved.values()))

    def _decode(self, record: Record) -> ChangeRecord:
        try:
            change = decode_change(record.value)
        except msgspec.DecodeError as error:
            raise Refused(f"{_where(record)} is no change record ({error}): who else writes there?") from error
        if change.log_id != self._log_id:
            raise Refused(
                f"{_where(record)} was folded from log {change.log_id}, this is log {self._log_id}: rebuild"
            )
        unknown = change.parts.keys() - ROW_TYPES.keys() - RETIRED_PARTS
        if unknown:
            raise Refused(f"{_where(record)} carries {', '.join(sorted(unknown))}: upgrade this process")
        return change

    def _follow(self, change: ChangeRecord, record: Record) -> Position | None:
        """The moved position of a change record that is to be written, None for one that is not."""
        key = change.generation, change.partition
        progress = self._progress.get(key, Progress())
        after = follow(
            progress,
            from_offset=change.from_offset,
            to_offset=change.to_offset,
            seq=change.seq,
            last=change.last,
        )
        if after is None:
            return None
        self._progress[key] = after
        position = self._complete.get(key) or Position(COMPLETE, EVENTS, change.partition, change.generation)
        if after.complete_to > progress.complete_to:
            position = replace(
                position,
                to_offset=after.complete_to,
                known_at=max(change.known_at, position.known_at),
                clock=max(change.clock, position.clock),
                log_id=change.log_id,
            )
        self._complete[key] = position = replace(
            position, offset=record.offset + 1, open=encode_begun(after.begun)
        )
        return position


def insert_parts(client: Client, parts: Sequence[PartRow]) -> None:
    """One INSERT of one block for each Null table that is concerned. Raises StoreError (a row does not fit its
    view: nothing may go on) or StoreUnavailable; the same may be inserted again."""
    for source, rows in _by_source(parts):
        _insert(client, source, rows)


class PartInserts:
    """The same over a connection for each Null table, all at once: an INSERT leaves a core idle half its time."""

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._clients = {source: connect() for source in SOURCES}
        self._pool = ThreadPoolExecutor(len(SOURCES), "change-parts")

    def __call__(self, parts: Sequence[PartRow]) -> None:
        """Returns, or raises what one of them raised, when all have ended."""
        running = [self._pool.submit(self._one, source, rows) for source, rows in _by_source(parts)]
        wait(running)
        for each in running:
            each.result()

    def _one(self, source: str, rows: Sequence[PartRow]) -> None:
        client = self._clients[source]
        try:
            _insert(client, source, rows)
        except BaseException:
            client.disconnect()
            raise

    def close(self) -> None:
        """Ends the connections."""
        self._pool.shutdown()
        for client in self._clients.values():
            client.disconnect()


def _by_source(parts: Sequence[PartRow]) -> Iterator[tuple[str, list[PartRow]]]:
    for source, names in SOURCES.items():
        rows = [part for part in parts if part[3] in names]
        if rows:
            yield source, rows


def _insert(client: Client, source: str, rows: Sequence[PartRow]) -> None:
    with clean_errors():
        client.execute(_INSERT.format(source), list(zip(*rows, strict=True)), columnar=True)


def _parts(change: ChangeRecord, record: Record) -> list[PartRow]:
    return [
        (change.generation, change.partition, record.offset, name, bytes(rows))
        for name, rows in change.parts.items()
        if name not in RETIRED_PARTS and bytes(rows) != b"[]"
    ]


def _fault(change: ChangeRecord, record: Record, hole: Hole) -> Fault:
    return Fault(change.generation, change.partition, CHANGE_TOPIC, record.partition, record.offset, str(hole))


def _where(record: Record) -> str:
    return f"{record.topic} partition {record.partition} offset {record.offset}"
