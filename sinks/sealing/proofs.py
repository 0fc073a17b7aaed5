"""Proofs from the sealer's folder: that an event is in the log, that one checkpoint continues another, that a
subject's history is whole. Reading only; the sealer may work meanwhile."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol
from uuid import UUID

import msgspec

from domain.blocks import split_block
from domain.errors import InvalidEvent, InvalidInput, Refused
from domain.merkle import inclusion_path
from domain.seals import Close, Signed, TreeHead, named_key, record_leaves
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.closes import Entry, find_entries
from sinks.sealing.config import SealConfig
from sinks.sealing.outside import proofs as consistency_proofs
from sinks.sealing.outside import tree_folder
from sinks.sealing.stored import StoredRecords
from sinks.sealing.tiles import TreeReader


class Coordinates(msgspec.Struct, frozen=True, order=True):
    """Where an event stands: log (its name without a prefix), partition, offset, index in the record."""

    log: str
    partition: int
    offset: int
    index: int

    def __str__(self) -> str:
        return f"{self.log}:{self.partition}:{self.offset}:{self.index}"


def read_coordinates(text: str) -> Coordinates:
    """From 'dossier-events:0:17:3', or '0:17:3' for that log."""
    parts = text.split(":")
    try:
        log = parts[0] if len(parts) == 4 else "dossier-events"
        partition, offset, index = (int(part) for part in parts[-3:])
    except ValueError:
        raise InvalidInput(f"'{text}' names no event: give log:partition:offset:index") from None
    if len(parts) not in (3, 4) or min(partition, offset, index) < 0:
        raise InvalidInput(f"'{text}' names no event: give log:partition:offset:index")
    return Coordinates(log, partition, offset, index)


class EventProof(msgspec.Struct, frozen=True, kw_only=True):
    """An event's exact text, its leaf, and the path to the root of its partition in checkpoint `checkpoint`."""

    log: str
    partition: int
    offset: int
    index: int
    count: int
    known_at: int
    event: str
    leaf: int
    path: tuple[str, ...]
    checkpoint: int


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """That a subject had these events and no others at a day's close: its place among the sorted subjects."""

    log: str
    partition: int
    kind: str
    subject: str
    day: str
    size: int
    place: int
    path: tuple[str, ...]
    checkpoint: int


