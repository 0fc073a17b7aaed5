"""Reduced events: what a subject's state is folded from, in one canonical order, free of duplicates.

The set of facts alone decides: merging is commutative, associative and idempotent, so that arrival order,
duplicates and re-imports change nothing (design rule 2).
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from domain.event_types import EVENT_TYPES
from domain.events import Event
from domain.instants import Millis


class Fact(Struct, array_like=True, frozen=True, gc=False):
    """One event, reduced. `recorded_at` None sorts as `occurred_at` and never counts as backdated."""

    occurred_at: Millis
    rank: int
    recorded_at: Millis | None
    source: str
    id: str
    hash: bytes
    type: str
    body: bytes

    @property
    def sort_key(self) -> tuple[Millis, int, Millis, str, str, bytes]:
        """The canonical order of facts of one subject."""
        recorded = self.occurred_at if self.recorded_at is None else self.recorded_at
        return (self.occurred_at, self.rank, recorded, self.source, self.id, self.hash)

    def order(self) -> tuple[Millis, int, Millis, str, str, bytes]:
        """`sort_key`, to sort by."""
        return self.sort_key


Facts = tuple[Fact, ...]
MAX_FACTS = 1_000
"""Of one dossier or petition: ten times what the longest real ones have. Judging is quadratic in them."""
MAX_FACTS_BYTES = 768 * 1024
"""Of one subject: its row carries them all and must fit a record of the log."""
_COUNTED = frozenset({"dossier", "petition"})


def fact_of(event: Event) -> Fact:
    """The reduced form of a decoded event."""
    return Fact(
        event.occurred_at,
        EVENT_TYPES[event.type].rank,
        event.recorded_at,
        event.source,
        event.id,
        event.hash,
        event.type,
        event.body,
    )


def merge(facts: Facts, new: Iterable[Fact]) -> Facts:
    """Facts with new ones added, in canonical order; the very same tuple when nothing changed.

    Equal content under one (source, id) keeps its earliest recording. Other content under the same id is
    kept as well: which one counts is decided by `effective`, on the whole set.
    """
    known: dict[tuple[str, str, bytes], Fact] = {(f.source, f.id, f.hash): f for f in facts}
    changed = False
    for fact in new:
        key = (fact.source, fact.id, fact.hash)
        old = known.get(key)
        if old is None or _recording(fact) < _recording(old):
            known[key] = fact
            changed = True
    if not changed:
        return facts
    return tuple(sorted(known.values(), key=lambda f: f.sort_key))


def fits(kind: str, facts: Facts) -> bool:
    """Whether a subject of that kind may hold so much."""
    if len(facts) < 6:  # of 128 KiB each at most
        return True
    if kind in _COUNTED and len(facts) > MAX_FACTS:
        return False
    return sum(len(f.body) + len(f.id) + len(f.source) + 100 for f in facts) <= MAX_FACTS_BYTES


class Packed(Struct, array_like=True, frozen=True, gc=False):
    """All facts of a subject as they are stored: to add one that comes last, none has to be decoded.

    `body` holds them one after the other in canonical order; `last` is the beginning of the last one's sort key.
    """

    count: int = 0
    last: tuple[Millis, int, Millis] = (0, 0, 0)
    body: bytes = b""

    def facts(self) -> Facts:
        """The facts, decoded."""
        return _decode_facts(b"\xdd" + self.count.to_bytes(4, "big") + self.body)

    def followed_by(self, new: Sequence[Fact]) -> "Packed | None":
        """With new facts, given in canonical order, behind; None when that is not all there is to it: one may
        stand before a stored one or say something under the same id, or there may be no room."""
        body, last = self.body, new[-1].sort_key[:3]
        if self.count:
            if (last if len(new) == 1 else new[0].sort_key[:3]) <= self.last:
                return None
            for fact in new:
                if _encode(fact.id) in body:
                    return None
        if len(new) > 1 and len({fact.id for fact in new}) < len(new):
            return None
        count = self.count + len(new)
        body += _encode(new[0]) if len(new) == 1 else b"".join(map(_encode, new))
        if count > MAX_FACTS or len(body) + 100 * count > MAX_FACTS_BYTES:
            return None
        return Packed(count, last, body)


_encode = msgspec.msgpack.Encoder().encode
_decode_facts = msgspec.msgpack.Decoder(tuple[Fact, ...]).decode


def packed(facts: Facts) -> Packed:
    """Facts in canonical order, packed."""
    return Packed(len(facts), facts[-1].sort_key[:3], b"".join(map(_encode, facts))) if facts else Packed()


def effective(facts: Facts) -> tuple[Facts, tuple[Fact, ...]]:
    """The facts that count, and the losers: of several contents under one (source, id) the one with the
    greatest (recorded_at, hash) counts (a correction), the others are evidence of `id_reused`."""
    winners: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        key = (fact.source, fact.id)
        best = winners.get(key)
        if best is None or _weight(fact) > _weight(best):
            winners[key] = fact
    if len(winners) == len(facts):
        return facts, ()
    kept = tuple(f for f in facts if winners[(f.source, f.id)] is f)
    lost = tuple(f for f in facts if winners[(f.source, f.id)] is not f)
    return kept, lost


def _recording(fact: Fact) -> tuple[Millis, bool]:
    """Orders recordings of equal content: the earliest, an absent stamp before an equal one."""
    return (fact.sort_key[2], fact.recorded_at is not None)


def _weight(fact: Fact) -> tuple[Millis, bytes]:
    return (fact.occurred_at if fact.recorded_at is None else fact.recorded_at, fact.hash)
