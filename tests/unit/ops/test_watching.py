"""A watched folder: complete files once, each moved away with its report; a kill loses and doubles nothing."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.errors import InvalidInput, Unavailable
from ops.cli import app
from ops.watching import FolderWatch, Outcome


class Importer:
    """Counts what it is given; `bad` names are of no use, `away` is a Kafka that is away."""

    def __init__(self) -> None:
        self.brought: list[str] = []
        self.away = False

    def __call__(self, path: Path, rejected_dir: Path) -> Outcome:
        if self.away:
            raise Unavailable("Kafka is away")
        self.brought.append(path.name)
        assert rejected_dir.is_dir()
        if path.name.startswith("broken"):
            raise InvalidInput("no spreadsheet")
        return Outcome(not path.name.startswith("bad"), {"read": 1})


def put(folder: Path, name: str, content: str = "x", at: int = 1_700_000_000) -> None:
    (folder / name).write_text(content)
    os.utime(folder / name, (at, at))


def test_a_file_is_imported_once_it_stands_still_and_moves_with_its_report(tmp_path: Path) -> None:
    bring = Importer()
    watch = FolderWatch(tmp_path, bring)
    put(tmp_path, "a.xlsx")
    put(tmp_path, "~$a.xlsx")
    put(tmp_path, "b.xlsx.part")
    assert watch.poll() == []
    put(tmp_path, "a.xlsx", "grows", 1_700_000_001)
    assert watch.poll() == []
    (moved,) = watch.poll()
    assert (moved.path, moved.usable) == (tmp_path / "done" / "a.xlsx", True)
    assert json.loads(moved.report.read_text()) == {"file": "a.xlsx", "read": 1}
    assert watch.poll() == []
    put(tmp_path, "a.xlsx")
    watch.poll()
    assert watch.poll()[0].path.name == "a (2).xlsx"
    assert bring.brought == ["a.xlsx", "a.xlsx"]


def test_the_oldest_comes_first_and_what_is_of_no_use_goes_aside_with_the_reason(tmp_path: Path) -> None:
    bring = Importer()
    watch = FolderWatch(tmp_path, bring)
    for n, name in enumerate(("new.xlsx", "bad.xlsx", "broken.xlsx")):
        put(tmp_path, name, at=1_700_000_100 - n)
    watch.poll()
    moved = watch.poll()
    assert bring.brought == ["broken.xlsx", "bad.xlsx", "new.xlsx"]
    assert [m.path.parent.name for m in moved] == ["rejected", "rejected", "done"]
    assert json.loads(moved[0].report.read_text())["error"] == "no spreadsheet"


def test_without_kafka_the_files_wait(tmp_path: Path) -> None:
    bring = Importer()
    watch = FolderWatch(tmp_path, bring)
    put(tmp_path, "a.xlsx")
    watch.poll()
    bring.away = True
    with pytest.raises(Unavailable):
        watch.poll()
    assert (tmp_path / "a.xlsx").exists()
    bring.away = False
    assert watch.poll()[0].usable
    with pytest.raises(InvalidInput):
        FolderWatch(tmp_path / "none", bring)


def test_an_interrupt_ends_the_watch_after_the_file_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: list[str] = []

    def bring(path: Path, _rejected: Path) -> Outcome:
        brought.append(path.name)
        assert len(brought) < 2, "asked to end while the first was at work"
        with suppress(KeyboardInterrupt):  # as an import does, which keeps what it has read
            os.kill(os.getpid(), signal.SIGINT)
            return Outcome(True, {"read": 1})
        return Outcome(False, {"incomplete": "interrupted"})

    monkeypatch.setattr("ops.watching.importer", lambda *_: bring)
    put(tmp_path, "a.xlsx", at=1_700_000_000)
    put(tmp_path, "b.xlsx", at=1_700_000_001)
    before = signal.getsignal(signal.SIGINT)
    given = ["watch", str(tmp_path), "--every", "0.2", "--data", str(tmp_path / "data")]
    ended = CliRunner().invoke(app, given, obj={})
    assert (ended.exit_code, brought) == (0, ["a.xlsx"])
    assert (tmp_path / "done" / "a.xlsx").exists()
    assert (tmp_path / "b.xlsx").exists()
    assert signal.getsignal(signal.SIGINT) is before
