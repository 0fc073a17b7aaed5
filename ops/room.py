"""Waiting for room on a disk: what cannot start without it is not started in vain, and goes on by itself."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

FOR_KAFKA = 16 << 20
"""Bytes below which Kafka's start fails or soon ends it again; of a small disk a twentieth."""
LOOK_SECONDS = 0.5
Free = Callable[[Path], tuple[int, int]]


def free_bytes(folder: Path) -> tuple[int, int]:
    """(free, all) bytes of the disk on which a folder lies."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def wait_for_room(
    folder: Path,
    stop: threading.Event,
    say: Callable[[str], None],
    free: Free = free_bytes,
    look: float = LOOK_SECONDS,
) -> bool:
    """Returns True once the disk has room, False when it is to stop before; `say` hears once why it waits."""
    folder.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        left, size = free(folder)
        needed = min(FOR_KAFKA, size // 20)
        if left >= needed:
            return True
        if not told:
            where = f"the disk of {folder} has {left >> 20} MiB left, Kafka needs {needed >> 20}"
            say(f"{where}: make room, it goes on by itself")
            told = True
        if stop.wait(look):
            return False
