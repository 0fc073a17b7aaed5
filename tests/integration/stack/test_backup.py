"""A backup taken from a running stack comes back elsewhere as the same log: equal rows, acts, times, places."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from domain.errors import Refused
from eventlog.config import KafkaConfig
from eventlog.segments import Row
from eventlog.topics import check_topics, topic_specs
from ops.backup.logs import LogFiller, RawLog, create_topics, end_bringing_back
from ops.backup.manifest import Manifest, read_manifest, write_manifest
from ops.backup.restoring import restore_backup
from ops.backup.taking import take_backup
from ops.backup.verifying import verify_backup
from ops.rebuilding import store_client
from ops.settings import Settings, load
from tests.integration.stack.conftest import Start
from tests.support.lifecycles import encoded, lifecycles
from tests.support.stack import ROOT, RunningStack
from tests.support.waiting import until

CLOCK = ("--clock", "2026-09-01T00:00:00+07:00")
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT)}


def gs766(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command that talks to no running stack."""
    command = [sys.executable, "-m", "ops.cli", *arguments]
    return subprocess.run(command, capture_output=True, env=ENVIRON, text=True, timeout=240)


def silent(*_: object) -> None:
    """Where nobody watches."""


def logs_in_the_store(stack: RunningStack) -> dict[str, set[Any]]:
    """Both logs' records with their times, and the acts of alerts."""
    with store_client(load(ENVIRON, stack.data)) as client:
        return {
            "records": set(
                client.execute(
                    "SELECT topic, partition, offset, appended_at, known_at, key, origin, key_id, value"
                    " FROM records FINAL"
                )
            ),
            "acts": set(map(str, client.execute("SELECT * FROM alert_acts FINAL"))),
        }


def holds_all_of(wanted: dict[str, set[Any]], found: dict[str, set[Any]]) -> bool:
    """Whether nothing of it is missing or changed."""
    return all(wanted[name] <= found[name] for name in wanted)


def acknowledge_one(stack: RunningStack, note: str) -> str:
    """Acknowledges an alert with a person's words; returns its id."""
    with stack.http() as client:
        alert: str = client.get("/v1/alerts").json()["alerts"][0]["id"]
        answer = client.post(f"/v1/alerts/{alert}/ack", json={"note": note})
        assert answer.status_code == 202, answer.text
    return alert


def test_a_running_stack_is_restored_elsewhere_as_the_same_log(start: Start, tmp_path: Path) -> None:
    folder, keys, new = tmp_path / "backup", tmp_path / "keys", tmp_path / "new"
    stack = start(*CLOCK)
    stack.post(encoded(lifecycles(60)))
    stack.settle()
    first = stack.json("backup", str(folder), "--keys", str(keys))
    assert first["new_records"] == first["records"]
    former = {path: path.read_bytes() for path in (folder / "segments").iterdir()}

    alert = acknowledge_one(stack, "Đang xử lý")
    stack.post(encoded(lifecycles(3, seed=9, prefix="H44.9")))
    stack.settle()
    second = stack.json("backup", str(folder), "--keys", str(keys))
    assert 0 < second["new_records"] == second["records"] - first["records"]
    assert {path: path.read_bytes() for path in former} == former
    assert len(list(folder.glob("state-*"))) == 1
    until(lambda: "acknowledged" in str(logs_in_the_store(stack)["acts"]), "the act in the store")
    before, logged = stack.rows(), logs_in_the_store(stack)
    assert len(before["dossiers"]) == 63
    stack.stop()

    unchanged = stack.json("backup", str(folder))  # nothing runs now: the log is started for it
    assert unchanged["new_records"] <= 1, "no more than the act of the backup before"
    refused = gs766("restore", str(folder), "--data", str(stack.data))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr

    done = gs766("restore", str(folder), "--keys", str(keys), "--data", str(new))
    assert done.returncode == 0, done.stderr
    restored = RunningStack(new, *CLOCK).start()
    try:
        restored.settle()
        assert restored.rows() == before
        # The first start in a new place records its new development key; everything else is as it was.
        until(lambda: holds_all_of(logged, logs_in_the_store(restored)), "both logs in the store")
        with restored.http() as client:
            acts = client.get(f"/v1/alerts/{alert}").json()["acts"]
        note = next(act["note_hash"] for act in acts if act.get("note") == "Đang xử lý")
        _erase_everywhere(restored, folder, note, b"\xc4\x90ang x\xe1\xbb\xad l\xc3\xbd")
        restored.post(encoded(lifecycles(2, seed=5, prefix="H44.8")))
        restored.settle()
        assert restored.json("reconcile")["verdict"] == "holds"
        assert restored.json("backup", str(folder))["new_records"] > 0, "the same log goes on"
    finally:
        restored.stop()


def _erase_everywhere(stack: RunningStack, folder: Path, note: str, words: bytes) -> None:
    """Erasing leaves no byte in data folder and backup, is in the log, breaks no proof; who asked SQL is told."""

    def holding() -> list[Path]:
        files = [p for place in (stack.data, folder) for p in place.rglob("*") if p.is_file()]
        return [p for p in files if words in _content(p)]

    assert {p.name for p in holding()} >= {"private.sqlite"}
    assert stack.json("sql", "SELECT 766") == [{"766": 766}]
    order = ("--decision", "12/QĐ", "--yes")
    done = stack.json("erase", "note", note[:12], *order, "--backup", str(folder))
    assert done["recorded"]
    assert done["notes_erased_in"] == {str(folder): 1}
    assert holding() == []
    assert verify_backup(folder).verdict == "holds"
    assert (stack.data / "imports.sqlite").exists()
    # The restored folder's own copy outside is made with its first seal: until then verify cannot tell.
    stack.run("seal")
    report = stack.json("verify", check=(0, 1, 3))
    assert (report["verdict"], report["differences"], report["reason"]) == ("holds", [], "")
    told = "SELECT count() AS n FROM alert_acts WHERE type = 'system.note_erased'"
    until(lambda: stack.json("sql", told) == [{"n": 1}], "the act in the store")
    reads = stack.json("audit", "reads", "--dossier", "sql")
    assert reads["verdict"] == "holds"
    assert "SELECT 766" in [row["asked"] for row in reads["reads"]]
    listed = stack.json("audit", "reads", "--dossier", "alerts")["reads"]
    assert {row["read"] for row in listed} == {"list_read"}


