"""The product's fold in Bytewax 0.21: keyed logics in memory, snapshots of those touched each epoch, in SQLite.

Idiomatic: a step keyed by subject, then one keyed by cell, because a snapshot is of a key's whole state; batches
of 1,000 records, epochs of ten seconds (its default), one worker, its Kafka source and sink. What it lacks: all
state lies in memory; a document reaches only dossiers folded after it; output is written again after a crash; a
batch border inside a record gives a cell two rows with one version.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from msgspec import Struct

from domain.changes import pack
from domain.facts import Fact, Facts
from ops.bench.peers.job import Job, Stopwatch, read_job, tell
from stream.cells import cell_row
from stream.partition import PartitionFold, by_subject
from stream.state import CellKey, Position, Subject, SubjectKey

_encode = msgspec.msgpack.Encoder().encode
_subject = msgspec.msgpack.Decoder(Subject)
EPOCH = timedelta(seconds=10)


class Message(NamedTuple):
    """A record as the fold takes it."""

    offset: int
    timestamp_ms: int
    value: bytes


class Piece(NamedTuple):
    """One subject's facts of one record."""

    partition: int
    kind: str
    subject: str
    facts: dict[int, Fact]
    offset: int
    known_at: int


class Rows(NamedTuple):
    """What one piece or one cell gives: rows by table, and for a piece the change of each cell it touched."""

    partition: int
    offset: int
    known_at: int
    rows: dict[str, list[Struct]]
    moved: list[tuple[CellKey, int, list[tuple[int, int]]]]


class Move(NamedTuple):
    """A change of one cell: its width, and the (measure, change) pairs."""

    partition: int
    offset: int
    known_at: int
    key: CellKey
    width: int
    change: list[tuple[int, int]]


class OneSubject:
    """The fold's state for whichever subject is at hand; cells begin at zero, so that they come out as changes."""

    position: Position | None = None

    def __init__(self) -> None:
        self.held: Subject | None = None
        self._documents: dict[SubjectKey, Facts] = {}

    def subject(self, _kind: str, _subject: str) -> Subject | None:
        """The subject at hand."""
        return self.held

    def put_subject(self, subject: Subject) -> None:
        """The subject at hand from now on."""
        self.held = subject

    def cell(self, _key: CellKey, width: int) -> list[int]:
        """Nothing yet."""
        return [0] * width

    def documents(self) -> dict[SubjectKey, Facts]:
        """The documents seen so far, in this process's memory."""
        return dict(self._documents)

    def put_document(self, key: SubjectKey, facts: Facts) -> None:
        """One more document."""
        self._documents[key] = facts

    def mark_dirty(self, keys: set[CellKey]) -> None:
        """Not asked of this state."""

    def dirty_after(self, _cursor: bytes, _count: int) -> list[tuple[bytes, CellKey]]:
        """Not asked of this state."""
        return []

    def forget_dirty(self, keys: list[bytes]) -> None:
        """Not asked of this state."""

    def subjects_after(self, _cursor: bytes, _count: int) -> list[tuple[bytes, Subject]]:
        """Not asked of this state."""
        return []

    def commit(self, _position: Position) -> None:
        """The engine does."""


class Folds:
    """The partitions' folds of this process."""

    def __init__(self, job: Job, watch: Stopwatch) -> None:
        self._watch = watch
        self._states = {p: OneSubject() for p in range(job.partitions)}
        self._folds = {p: PartitionFold(s, job.fold(p)) for p, s in self._states.items()}
        self._known: dict[int, int] = {}

    def split(self, found: Any) -> Iterator[tuple[str, Piece]]:
        """A record's facts by subject."""
        self._watch.start()
        partition = found.partition
        message = Message(found.offset, found.timestamp[1], found.value or b"")
        known = self._known[partition] = max(message.timestamp_ms, self._known.get(partition, 0))
        fold = self._folds[partition]
        events, _ = fold.decode(message, known)
        fold.take_documents(events, set())
        for (kind, subject), facts in by_subject(events).items():
            yield f"{partition}/{kind}/{subject}", Piece(partition, kind, subject, facts, message.offset, known)

    def apply(self, held: Subject | None, piece: Piece) -> tuple[Subject | None, Rows]:
        """Folds a piece into the subject that the engine holds."""
        state = self._states[piece.partition]
        state.held = held
        rows, touched = self._folds[piece.partition].fold_subject(
            piece.kind, piece.subject, piece.facts, piece.offset, piece.known_at
        )
        moved = [
            (key, len(values), [(m, v) for m, v in enumerate(values) if v]) for key, values in touched.items()
        ]
        return state.held, Rows(piece.partition, piece.offset, piece.known_at, rows, moved)


