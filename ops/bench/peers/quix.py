"""The product's fold in Quix Streams 3: state in RocksDB with a changelog topic, output by its own producer.

Idiomatic: a stateful `apply` over the record's stream, `State` with bytes values, at least once, checkpoints every
five seconds (its default), in which changelog and output are flushed before offsets are committed. Records have no
key, so that the state is the partition's, as the product's is. What it lacks: `State` cannot be walked through, so
that a limit published later does not reach dossiers folded before; state and changelog are two writes, so that a
crash between them gives rows anew from an older state.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from quixstreams import Application
from quixstreams.context import message_context

from domain.changes import pack
from domain.facts import Fact, Facts
from ops.bench.peers.job import Job, Stopwatch, read_job, tell
from stream.partition import PartitionFold
from stream.state import CellKey, Position, Subject, SubjectKey, subject_key

_encode = msgspec.msgpack.Encoder().encode
_subject = msgspec.msgpack.Decoder(Subject)
_cell = msgspec.msgpack.Decoder(list[int])
_position = msgspec.msgpack.Decoder(Position)
_documents = msgspec.msgpack.Decoder(list[tuple[str, str, tuple[Fact, ...]]])
_POSITION, _DOCUMENTS = b"position", b"documents"
KEPT = 20_000
"""How many decoded values stay in memory between records: as many as the product keeps within a batch."""


class Message(NamedTuple):
    """A record as Quix delivers it."""

    offset: int
    timestamp_ms: int
    value: bytes


class QuixState:
    """The fold's state over Quix's `State` of the record being handled."""

    def __init__(self) -> None:
        self.state: Any = None
        self._subjects: dict[bytes, Subject] = {}
        self._cells: dict[CellKey, list[int]] = {}
        self._touched: dict[CellKey, list[int]] = {}
        self._changed: dict[bytes, Subject] = {}
        self._dirty: set[CellKey] = set()

    @property
    def position(self) -> Position | None:
        """The position kept in the state."""
        found = self.state.get_bytes(_POSITION)
        return _position.decode(found) if found else None

    def subject(self, kind: str, subject: str) -> Subject | None:
        """A subject, from the values kept in memory or from RocksDB."""
        key = subject_key(kind, subject)
        found = self._subjects.get(key)
        if found is None:
            stored = self.state.get_bytes(b"s" + key)
            found = _subject.decode(stored) if stored else None
        return found

    def put_subject(self, subject: Subject) -> None:
        """Keeps a subject for the record's end."""
        key = subject_key(subject.kind, subject.subject)
        self._subjects[key] = self._changed[key] = subject

    def cell(self, key: CellKey, width: int) -> list[int]:
        """A cell, mutable."""
        found = self._cells.get(key)
        if found is None:
            stored = self.state.get_bytes(b"c" + _encode(key))
            found = self._cells[key] = _cell.decode(stored) if stored else [0] * width
        self._touched[key] = found
        return found

    def documents(self) -> dict[SubjectKey, Facts]:
        """All reference documents."""
        found = self.state.get_bytes(_DOCUMENTS)
        return {(kind, name): facts for kind, name, facts in (_documents.decode(found) if found else ())}

    def put_document(self, key: SubjectKey, facts: Facts) -> None:
        """Keeps one more document."""
        found = {**self.documents(), key: facts}
        self.state.set_bytes(_DOCUMENTS, _encode([(kind, name, f) for (kind, name), f in found.items()]))

    def mark_dirty(self, keys: set[CellKey]) -> None:
        """Cells to emit when a document has been applied."""
        self._dirty |= keys

    def dirty_after(self, cursor: bytes, count: int) -> list[tuple[bytes, CellKey]]:
        """The next of them in key order."""
        encoded = sorted((_encode(key), key) for key in self._dirty)
        return [(code, key) for code, key in encoded if code > cursor][:count]

    def forget_dirty(self, keys: list[bytes]) -> None:
        """Cells that are emitted."""
        gone = set(keys)
        self._dirty = {key for key in self._dirty if _encode(key) not in gone}

    def subjects_after(self, _cursor: bytes, _count: int) -> list[tuple[bytes, Subject]]:
        """Nothing may be there yet: Quix's State cannot be walked through."""
        if any(s.kind == "dossier" for s in self._subjects.values()):
            raise NotImplementedError("a document after the first dossier: State cannot be walked through")
        return []

    def commit(self, position: Position) -> None:
        """Writes what the record changed into the state; the engine makes it durable with its checkpoint."""
        put = self.state.set_bytes
        for key, subject in self._changed.items():
            put(b"s" + key, _encode(subject))
        for cell, values in self._touched.items():
            put(b"c" + _encode(cell), _encode(values))
        put(_POSITION, _encode(position))
        self._changed, self._touched = {}, {}
        if len(self._subjects) + len(self._cells) > KEPT:
            self._subjects, self._cells = {}, {}


class Handler:
    """One partition's fold as a stateful function of Quix: a record in, change records out."""

    def __init__(self, job: Job, watch: Stopwatch) -> None:
        self._job, self._watch = job, watch
        self._folds: dict[int, tuple[QuixState, PartitionFold]] = {}

    def __call__(self, value: bytes, _key: Any, timestamp: int, _headers: Any, state: Any) -> list[bytes]:
        """Folds one record."""
        self._watch.start()
        context = message_context()
        fold = self._fold(context.partition, state)
        message = Message(context.offset, timestamp, value or b"")
        out: list[bytes] = []
        if message.offset < fold.next_offset:
            return out
        self._finish(lambda: fold.apply(message), fold, context.partition, out)
        while fold.sweeping:
            self._finish(lambda: fold.sweep(message), fold, context.partition, out)
        return out

    def _fold(self, partition: int, state: Any) -> PartitionFold:
        found = self._folds.get(partition)
        if found is None:
            kept = QuixState()
            kept.state = state
            found = self._folds[partition] = (kept, PartitionFold(kept, self._job.fold(partition)))
        kept, fold = found
        kept.state = state
        return fold

    def _finish(self, step: Callable[[], None], fold: PartitionFold, partition: int, out: list[bytes]) -> None:
        step()
        batch = fold.batch()
        values = [
            *pack(
                batch.rows,
                generation=1,
                partition=partition,
                from_offset=batch.from_offset,
                to_offset=batch.to_offset,
                known_at=batch.position.known_at,
                clock=batch.position.clock,
                log_id=self._job.log_id,
                first_seq=batch.seq,
                whole=batch.last,
            )
        ]
        fold.commit(len(values))
        out += values


def main() -> None:
    """Folds the job's log, then tells how long it took."""
    job, watch = read_job(), Stopwatch()
    missing = {p for p, end in job.ends.items() if end}

    def processed(_topic: str, partition: int, offset: int) -> None:
        if offset + 1 >= job.ends[partition]:
            missing.discard(partition)
        if not missing:
            app.stop()

    app = Application(
        broker_address=job.bootstrap,
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        state_dir=job.folder,
        on_message_processed=processed,
        loglevel="WARNING",
    )
    source = app.topic(job.events, value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(job.output, value_serializer="bytes", key_serializer="bytes")
    stream = app.dataframe(source)
    stream = stream.apply(Handler(job, watch), stateful=True, metadata=True, expand=True)
    stream.to_topic(target)
    app.run()
    tell(watch.answer(Path(job.folder)))


if __name__ == "__main__":
    main()