def _content(path: Path) -> bytes:
    """What a file holds; nothing when the store's merges took it away meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_a_drill_proves_a_backup_and_damage_or_interruption_is_never_silent(start: Start, tmp_path: Path) -> None:
    folder, new = tmp_path / "backup", tmp_path / "new"
    stack = start("--except", "writer,worker,api,notifier")
    settings = load(ENVIRON, stack.data)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_backup(settings, folder, None, ENVIRON, silent, interrupt)
    take_backup(settings, folder, None, ENVIRON, silent, silent)
    valid = read_manifest(folder)
    stack.load(lifecycles(20))
    with pytest.raises(KeyboardInterrupt):
        take_backup(settings, folder, None, ENVIRON, silent, interrupt)
    assert read_manifest(folder) == valid
    assert verify_backup(folder).verdict == "holds"
    taken = take_backup(settings, folder, None, ENVIRON, silent, silent)
    assert taken.new_records > 0
    assert not list(folder.rglob("*.part"))
    _refuses_another_log(settings, folder, taken.manifest)
    stack.stop()

    drill = gs766("restore-drill", str(folder), "--scratch", str(tmp_path), "--json")
    assert drill.returncode == 0, drill.stdout + drill.stderr
    proven = json.loads(drill.stdout)
    assert proven["verdict"] == "holds"
    assert proven["checked"]["rows of dossiers"] == 20
    assert proven["ready_after_seconds"] > 0
    assert not list(tmp_path.glob("gs766-drill-*"))

    with pytest.raises(KeyboardInterrupt):
        restore_backup(folder, new, None, ENVIRON, silent, _interrupt_records)
    assert not new.exists()

    segment = folder / taken.manifest.segments[-1].file
    _damage(segment)
    checked = gs766("backup", "verify", str(folder), "--json")
    assert checked.returncode == 1
    found = json.loads(checked.stdout)
    assert found["verdict"] == "fails"
    assert [d["file"] for d in found["differences"]] == [taken.manifest.segments[-1].file]
    refused = gs766("restore", str(folder), "--data", str(new))
    assert refused.returncode == 1
    assert taken.manifest.segments[-1].file in refused.stderr
    assert not new.exists()
    shutil.copy(folder / taken.manifest.segments[0].file, segment)
    assert verify_backup(folder).verdict == "fails"
    segment.unlink()
    assert verify_backup(folder).differences[0].file == taken.manifest.segments[-1].file


def _refuses_another_log(settings: Settings, folder: Path, valid: Manifest) -> None:
    """The log behind the backup was cut, replaced, or is another one: nothing is added."""
    longer, other = ({"stop": valid.ranges[0].stop + 9}, {"last": "0" * 64})
    for changed, words in ((longer, "the log was cut"), (other, "the log was replaced")):
        ranges = (structs.replace(valid.ranges[0], **changed), *valid.ranges[1:])
        write_manifest(folder, structs.replace(valid, ranges=ranges))
        with pytest.raises(Refused, match=words):
            take_backup(settings, folder, None, ENVIRON, silent, silent)
    write_manifest(folder, structs.replace(valid, log_ids=dict.fromkeys(valid.log_ids, "another")))
    with pytest.raises(Refused, match="another log"):
        take_backup(settings, folder, None, ENVIRON, silent, silent)
    write_manifest(folder, valid)


def _interrupt_records(what: str, *_: object) -> None:
    if what == "log records":
        raise KeyboardInterrupt


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


ROWS = (
    Row(0, 1_600_000_000_000, None, b"[]", (("origin", b"live"), ("key_id", b""))),
    Row(1, 1_500_000_000_000, b"", b"", ()),
    Row(2, 4_000_000_000_000, b"k", None, (("origin", b"a"), ("origin", b"b"))),
    Row(3, 1_600_000_000_001, b"k", b"x" * 1_500_000, ()),
    *(Row(n, 1_700_000_000_000 + n % 7, b"%d" % n, b"y" * (n % 900), ()) for n in range(4, 3000)),
)


def test_keys_values_headers_and_times_come_back_as_they_were(kafka: KafkaConfig) -> None:
    rows: Sequence[Row] = ROWS
    create_topics(kafka, 2)
    with LogFiller(kafka) as filler:
        filler.fill(kafka.events, 1, rows, silent)
    end_bringing_back(kafka, 2)
    check_topics(kafka, 2)
    with RawLog(kafka, kafka.events) as log:
        assert log.end_offsets() == {0: 0, 1: len(rows)}
        assert tuple(log.rows(1, 0, len(rows))) == tuple(rows)
        assert tuple(log.rows(1, 10, 12)) == tuple(rows[10:12])
    with pytest.raises(Refused, match=topic_specs(kafka)[0].name):
        create_topics(kafka, 2)


def test_a_record_that_lands_elsewhere_stops_the_restore(kafka: KafkaConfig) -> None:
    create_topics(kafka, 1)
    with pytest.raises(Refused, match="came to stand at 0"), LogFiller(kafka) as filler:
        filler.fill(kafka.events, 0, [Row(7, 1, None, b"[]", ())], silent)
