"""Rules of snapshots: taken whole, taken over only when they save work, whole, and of this very log."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from stream.snapshots import Snapshots, newest, take, take_over
from stream.state import Position, StateStore, is_free, is_wanted

POSITION = Position("log", "rules", 700, b"hash", 5, 6)


def yes(_: Position) -> bool:
    return True


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], StateStore]]:
    """Opens states that are closed with the test."""
    stores: list[StateStore] = []

    def begin(name: str) -> StateStore:
        stores.append(StateStore(tmp_path / name))
        return stores[-1]

    yield begin
    for store in stores:
        store.close()


@pytest.fixture
def taken(opened: Callable[[str], StateStore], tmp_path: Path) -> Path:
    """A snapshot folder with one of a state at offset 700, with one cell."""
    store = opened("first")
    store.cell(("unit_cells", "day", "H44", 1, 0), 3)[1] = 7
    store.commit(POSITION)
    take(store, tmp_path / "shared")
    return tmp_path / "shared"


def test_an_empty_state_goes_on_from_the_snapshot(opened: Callable[[str], StateStore], taken: Path) -> None:
    store = opened("second")
    assert take_over(store, taken, 500, yes)
    assert store.position == POSITION
    assert store.cell(("unit_cells", "day", "H44", 1, 0), 3) == [0, 7, 0]
    store.commit(Position("log", "rules", 701))


def test_a_state_that_is_nearly_there_keeps_its_own(opened: Callable[[str], StateStore], taken: Path) -> None:
    store = opened("second")
    near = Position("log", "rules", 650)
    store.commit(near)
    assert not take_over(store, taken, 51, yes)
    assert store.position == near
    assert take_over(store, taken, 50, yes)


def test_a_snapshot_of_another_log_is_left_alone(opened: Callable[[str], StateStore], taken: Path) -> None:
    store = opened("second")
    asked: list[Position] = []

    def no(position: Position) -> bool:
        asked.append(position)
        return False

    assert not take_over(store, taken, 1, no)
    assert asked == [POSITION]
    assert store.position is None


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "manifest"])
def test_a_damaged_snapshot_is_left_alone(opened: Callable[[str], StateStore], taken: Path, harm: str) -> None:
    manifest = newest(taken)
    assert manifest is not None
    file = taken / manifest.file
    content = bytearray(file.read_bytes())
    if harm == "cut":
        file.write_bytes(content[:-4096])
    elif harm == "changed":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif harm == "gone":
        file.unlink()
    else:
        (taken / "snapshot.json").write_text("{")
    store = opened("second")
    assert not take_over(store, taken, 1, yes)
    assert store.position is None
    assert not [*store.folder.glob("*.part")]
    store.commit(POSITION)


def test_a_newer_snapshot_takes_the_place_of_the_older_and_of_what_a_crash_left(
    opened: Callable[[str], StateStore], taken: Path
) -> None:
    (taken / "123-1.part").write_text("torn")
    store = opened("third")
    store.commit(Position("log", "rules", 900))
    found = take(store, taken)
    assert newest(taken) == found
    assert sorted(f.name for f in taken.iterdir()) == sorted([found.file, "snapshot.json"])


def test_snapshots_are_taken_when_enough_was_folded_and_a_full_disk_does_not_stop_the_fold(
    opened: Callable[[str], StateStore], tmp_path: Path
) -> None:
    store = opened("first")
    snapshots = Snapshots(store, tmp_path / "shared", 0.0, 10)
    store.commit(Position("log", "rules", 8))
    snapshots.consider()
    snapshots.close()
    assert newest(tmp_path / "shared") is None
    store.commit(Position("log", "rules", 9))
    snapshots.consider()
    snapshots.close()
    found = newest(tmp_path / "shared")
    assert found is not None
    assert found.position.offset == 9
    (tmp_path / "file").write_text("no folder")
    Snapshots(store, tmp_path / "file", 0.0, 1)._take()


def test_a_state_in_use_learns_that_it_is_wanted(opened: Callable[[str], StateStore], tmp_path: Path) -> None:
    store = opened("first")
    assert not is_wanted(store.folder)
    assert not is_free(store.folder)
    with pytest.raises(Unavailable, match="in use"):
        StateStore(store.folder)
    assert is_wanted(store.folder)
    assert is_free(tmp_path / "nowhere")
