"""A worker's name in its group: the same for whoever comes after it, never that of one that lives."""

from pathlib import Path

import pytest

from stream.membership import Membership


def test_who_comes_after_has_the_same_name(tmp_path: Path) -> None:
    first = Membership(tmp_path)
    first.close()
    again = Membership(tmp_path)
    assert again.name == first.name != ""
    again.close()


def test_two_that_live_have_two_names(tmp_path: Path) -> None:
    held = [Membership(tmp_path) for _ in range(3)]
    names = [each.name for each in held]
    assert len({*names}) == 3
    held[1].close()
    assert Membership(tmp_path).name == names[1]


def test_folders_and_machines_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Membership(tmp_path / "a")
    assert Membership(tmp_path / "b").name != here.name
    here.close()
    monkeypatch.setattr("platform.node", lambda: "another")
    assert Membership(tmp_path / "a").name != here.name
