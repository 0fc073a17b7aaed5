"""What the sealer has durably taken in: each partition's place and frontier, each subject's chain, in one LMDB.

Committed in one transaction after the tree files are on disk. Everything can be made anew from the log.
"""

import fcntl
import uuid
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import lmdb
import msgspec
from msgspec import Struct

from domain.errors import Refused
from domain.instants import Day, Millis, Zone, day_date
from domain.merkle import Frontier, Hash
from domain.seals import NO_LABELS, Close, TreeHead, chain_start, entry_hash, next_labels
from eventlog.reader import Record
from sinks.sealing.closes import write_close
from sinks.sealing.leaves import Portion, made_of
from sinks.sealing.tiles import TreeWriter

PartitionKey = tuple[str, int]
"""(log, partition); the log's name is that of the store, without a prefix."""


class Place(Struct, frozen=True, array_like=True):
    """Where a partition stands. `day` is the day (number) that is open, None before the first record;
    `closed_size` the leaves of its last close; `labels` the chain of labels of the records from `labels_from` on
    (None: sealed before there was one)."""

    log_id: str
    offset: int = 0
    size: int = 0
    records: int = 0
    known_at: Millis = 0
    record_hash: bytes = b""
    peaks: tuple[Hash, ...] = ()
    day: Day | None = None
    closed_size: int = 0
    labels: Hash = NO_LABELS
    labels_from: int | None = None


_places = msgspec.msgpack.Decoder(dict[str, Place])
_closes = msgspec.msgpack.Decoder(tuple[Close, ...])
_encode = msgspec.msgpack.encode
_LINK = sha256(b"\x03")
"""What each link of a chain begins with: a copy of it costs half of a new hash."""


class SealedPartition:
    """One partition's tree and its subjects' chains, in the sealer's present transaction."""

    def __init__(self, folder: Path, key: PartitionKey, place: Place, zone: Zone) -> None:
        self.key = key
        self.place = place
        self._zone = zone
        self._folder = folder
        self.log_id = uuid.UUID(place.log_id).bytes
        frontier = Frontier(place.size, list(place.peaks))
        self.tree = TreeWriter(folder / "trees" / f"{key[0]}-{key[1]}", frontier, place.records)
        self._chains: dict[bytes, tuple[int, Hash]] = {}
        self.offset, self.known_at, self.day = place.offset, place.known_at, place.day
        self.closed_size = place.closed_size
        self._last_hash = place.record_hash
        self.labels = place.labels
        self.labels_from = place.offset if place.labels_from is None else place.labels_from

    def take(self, txn: Any, subjects: Any, portion: Portion, closing: Day) -> list[Close]:
        """Takes records in offset order; returns the closes of the days, from `closing` on, that ended between
        them. Each close looks at every subject, so days long past, taken up late, are closed as one."""
        closes: list[Close] = []
        for offset, known_at, label, keys, leaves in portion.made:
            day = self._zone.day(known_at)
            if self.day is not None and closing <= self.day < day:
                closes += self.close_day(txn, subjects)
            self.day, self.known_at = day, known_at
            self.tree.append(offset, known_at, leaves)
            self._link(txn, subjects, keys, leaves)
            self.labels = next_labels(self.labels, label)
            self.offset = offset + 1
        self._last_hash = portion.last_hash
        return closes

    def _link(self, txn: Any, subjects: Any, keys: Sequence[bytes], leaves: Sequence[Hash]) -> None:
        chains, begun = self._chains, _LINK
        for key, leaf in zip(keys, leaves, strict=True):
            try:
                count, chain = chains[key]
            except KeyError:
                stored = txn.get(key, db=subjects)
                count, chain = (int.from_bytes(stored[:8], "big"), stored[8:]) if stored else (0, chain_start(key))
            # chainᵢ of domain.seals, written out: asked for every event that is sealed.
            link = begun.copy()
            link.update(chain + leaf)
            chains[key] = count + 1, link.digest()

    def store_chains(self, txn: Any, subjects: Any) -> None:
        """Writes the chains that changed into the transaction."""
        for key, (count, chain) in sorted(self._chains.items()):
            txn.put(key, count.to_bytes(8, "big") + chain, db=subjects)
        self._chains = {}

    def close_day(self, txn: Any, subjects: Any) -> list[Close]:
        """The close of the open day over all subjects; [] when nothing came since the last one."""
        size = self.tree.size
        if self.day is None or size == self.closed_size:
            return []
        self.store_chains(txn, subjects)
        keys: list[bytes] = []
        entries: list[Hash] = []
        for key, stored in txn.cursor(db=subjects):
            keys.append(sha256(key).digest()[:16])
            entries.append(entry_hash(key, int.from_bytes(stored[:8], "big"), stored[8:]))
        root = write_close(self._folder / "closes", self.key, size, keys, entries)
        self.closed_size = size
        return [
            Close(
                log=self.key[0],
                partition=self.key[1],
                day=day_date(self.day).isoformat(),
                size=size,
                subjects=len(keys),
                root=root.hex(),
            )
        ]

    def placed(self) -> Place:
        """Where it stands now."""
        frontier = self.tree.frontier
        return Place(
            self.place.log_id,
            self.offset,
            frontier.size,
            self.tree.records,
            self.known_at,
            self._last_hash,
            tuple(frontier.peaks),
            self.day,
            self.closed_size,
            self.labels,
            self.labels_from,
        )

    def head(self) -> TreeHead:
        """Its tree as a checkpoint tells it."""
        frontier = self.tree.frontier
        return TreeHead(
            log=self.key[0],
            log_id=self.place.log_id,
            partition=self.key[1],
            size=frontier.size,
            root=frontier.root().hex(),
            offset=self.offset,
            known_at=self.known_at,
            labels=self.labels.hex(),
            labels_from=self.labels_from,
        )


