"""The final rows of a topic of change records: equal ones show that two folds were the same fold."""

import hashlib
from contextlib import closing
from typing import Any

import msgspec

from domain.changes import decode_change
from domain.rows import ROW_TYPES
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from sinks.queries.derived import DERIVED_TABLES

_KEYS = {
    table.name: tuple(ROW_TYPES[table.part].__struct_fields__.index(name) for name in table.key)
    for table in DERIVED_TABLES
    if table.part == table.name
}
_rows = msgspec.json.Decoder(list[list[Any]])
_VERSION = {
    name: row.__struct_fields__.index("version") if "version" in row.__struct_fields__ else None
    for name, row in ROW_TYPES.items()
}


def final_rows(kafka: KafkaConfig, topic: str) -> dict[str, tuple[int, str]]:
    """(how many rows, a digest over them) by table: of each key, the row with the greatest version, the later one
    of equals."""
    found: dict[str, dict[bytes, tuple[int, bytes]]] = {name: {} for name in _KEYS}
    with closing(LogReader(kafka, topic)) as reader:
        for partition, end in sorted(reader.end_offsets().items()):
            for record in reader.read_range(partition, 0, end):
                _take(found, record.value)
    return {name: _digest(rows) for name, rows in found.items()}


def _take(found: dict[str, dict[bytes, tuple[int, bytes]]], value: bytes) -> None:
    change = decode_change(value)
    for name, part in change.parts.items():
        place, rows = _VERSION[name], found[name]
        for row in _rows.decode(part):
            key = msgspec.msgpack.encode([change.partition, *(row[k] for k in _KEYS[name])])
            version = 0 if place is None else row[place]
            stored = rows.get(key)
            if stored is None or version >= stored[0]:
                rows[key] = (version, hashlib.blake2b(msgspec.msgpack.encode(row), digest_size=16).digest())


def _digest(rows: dict[bytes, tuple[int, bytes]]) -> tuple[int, str]:
    whole = hashlib.blake2b(digest_size=16)
    for key in sorted(rows):
        whole.update(key + rows[key][1])
    return len(rows), whole.hexdigest()
