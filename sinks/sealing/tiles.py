"""The hashes of one partition's tree in files that only grow, so that any proof is a few short reads.

`level0` holds the leaves, `level8` the roots of each 256 of them, and so on: any complete subtree is found by
hashing at most 255 stored hashes. `records` tells which leaves a log record has. Everything can be made anew from
the log; what stands beyond the recorded sizes is cut off when the files are opened for writing.
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from domain.errors import Refused
from domain.instants import Millis
from domain.merkle import Frontier, Hash, complete_root

HASH = 32
LEVELS = (0, 8, 16, 24)
_RECORD = struct.Struct(">QQq")
AT_ONCE = 4096
"""Leaves that are taken into a tree together: its nodes are made level by level."""


class RecordPlace(NamedTuple):
    """A log record in the tree: its first leaf, how many it has, and when it became known."""

    offset: int
    first_leaf: int
    leaves: int
    known_at: Millis


class TreeReader:
    """Reads the hashes of a partition's tree. The files may grow meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._files = {level: (folder / f"level{level}").open("rb", buffering=0) for level in LEVELS}
            self._records = (folder / "records").open("rb", buffering=0)
        except FileNotFoundError as error:
            raise Refused(f"nothing is sealed in {folder}: the sealer has not run there") from error

    def close(self) -> None:
        """Closes the files."""
        for file in (*self._files.values(), self._records):
            file.close()

    def leaf(self, index: int) -> Hash:
        """A leaf's hash."""
        return self._read(0, index, 1)[0]

    def begins(self, start: int, leaves: Sequence[Hash]) -> bool:
        """Whether these leaves stand from `start` on."""
        expected = b"".join(leaves)
        return os.pread(self._files[0].fileno(), len(expected), start * HASH) == expected

    def leaves(self, start: int, count: int) -> list[Hash]:
        """Leaf hashes, fewer where the file ends."""
        data = os.pread(self._files[0].fileno(), count * HASH, start * HASH)
        return [data[n : n + HASH] for n in range(0, len(data) - HASH + 1, HASH)]

    def node(self, level: int, index: int) -> Hash:
        """As `domain.merkle.Nodes` says."""
        base = max(b for b in LEVELS if b <= level)
        rise = level - base
        return complete_root(self._read(base, index << rise, 1 << rise))

    def _read(self, level: int, start: int, count: int) -> list[Hash]:
        data = os.pread(self._files[level].fileno(), count * HASH, start * HASH)
        if len(data) != count * HASH:
            raise Refused(f"{self.folder}/level{level} ends before what was sealed: delete the folder, seal anew")
        return [data[n : n + HASH] for n in range(0, len(data), HASH)]

    def records(self) -> int:
        """How many records are there."""
        return os.fstat(self._records.fileno()).st_size // _RECORD.size

    def record(self, offset: int, size: int) -> RecordPlace | None:
        """The record at a log offset in a tree of `size` leaves; None when it is not sealed there."""
        low, high = 0, self.records()
        while low < high:
            middle = (low + high) // 2
            if self._record(middle)[0] < offset:
                low = middle + 1
            else:
                high = middle
        place = self.place(low, size)
        return place if place is not None and place.offset == offset else None

    def place(self, number: int, size: int) -> RecordPlace | None:
        """The n-th record, None beyond the tree of `size` leaves."""
        if number >= self.records():
            return None
        offset, first, known_at = self._record(number)
        after = self._record(number + 1)[1] if number + 1 < self.records() else size
        return RecordPlace(offset, first, min(after, size) - first, known_at) if first < size else None

    def record_of_leaf(self, leaf: int, size: int) -> RecordPlace | None:
        """The record that a leaf belongs to."""
        low, high = 0, self.records()
        while low < high:
            middle = (low + high) // 2
            if self._record(middle)[1] <= leaf:
                low = middle + 1
            else:
                high = middle
        return self.place(low - 1, size) if low else None

    def _record(self, number: int) -> tuple[int, int, int]:
        found: tuple[int, int, int] = _RECORD.unpack(
            os.pread(self._records.fileno(), _RECORD.size, number * _RECORD.size)
        )
        return found


class TreeWriter:
    """Appends to a partition's tree. `sync` before its size is recorded anywhere."""

    def __init__(self, folder: Path, frontier: Frontier, records: int) -> None:
        """Cuts the files to what was recorded: `frontier.size` leaves of `records` log records."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.records = records
        self._frontier = frontier
        self._pending: list[Hash] = []
        """Leaves that are in no file and in no node yet: many are hashed at once."""
        sizes = {f"level{level}": (frontier.size >> level) * HASH for level in LEVELS}
        sizes["records"] = records * _RECORD.size
        self._files = {name: (folder / name).open("ab") for name in sizes}
        for name, size in sizes.items():
            if os.fstat(self._files[name].fileno()).st_size < size:
                raise Refused(
                    f"{folder}/{name} is shorter than what was sealed: delete the seal folder, seal anew"
                )
            self._files[name].truncate(size)
        self._written = set(self._files)

    def append(self, offset: int, known_at: Millis, leaves: Sequence[Hash]) -> None:
        """Adds the leaves of one record."""
        self._files["records"].write(_RECORD.pack(offset, self.size, known_at))
        self._written.add("records")
        self._pending += leaves
        self.records += 1
        if len(self._pending) >= AT_ONCE:
            self._grow()

    def _grow(self) -> None:
        """Takes the pending leaves into the tree and its files."""
        leaves, self._pending = self._pending, []
        if not leaves:
            return
        made: dict[int, list[Hash]] = {level: [] for level in LEVELS[1:]}
        self._frontier.append(leaves, made)
        made[0] = leaves
        for level, nodes in made.items():
            if nodes:
                self._files[f"level{level}"].write(b"".join(nodes))
                self._written.add(f"level{level}")

    @property
    def size(self) -> int:
        """How many leaves were added."""
        return self._frontier.size + len(self._pending)

    @property
    def frontier(self) -> Frontier:
        """The tree over all that was added."""
        self._grow()
        return self._frontier

    def sync(self) -> None:
        """Everything appended is on disk."""
        self._grow()
        for name in self._written:
            self._files[name].flush()
            os.fsync(self._files[name].fileno())
        self._written.clear()

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()
