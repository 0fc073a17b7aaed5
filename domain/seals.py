"""What is sealed, byte by byte: leaves, a subject's chain, the entries of a day's close, checkpoints.

The offline verifier repeats these definitions in one file of its own; the test vectors hold both to them.

- leaf = SHA-256(0x00 ‖ log id (16) ‖ partition (4) ‖ offset (8) ‖ index (4) ‖ count (4) ‖ known_at ms (8, signed)
  ‖ SHA-256(the event's exact bytes as they stand in the block)), big-endian. A record that is no block is one leaf
  over all its bytes, with index 0 and count 0.
- subject key = kind ‖ 0x00 ‖ subject; 0x00 for what tells neither; longer than 480 bytes: 0x01 ‖ SHA-256 of it.
- chain₀ = SHA-256(0x02 ‖ key); chainᵢ = SHA-256(0x03 ‖ chainᵢ₋₁ ‖ leafᵢ).
- label = SHA-256(offset (8) ‖ append time ms (8, signed) ‖ key, origin, key id, each after its length (4)): what
  stands beside a record's bytes and under no leaf. labels₀ = 32 zero bytes before the record at `labels_from`;
  labelsᵢ = SHA-256(0x04 ‖ labelsᵢ₋₁ ‖ labelᵢ).
- entry = SHA-256(0x00 ‖ length of key (2) ‖ key ‖ number of events (8) ‖ chain); the close of a partition is the
  RFC 9162 root over the entries sorted by key.
"""

import struct
import uuid
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from domain.blocks import MAX_BLOCK_EVENTS, parts_of
from domain.errors import InvalidEvent
from domain.event_types import EVENT_TYPES
from domain.instants import Millis
from domain.merkle import Hash

FORMAT = "gs766-checkpoint-1"
SIGNED_PREFIX = b"gs766-checkpoint-1\n"
LONGEST_KEY = 480
NO_SUBJECT = b"\x00"
_Part = bytes | msgspec.Raw
_HEAD = struct.Struct(">c16sIQ")
_TAIL = struct.Struct(">Iq")
_INDEXES = tuple(n.to_bytes(4, "big") for n in range(MAX_BLOCK_EVENTS))
_LABEL = struct.Struct(">Qq")
NO_LABELS = bytes(32)
_ENTRY = struct.Struct(">cH")


class _Name(Struct, gc=False):
    type: str = ""
    subject: str = ""


_name = msgspec.json.Decoder(_Name)
_names = msgspec.json.Decoder(list[_Name])
_kinds = {name: f"{name.partition('.')[0]}\0".encode() for name in EVENT_TYPES}
"""How the keys of known types begin: asked for every event that is sealed."""


class Leaf(Struct, frozen=True, array_like=True):
    """One event as it is sealed: the key of its subject, its place in the record, its leaf hash."""

    key: bytes
    index: int
    hash: Hash


def leaf_hash(
    log_id: str, partition: int, offset: int, index: int, count: int, known_at: Millis, event: bytes
) -> Hash:
    """The leaf of one event."""
    head = _HEAD.pack(b"\x00", uuid.UUID(log_id).bytes, partition, offset)
    return sha256(head + index.to_bytes(4, "big") + _TAIL.pack(count, known_at) + sha256(event).digest()).digest()


def record_leaves(
    log_id: bytes, partition: int, offset: int, known_at: Millis, value: bytes
) -> list[tuple[bytes, Hash]]:
    """Of each event of a record, in order: its subject's key and its leaf. `log_id` is the UUID's 16 bytes."""
    return [*zip(*record_parts(log_id, partition, offset, known_at, value), strict=True)]


def record_parts(
    log_id: bytes, partition: int, offset: int, known_at: Millis, value: bytes
) -> tuple[list[bytes], list[Hash]]:
    """As `record_leaves`: all keys, and all leaves."""
    events = _events_of(value)
    leaves = _leaves(log_id, partition, offset, known_at, value, events)
    return _keys(value, events) if events else [NO_SUBJECT], leaves


def leaf_hashes(log_id: bytes, partition: int, offset: int, known_at: Millis, value: bytes) -> list[Hash]:
    """The leaves of a record alone, as `record_leaves` gives them: whose they are is not looked at."""
    return _leaves(log_id, partition, offset, known_at, value, _events_of(value))


def _events_of(value: bytes) -> Sequence[_Part]:
    """The events of a record; none when it is no block."""
    try:
        return parts_of(value)
    except InvalidEvent:
        return ()


def _leaves(
    log_id: bytes, partition: int, offset: int, known_at: Millis, value: bytes, events: Sequence[_Part]
) -> list[Hash]:
    head, hashed = _HEAD.pack(b"\x00", log_id, partition, offset), sha256
    tail = _TAIL.pack(len(events), known_at)
    if not events:
        return [hashed(head + _INDEXES[0] + tail + hashed(value).digest()).digest()]
    begun, leaves = hashed(head), []
    for n, event in zip(_INDEXES, events, strict=False):
        leaf = begun.copy()  # a copy of what all leaves of a record begin with costs half of a new hash
        leaf.update(n + tail + hashed(event).digest())
        leaves.append(leaf.digest())
    return leaves


