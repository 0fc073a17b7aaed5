"""Keeps the store whole when its disk fills up: inserts and merges stop before the last byte is gone.

The engine commits a merge although a file of it could not be written (chDB 4.4: "Empty marks file"). So nothing
may be under way when the disk is full: below a floor inserts are refused and merges are cancelled; both go on when
there is room again. Should the disk have been full to the last byte all the same, the process ends afterwards: at
the next start the engine takes the whole parts from which a broken one was merged.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sinks.embedded.errors import NOT_ENOUGH_SPACE, EngineError

FLOOR = 256 << 20
SHARE = 10
"""The floor is a tenth of a smaller disk."""
FULL = 1 << 20
WATCH_SECONDS = 0.05


class Merging(Protocol):
    """What can stop and start the engine's merges."""

    def merges(self, on: bool) -> None:
        """Lets merges run, or cancels them."""


def free_bytes(path: Path) -> tuple[int, int]:
    """(free, all) bytes of the disk on which `path` lies."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class Room:
    """Watches one disk. `look` is called often, from one thread; `check` from any."""

    def __init__(self, engine: Merging, free: Callable[[], tuple[int, int]], restart: Callable[[], None]) -> None:
        self._engine = engine
        self._free = free
        self._restart = restart
        self._short = False
        self._was_full = False
        self._ending = False

    def check(self) -> None:
        """Raises NOT_ENOUGH_SPACE (243) while there is no room for an INSERT."""
        if self._short:
            left = self._free()[0] >> 20
            message = f"the store's disk is nearly full ({left} MiB left): inserts wait until there is room"
            raise EngineError(NOT_ENOUGH_SPACE, message)

    def look(self) -> None:
        """Compares what is free with the floor, and acts when that has changed."""
        if self._ending:
            return
        free, size = self._free()
        floor = min(FLOOR, size // SHARE)
        if free < FULL:
            self._was_full = True
        if free < floor and not self._short:
            self._short = True
            self._engine.merges(False)
            tell(f"{free >> 20} MiB are left on the disk: inserts and merges wait for room")
        elif free > floor + floor // 4 and self._short:
            if self._was_full:
                self._was_full, self._ending = False, True
                tell("the disk was full to the last byte: starting again with what is whole")
                self._restart()
                return
            self._engine.merges(True)
            self._short = False
            tell("there is room again")

    def watch(self, done: threading.Event) -> None:
        """Looks until `done`; the disk's own errors are no reason to stop looking."""
        while not done.wait(WATCH_SECONDS):
            try:
                self.look()
            except (OSError, EngineError) as error:
                tell(f"could not look at the disk: {error}")


def tell(text: str) -> None:
    """A line that the supervisor shows."""
    print(f"gs766: embedded store: {text}", file=sys.stderr, flush=True)
