"""A state that was open when the machine lost power may be torn: it is folded anew; a killed process's is not."""

import os
import sys
from pathlib import Path

import pytest

from stream.state import Position, StateStore

AT = Position("log", "rules", 7)


def left_behind(folder: Path, mark: str) -> None:
    """A state at that position, whose mark says so."""
    store = StateStore(folder)
    store.commit(AT)
    store.close()
    (folder / "boot").write_text(mark)


@pytest.mark.parametrize(
    ("mark", "kept"),
    [("{boot} clean", True), ("{boot} open", True), ("another-boot clean", True), ("another-boot open", False)],
    ids=["closed", "its process was killed", "closed before the last boot", "open when power was lost"],
)
def test_only_what_was_open_in_another_boot_is_folded_anew(tmp_path: Path, mark: str, kept: bool) -> None:
    left_behind(tmp_path, "")
    boot = StateStore(tmp_path)
    now = (tmp_path / "boot").read_text().split()
    boot.close()
    assert now[1:] == ["open"]
    assert (tmp_path / "boot").read_text().split() == [now[0], "clean"]
    left_behind(tmp_path, mark.format(boot=now[0]))
    store = StateStore(tmp_path)
    assert (store.position == AT) == kept
    store.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux names an open file")
def test_that_it_is_open_is_on_the_disk_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[str] = []
    true = os.fsync

    def fsync(number: int) -> None:
        forced.append(os.readlink(f"/proc/self/fd/{number}"))
        assert not (tmp_path / "data.mdb").exists()
        true(number)

    monkeypatch.setattr(os, "fsync", fsync)
    store = StateStore(tmp_path)
    assert [Path(path).name for path in forced] == ["boot.new", tmp_path.name]
    store.close()
