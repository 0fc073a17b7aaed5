"""What needs room on a disk waits for it, says so once, and goes on as soon as there is some."""

import threading
from pathlib import Path

import pytest

from ops.room import FOR_KAFKA, wait_for_room

SIZE = 1 << 40


def wait(folder: Path, *free: int, size: int = SIZE, stop: bool = False) -> tuple[bool, list[str], int]:
    """The outcome over a disk with so much left at each look, what was said, and how often it was looked."""
    said: list[str] = []
    looks = iter(free)
    seen = 0

    def look(_: Path) -> tuple[int, int]:
        nonlocal seen
        seen += 1
        return next(looks), size

    event = threading.Event()
    if stop:
        event.set()
    return wait_for_room(folder, event, said.append, look, 0), said, seen


def test_with_room_nothing_is_said(tmp_path: Path) -> None:
    assert wait(tmp_path / "kafka", FOR_KAFKA) == (True, [], 1)


def test_without_room_it_waits_and_says_so_once(tmp_path: Path) -> None:
    held, said, seen = wait(tmp_path, 0, 0, FOR_KAFKA - 1, FOR_KAFKA)
    assert (held, seen) == (True, 4)
    assert len(said) == 1
    assert "0 MiB left" in said[0]


def test_an_end_that_is_asked_for_ends_the_waiting(tmp_path: Path) -> None:
    assert wait(tmp_path, 0, 0, stop=True)[0] is False


@pytest.mark.parametrize(("left", "seen"), [(4 << 20, 2), (5 << 20, 1)])
def test_a_small_disk_needs_a_twentieth(tmp_path: Path, left: int, seen: int) -> None:
    assert wait(tmp_path, left, SIZE, size=100 << 20)[2] == seen
