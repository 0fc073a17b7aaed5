"""A disk that takes nothing is told in words, and what was not committed is committed later."""

from pathlib import Path

import pytest

import stream.state
from domain.errors import Unavailable
from domain.facts import Packed
from stream.state import Position, StateStore, Subject


def test_a_state_that_does_not_fit_is_unavailable_and_fits_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream.state, "MAP_SIZE", 1 << 20)
    store = StateStore(tmp_path / "p0")
    for number in range(20_000):
        store.put_subject(Subject("dossier", f"H44-{number}", Packed()))
    for _ in range(2):
        with pytest.raises(Unavailable, match="make room"):
            store.commit(Position("log", "rules", 5))
    assert store.position is None
    store._env.set_mapsize(1 << 30)
    store.commit(Position("log", "rules", 5))
    store.close()
    again = StateStore(tmp_path / "p0")
    assert again.position == Position("log", "rules", 5)
    assert again.subject("dossier", "H44-19999") is not None
    again.close()