def _keys(value: bytes, events: Sequence[_Part]) -> list[bytes]:
    """The keys of a block's events. What is usual is read in one pass over the block: asked for every event."""
    kinds = _kinds
    try:
        keys = [kinds[name.type] + name.subject.encode() for name in _names.decode(value)]
    except (KeyError, msgspec.DecodeError, UnicodeError):
        keys = []
    if len(keys) != len(events):
        return [subject_key(event) for event in events]
    for n, key in enumerate(keys):
        if len(key) > LONGEST_KEY or key[-1] == 0:  # too long, or without a subject
            keys[n] = subject_key(events[n])
    return keys


def subject_key(event: _Part) -> bytes:
    """The key under which an event counts for completeness: kind and subject."""
    try:
        name = _name.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NO_SUBJECT
    if not name.type or not name.subject:
        return NO_SUBJECT
    return named_key(name.type.partition(".")[0], name.subject)


def named_key(kind: str, subject: str) -> bytes:
    """The key of a subject."""
    key = f"{kind}\0{subject}".encode("utf-8", "surrogatepass")
    return key if len(key) <= LONGEST_KEY else b"\x01" + sha256(key).digest()


def chain_start(key: bytes) -> Hash:
    """A subject's chain before its first event."""
    return sha256(b"\x02" + key).digest()


def label_hash(offset: int, appended_at: Millis, key: bytes, origin: str, key_id: str) -> Hash:
    """What stands beside a record: its Kafka key and headers (live or imported, published under which key), and
    when Kafka says that it was appended."""
    told = [key, origin.encode("utf-8", "surrogatepass"), key_id.encode("utf-8", "surrogatepass")]
    return sha256(
        _LABEL.pack(offset, appended_at) + b"".join(len(t).to_bytes(4, "big") + t for t in told)
    ).digest()


def next_labels(labels: Hash, label: Hash) -> Hash:
    """The chain of labels after one more record."""
    return sha256(b"\x04" + labels + label).digest()


def entry_hash(key: bytes, count: int, chain: Hash) -> Hash:
    """A subject's entry in a day's close."""
    return sha256(_ENTRY.pack(b"\x00", len(key)) + key + count.to_bytes(8, "big") + chain).digest()


class TreeHead(Struct, frozen=True, kw_only=True):
    """The tree of one log partition: `size` leaves up to, not including, log offset `offset`; hexadecimal root.

    `labels` is the chain over what stands beside the records from `labels_from` on (hexadecimal); checkpoints that
    were signed before there was one lack both, and their text has no place for them."""

    log: str
    log_id: str
    partition: int
    size: int
    root: str
    offset: int
    known_at: Millis
    labels: str | msgspec.UnsetType = msgspec.UNSET
    labels_from: int | msgspec.UnsetType = msgspec.UNSET


class Close(Struct, frozen=True, kw_only=True):
    """A day's close of one partition: after `size` leaves it held `subjects` subjects; root over their entries."""

    log: str
    partition: int
    day: str
    size: int
    subjects: int
    root: str


class Checkpoint(Struct, frozen=True, kw_only=True):
    """What is signed. `previous` is the hash of the checkpoint before (hexadecimal, empty for the first), `keys`
    all public keys that may sign from here on (hexadecimal), `key` the one that signs this."""

    format: str = FORMAT
    number: int
    time: str
    previous: str
    trees: tuple[TreeHead, ...]
    closes: tuple[Close, ...] = ()
    key: str
    keys: tuple[str, ...]

    def head(self, log: str, partition: int) -> TreeHead | None:
        """The tree of a partition, None when it is not in the checkpoint."""
        return next((t for t in self.trees if t.log == log and t.partition == partition), None)


class Signed(Struct, frozen=True):
    """A checkpoint with its signature: `body` is the exact text that was signed (after a prefix)."""

    body: str
    signature: str
    """Ed25519 over `SIGNED_PREFIX` and the body, hexadecimal."""

    @property
    def hash(self) -> str:
        """What the next checkpoint calls `previous`."""
        return sha256(self.body.encode()).hexdigest()

    def checkpoint(self) -> Checkpoint:
        """What was signed. Raises InvalidEvent when the body is none, or is not written as it must be."""
        return read_checkpoint(self.body)


def write_checkpoint(checkpoint: Checkpoint) -> str:
    """The one text of a checkpoint: JSON, keys sorted, no spaces."""
    return msgspec.json.encode(checkpoint, order="sorted").decode()


def read_checkpoint(body: str) -> Checkpoint:
    """A checkpoint from its text; InvalidEvent when it is not exactly what `write_checkpoint` writes."""
    try:
        found = msgspec.json.decode(body, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidEvent(f"not a checkpoint ({error})") from error
    if found.format != FORMAT or write_checkpoint(found) != body:
        raise InvalidEvent("not a checkpoint of this format, written as it must be")
    return found
