"""An embedded store filled by folding given events: what the writer does, without Kafka."""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from clickhouse_driver import Client

from domain.blocks import encode_block
from domain.events import encode_event, make_event
from domain.instants import Millis, Zone, from_millis
from ops.lifeline import dies_with_me
from sinks.change_batches import insert_parts
from sinks.clickhouse import connect
from sinks.schema import migrate
from stream.partition import FoldConfig, PartitionFold
from stream.state import StateStore

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


@cache
def _with_schema() -> Path:
    """A store's folder with our schema and no rows, made once a run: copying it is cheaper than migrating."""
    folder = Path(tempfile.mkdtemp(prefix="gs766-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with embedded_address(folder) as writer:
        migrate(writer)
    return folder / "store"


@contextmanager
def embedded_store(folder: Path) -> Iterator[Connect]:
    """A new store with our schema, in a process of its own."""
    shutil.copytree(_with_schema(), folder / "store", symlinks=True)
    with embedded_address(folder) as writer:
        yield lambda user: connect({**writer, "user": user, "password": user[0]}, database="gs766")


@contextmanager
def embedded_address(folder: Path) -> Iterator[dict[str, Any]]:
    """An empty store in a process of its own: the writer's parameters."""
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({"writer": "w", "reader": "r"}))
    command = [sys.executable, "-m", "sinks.embedded", "--path", str(folder / "store")]
    process = subprocess.Popen(
        [*command, "--passwords-file", str(passwords)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        preexec_fn=dies_with_me(),
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:1] == ["ready"], words
        port = int(dict(word.split("=") for word in words[1:])["native"])
        yield {"host": "127.0.0.1", "port": port, "user": "writer", "password": "w"}
    finally:
        process.terminate()
        process.wait(30)


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
