"""The embedded store stops writing before its disk is full, and goes on when there is room."""

import pytest

from sinks.embedded.errors import NOT_ENOUGH_SPACE, EngineError
from sinks.embedded.room import FLOOR, Room

SIZE = 100 << 30


class Disk:
    """A disk, an engine on it, and its process."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = self.free = size
        self.told: list[bool] = []
        self.restarts = 0
        self.room = Room(self, lambda: (self.free, self.size), self.restart)

    def merges(self, on: bool) -> None:
        self.told.append(on)

    def restart(self) -> None:
        self.restarts += 1

    def has(self, free: int) -> None:
        self.free = free
        self.room.look()


def test_inserts_and_merges_wait_for_room_and_go_on() -> None:
    disk = Disk()
    disk.has(FLOOR - 1)
    assert disk.told == [False]
    with pytest.raises(EngineError, match="nearly full") as refused:
        disk.room.check()
    assert refused.value.code == NOT_ENOUGH_SPACE
    disk.has(FLOOR + 1)  # not to and fro at the floor itself
    assert disk.told == [False]
    disk.has(2 * FLOOR)
    assert disk.told == [False, True]
    disk.room.check()
    assert disk.restarts == 0


def test_a_disk_that_was_full_to_the_last_byte_lets_the_store_start_again() -> None:
    disk = Disk()
    disk.has(0)
    assert disk.restarts == 0
    disk.has(SIZE)
    disk.has(SIZE)
    assert disk.restarts == 1
    assert disk.told == [False]  # merges stay away until then


def test_the_floor_of_a_small_disk_is_a_tenth_of_it() -> None:
    disk = Disk(1 << 30)
    disk.has(FLOOR - 1)
    assert disk.told == []
    disk.has(100 << 20)
    assert disk.told == [False]
