"""What a fold says must stand in the store: rows by key, the last one of each, and the sums of their hashes."""

import hashlib
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import lmdb
import msgspec
from msgspec import Struct

from domain.rows import ROW_TYPES
from sinks.queries.derived import DERIVED_TABLES, DerivedTable, Flat, flatten, hash_of
from stream.partition import Batch

_pack = msgspec.msgpack.encode


class Sums(Struct, frozen=True):
    """What the fold of a partition came to at an offset: by table (count, sum of hashes) of its rows."""

    partition: int
    offset: int
    tables: dict[str, tuple[int, int]]


class Expected:
    """The rows that a fold says must stand, the greatest version of each, on disk; or their hashes alone, which is
    all that is needed for the sums, and a tenth of the bytes."""

    def __init__(self, folder: Path, *, hashes: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._hashes = hashes
        self._env = lmdb.open(str(folder), map_size=1 << 36, sync=False, max_dbs=len(DERIVED_TABLES))
        self._db = {t.name: self._env.open_db(t.name.encode()) for t in DERIVED_TABLES}
        self._by_part: dict[str, list[DerivedTable]] = {}
        for table in DERIVED_TABLES:
            self._by_part.setdefault(table.part, []).append(table)

    def close(self) -> None:
        """Ends it; the folder is the caller's to remove."""
        self._env.close()

    def take(self, batch: Batch) -> None:
        """Adds a batch's rows, each as the JSON that the fold emits."""
        found: dict[str, dict[bytes, bytes | None]] = {}
        for part, rows in batch.rows.items():
            tables = [(t, found.setdefault(t.name, {}), attrgetter(*t.key)) for t in self._by_part[part]]
            for row in rows:
                encoded = _encode(row)
                if self._hashes:
                    encoded = hash_of(encoded).to_bytes(8, "little")
                for table, into, key_of in tables:
                    key = key_of(row)
                    packed = key_bytes(key if len(table.key) > 1 else (key,))
                    gone = table.name == "open_dossiers" and not getattr(row, "is_open", True)
                    into[packed] = None if gone else encoded
        with self._env.begin(write=True) as txn:
            for name, changes in found.items():
                self._put(txn, self._db[name], changes)

    def _put(self, txn: Any, database: Any, changes: dict[bytes, bytes | None]) -> None:
        stand = sorted((key, encoded) for key, encoded in changes.items() if encoded is not None)
        with txn.cursor(db=database) as cursor:
            cursor.putmulti(stand)
        for key, encoded in changes.items():
            if encoded is None:
                txn.delete(key, db=database)

    def get(self, table: DerivedTable, key: Flat) -> Flat | None:
        """The row that must stand under a key."""
        with self._env.begin(db=self._db[table.name]) as txn:
            found = txn.get(key_bytes(key))
        return None if found is None else _row(table, found)

    def sum(self, table: DerivedTable) -> tuple[int, int]:
        """(count, sum of hashes) of the rows that must stand in a table."""
        count = total = 0
        with self._env.begin(db=self._db[table.name]) as txn:
            for encoded in txn.cursor().iternext(keys=False):
                count += 1
                total += int.from_bytes(encoded, "little") if self._hashes else hash_of(encoded)
        return count, total % 2**64

    def clear(self, table: DerivedTable) -> None:
        """Takes out all rows of a table: they were compared."""
        with self._env.begin(write=True) as txn:
            txn.drop(self._db[table.name], delete=False)

    def settle(self, table: DerivedTable, keys: list[bytes]) -> None:
        """Takes rows out that were compared; a newer version comes back with the next round."""
        with self._env.begin(write=True, db=self._db[table.name]) as txn:
            for key in keys:
                txn.delete(key)

    def rows(self, table: DerivedTable) -> Iterator[Flat]:
        """All rows that must stand in a table and were not settled yet."""
        with self._env.begin(db=self._db[table.name]) as txn:
            for _, value in txn.cursor():
                yield _row(table, value)


def key_bytes(key: Flat) -> bytes:
    """What names a row, in LMDB's limit."""
    packed = _pack(key)
    return packed if len(packed) < 400 else packed[:400] + hashlib.blake2b(packed, digest_size=16).digest()


def _row(table: DerivedTable, encoded: bytes) -> Flat:
    return flatten(_decoders[table.part].decode(encoded))


_encode = msgspec.json.Encoder().encode
_decoders = {name: msgspec.json.Decoder(row) for name, row in ROW_TYPES.items()}
