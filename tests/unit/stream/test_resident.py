"""Rules of resident memory: mapped pages are let go above the limit, and nothing of the state is lost by it."""

import sys
from pathlib import Path

import pytest

from domain.facts import Packed
from stream.resident import memory, resident_files, trim
from stream.state import Position, StateStore, Subject

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process's pages")
COUNT = 4_000


def test_pages_of_the_state_are_let_go_above_the_limit_and_read_again_as_they_were(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    for n in range(COUNT):
        store.put_subject(Subject("unit", f"H44.{n}", Packed(), dimensions=("x" * 4000, str(n), "")))
    store.commit(Position("log", "rules", 1))
    for n in range(COUNT):
        store.subject("unit", f"H44.{n}")
    before = resident_files()
    assert trim(tmp_path / "data.mdb", 1)
    assert before - resident_files() > COUNT * 4000 / 2
    found = store.subject("unit", "H44.7")
    assert found is not None
    assert found.dimensions[1] == "7"
    store.close()


def test_below_the_limit_nothing_is_let_go(tmp_path: Path) -> None:
    assert not trim(tmp_path / "data.mdb", 1 << 40)
    resident, own = memory()
    assert 0 < own <= resident
