"""Log records as the sealer takes them in: of each event its subject's key and its leaf, no record."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from domain.instants import Millis
from domain.merkle import Hash
from domain.seals import label_hash, record_parts
from eventlog.reader import Record


class Made(NamedTuple):
    """One record's part in the tree: the key of each event's subject, and its leaf. `label`: see domain.seals."""

    offset: int
    known_at: Millis
    label: Hash
    keys: Sequence[bytes]
    leaves: Sequence[Hash]


class Portion(NamedTuple):
    """Records of one partition that follow one another; `last_hash` is that of the last one's value."""

    partition: int
    made: list[Made]
    last_hash: bytes


def value_hash(value: bytes) -> bytes:
    """What is kept of the last record, to notice a replaced log."""
    return sha256(value).digest()


def label_of(record: Record) -> Hash:
    """The hash of what stands beside a record's bytes."""
    headers = record.header("origin"), record.header("key_id")
    return label_hash(record.offset, record.timestamp_ms, record.key or b"", *headers)


def made_of(log_id: bytes, partition: int, known_at: Millis, records: Sequence[Record]) -> Portion:
    """The leaves of records in offset order; `known_at` is the greatest before them."""
    made: list[Made] = []
    for record in records:
        known_at = max(known_at, record.timestamp_ms)
        keys, leaves = record_parts(log_id, partition, record.offset, known_at, record.value)
        made.append(Made(record.offset, known_at, label_of(record), keys, leaves))
    return Portion(partition, made, value_hash(records[-1].value))
