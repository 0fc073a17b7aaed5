"""An embedded store filled by folding given events: what the writer does, without Kafka."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from clickhouse_driver import Client

from domain.blocks import encode_block
from domain.events import encode_event, make_event
from domain.instants import Millis, Zone, from_millis
from sinks.change_batches import insert_parts
from sinks.clickhouse import connect
from stream.partition import FoldConfig, PartitionFold
from stream.state import StateStore
from tests.support.ready_store import embedded_address, store_with_schema

Connect = Callable[[str], Client]
"""A client by user: 'writer' or 'reader'."""


class Record(NamedTuple):
    """A record of the log: its offset, append time and block."""

    offset: int
    timestamp_ms: Millis
    value: bytes


def record(offset: int, appended_at: Millis, event_type: str, subject: str, at: Millis, data: Any) -> Record:
    """One event as a record of its own."""
    event = make_event(event_type, subject, at, data, source="/test", id=f"{offset:06d}")
    return Record(offset, appended_at, encode_block([encode_event(event)]))


@contextmanager
def embedded_store(folder: Path) -> Iterator[Connect]:
    """A new store with our schema, in a process of its own."""
    shutil.copytree(store_with_schema(), folder / "store", symlinks=True)
    with embedded_address(folder) as writer:
        yield lambda user: connect({**writer, "user": user, "password": user[0]}, database="gs766")


@contextmanager
def told_store(folder: Path, story: Sequence[tuple[Millis, str, str, Any]], zone: Zone) -> Iterator[Connect]:
    """A store whose active generation 1 holds a story of (instant, type, subject, data), each known half a second
    later by live intake."""
    with embedded_store(folder) as connect_as:
        records = [
            record(n, when + 500, kind, subject, when, data) for n, (when, kind, subject, data) in enumerate(story)
        ]
        writer = connect_as("writer")
        fold_into(writer, folder, records, zone, batch_size=500, origin="live")
        writer.execute("INSERT INTO generations VALUES", [(1, 1, "active", "f", "log", from_millis(0))])
        yield connect_as


def fold_into(
    writer: Client,
    folder: Path,
    records: Sequence[Record],
    zone: Zone,
    partition: int = 0,
    partitions: int = 1,
    batch_size: int = 400,
    origin: str = "",
) -> None:
    """Folds the records of one partition and inserts the rows; the records themselves stand beside
    them. An INSERT costs the store the same whatever its size: small batches are for tests that are about them."""
    state = StateStore(folder / f"state-{partition}")
    folded = PartitionFold(state, FoldConfig(partition, partitions, zone, 1, "log", "test"))

    def emit() -> None:
        batch = folded.batch()
        insert_parts(
            writer,
            [
                (1, partition, batch.to_offset, part, msgspec.json.encode(found))
                for part, found in batch.rows.items()
            ],
        )
        folded.commit(1)

    for n, one in enumerate(records):
        folded.apply(one)
        while folded.sweeping:
            emit()
            folded.sweep(one)
        if n % batch_size == batch_size - 1:
            emit()
    emit()
    raw = []
    for r in records:
        known_at = from_millis(r.timestamp_ms)
        raw.append(("dossier-events", partition, r.offset, known_at, known_at, origin, r.value.decode()))
    columns = "topic, partition, offset, appended_at, known_at, origin, value"
    writer.execute(f"INSERT INTO records ({columns}) VALUES", raw)
    state.close()