class SubjectLogic(StatefulBatchLogic):  # type: ignore[misc]  # bytewax is not there when types are checked
    """One subject."""

    def __init__(self, folds: Folds, stored: bytes | None) -> None:
        self._folds = folds
        self._held = _subject.decode(stored) if stored else None

    def on_batch(self, values: list[Piece]) -> tuple[Iterable[Rows], bool]:
        """Folds its pieces."""
        out = []
        for piece in values:
            self._held, rows = self._folds.apply(self._held, piece)
            out.append(rows)
        return out, False

    def snapshot(self) -> bytes | None:
        """As the product stores it: smaller and quicker than a pickle."""
        return _encode(self._held) if self._held else None


class CellLogic(StatefulBatchLogic):  # type: ignore[misc]  # as above
    """One cell."""

    def __init__(self, stored: bytes | None) -> None:
        self._values: list[int] = msgspec.msgpack.decode(stored) if stored else []

    def on_batch(self, values: list[Move]) -> tuple[Iterable[Rows], bool]:
        """Adds the changes; one row for each record among them.

        They come in the order of subjects, because the engine handled a batch key by key.
        """
        out = []
        values = sorted(values, key=lambda move: move.offset)
        for n, move in enumerate(values):
            if not self._values:
                self._values = [0] * move.width
            for measure, change in move.change:
                self._values[measure] += change
            if n + 1 == len(values) or values[n + 1].offset != move.offset:
                row = cell_row(move.key, self._values, move.offset)
                out.append(Rows(move.partition, move.offset, move.known_at, {move.key[0]: [row]}, []))
        return out, False

    def snapshot(self) -> bytes:
        """Its values."""
        return _encode(self._values)


def _moves(found: tuple[str, Rows]) -> Iterator[tuple[str, Move]]:
    _, r = found
    for key, width, change in r.moved:
        name = f"{r.partition}/{_encode(key).hex()}"
        yield name, Move(r.partition, r.offset, r.known_at, key, width, change)


def _packed(job: Job, batch: list[tuple[str, Rows]]) -> Iterator[KafkaSinkMessage]:
    parts: dict[int, list[Rows]] = {}
    for _, rows in batch:
        if rows.rows:
            parts.setdefault(rows.partition, []).append(rows)
    for partition, all_rows in parts.items():
        tables: dict[str, list[Struct]] = {}
        for one in all_rows:
            for table, found in one.rows.items():
                tables.setdefault(table, []).extend(found)
        offsets = [one.offset for one in all_rows]
        known = max(one.known_at for one in all_rows)
        for value in pack(
            tables,
            generation=1,
            partition=partition,
            from_offset=min(offsets),
            to_offset=max(offsets),
            known_at=known,
            clock=known,
            log_id=job.log_id,
        ):
            yield KafkaSinkMessage(None, value)


def flow_of(job: Job, watch: Stopwatch) -> Any:
    """The dataflow."""
    folds = Folds(job, watch)
    flow = Dataflow("fold")
    records = op.input("log", flow, KafkaSource([job.bootstrap], [job.events], tail=False))
    pieces = op.flat_map("split", records, folds.split)
    subjects = op.stateful_batch("subjects", pieces, lambda stored: SubjectLogic(folds, stored))
    moves = op.flat_map("moves", subjects, _moves)
    cells = op.stateful_batch("cells", moves, CellLogic)
    rows = op.merge("rows", subjects, cells)
    changes = op.flat_map_batch("pack", rows, lambda batch: _packed(job, batch))
    op.output("changes", changes, KafkaSink([job.bootstrap], job.output))
    return flow


def main() -> None:
    """Folds the job's log, then tells how long it took."""
    job, watch = read_job(), Stopwatch()
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    init_db_dir(folder, 1)
    cli_main(
        flow_of(job, watch), workers_per_process=1, epoch_interval=EPOCH, recovery_config=RecoveryConfig(folder)
    )
    tell(watch.answer(folder))


if __name__ == "__main__":
    main()
