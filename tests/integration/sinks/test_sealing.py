"""Seals over a real log and a real store: every change is found and named, unchanged data always passes."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from domain.errors import Refused
from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from sinks.positions import read_positions
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.keys import load_keys, rotate
from sinks.sealing.sealer import run as run_sealer
from sinks.sealing.verifying import Report, verify
from sinks.writer import WriterConfig, run
from tests.support.sealing import add_dossiers, is_sealed, seal_all, seal_config
from tests.support.waiting import until

NOW = 1_787_000_000_000
PARTITIONS = 2


@pytest.fixture
def config(
    kafka: KafkaConfig, store_address: dict[str, Any], database: str, client: Client, tmp_path: Path
) -> SealConfig:
    """Sixty dossiers in the log and in the store, sealed."""
    ensure_topics(kafka, NOW, PARTITIONS)
    add_dossiers(kafka, 0, 60, PARTITIONS)
    sealed = seal_config(tmp_path, kafka, store_address, database)
    seal_all(sealed)
    fill(sealed, client)
    return sealed


def fill(config: SealConfig, client: Client) -> None:
    """Brings the store up to the last checkpoint."""
    last = CheckpointFile(config.checkpoints).last()
    assert last is not None
    wanted = {(t.log, t.partition): t.offset for t in last.checkpoint().trees}

    def written() -> bool:
        found, _ = read_positions(client)
        at = {(p.topic, p.partition): p.offset for p in found if p.name == "records"}
        return all(at.get(key, 0) >= offset for key, offset in wanted.items())

    stop = threading.Event()
    writer = WriterConfig(config.kafka, config.store, config.database, retry_seconds=(0.05, 0.2))
    thread = threading.Thread(target=run, args=(writer, stop))
    thread.start()
    try:
        until(written, "the store to be filled")
    finally:
        stop.set()
        thread.join(30)


def places(report: Report) -> set[tuple[str, int | None, int | None]]:
    return {(d.where, d.partition, d.offset) for d in report.differences}


def test_unchanged_logs_and_rows_hold(config: SealConfig) -> None:
    report = verify(config)
    assert (report.verdict, report.differences, report.reason) == ("holds", [], "")
    # 180 events of dossiers, and log.created once a partition of each log.
    assert report.checked["kafka_events"] == report.checked["records_events"] == 183
    assert verify(config, sample=3).verdict == "holds"
    last = CheckpointFile(config.checkpoints).last()
    assert last is not None
    assert verify(config, since=0).verdict == "holds"


STORE_ATTACKS = {
    "edited": (
        "ALTER TABLE records UPDATE value = replaceOne(value, 'H44.100', 'H44.101') WHERE {place} AND offset = 3",
        "records",
    ),
    "deleted": ("ALTER TABLE records DELETE WHERE {place} AND offset = 3", "records"),
    "known earlier": (
        "ALTER TABLE records UPDATE known_at = known_at - INTERVAL 1 DAY WHERE {place} AND offset = 3",
        "records",
    ),
    "slipped in": (
        "INSERT INTO records SELECT * REPLACE (replaceOne(value, 'H44.100', 'H44.101') AS value) FROM records"
        " WHERE {place} AND offset = 3",
        "records",
    ),
    "replayed": (
        "INSERT INTO records SELECT * REPLACE (toUInt64(3) AS offset)"
        " FROM (SELECT * FROM records WHERE {place} AND offset = 2)",
        "records",
    ),
    "reordered": (
        "ALTER TABLE records UPDATE value = (SELECT any(value) FROM records WHERE {place} AND offset = 2)"
        " WHERE {place} AND offset = 3",
        "records",
    ),
    "event edited": (
        "ALTER TABLE events UPDATE data = '{{}}' WHERE partition = 0 AND offset = 3 AND `index` = 0",
        "events",
    ),
    "event deleted": ("ALTER TABLE events DELETE WHERE partition = 0 AND offset = 3 AND `index` = 0", "events"),
    "event slipped in": (
        "INSERT INTO events SELECT * REPLACE (toUInt32(499) AS `index`)"
        " FROM (SELECT * FROM events WHERE partition = 0 AND offset = 3 AND `index` = 0)",
        "events",
    ),
    "event moved in time": (
        "ALTER TABLE events UPDATE occurred_at = occurred_at - INTERVAL 1 DAY"
        " WHERE partition = 0 AND offset = 3 AND `index` = 0",
        "events",
    ),
}


def test_a_change_in_the_store_is_found_and_named(config: SealConfig, client: Client) -> None:
    tables = ("records", "events")
    for table in tables:
        client.execute(f"CREATE TABLE {table}_true AS {table}")
        client.execute(f"INSERT INTO {table}_true SELECT * FROM {table}")
    client.execute("DROP TABLE events_view")  # restoring `records` must not fill `events` again
    for name, (attack, where) in STORE_ATTACKS.items():
        statement = attack.format(place="topic = 'dossier-events' AND partition = 0")
        client.execute(statement, settings={"mutations_sync": 2})
        report = verify(config)
        assert report.verdict == "fails", name
        assert (where, 0, 3) in places(report), (name, report.differences)
        for table in tables:
            client.execute(f"TRUNCATE TABLE {table}")
            client.execute(f"INSERT INTO {table} SELECT * FROM {table}_true")
        assert verify(config).verdict == "holds", name


def test_a_rewritten_chain_is_a_fork_for_whoever_holds_a_copy(config: SealConfig) -> None:
    """An administrator with all keys and the whole data folder, but not the outside copy."""
    shutil.rmtree(config.folder)
    add_dossiers(config.kafka, 1000, 3, PARTITIONS)
    elsewhere = replace(config, outside=config.outside.with_name("new.jsonl"))
    seal_all(elsewhere)
    report = verify(config)
    assert report.verdict == "fails"
    assert report.differences[0].where == "outside"
    assert "two histories were shown" in report.differences[0].what
    with pytest.raises(Refused, match=r"another checkpoint 1 than ours"):
        seal_more(config)


def seal_more(config: SealConfig) -> None:
    """Adds to the log and lets the sealer go on until it has signed or refused."""
    add_dossiers(config.kafka, 2000, 30, PARTITIONS)
    run_sealer(config, _Once(config))


class _Once(threading.Event):
    """Set when everything is sealed: the sealer then ends in order."""

    def __init__(self, config: SealConfig) -> None:
        super().__init__()
        self._config = config

    def is_set(self) -> bool:
        return is_sealed(self._config)


def test_a_fresh_key_does_not_continue_the_chain(config: SealConfig) -> None:
    config.key_file.unlink()
    with pytest.raises(Refused, match="signing key"):
        seal_more(config)


def test_a_lost_folder_is_sealed_anew_under_what_outsiders_hold(config: SealConfig) -> None:
    before = CheckpointFile(config.checkpoints).last()
    assert before is not None
    shutil.rmtree(config.folder)
    add_dossiers(config.kafka, 1000, 20, PARTITIONS)
    seal_all(config)
    after = CheckpointFile(config.checkpoints)
    assert after.find(before.checkpoint().number) == before
    assert verify(config, store=False).verdict == "holds"


def test_a_rotated_key_is_named_before_it_signs(config: SealConfig) -> None:
    old = load_keys(config.key_file).key
    new = rotate(config.key_file).next
    for first in (1000, 2000):
        add_dossiers(config.kafka, first, 20, PARTITIONS)
        seal_all(config)
    keys = [s.checkpoint().key for s in CheckpointFile(config.checkpoints)]
    assert keys[0] == old
    assert keys[-1] == new
    assert verify(config, store=False).verdict == "holds"


def test_the_checkpoint_file_cut_or_edited_is_noticed(config: SealConfig) -> None:
    for first in (1000, 2000, 3000):
        add_dossiers(config.kafka, first, 20, PARTITIONS)
        seal_all(config)
    lines = config.checkpoints.read_bytes().splitlines(keepends=True)
    assert len(lines) > 2
    for damage in (lines[:-1], lines[1:], [lines[0], *lines[2:]], [lines[1], lines[0], *lines[2:]]):
        config.checkpoints.write_bytes(b"".join(damage))
        assert verify(config, store=False).verdict == "fails"
    config.checkpoints.write_bytes(b"".join(lines))
    config.outside.unlink()
    report = verify(config, store=False)
    assert report.verdict == "cannot_tell"
    assert "outside" in report.reason


def test_damaged_hashes_beside_the_log_are_not_taken_for_a_damaged_log(config: SealConfig) -> None:
    path = config.folder / "trees" / "dossier-events-0" / "level0"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(bytes(data))
    assert verify(config, store=False).verdict == "holds"
