"""Seals over a real log and a real store: every change is found and named, unchanged data always passes.

The matrix of changes and places, and who names which: docs/audit.md. Here: the store's tables, the checkpoint
files, an administrator with all keys. Kafka's files: test_sealed_segments; derived rows: stack/test_rebuild;
bundles: test_bundles.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from domain.errors import Refused
from domain.events import encode_event, make_event
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.seals import SealTopic
from eventlog.topics import ensure_topics
from sinks.sealing import helper, verifying
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.keys import load_keys, rotate
from sinks.sealing.leaves import Portion
from sinks.sealing.outcome import Report
from sinks.sealing.progress import Notes, Reached
from sinks.sealing.sealer import _Sealer
from sinks.sealing.sealer import run as run_sealer
from sinks.sealing.verifying import verify
from tests.support.events import T0
from tests.support.sealing import add_dossiers, fill, is_sealed, seal_all, seal_config

NOW = 1_787_000_000_000
PARTITIONS = 2


@pytest.fixture
def config(
    kafka: KafkaConfig, store_address: dict[str, Any], database: str, client: Client, tmp_path: Path
) -> SealConfig:
    """Sixty dossiers in the log and in the store, sealed."""
    ensure_topics(kafka, NOW, PARTITIONS)
    add_dossiers(kafka, 0, 60, PARTITIONS)
    add_raised(kafka)
    sealed = seal_config(tmp_path, kafka, store_address, database)
    seal_all(sealed)
    fill(sealed, client)
    return sealed


def add_raised(kafka: KafkaConfig) -> None:
    """Five alerts as the notifier raises them, a record each: offsets 1 to 5 of the alert log."""
    with BulkWriter(kafka, kafka.alerts, 1, block_events=1) as writer:
        for n in range(5):
            data = {"kind": "A13", "about": f"H44.{n}", "episode": "e", "instant": "2026-08-03T09:00:00+07:00"}
            data |= {"unit": f"H44.{n}", "evidence": {"silent_minutes": n}}  # type: ignore[dict-item]
            event = make_event("alert.raised", f"a{n}", T0, data, source="/gs766/notifier", id=f"r{n}")
            writer.add("alerts", encode_event(event))
            writer.flush()


def places(report: Report) -> set[tuple[str, int | None, int | None]]:
    return {(d.where, d.partition, d.offset) for d in report.differences}


def test_unchanged_logs_and_rows_hold(config: SealConfig) -> None:
    report = verify(config)
    assert (report.verdict, report.differences, report.reason) == ("holds", [], "")
    # 180 events of dossiers, and log.created once a partition of each log.
    assert report.checked["kafka_events"] == report.checked["records_events"] == 188
    assert verify(config, sample=3).verdict == "holds"
    last = CheckpointFile(config.checkpoints).last()
    assert last is not None
    assert verify(config, since=0).verdict == "holds"
    # Who can write notes of a former run could make verification pass over the records before the place noted.
    head = next(t for t in last.checkpoint().trees if (t.log, t.partition) == ("dossier-events", 0))
    place = Reached(offset=head.offset, size=head.size, peaks=("00" * 32,), known_at=head.known_at)
    Notes(config.folder, "0", fresh=True).note("kafka", "dossier-events", 0, place)
    assert verify(config, store=False, resume=True).checked["events_by_note"] == head.size
    report = verify(config, store=False)
    assert (report.verdict, report.checked.get("events_by_note")) == ("holds", None)


RECORD_ATTACKS = {
    "edited": "ALTER TABLE records UPDATE value = replaceOne(value, 'H44.100', 'H44.101') WHERE {place}",
    "deleted": "ALTER TABLE records DELETE WHERE {place}",
    "known earlier": "ALTER TABLE records UPDATE known_at = known_at - INTERVAL 1 DAY WHERE {place}",
    "slipped in": "INSERT INTO records SELECT * REPLACE (replaceOne(value, 'H44.100', 'H44.101') AS value)"
    " FROM records WHERE {place}",
    "replayed": "INSERT INTO records SELECT * REPLACE (toUInt64(3) AS offset)"
    " FROM (SELECT * FROM records WHERE {before})",
    "reordered": "ALTER TABLE records UPDATE value = (SELECT any(value) FROM records WHERE {before})"
    " WHERE {place}",
    "published by another key": "ALTER TABLE records UPDATE key_id = 'k-other' WHERE {place}",
    "live called imported": "ALTER TABLE records UPDATE origin = concat(origin, 'x') WHERE {place}",
    "appended earlier": "ALTER TABLE records UPDATE appended_at = appended_at - INTERVAL 1 DAY WHERE {place}",
    "under another key of Kafka": "ALTER TABLE records UPDATE key = 'x' WHERE {place}",
}
"""At offset 3 of a partition of the events."""
ACT_ATTACKS = (
    "ALTER TABLE records UPDATE value = replaceOne(value, 'H44.2', 'H44.9') WHERE {place}",
    "ALTER TABLE records DELETE WHERE {place}",
)
"""The same in the alert log."""
ROW = "partition = 0 AND offset = {} AND `index` = 0"
COPY_ATTACKS = {
    ("events", 5): f"ALTER TABLE events UPDATE data = '[]' WHERE {ROW.format(5)}",
    ("events", 6): f"ALTER TABLE events DELETE WHERE {ROW.format(6)}",
    ("events", 7): "INSERT INTO events SELECT * REPLACE (toUInt32(499) AS `index`)"
    f" FROM (SELECT * FROM events WHERE {ROW.format(7)})",
    ("events", 8): "INSERT INTO events SELECT * REPLACE (toUInt64(8) AS offset, toUInt32(77) AS `index`)"
    f" FROM (SELECT * FROM events WHERE {ROW.format(7)})",
    ("events", 9): f"ALTER TABLE events UPDATE occurred_at = occurred_at - INTERVAL 1 DAY WHERE {ROW.format(9)}",
    ("events", 2): f"ALTER TABLE alert_acts UPDATE id = 'r9' WHERE {ROW.format(2)}",
    ("events", 4): f"ALTER TABLE alert_acts DELETE WHERE {ROW.format(4)}",
    ("raised", 1): "ALTER TABLE raised UPDATE unit = 'H44.9' WHERE version = 1",
    ("raised", 5): "ALTER TABLE raised DELETE WHERE version = 5",
    ("raised", 3): "INSERT INTO raised SELECT * REPLACE ('H44.77' AS subject)"
    " FROM (SELECT * FROM raised WHERE version = 3)",
}
"""In the reading copies, by the table and the offset that are to be named."""
KEPT = ("records", "events", "alert_acts", "raised")


def attacks() -> Iterator[list[tuple[str, tuple[str, int, int]]]]:
    """Rounds of attacks that do not meet: (statement, what is to be named)."""
    yield [(statement, (where, 0, offset)) for (where, offset), statement in COPY_ATTACKS.items()]
    records = list(RECORD_ATTACKS.values())
    for n in range(0, len(records), 2):
        mine = [("dossier-events", p, statement) for p, statement in enumerate(records[n : n + 2])]
        mine += [("alert-log", 0, ACT_ATTACKS[n // 2])] if n // 2 < len(ACT_ATTACKS) else []
        yield [(_at(log, p, statement), ("records", p, 3)) for log, p, statement in mine]


def _at(log: str, partition: int, statement: str) -> str:
    where = f"topic = '{log}' AND partition = {partition} AND offset = "
    return statement.format(place=f"{where}3", before=f"{where}2")


def test_a_change_in_the_store_is_found_and_named(config: SealConfig, client: Client) -> None:
    for table in KEPT:
        client.execute(f"CREATE TABLE {table}_true AS {table}")
        client.execute(f"INSERT INTO {table}_true SELECT * FROM {table}")
    for view in ("events_view", "alert_acts_view", "raised_view"):
        client.execute(f"DROP TABLE {view}")  # restoring `records` must not fill the others again
    for some in attacks():
        for statement, _ in some:
            client.execute(statement, settings={"mutations_sync": 2})
        report = verify(config)
        assert report.verdict == "fails"
        missed = [(statement, place) for statement, place in some if place not in places(report)]
        assert missed == [], report.differences
        for table in KEPT:
            client.execute(f"TRUNCATE TABLE {table}")
            client.execute(f"INSERT INTO {table} SELECT * FROM {table}_true")
    assert verify(config).verdict == "holds"


CHECKPOINT_ATTACKS = {
    2: "ALTER TABLE checkpoints UPDATE body = replaceOne(body, '2026', '2025') WHERE number = 2",
    3: "ALTER TABLE checkpoints DELETE WHERE number = 3",
    1: "INSERT INTO checkpoints SELECT * REPLACE (toUInt64(1) AS number, '' AS hash)"
    " FROM (SELECT * FROM checkpoints WHERE number = 4)",
    99: "INSERT INTO checkpoints SELECT * REPLACE (toUInt64(99) AS number)"
    " FROM (SELECT * FROM checkpoints WHERE number = 4)",
}


def test_the_checkpoints_that_others_read_are_those_of_the_chain(config: SealConfig, client: Client) -> None:
    for first in (1000, 2000, 3000):
        add_dossiers(config.kafka, first, 10, PARTITIONS)
        seal_all(config)
    fill(config, client)
    for attack in CHECKPOINT_ATTACKS.values():
        client.execute(attack, settings={"mutations_sync": 2})
    SealTopic(config.kafka).publish(next(iter(CheckpointFile(config.checkpoints))).body.encode())
    found = {(d.where, d.checkpoint) for d in verify(config).differences}
    assert found >= {*(("checkpoints", number) for number in CHECKPOINT_ATTACKS), ("topic", 0)}
    assert {where for where, _ in found} == {"checkpoints", "topic"}


def test_a_store_that_is_behind_is_waited_for_and_never_called_changed(
    config: SealConfig, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_dossiers(config.kafka, 1000, 20, PARTITIONS)
    seal_all(config)
    monkeypatch.setattr(verifying, "_STILL_S", 0.2)
    for sample in (None, 1000):
        report = verify(config, sample=sample)
        assert report.differences == []
    assert "wait for its writer" in verify(config).reason
    monkeypatch.setattr(verifying, "_STILL_S", 20.0)
    writer = threading.Thread(target=fill, args=(config, client))
    writer.start()
    report = verify(config)
    writer.join()
    assert (report.verdict, report.reason) == ("holds", "")


@pytest.mark.parametrize("with_key", ["all keys", "a fresh key"])
def test_a_rewritten_chain_is_a_fork_for_whoever_holds_a_copy(config: SealConfig, with_key: str) -> None:
    """An administrator with all keys and the whole data folder, but not the outside copy."""
    shutil.rmtree(config.folder)
    if with_key == "a fresh key":
        config.key_file.unlink()
    add_dossiers(config.kafka, 1000, 3, PARTITIONS)
    elsewhere = replace(config, outside=config.outside.with_name("new.jsonl"))
    seal_all(elsewhere)
    report = verify(config, store=False)
    assert report.verdict == "fails"
    assert (report.differences[0].where, report.differences[0].checkpoint) == ("outside", 1)
    assert "two histories were shown" in report.differences[0].what
    # Whoever was shown the other history, however long ago, sees it too; the new folder alone is in order.
    assert verify(elsewhere, store=False).verdict == "holds"
    theirs = config.outside.with_name("theirs.jsonl")
    theirs.write_bytes(config.outside.read_bytes().splitlines(keepends=True)[0])
    shown = verify(elsewhere, store=False, given=[CheckpointFile(theirs)])
    assert (shown.verdict, shown.differences[0].checkpoint) == ("fails", 1)
    with pytest.raises(Refused, match=r"another checkpoint \d+ than ours"):
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
    with pytest.raises(Refused, match=r"signing keys .* are not there"):
        seal_more(config)
    assert not config.key_file.exists(), "none is made in its place"
    load_keys(config.key_file)
    with pytest.raises(Refused, match="a key file was replaced"):
        seal_more(config)


def test_the_first_key_is_there_before_the_first_checkpoint(config: SealConfig, tmp_path: Path) -> None:
    """A copy of the keys that is made in between would otherwise lack it, and a restored log could not go on."""
    new = replace(config, folder=tmp_path / "a/seal", key_file=tmp_path / "a/key.json", outside=tmp_path / "a/out")
    with closing(_Sealer(new)):
        assert new.key_file.exists()
        assert not new.checkpoints.exists()


def test_a_log_begun_anew_in_the_place_of_a_sealed_one_is_refused_but_for_a_demonstration(
    config: SealConfig, tmp_path: Path
) -> None:
    other_kafka = replace(config.kafka, prefix=f"{config.kafka.prefix}anew-")
    ensure_topics(other_kafka, NOW, PARTITIONS)
    add_dossiers(other_kafka, 0, 3, PARTITIONS)
    anew = replace(config, kafka=other_kafka, folder=tmp_path / "anew", key_file=tmp_path / "anew.json")
    with pytest.raises(Refused, match=r"checkpoints of another log.*put the copy aside: mv '.*outside"):
        _Sealer(anew)
    sealed = config.outside.read_bytes()
    seal_all(replace(anew, may_begin_anew=True))
    assert sealed in {file.read_bytes() for file in config.outside.parent.iterdir()}


def test_a_lost_folder_is_sealed_anew_under_what_outsiders_hold(config: SealConfig) -> None:
    before = CheckpointFile(config.checkpoints).last()
    assert before is not None
    shutil.rmtree(config.folder)
    add_dossiers(config.kafka, 1000, 20, PARTITIONS)
    seal_all(config)
    after = CheckpointFile(config.checkpoints)
    assert after.find(before.checkpoint().number) == before
    assert verify(config, store=False).verdict == "holds"


def test_a_second_process_makes_the_same_seals(
    config: SealConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper, "AHEAD", 1)
    monkeypatch.setattr(helper, "_cores", lambda: 2)
    taken, take = [], helper.Helper.take

    def counted(self: helper.Helper, wait_ms: int) -> Portion | None:
        portion = take(self, wait_ms)
        taken.append(len(portion.made) if portion is not None else 0)
        return portion

    monkeypatch.setattr(helper.Helper, "take", counted)
    other = replace(config, folder=tmp_path / "other", outside=tmp_path / "other.jsonl")
    seal_all(other)
    both = [CheckpointFile(c.checkpoints).last() for c in (config, other)]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0].checkpoint().trees == both[1].checkpoint().trees
    assert sum(taken) > 5
    assert verify(other, store=False).verdict == "holds"
    # One that dies leaves the rest to the sealer.
    monkeypatch.setattr(helper.Helper, "take", lambda *_: None)
    alone = replace(config, folder=tmp_path / "alone", outside=tmp_path / "alone.jsonl")
    seal_all(alone)
    last = CheckpointFile(alone.checkpoints).last()
    assert last is not None
    assert last.checkpoint().trees == both[0].checkpoint().trees


def test_only_so_many_events_lie_between_two_checkpoints_however_many_are_taken_at_once(
    config: SealConfig, tmp_path: Path
) -> None:
    often = replace(config, folder=tmp_path / "often", outside=tmp_path / "often.jsonl", every_events=20)
    seal_all(often)
    sizes = [sum(t.size for t in s.checkpoint().trees) for s in CheckpointFile(often.checkpoints)]
    assert max(after - before for before, after in zip([0, *sizes], sizes, strict=False)) <= 20
    assert sizes[-1] == 188
    assert often.outside.read_bytes() == often.checkpoints.read_bytes()
    assert verify(often, store=False).verdict == "holds"
    lines = often.checkpoints.read_bytes().splitlines(keepends=True)
    often.outside.write_bytes(b"".join(lines[:3]))
    assert "it was cut" in verify(often, store=False).differences[0].what
    # The sealer was ended after our copy was written and before theirs was: theirs is made whole.
    add_dossiers(config.kafka, 1000, 20, PARTITIONS)
    seal_all(often)
    assert often.outside.read_bytes() == often.checkpoints.read_bytes()


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


def test_the_checkpoint_file_cut_or_edited_is_noticed_and_an_older_copy_is_no_cut(config: SealConfig) -> None:
    theirs = config.outside.with_name("theirs.jsonl")
    shutil.copy(config.outside, theirs)
    for first in (1000, 2000, 3000):
        add_dossiers(config.kafka, first, 20, PARTITIONS)
        seal_all(config)
    assert verify(config, store=False, given=[CheckpointFile(theirs)]).verdict == "holds"
    theirs.write_bytes(b"")
    assert verify(config, store=False, given=[CheckpointFile(theirs)]).verdict == "cannot_tell"
    lines = config.checkpoints.read_bytes().splitlines(keepends=True)
    assert len(lines) > 2
    edited = lines[1].replace(b'\\"number\\":2', b'\\"number\\":3')
    assert edited != lines[1]
    damages = {
        "cut": lines[:-1],
        "first deleted": lines[1:],
        "deleted": [lines[0], *lines[2:]],
        "reordered": [lines[1], lines[0], *lines[2:]],
        "replayed": [lines[0], lines[0], *lines[1:]],
        "edited": [lines[0], edited, *lines[2:]],
        "no line": [lines[0], b"nothing\n", *lines[1:]],
        "emptied": [],
    }
    for name, damage in damages.items():
        config.checkpoints.write_bytes(b"".join(damage))
        assert verify(config, store=False).verdict == ("fails" if damage else "cannot_tell"), name
    config.checkpoints.write_bytes(b"".join(lines))
    for name, damage in damages.items():
        if name not in ("cut", "first deleted"):  # the newest may be on its way; a copy may begin later
            config.outside.write_bytes(b"".join(damage))
            assert verify(config, store=False).differences[0].where == "outside", name
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
