"""A day's close of one partition in a file: every subject's entry, sorted, to prove completeness from.

Layout: the entries' hashes (32 bytes each), then the subjects' keys as the first 16 bytes of their SHA-256. The
latest closes are kept; an older one can be made anew from the log.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from domain.merkle import Frontier, Hash, inclusion_path, root_of

KEPT = 40
_KEY, _HASH = 16, 32


class Entry(NamedTuple):
    """A subject's place in a close and the proof of it."""

    place: int
    subjects: int
    hash: Hash
    path: tuple[Hash, ...]
    root: Hash


def write_close(
    folder: Path, key: tuple[str, int], size: int, keys: Sequence[bytes], entries: Sequence[Hash]
) -> Hash:
    """Writes the close after `size` leaves and returns its root; older files beyond those kept go."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, key, size)
    fresh = path.with_suffix(".part")
    fresh.write_bytes(b"".join(entries) + b"".join(keys))
    fresh.replace(path)
    for old in sorted(folder.glob(f"{key[0]}-{key[1]}-*.close"))[:-KEPT]:
        old.unlink()
    frontier = Frontier()
    frontier.append(entries)
    return frontier.root()


class _Levels:
    """All nodes over the entries of a close, hashed once for however many proofs."""

    def __init__(self, entries: Sequence[Hash]) -> None:
        self._levels: dict[int, list[Hash]] = {level: [] for level in range(1, max(1, len(entries).bit_length()))}
        Frontier().append(entries, self._levels)
        self._levels[0] = list(entries)

    def node(self, level: int, index: int) -> Hash:
        """As `domain.merkle.Nodes` says."""
        return self._levels[level][index]


def find_entries(
    folder: Path, key: tuple[str, int], size: int, subjects: Iterable[bytes]
) -> dict[bytes, Entry] | None:
    """The entries of these subjects in the close after `size` leaves, those that are there; None when its file is
    gone."""
    path = _path(folder, key, size)
    if not path.exists():
        return None
    data = path.read_bytes()
    count = len(data) // (_KEY + _HASH)
    keys = data[count * _HASH :]
    found = [(subject, place) for subject in subjects if (place := _place(keys, subject)) is not None]
    if not found:
        return {}
    entries = [data[n : n + _HASH] for n in range(0, count * _HASH, _HASH)]
    nodes = _Levels(entries)
    root = root_of(nodes, count)
    return {s: Entry(at, count, entries[at], inclusion_path(nodes, at, count), root) for s, at in found}


def _place(keys: bytes, subject: bytes) -> int | None:
    """A subject's number among the keys, None when it is not there."""
    wanted = sha256(subject).digest()[:_KEY]
    at = keys.find(wanted)
    while at >= 0 and at % _KEY:
        at = keys.find(wanted, at + 1)
    return None if at < 0 else at // _KEY


def _path(folder: Path, key: tuple[str, int], size: int) -> Path:
    return folder / f"{key[0]}-{key[1]}-{size:015d}.close"
