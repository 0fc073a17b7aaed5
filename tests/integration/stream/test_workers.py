"""Faust workers over a real broker: one, two that share, one that is killed; the log is folded once, whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer

from domain.blocks import partition_of
from domain.changes import ChangeRecord, decode_change
from domain.events import Event, encode_event
from domain.instants import zone
from domain.rows import ROW_TYPES
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.reader import LogReader
from eventlog.topics import ensure_topics
from stream.driver import fold_to_end
from stream.runner import worker_config
from tests.support.attack import RawName
from tests.support.events import T0, limit_event
from tests.support.lifecycles import lifecycles
from tests.support.stack import ROOT
from tests.support.waiting import until

PARTITIONS = 4
ZONE = "Asia/Ho_Chi_Minh"
CELLS = frozenset(t for t, r in ROW_TYPES.items() if r.__struct_fields__[-1] == "values")
WORKER = """
import dataclasses, json, logging, pathlib, sys
from domain.instants import zone
from domain.rows import ROW_TYPES
from eventlog.config import KafkaConfig
from stream.runner import worker_config
from stream.worker import run
given = json.loads(sys.argv.pop())
logging.basicConfig(level=logging.INFO)
config = worker_config(KafkaConfig(given["bootstrap"], prefix=given["prefix"]), pathlib.Path(given["folder"]),
                       zone(given["zone"]), 1, 4)
run(dataclasses.replace(config, snapshot_folder=pathlib.Path(given["snapshots"]) if given["snapshots"] else None,
                        snapshot_every_s=0.0, snapshot_records=3))