class SealState:
    """The sealer's folder, locked for this process. `commit` makes all that was taken durable."""

    def __init__(self, folder: Path, zone: Zone) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise Refused(f"another sealer works in {folder}: stop one of the two") from error
        self._zone = zone
        self._env = lmdb.open(str(folder / "chains"), map_size=1 << 36, max_dbs=64)
        self._meta = self._env.open_db(b"meta")
        self._subjects: dict[PartitionKey, Any] = {}
        self._parts: dict[PartitionKey, SealedPartition] = {}
        with self._env.begin(db=self._meta) as txn:
            stored, pending = txn.get(b"places"), txn.get(b"closes")
        self._places = _places.decode(stored) if stored else {}
        self.closes: tuple[Close, ...] = _closes.decode(pending) if pending else ()
        """Closes that no checkpoint tells yet."""
        self._txn: Any | None = None

    def open(self, key: PartitionKey, log_id: str) -> SealedPartition:
        """A partition where it was left; Refused when another log was sealed under its name."""
        place = self._places.get(f"{key[0]}-{key[1]}") or Place(log_id)
        if place.log_id != log_id:
            raise Refused(
                f"{key[0]} is the log {log_id}, sealed was {place.log_id}: it was replaced; restore it, or give "
                f"the new log a seal folder of its own in place of {self.folder}"
            )
        self._subjects[key] = self._env.open_db(f"{key[0]}-{key[1]}".encode())
        self._parts[key] = SealedPartition(self.folder, key, place, self._zone)
        return self._parts[key]

    def part(self, key: PartitionKey) -> SealedPartition:
        """An opened partition."""
        return self._parts[key]

    def take(self, key: PartitionKey, records: Sequence[Record], closing: Day = 0) -> None:
        """Takes records of a partition into the present transaction; days before `closing` are not closed yet."""
        part = self._parts[key]
        self.take_made(key, made_of(part.log_id, key[1], part.known_at, records), closing)

    def take_made(self, key: PartitionKey, portion: Portion, closing: Day = 0) -> None:
        """The same of records whose leaves are made."""
        self.closes += tuple(self._parts[key].take(self._begun(), self._subjects[key], portion, closing))

    def close_days(self, before: Day | None) -> None:
        """Closes every partition's open day if it lies before that day; all of them for None."""
        for key, part in self._parts.items():
            if part.day is not None and (before is None or part.day < before):
                self.closes += tuple(part.close_day(self._begun(), self._subjects[key]))

    def heads(self) -> tuple[TreeHead, ...]:
        """All trees as they are now, in a fixed order."""
        return tuple(part.head() for _, part in sorted(self._parts.items()))

    def taken(self) -> int:
        """Leaves taken since the last commit."""
        return sum(
            part.tree.size - self._places.get(f"{log}-{p}", Place("")).size
            for (log, p), part in self._parts.items()
        )

    def commit(self) -> None:
        """Files first, then the transaction."""
        txn = self._begun()
        for key, part in self._parts.items():
            part.tree.sync()
            part.store_chains(txn, self._subjects[key])
            self._places[f"{key[0]}-{key[1]}"] = part.placed()
        txn.put(b"places", _encode(self._places), db=self._meta)
        txn.put(b"closes", _encode(self.closes), db=self._meta)
        txn.commit()
        self._txn = None

    def told(self) -> None:
        """All closes stand in a checkpoint now. Recorded with the next commit: told twice does no harm."""
        self.closes = ()

    def _begun(self) -> Any:
        if self._txn is None:
            self._txn = self._env.begin(write=True)
        return self._txn

    def close(self) -> None:
        """Forgets what was not committed and releases the folder."""
        if self._txn is not None:
            self._txn.abort()
        for part in self._parts.values():
            part.tree.close()
        self._env.close()
        self._lock.close()
