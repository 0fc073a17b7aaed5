"""The writer between a real log and a real store: positions never ahead of data, and a log that was replaced."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_driver import Client
from kafka import KafkaProducer
from msgspec import Struct

from domain.blocks import encode_block
from domain.changes import pack
from domain.errors import Refused
from domain.events import encode_event, make_event
from domain.measures import MEASURES
from domain.rows import FindingRow, UnitCellRow
from eventlog.config import KafkaConfig
from eventlog.topics import LogIds, ensure_topics
from sinks.clickhouse import connect
from sinks.migrations.m0002_rows import TARGETS
from sinks.positions import complete_to, read_faults, read_positions, wait_until
from sinks.writer import WriterConfig, run
from sinks.writer_health import read_health

NOW = 1_787_000_000_000
PARTITIONS = 2
Store = dict[str, Any]


@pytest.fixture
def ids(kafka: KafkaConfig) -> LogIds:
    """New topics, each log with its identity."""
    return ensure_topics(kafka, NOW, PARTITIONS)


@pytest.fixture
def config(kafka: KafkaConfig, ids: LogIds, store_address: Store, database: str, tmp_path: Path) -> WriterConfig:
    assert ids
    health = tmp_path / "writer.json"
    return WriterConfig(kafka, store_address, database, retry_seconds=(0.05, 0.2), health_file=health)


@contextmanager
def writing(config: WriterConfig) -> Iterator[None]:
    """The writer on a thread; an error of its own is raised at the end."""
    stop, errors = threading.Event(), []

    def work() -> None:
        try:
            run(config, stop)
        except Refused as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def send(kafka: KafkaConfig, topic: str, values: Sequence[tuple[int, bytes]]) -> None:
    with closing(KafkaProducer(**kafka.client(), acks="all", linger_ms=5)) as producer:
        for future in [producer.send(topic, value, partition=p, key=b"k") for p, value in values]:
            future.get(30)


def block(n: int) -> bytes:
    event = make_event("dossier.accepted", f"H44-{n}", NOW + n, {"unit": "H44"}, source="/test", id=f"e{n}")
    return encode_block([encode_event(event)])


def change(ids: LogIds, start: int, end: int, *, generation: int = 1, partition: int = 0) -> list[bytes]:
    """A batch in several change records: a finding and a cell for each log record."""
    offsets = range(start, end + 1)
    findings = [FindingRow("undated", f"H44-{partition}-{n}", n, NOW + n, "H44", "e", True) for n in offsets]
    cells = [UnitCellRow("day", f"H44.{n % 7}", 20_000, 0, n, (n,) * len(MEASURES)) for n in offsets]
    rows: dict[str, list[Struct]] = {"findings": [*findings], "unit_cells": [*cells]}
    return list(
        pack(
            rows,
            generation=generation,
            partition=partition,
            from_offset=start,
            to_offset=end,
            known_at=NOW + end,
            clock=NOW,
            log_id=ids.events,
            limit=500,
        )
    )


def changes(ids: LogIds, count: int, size: int = 5, **more: int) -> list[tuple[int, bytes]]:
    """Contiguous batches of `size` log records for one partition of the log."""
    starts = range(0, count * size, size)
    return [(more.get("partition", 0), v) for s in starts for v in change(ids, s, s + size - 1, **more)]


def contents(client: Client) -> dict[str, list[Any]]:
    """Every row of every table, as FINAL shows it; positions without their versions and times."""
    tables = [*TARGETS, "records", "events", "alert_acts", "faults"]
    found = {t: sorted(client.execute(f"SELECT * FROM {t} FINAL"), key=repr) for t in tables}
    return found | {"positions": list(read_positions(client)[0])}


def red(config: WriterConfig) -> Any:
    assert config.health_file is not None
    health = read_health(config.health_file)
    return health if health and (health.state in ("retrying", "refused") or health.faults) else None


def test_logs_stand_verbatim_and_changes_are_queryable_up_to_complete_to(
    config: WriterConfig, ids: LogIds, client: Client
) -> None:
    kafka = config.kafka
    with writing(config):
        send(kafka, kafka.events, [(n % PARTITIONS, block(n)) for n in range(40)])
        send(kafka, kafka.alerts, [(0, block(99))])
        send(kafka, kafka.changes, [*changes(ids, 4), *changes(ids, 3, partition=1)])
        assert wait_until(client, {0: 20, 1: 15}, seconds=30, generation=1) == {0: 19, 1: 14}
        until(lambda: client.execute("SELECT count() FROM records") == [(40 + PARTITIONS + 2,)])
    assert client.execute("SELECT uniqExact(subject) FROM events WHERE type = 'dossier.accepted'") == [(40,)]
    assert client.execute("SELECT count() FROM alert_acts WHERE id = 'e99'") == [(1,)]
    assert client.execute("SELECT partition, count() FROM findings FINAL GROUP BY ALL ORDER BY ALL") == [
        (0, 20),
        (1, 15),
    ]
    [(value, key)] = client.execute(
        "SELECT value, key FROM records WHERE topic = 'dossier-events' AND partition = 1 AND offset = 1"
    )
    assert (value, key) == (block(1).decode(), "k")
    places = {(p.name, p.topic, p.partition): p.offset for p in read_positions(client)[0]}
    assert places["records", "dossier-events", 0] == 21
    assert places["records", "alert-log", 0] == 2
    assert config.health_file is not None
    health = read_health(config.health_file)
    assert health is not None
    assert (health.state, health.retrying, health.faults) == ("stopped", {}, ())


def test_writing_all_of_it_twice_changes_nothing(config: WriterConfig, ids: LogIds, client: Client) -> None:
    kafka = config.kafka
    send(kafka, kafka.events, [(n % PARTITIONS, block(n)) for n in range(20)])
    send(kafka, kafka.changes, changes(ids, 5))

    def everything() -> bool:
        records = client.execute("SELECT count() FROM records FINAL") == [(20 + PARTITIONS + 1,)]
        saved = {p.topic for p in read_positions(client)[0] if p.name == "records"}
        return records and len(saved) == 2 and complete_to(client, 1) == {0: 24}

    with writing(config):
        until(everything)
    before = contents(client)
    client.execute("TRUNCATE TABLE positions")
    with writing(config):
        until(everything)
    assert contents(client) == before


def test_a_writer_that_is_killed_again_and_again_leaves_equal_tables(
    config: WriterConfig, ids: LogIds, client: Client, store_address: Store, empty_database: str, tmp_path: Path
) -> None:
    kafka = config.kafka
    send(kafka, kafka.events, [(n % PARTITIONS, block(n)) for n in range(600)])
    send(kafka, kafka.changes, [*changes(ids, 100), *changes(ids, 80, partition=1)])
    given = {
        "bootstrap": kafka.bootstrap,
        "prefix": kafka.prefix,
        "store": store_address,
        "database": empty_database,
        "batch_bytes": 4_000,
        "health_file": str(tmp_path / "killed.json"),
    }
    ends = {0: 500, 1: 400}

    def written() -> int:
        return int(sum(complete_to(client, 1).values()))

    def everything() -> bool:
        return client.execute("SELECT count() FROM records FINAL") == [(600 + PARTITIONS + 1,)] and (
            complete_to(client, 1) == {p: end - 1 for p, end in ends.items()}
        )

    for _ in range(4):
        before = written()
        command = [sys.executable, str(Path(__file__).with_name("writer_process.py")), json.dumps(given)]
        process = subprocess.Popen(command)
        try:
            until(lambda b=before: written() > b or everything())  # type: ignore[misc]
        finally:
            process.kill()
            process.wait(30)
    with writing(config):
        until(everything)
    interrupted = contents(client)
    for table in (*TARGETS, "records", "events", "alert_acts", "positions"):
        client.execute(f"TRUNCATE TABLE {table}")
    with writing(config):
        until(everything)
    straight = contents(client)
    assert interrupted == straight


def test_a_view_that_throws_stops_the_position_until_it_no_longer_does(
    config: WriterConfig, ids: LogIds, client: Client
) -> None:
    kafka = config.kafka
    with writing(config):
        send(kafka, kafka.changes, changes(ids, 1))
        wait_until(client, {0: 5}, seconds=30, generation=1)
        client.execute("RENAME TABLE findings TO findings_away")
        client.execute(
            "CREATE TABLE findings AS findings_away ENGINE = ReplacingMergeTree(version)"
            " PARTITION BY generation ORDER BY (generation, kind, subject)"
        )
        client.execute("ALTER TABLE findings ADD CONSTRAINT none_more CHECK version < 5")
        send(kafka, kafka.changes, [(0, v) for v in change(ids, 5, 9)])
        health = until(lambda: red(config))
        assert "dossier-changes" in health.retrying
        assert complete_to(client, 1) == {0: 4}
        client.execute("ALTER TABLE findings DROP CONSTRAINT none_more")
        assert wait_until(client, {0: 10}, seconds=30, generation=1) == {0: 9}
        until(lambda: red(config) is None)
    assert client.execute("SELECT count() FROM findings FINAL") == [(5,)]


def test_a_row_of_another_shape_stops_changes_but_not_the_logs(
    config: WriterConfig, ids: LogIds, client: Client
) -> None:
    kafka = config.kafka
    bad = msgspec.json.decode(change(ids, 0, 0)[0])
    bad["parts"]["unit_cells"][0][-1].pop()
    bad["last"] = True
    send(kafka, kafka.changes, [(0, msgspec.json.encode(bad))])
    with writing(config):
        assert "another number of fields" in until(lambda: red(config)).retrying["dossier-changes"]
        send(kafka, kafka.events, [(0, block(1))])
        until(lambda: client.execute("SELECT count() FROM records WHERE offset = 1") == [(1,)])
        assert complete_to(client, 1) == {}
    assert [p for p in read_positions(client)[0] if p.name == "changes"] == []


def test_a_hole_stops_its_generation_red_and_after_a_restart_too(
    config: WriterConfig, ids: LogIds, client: Client
) -> None:
    kafka = config.kafka
    first = [(0, v) for v in change(ids, 0, 4)]
    torn = change(ids, 5, 9)
    assert len(torn) > 2
    send(kafka, kafka.changes, [*first, *((0, v) for v in (torn[0], *torn[2:]))])
    send(kafka, kafka.changes, changes(ids, 2, generation=2))
    with writing(config):
        assert wait_until(client, {0: 10}, seconds=30, generation=2) == {0: 9}
        [told] = until(lambda: red(config)).faults
        assert "change record 1 is missing" in told
    assert complete_to(client, 1) == {0: 4}
    [fault] = read_faults(client)
    assert (fault.generation, fault.partition, fault.offset) == (1, 0, len(first) + 1)
    send(kafka, kafka.changes, [(0, v) for v in torn])
    with writing(config):
        send(kafka, kafka.changes, [(0, v) for v in change(ids, 10, 11, generation=2)])
        wait_until(client, {0: 12}, seconds=30, generation=2)
        assert red(config).faults == (told,)
    assert complete_to(client, 1) == {0: 4}
    last_row = "SELECT count() FROM unit_cells WHERE generation = 1 AND version = 9"
    assert client.execute(last_row) == [(0,)]


def test_a_worker_that_crashed_and_began_again_makes_no_hole(
    config: WriterConfig, ids: LogIds, client: Client
) -> None:
    kafka = config.kafka
    torn = change(ids, 0, 9)
    again = [*torn[:2], *change(ids, 0, 4), *change(ids, 5, 7)[:1], *change(ids, 5, 9)]
    send(kafka, kafka.changes, [(0, v) for v in again])
    with writing(config):
        assert wait_until(client, {0: 10}, seconds=30, generation=1) == {0: 9}
    assert client.execute("SELECT count() FROM findings FINAL") == [(10,)]


@pytest.mark.parametrize("how", ["another id", "shorter", "another record"])
def test_a_replaced_log_is_refused_at_the_start(config: WriterConfig, client: Client, how: str) -> None:
    kafka = config.kafka
    send(kafka, kafka.events, [(0, block(1))])
    with writing(config):
        until(lambda: client.execute("SELECT count() FROM positions WHERE offset = 2") == [(1,)])
        until(lambda: client.execute("SELECT count() FROM positions WHERE topic = 'alert-log'") == [(1,)])
    column = {
        "another id": "'x' AS log_id",
        "shorter": "offset + 5 AS offset",
        "another record": "'x' AS record_hash",
    }
    client.execute(
        f"INSERT INTO positions SELECT * REPLACE ({column[how]}, version + 1000 AS version)"
        " FROM positions FINAL WHERE topic = 'dossier-events'"
    )
    before = contents(client)
    with pytest.raises(Refused, match="replaced"), writing(config):
        until(lambda: red(config))
    health = red(config)
    assert health.state == "refused"
    assert "dossier-events" in health.error
    assert contents(client) == before


def test_a_store_that_is_away_is_waited_for_and_shown(
    config: WriterConfig, ids: LogIds, store_address: Store, database: str
) -> None:
    absent = replace(config, store=store_address | {"port": 1})
    with writing(absent):
        health = until(lambda: red(config))
        assert "not available" in health.retrying["schema"]
    kafka = config.kafka
    send(kafka, kafka.changes, changes(ids, 1))
    with writing(config), connect(store_address, database=database) as client:
        wait_until(client, {0: 5}, seconds=30, generation=1)
