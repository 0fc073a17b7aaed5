"""Merkle trees as in RFC 9162 §2.1: roots, proofs of inclusion and of consistency, and their verification.

Hashes are SHA-256, 32 bytes. A leaf's hash is given; it must have been made over a message that begins with 0x00,
so that no leaf can be taken for an inner node (0x01).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

EMPTY_ROOT = sha256(b"").digest()
_NODE = sha256(b"\x01")
"""What every inner node begins with: a copy of it costs half of a new hash."""
Hash = bytes
Path = tuple[Hash, ...]


class Nodes(Protocol):
    """Where the hashes of complete subtrees are found."""

    def node(self, level: int, index: int) -> Hash:
        """The root of leaves [index·2^level, (index+1)·2^level), all of which exist."""
        ...


def node_hash(left: Hash, right: Hash) -> Hash:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """A growing tree of which only the roots of complete subtrees are kept: O(log n) memory.

    `peaks` are these roots from the left (largest) to the right; their sizes are the bits of `size`.
    """

    size: int = 0
    peaks: list[Hash] = field(default_factory=list)

    def append(self, leaves: Iterable[Hash], made: "dict[int, list[Hash]] | None" = None) -> None:
        """Adds leaf hashes in order. `made` collects, for each level that it names, the nodes completed there."""
        row, level = list(leaves), 0
        rest, added = self.size, len(row)
        left: list[Hash] = []
        while row:  # a level at once: what is complete there, and the one node that waits for its neighbour
            if rest & 1:
                row.insert(0, self.peaks.pop())
            if len(row) & 1:
                left.append(row.pop())
            row = _parents(row)
            rest >>= 1
            level += 1
            if made is not None and level in made:
                made[level] += row
        self.peaks += reversed(left)
        self.size += added

    def root(self) -> Hash:
        """The tree's root now; of no leaves, the hash of nothing."""
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node_hash(peak, found)
        return found


class LeafList:
    """Nodes over leaf hashes in memory, for small trees and tests."""

    def __init__(self, leaves: Sequence[Hash]) -> None:
        self._leaves = leaves

    def node(self, level: int, index: int) -> Hash:
        """As the protocol says."""
        return complete_root(self._leaves[index << level : (index + 1) << level])


def complete_root(leaves: Sequence[Hash]) -> Hash:
    """The root of 2^k hashes."""
    row = list(leaves)
    while len(row) > 1:
        row = _parents(row)
    return row[0]


def _parents(row: Sequence[Hash]) -> list[Hash]:
    """`node_hash` of each two, written out: asked for as many nodes as there are events."""
    begun, joined, found = _NODE, b"".join(row), []
    for at in range(0, len(joined), 64):
        node = begun.copy()
        node.update(joined[at : at + 64])
        found.append(node.digest())
    return found


def root_of(nodes: Nodes, size: int) -> Hash:
    """The root of the first `size` leaves."""
    return _range_root(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_path(nodes: Nodes, index: int, size: int) -> Path:
    """The proof that leaf `index` is in the tree of the first `size` leaves (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    return tuple(_path(nodes, index, 0, size))


def consistency_path(nodes: Nodes, old: int, new: int) -> Path:
    """The proof that the tree of `old` leaves is the beginning of that of `new` (RFC 9162 §2.1.4.1).

    Empty for old = 0 (nothing to prove) and old = new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves cannot continue one of {old}")
    return () if old in (0, new) else tuple(_subproof(nodes, old, 0, new, True))


def _split(count: int) -> int:
    """The greatest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(nodes: Nodes, start: int, stop: int) -> Hash:
    count = stop - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes.node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_root(nodes, start, middle), _range_root(nodes, middle, stop))


def _path(nodes: Nodes, index: int, start: int, stop: int) -> list[Hash]:
    if stop - start == 1:
        return []
    middle = start + _split(stop - start)
    if index < middle:
        return [*_path(nodes, index, start, middle), _range_root(nodes, middle, stop)]
    return [*_path(nodes, index, middle, stop), _range_root(nodes, start, middle)]


def _subproof(nodes: Nodes, old: int, start: int, stop: int, whole: bool) -> list[Hash]:
    if old == stop - start:
        return [] if whole else [_range_root(nodes, start, stop)]
    half = _split(stop - start)
    middle = start + half
    if old <= half:
        return [*_subproof(nodes, old, start, middle, whole), _range_root(nodes, middle, stop)]
    return [*_subproof(nodes, old - half, middle, stop, False), _range_root(nodes, start, middle)]


def root_from_inclusion(leaf: Hash, index: int, size: int, path: Sequence[Hash]) -> Hash | None:
    """The root that an inclusion proof leads to; None when the proof has not the shape of one (§2.1.3.2)."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        at >>= 1
        last >>= 1
    return found if last == 0 else None


def is_consistent(old: int, new: int, old_root: Hash, new_root: Hash, path: Sequence[Hash]) -> bool:
    """Whether the proof shows that the old tree is the beginning of the new one (RFC 9162 §2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if old > new or not path:
        return False
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            second = node_hash(second, step)
        at >>= 1
        last >>= 1
    return first == old_root and second == new_root and last == 0
