"""Keeps a process's resident memory small although its state is mapped whole.

Every page of the state that was ever read stays in the process's page tables and counts as its memory, up to the
size of the state: harmless to the kernel, which may take it back, but not to a limit on the process, nor to a
person who reads `ps`. Dropping the entries leaves the pages in the kernel's cache; the next read maps them again.
"""

import ctypes
import mmap
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

MAPPED_BYTES = 256 << 20
"""How much of mapped files may be resident; a worker has its own 100 MB beside it."""
_LINUX = sys.platform.startswith("linux")
_DONTNEED = 4


def trim(mapped: Path, most: int = MAPPED_BYTES) -> bool:
    """Lets go of a mapped file's pages when the process has more than `most` bytes of files resident; whether it
    did. Only on Linux; safe at any moment, from any thread."""
    if not _LINUX or resident_files() <= most:
        return False
    name = os.path.realpath(mapped)
    with Path("/proc/self/maps").open() as maps:
        places = [line.split(maxsplit=5) for line in maps if line.rstrip("\n").endswith(name)]
    for place in places:
        start, end = (int(n, 16) for n in place[0].split("-"))
        _libc().madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)
    return bool(places)


def resident_files() -> int:
    """Bytes of mapped files that are resident in this process."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[2]) * mmap.PAGESIZE


def memory() -> tuple[int, int]:
    """(resident bytes, of which the process's own) of this process; Linux only."""
    found = {}
    with Path("/proc/self/smaps_rollup").open() as file:
        for line in file:
            name, _, value = line.partition(":")
            if value.strip().endswith("kB"):
                found[name] = int(value.split()[0]) * 1024
    return found["Rss"], found["Anonymous"]


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
