"""Who came to the embedded store past the API: counted there by the hour, taken into the log here, once."""

import json
import sqlite3
from pathlib import Path

import pytest

from api.alerts.private import CHANGED, PrivateStore
from api.due_acts import DueActs
from api.visits import take_visits
from ops.deeds import note_deed
from ops.settings import load
from sinks.embedded.visitors import Visitors

HOUR = 3_600


class Clock:
    now = 496_389.0 * HOUR + 5

    def __call__(self) -> float:
        return self.now


def test_visitors_are_counted_by_the_hour_and_become_acts_once(tmp_path: Path) -> None:
    file, clock = tmp_path / "visitors.jsonl", Clock()
    visitors = Visitors(file, clock)
    for _ in range(3):
        visitors.came("reader", "Grafana/11.2", "http")
    visitors.came("writer", "ClickHouse gs766", "native")  # a part of ours
    visitors.came("writer", "ClickHouse python-driver <b>", "native")
    visitors.came("root; DROP", "curl/8", "http", refused=True)
    visitors.tell()
    assert take_visits(file) == ([], None), "the hour is not over"
    clock.now += HOUR
    visitors.tell()
    visitors.tell()
    file.write_bytes(
        file.read_bytes()
        + b'{"id": "torn\n{"id":"x","hour":5,"user":"","client":"","way":"","statements":1,"refused":0}'
    )
    acts, taken = take_visits(file)
    found = [(a.subject, json.loads(a.body)["evidence"]) for a in acts]
    told = {(s, e["client"], e["way"]): (e["statements"], e["refused"]) for s, e in found}
    assert told == {
        ("reader", "Grafana/11.2", "http"): (3, 0),
        ("writer", "ClickHouse python-driver b", "native"): (1, 0),
        ("other", "curl/8", "http"): (0, 1),
    }
    assert {a.type for a in acts} == {"system.store_used"}
    assert found[0][1]["hour"] == "2026-08-17T21:00:00.000Z"
    # A crash before they were kept: the same acts again; afterwards the file is gone.
    assert [a.id for a in take_visits(file)[0]] == [a.id for a in acts]
    assert taken is not None
    taken.unlink()
    assert take_visits(file) == ([], None)
    visitors.came("reader", "x", "http")
    visitors.tell(end=True)
    assert len(take_visits(file)[0]) == 1


def test_without_a_file_nothing_is_counted_and_a_full_disk_keeps_the_counts(tmp_path: Path) -> None:
    Visitors().came("reader", "x", "http")
    clock = Clock()
    visitors = Visitors(tmp_path / "none" / "v.jsonl", clock)
    visitors.came("reader", "x", "http")
    visitors.tell(end=True)
    (tmp_path / "none").mkdir()
    visitors.tell(end=True)
    assert len(take_visits(tmp_path / "none" / "v.jsonl")[0]) == 1


def test_a_deed_of_a_command_waits_for_the_log(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    note_deed(settings, "backup_taken", "backup", now=1_787_000_000_000, number=3)
    (act,) = DueActs(tmp_path / "private.sqlite").unrecorded()
    data = json.loads(act.body)
    assert (act.type, act.occurred_at, data["evidence"]) == (
        "system.backup_taken",
        1_787_000_000_000,
        {"number": 3},
    )
    assert data["actor"].startswith("shell")
    note_deed(load({}, tmp_path / "elsewhere"), "backup_taken", "backup")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("edit", ["UPDATE notes SET text = 'khác'", "UPDATE notes SET salt = x'00'"])
def test_words_that_are_not_those_of_the_hash_in_the_log_are_shown_as_changed(tmp_path: Path, edit: str) -> None:
    store = PrivateStore(tmp_path / "private.sqlite")
    name = store.add_note("a1", "đã gọi cho dân", "k1", 5)
    assert store.notes([name]) == store.words("a1") == {name: "đã gọi cho dân"}
    with sqlite3.connect(tmp_path / "private.sqlite") as db:
        db.execute(edit)
    assert store.notes([name]) == store.words("a1") == {name: CHANGED}
