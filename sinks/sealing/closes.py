"""A day's close of one partition in a file: every subject's entry, sorted, to prove completeness from.

Layout: the entries' hashes (32 bytes each), then the subjects' keys as the first 16 bytes of their SHA-256. The
latest closes are kept; an older one can be made anew from the log.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from domain.merkle import Frontier, Hash, LeafList, inclusion_path, root_of

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


def find_entry(folder: Path, key: tuple[str, int], size: int, subject: bytes) -> Entry | None:
    """The entry of a subject in the close after `size` leaves; None when subject or file is not there."""
    path = _path(folder, key, size)
    if not path.exists():
        return None
    data = path.read_bytes()
    count = len(data) // (_KEY + _HASH)
    wanted, keys = sha256(subject).digest()[:_KEY], data[count * _HASH :]
    at = keys.find(wanted)
    while at >= 0 and at % _KEY:
        at = keys.find(wanted, at + 1)
    if at < 0:
        return None
    entries = [data[n : n + _HASH] for n in range(0, count * _HASH, _HASH)]
    nodes, index = LeafList(entries), at // _KEY
    return Entry(index, count, entries[index], inclusion_path(nodes, index, count), root_of(nodes, count))


def _path(folder: Path, key: tuple[str, int], size: int) -> Path:
    return folder / f"{key[0]}-{key[1]}-{size:015d}.close"