"""


@contextmanager
def worker(kafka: KafkaConfig, folder: Path, snapshots: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """A worker process; it is asked to end, and does. What it says stands in `<folder>.log`."""
    given = {"bootstrap": kafka.bootstrap, "prefix": kafka.prefix, "folder": str(folder), "zone": ZONE}
    given["snapshots"] = snapshots
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with folder.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(given)], env=environ, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def send(kafka: KafkaConfig, events: list[Event], block: int = 20) -> dict[int, int]:
    """Puts events into the log; returns where each partition ends."""
    with BulkWriter(kafka, kafka.events, PARTITIONS, block_events=block) as writer:
        for event in events:
            writer.add(event.subject, encode_event(event))
        return writer.flush()


def changes(kafka: KafkaConfig) -> list[ChangeRecord]:
    """All change records so far."""
    with LogReader(kafka, kafka.changes) as reader:
        return [decode_change(r.value) for p in range(PARTITIONS) for r in reader.read_range(p, 0)]


def complete(kafka: KafkaConfig) -> bool:
    """Whether every partition's last change record reaches the log's end."""
    with LogReader(kafka, kafka.events) as reader:
        ends = reader.end_offsets(range(PARTITIONS))
    reached = {c.partition: c.to_offset for c in changes(kafka) if c.last}
    return all(reached.get(p, -1) == end - 1 for p, end in ends.items())


def rows(records: list[ChangeRecord]) -> dict[str, set[Any]]:
    """Every row ever emitted, as values: absolute rows that are emitted twice are one. Of a cell only the last
    counts: which ones are emitted before it depends on where batches ended."""
    found: dict[str, set[Any]] = {}
    cells: dict[Any, Any] = {}
    for record in records:
        for name, raw in record.parts.items():
            for row in msgspec.json.decode(raw):
                if name in CELLS:
                    *key, version, _values = row
                    place = (name, record.partition, *key)
                    cells[place] = max(cells.get(place, (-1, b"")), (version, msgspec.json.encode(row)))
                else:
                    found.setdefault(name, set()).add(msgspec.json.encode(row))
    return {**found, "cells": {*cells.items()}}


@pytest.fixture
def topics(kafka: KafkaConfig) -> KafkaConfig:
    """A log of its own."""
    ensure_topics(kafka, T0)
    return kafka


def held(folder: Path) -> set[str]:
    """The partitions whose state a worker has opened."""
    return {path.parent.name for path in (folder / "g1").glob("p*/data.mdb")}


def test_two_workers_share_the_partitions_and_a_killed_one_loses_and_doubles_nothing(
    topics: KafkaConfig, tmp_path: Path
) -> None:
    events = lifecycles(400)
    part = len(events) // 4
    with worker(topics, tmp_path / "a") as first:
        send(topics, events[:part])
        until(lambda: complete(topics), "the first worker")
        with worker(topics, tmp_path / "b"):
            send(topics, events[part : 2 * part])
            until(lambda: complete(topics), "both workers")
            until(lambda: len(held(tmp_path / "b")) == PARTITIONS // 2, "the second worker's share")
            shared = held(tmp_path / "b")
            first.kill()
            first.wait()
            send(topics, events[2 * part : 3 * part])
            with worker(topics, tmp_path / "a") as again:
                until(lambda: complete(topics), "the first worker, started again")
                assert held(tmp_path / "b") == shared, "partitions were dealt anew"
                again.kill()
                again.wait()
            send(topics, events[3 * part :])
            until(lambda: complete(topics), "the second worker alone", 60)
    # What one process folds from the start, in one go, is the measure.
    config = worker_config(topics, tmp_path / "alone", zone(ZONE), 2, PARTITIONS)
    fold_to_end(config, range(PARTITIONS))
    found = changes(topics)
    assert rows([c for c in found if c.generation == 1]) == rows([c for c in found if c.generation == 2])


def test_the_partitions_of_a_worker_that_is_gone_with_its_disk_go_on_from_snapshots(
    topics: KafkaConfig, tmp_path: Path
) -> None:
    events = lifecycles(200)
    half = len(events) // 2
    shared = tmp_path / "shared"
    with worker(topics, tmp_path / "a", str(shared)) as first:
        send(topics, events[:half], block=4)
        until(lambda: complete(topics), "the first worker")
        until(lambda: len([*shared.glob("g1/p*/snapshot.json")]) == PARTITIONS, "a snapshot of every partition")
        with worker(topics, tmp_path / "b", str(shared)):
            first.kill()
            first.wait()
            shutil.rmtree(tmp_path / "a")
            send(topics, events[half:], block=4)
            until(lambda: complete(topics), "the second worker alone", 60)
    said = (tmp_path / "b.log").read_text()
    assert said.count("took over") == PARTITIONS, said
    config = worker_config(topics, tmp_path / "alone", zone(ZONE), 2, PARTITIONS)
    fold_to_end(config, range(PARTITIONS))
    found = changes(topics)
    assert rows([c for c in found if c.generation == 1]) == rows([c for c in found if c.generation == 2])


def test_a_deleted_state_is_folded_anew_in_silence_and_a_late_limit_reaches_every_dossier(
    topics: KafkaConfig, tmp_path: Path
) -> None:
    send(topics, lifecycles(60))
    config = worker_config(topics, tmp_path / "one", zone(ZONE), 1, PARTITIONS)
    fold_to_end(config, range(PARTITIONS))
    before = len(changes(topics))
    again = worker_config(topics, tmp_path / "two", zone(ZONE), 1, PARTITIONS)
    fold_to_end(again, range(PARTITIONS))
    assert len(changes(topics)) == before
    with BulkWriter(topics, topics.events, PARTITIONS) as writer:
        writer.broadcast(encode_event(limit_event("2.000001", 3, T0)))
        writer.flush()
    fold_to_end(again, range(PARTITIONS))
    added = changes(topics)
    assert len(added) > before
    assert all(c.to_offset - c.from_offset >= 0 for c in added)


def test_a_header_name_that_is_no_text_stops_no_partition(topics: KafkaConfig, tmp_path: Path) -> None:
    """Whoever may write to the topic could else stop fold and store for ever with one record."""
    events = lifecycles(8)
    producer = KafkaProducer(**topics.client(), acks="all", linger_ms=50)

    def block(event: Event, *headers: tuple[str, bytes]) -> None:
        partition = partition_of(event.subject, PARTITIONS)
        producer.send(topics.events, b"[" + encode_event(event) + b"]", partition=partition, headers=list(headers))

    with worker(topics, tmp_path):
        for number, event in enumerate(events):
            block(event, *([(RawName("k"), b"1"), ("origin", b"live")] if number % 3 == 1 else []))
        producer.send(topics.events, b"no block", partition=0, headers=[(RawName(""), b"")])
        producer.close()
        until(lambda: complete(topics), "the fold behind such records")
    found = rows(changes(topics))
    assert len(found["dead_letters"]) == 1
    assert len({json.loads(row)[0] for row in found["dossiers"]}) == 8
    with LogReader(topics, topics.events) as reader:
        read = [r for p in range(PARTITIONS) for r in reader.read_range(p, 0)]
    assert {r.header("origin") for r in read if len(r.headers) == 2} == {"live"}
    assert {name for r in read for name, _ in r.headers} >= {"\\xff\\xfe-k", "\\xff\\xfe-"}
