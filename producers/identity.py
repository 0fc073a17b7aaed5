"""Ids of imported events from what they say, not where they stood: shuffled files give the same ids."""

import hashlib
from array import array
from collections import Counter

import msgspec

from producers.rules import Draft

_encode = msgspec.json.Encoder(order="deterministic").encode
_SIZE = 16
_EMPTY = 0


def content_digest(source: str, draft: Draft, officer: str = "") -> bytes:
    """16 bytes over (source, case, type, time, mapped fields, the row's own identity).

    `officer` is a keyed hash that tells officers apart, so that two rows that differ in nothing else have ids
    of their own in whatever order and file they come: nothing unkeyed can do that, since it could be found by
    trying names. The price: ids of events with officers change when the year's keys are destroyed. A link
    counts by its presence only, for a result is known by its dossier and time.
    """
    data = _without_identifiers(draft.data, officer)
    parts = (source, draft.subject, draft.type, draft.at, data, *([draft.identity] if draft.identity else []))
    return hashlib.blake2b(_encode(parts), digest_size=_SIZE).digest()


def event_id(digest: bytes, ordinal: int) -> str:
    """The id of the `ordinal`-th event (from 0) with this content."""
    if ordinal == 0:
        return digest.hex()
    return hashlib.blake2b(digest + ordinal.to_bytes(8, "big"), digest_size=_SIZE).hexdigest()


def _without_identifiers(data: dict[str, object], officer: str) -> dict[str, object]:
    clean: dict[str, object] = {}
    for key, value in data.items():
        if key == "applicant":
            continue  # whether it is kept is a setting: no id may depend on that
        if key == "officer":
            clean[key] = officer or True
        elif key in ("result_files", "components") and isinstance(value, list):
            clean[key] = [
                {k: (True if k == "link" else v) for k, v in e.items()} if isinstance(e, dict) else e
                for e in value
            ]
        else:
            clean[key] = value
    return clean


class Seen:
    """Counts how often each digest came. An open hash table over plain integers: 24 to 48 bytes a digest, so
    that an import of 20 million events fits beside everything else on a small machine."""

    def __init__(self) -> None:
        self._slots = 1 << 12
        self._table = array("Q", bytes(16 * self._slots))
        self._used = 0
        self._again: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return self._used

    def count(self, digest: bytes) -> int:
        """How often this digest came before; it has come once more afterwards."""
        high = int.from_bytes(digest[:8], "big") or 1
        low = int.from_bytes(digest[8:16], "big")
        if self._put(self._table, self._slots, high, low):
            self._used += 1
            if self._used * 3 > self._slots * 2:
                self._grow()
            return 0
        self._again[digest] += 1
        return self._again[digest]

    @staticmethod
    def _put(table: "array[int]", slots: int, high: int, low: int) -> bool:
        """Puts a digest into a table; False when it is there already."""
        place = low % slots
        while (found := table[2 * place]) != _EMPTY:
            if found == high and table[2 * place + 1] == low:
                return False
            place = (place + 1) % slots
        table[2 * place], table[2 * place + 1] = high, low
        return True

    def _grow(self) -> None:
        old, old_slots = self._table, self._slots
        self._slots = old_slots * 2
        self._table = array("Q", bytes(16 * self._slots))
        for place in range(old_slots):
            if old[2 * place] != _EMPTY:
                self._put(self._table, self._slots, old[2 * place], old[2 * place + 1])