class Records(Protocol):
    """Where the bytes of records are read for proofs: by default the store."""

    def values(self, log: str, partition: int, offsets: Sequence[int]) -> dict[int, bytes]:
        """The records at these offsets, those that are there."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


Subject = tuple[str, int, str, str]
"""(log, partition, kind, subject)."""


class Proofs:
    """Answers from one folder. Refused when nothing is sealed, or not yet, or not as asked."""

    def __init__(self, config: SealConfig, records: Callable[[], Records] | None = None) -> None:
        """`records` opens what gives the records' bytes; left out: the store."""
        self._config = config
        self._chain = CheckpointFile(config.checkpoints)
        self._records = records or (lambda: StoredRecords(config))

    def newest(self) -> Signed:
        """The newest checkpoint."""
        found = self._chain.last()
        if found is None:
            raise Refused("nothing is sealed yet: the sealer signs its first checkpoint soon after its start")
        return found

    def checkpoint(self, number: int) -> Signed:
        """A checkpoint by number."""
        found = self._chain.find(number)
        if found is None:
            raise InvalidInput(f"there is no checkpoint {number}")
        return found

    def consistency(self, old: int, new: int) -> dict[str, Any]:
        """Both checkpoints and, for each tree, the proof that the newer continues the older."""
        if old > new:
            raise InvalidInput(f"checkpoint {new} is before {old}: give the older one first")
        first, second = self.checkpoint(old), self.checkpoint(new)
        trees = consistency_proofs(self._config.folder / "trees", first.checkpoint(), second.checkpoint())
        return {"from": msgspec.to_builtins(first), "to": msgspec.to_builtins(second), "trees": trees}

    def events(self, places: Iterable[Coordinates], signed: Signed | None = None) -> Iterator[EventProof]:
        """A proof for each event, in the newest checkpoint. Refused for one that is not sealed yet."""
        signed = signed or self.newest()
        checkpoint = signed.checkpoint()
        by_partition: dict[tuple[str, int], list[Coordinates]] = {}
        for place in places:
            by_partition.setdefault((place.log, place.partition), []).append(place)
        with closing(self._records()) as stored:
            for (log, partition), wanted in sorted(by_partition.items()):
                head = checkpoint.head(log, partition)
                if head is None:
                    raise InvalidInput(f"{log} has no partition {partition}")
                values = stored.values(log, partition, sorted({place.offset for place in wanted}))
                tree = TreeReader(tree_folder(self._config.folder / "trees", log, partition))
                with closing(tree):
                    for place in sorted(wanted):
                        yield self._event(tree, values.get(place.offset), head, place, checkpoint.number)

    def _event(
        self, tree: TreeReader, value: bytes | None, head: TreeHead, place: Coordinates, number: int
    ) -> EventProof:
        found = tree.record(place.offset, head.size)
        if found is None:
            raise Refused(f"{place} is not sealed yet: seal now with gs766 seal, or wait a minute")
        if value is None:
            raise Refused(f"the record of {place} is not in the store: run gs766 verify")
        try:
            events: Sequence[bytes] = split_block(value)
        except InvalidEvent:
            events = (value,)
        if place.index >= len(events):
            raise InvalidInput(f"the record at offset {place.offset} has no event {place.index}")
        leaf = found.first_leaf + place.index
        leaves = record_leaves(UUID(head.log_id).bytes, place.partition, place.offset, found.known_at, value)
        if leaves[place.index][1] != tree.leaf(leaf):
            raise Refused(f"{place} in the store is not what was sealed: run gs766 verify")
        return EventProof(
            log=place.log,
            partition=place.partition,
            offset=place.offset,
            index=place.index,
            count=found.leaves if len(leaves) == len(events) and leaves[0][0] else 0,
            known_at=found.known_at,
            event=events[place.index].decode("utf-8", "surrogateescape"),
            leaf=leaf,
            path=tuple(h.hex() for h in inclusion_path(tree, leaf, head.size)),
            checkpoint=number,
        )

    def completeness(self, log: str, partition: int, kind: str, subject: str) -> Completeness | None:
        """The newest close that holds the subject; None when no such day was closed yet, or its file is gone."""
        return self.complete([(log, partition, kind, subject)])[log, partition, kind, subject]

    def complete(self, subjects: Iterable[Subject], upto: int | None = None) -> dict[Subject, Completeness | None]:
        """For each subject the newest close, told by checkpoint `upto` at the latest, that holds it; None for one
        that came after it, or where no day was closed yet, or the close's file is gone."""
        found: dict[Subject, Completeness | None] = dict.fromkeys(subjects)
        by_partition: dict[tuple[str, int], dict[bytes, Subject]] = {}
        for subject in found:
            by_partition.setdefault(subject[:2], {})[named_key(*subject[2:])] = subject
        closes = self._closes(upto) if by_partition else {}
        for partition, keys in by_partition.items():
            for number, close in closes.get(partition, ()):
                entries = find_entries(self._config.folder / "closes", partition, close.size, keys)
                if entries is None:
                    continue
                for key, entry in entries.items():
                    found[keys[key]] = _claim(keys[key], number, close, entry)
                break  # A close holds every subject of those before it.
        return found

    def _closes(self, upto: int | None) -> dict[tuple[str, int], list[tuple[int, Close]]]:
        """All closes by partition, newest first, with the checkpoint that tells each."""
        found: dict[tuple[str, int], list[tuple[int, Close]]] = {}
        for signed in self._chain:
            if '"closes":[]' in signed.body:
                continue
            checkpoint = signed.checkpoint()
            for close in checkpoint.closes if upto is None or checkpoint.number <= upto else ():
                found.setdefault((close.log, close.partition), []).insert(0, (checkpoint.number, close))
        return found


def _claim(subject: Subject, number: int, close: Close, entry: Entry) -> Completeness:
    log, partition, kind, name = subject
    return Completeness(
        log=log,
        partition=partition,
        kind=kind,
        subject=name,
        day=close.day,
        size=close.size,
        place=entry.place,
        path=tuple(h.hex() for h in entry.path),
        checkpoint=number,
    )


def as_builtins(proofs: Iterable[msgspec.Struct]) -> list[Mapping[str, Any]]:
    """The JSON form."""
    return [msgspec.to_builtins(proof) for proof in proofs]
