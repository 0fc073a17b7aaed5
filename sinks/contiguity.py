"""Whether change records follow one another without a hole: the pure rule behind `complete_to`.

A worker emits a batch of log records [from, to] as change records seq 0…n, the last one marked, and stores its
own position only afterwards. So after a crash it emits again what was already emitted, perhaps cut into other
batches; and where two workers overlap for a moment, their records interleave. None of that is a hole: rows are
absolute and equal. A hole is a record that never came.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from domain.errors import Refused

NONE_YET = -1
"""`complete_to` before the first whole batch: the next one begins at offset 0."""


class Hole(Refused):
    """A change record is missing: its generation cannot be completed and must be rebuilt."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch of which the records 0 … `next_seq` − 1 have come."""

    from_offset: int
    to_offset: int
    next_seq: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one log partition of one generation is: whole up to `complete_to`, and what has begun behind it."""

    complete_to: int = NONE_YET
    begun: tuple[Begun, ...] = ()


def follow(progress: Progress, *, from_offset: int, to_offset: int, seq: int, last: bool) -> Progress | None:
    """The progress after one change record, or None when all it says is already complete: skip it.

    Raises Hole when it does not follow. A batch emitted again (seq 0 of the same [from, to]) starts over; what
    an earlier emission of exactly that batch already brought stays counted, so that the rest of a slower
    worker's records is not taken for a hole.
    """
    if from_offset < 0 or to_offset < from_offset or seq < 0:
        raise Hole(f"a change record with impossible offsets {from_offset}..{to_offset}, seq {seq}")
    if to_offset <= progress.complete_to:
        return None
    expected = progress.complete_to + 1
    if from_offset > expected:
        raise Hole(f"log records {expected}..{from_offset - 1} have no complete change records")
    reached = max((b.next_seq for b in progress.begun if _same(b, from_offset, to_offset)), default=0)
    if seq > reached:
        raise Hole(f"batch {from_offset}..{to_offset}: change record {reached} is missing, {seq} came")
    if last:
        return Progress(to_offset, tuple(b for b in progress.begun if b.to_offset > to_offset))
    others = tuple(b for b in progress.begun if not _same(b, from_offset, to_offset))
    return replace(progress, begun=(*others, Begun(from_offset, to_offset, max(reached, seq + 1))))


def _same(begun: Begun, from_offset: int, to_offset: int) -> bool:
    return begun.from_offset == from_offset and begun.to_offset == to_offset


def encode_begun(begun: Iterable[Begun]) -> str:
    """What a position row keeps of begun batches: a JSON array of [from, to, next seq]."""
    return msgspec.json.encode([[b.from_offset, b.to_offset, b.next_seq] for b in begun]).decode()


def decode_begun(text: str) -> tuple[Begun, ...]:
    """The begun batches of a position row; '' means none."""
    return tuple(Begun(*three) for three in msgspec.json.decode(text or "[]", type=list[tuple[int, int, int]]))
