"""Blocks: how events stand in one log record, and to which partition a subject belongs.

A block is a JSON array of CloudEvents, their bytes verbatim. All subjects of a block belong to the
partition it stands in. A record that is one JSON object (a foreign producer's) is a block of one.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
from msgspec import Raw

from domain.errors import InvalidEvent
from domain.events import MAX_EVENT_BYTES
from domain.nesting import MAX_RECORD_DEPTH, too_deep

MAX_BLOCK_EVENTS = 500
MAX_BLOCK_BYTES = 512 * 1024

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C
_array = msgspec.json.Decoder(list[Raw])
_one = msgspec.json.Decoder(Raw)


def murmur2(data: bytes) -> int:
    """MurmurHash2 as in Kafka's `Utils.murmur2`, as an unsigned 32-bit number."""
    whole = len(data) // 4
    h = _SEED ^ len(data)
    for k in struct.unpack_from(f"<{whole}I", data):
        k = k * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if rest := data[whole * 4 :]:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65_536)
def partition_of(subject: str | bytes, partitions: int) -> int:
    """The partition of a subject, as Kafka's default partitioner puts a record whose key is the subject."""
    key = subject.encode() if isinstance(subject, str) else subject
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def check_event(event: bytes) -> None:
    """Raises InvalidEvent when an event can stand in no block: empty, or larger than 128 KiB."""
    if not event:
        raise InvalidEvent("the event is empty")
    if len(event) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event is larger than {MAX_EVENT_BYTES // 1024} KiB: split it")


def encode_block(events: Sequence[bytes]) -> bytes:
    """The record value of 1 to 500 encoded events: their bytes, joined, nothing re-encoded.

    Raises InvalidEvent when a limit is exceeded; a `Grouper` never lets that happen.
    """
    if not 1 <= len(events) <= MAX_BLOCK_EVENTS:
        raise InvalidEvent(f"a block holds 1 to {MAX_BLOCK_EVENTS} events, not {len(events)}")
    for event in events:
        check_event(event)
    value = b"[" + b",".join(events) + b"]"
    if len(value) > MAX_BLOCK_BYTES:
        raise InvalidEvent(f"the block is larger than {MAX_BLOCK_BYTES // 1024} KiB")
    return value


def split_block(value: bytes) -> tuple[bytes, ...]:
    """The exact bytes of each event in a record value, as proofs hash them (no white space around them).

    Raises InvalidEvent when the value is neither a JSON object nor a JSON array of 1 to 500 elements. What
    the elements hold is not looked at: each is decoded, or dead-lettered, by itself.
    """
    return tuple(map(bytes, parts_of(value)))


def parts_of(value: bytes) -> Sequence[Raw | bytes]:
    """As `split_block`, but the events are windows on the record's bytes: nothing is copied."""
    if too_deep(value, MAX_RECORD_DEPTH):
        raise InvalidEvent(f"the record nests deeper than {MAX_RECORD_DEPTH} levels")
    try:
        if value.lstrip(b" \t\r\n")[:1] == b"{":
            return (bytes(_one.decode(value)).strip(b" \t\r\n"),)
        parts = _array.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(f"the record is not a JSON array of events ({error})") from error
    if not 1 <= len(parts) <= MAX_BLOCK_EVENTS:
        raise InvalidEvent(f"a block holds 1 to {MAX_BLOCK_EVENTS} events, not {len(parts)}")
    return parts


@dataclass(frozen=True, slots=True)
class Block:
    """Events that go into one record of one partition, in the order in which they came."""

    partition: int
    events: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The record value."""
        return encode_block(self.events)


@dataclass(slots=True)
class _Open:
    events: list[bytes] = field(default_factory=list)
    size: int = 2
    """Bytes of the record value so far: the brackets, the events, the commas."""


class Grouper:
    """Collects events by partition and gives out each block when it is full by count or by bytes."""

    def __init__(self, max_events: int = MAX_BLOCK_EVENTS, max_bytes: int = MAX_BLOCK_BYTES) -> None:
        if not 1 <= max_events <= MAX_BLOCK_EVENTS or max_bytes > MAX_BLOCK_BYTES:
            raise ValueError(f"a block holds at most {MAX_BLOCK_EVENTS} events and {MAX_BLOCK_BYTES} bytes")
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._open: dict[int, _Open] = {}

    def add(self, partition: int, event: bytes) -> tuple[Block, ...]:
        """Takes one event; returns the blocks that it completed, often none. InvalidEvent if too large."""
        check_event(event)
        full: list[Block] = []
        block = self._open.setdefault(partition, _Open())
        if block.events and block.size + len(event) + 1 > self._max_bytes:
            full.append(Block(partition, tuple(block.events)))
            block = self._open[partition] = _Open()
        block.size += len(event) + (1 if block.events else 0)
        block.events.append(event)
        if len(block.events) >= self._max_events:
            full.append(Block(partition, tuple(block.events)))
            del self._open[partition]
        return tuple(full)

    def drain(self) -> tuple[Block, ...]:
        """The blocks that are not full yet, by partition; the grouper is empty afterwards."""
        rest = tuple(Block(p, tuple(block.events)) for p, block in sorted(self._open.items()))
        self._open = {}
        return rest
