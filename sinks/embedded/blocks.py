"""Native blocks as bytes: where one ends, without decoding its values, and compressed frames around them.

The server forwards blocks both ways untouched; it only has to find their ends. Layouts are those of
ClickHouse's Native format at revision 54442 (no custom serialisation).
"""

import re
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import lz4.block  # type: ignore[import-untyped]
import zstd  # type: ignore[import-untyped]
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]
from clickhouse_driver.bufferedreader import BufferedReader
from clickhouse_driver.varint import read_varint

from sinks.embedded.errors import CHECKSUM_MISMATCH, UNKNOWN_TYPE, ProtocolError

LZ4, ZSTD = 0x82, 0x90
MAX_FRAME = 1 << 30
_FRAME = 1 << 20
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"


class WireReader(BufferedReader):  # type: ignore[misc]
    """Bytes from `fill()` (which raises EOFError at the end), with a recorder of what has been read."""

    def __init__(self, fill: Callable[[], bytes]) -> None:
        super().__init__(0)
        self._fill = fill
        self._chunk = bytearray()
        self._recorded: list[bytes] | None = None
        self._from = 0

    def read_into_buffer(self) -> None:
        if self._recorded is not None:
            self._recorded.append(bytes(self._chunk[self._from :]))
            self._from = 0
        self._chunk = bytearray(self._fill())
        self.buffer, self.current_buffer_size = self._chunk, len(self._chunk)

    def record(self) -> None:
        """From here on, remember the bytes read."""
        self._recorded, self._from = [], self.position

    def recorded(self) -> bytes:
        """The bytes read since `record()`; recording ends."""
        parts, self._recorded = self._recorded or [], None
        parts.append(bytes(self._chunk[self._from : self.position]))
        return b"".join(parts)

    def text(self) -> str:
        return bytes(self.read(read_varint(self))).decode()

    def number(self, fmt: str) -> int:
        return int(struct.unpack("<" + fmt, self.read(struct.calcsize(fmt)))[0])


# What a type's column holds: (read the state prefix, read n values).
Skipper = tuple[Callable[[Any], None], Callable[[Any, int], None]]
_FIXED = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Decimal32", "Time"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Decimal64", "Time64"), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("UInt256", "Int256", "Decimal256"), 32),
}
_HEAD = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)
_MEMBER = re.compile(r"(?:`(?:[^`\\]|\\.)*`|[A-Za-z_][\w.]*)\s+(?=\S)")


def split_arguments(text: str) -> list[str]:
    """Splits `A, Tuple(B, C), Enum8('x, y' = 1)` at its own commas."""
    parts, depth, start, i, quote = [], 0, 0, 0, ""
    while i < len(text):
        c = text[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = ""
        elif c in "'`":
            quote = c
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1
    parts.append(text[start:].strip())
    return parts


@lru_cache(maxsize=4096)
def skipper(spec: str) -> Skipper:
    """How to pass over a column of the type `spec`; raises for types whose layout depends on the data."""
    match = _HEAD.fullmatch(spec)
    name, inner = (match[1], match[2] or "") if match else (spec, "")
    if name == "String":
        return _no_prefix, lambda r, n: r.read_strings(n) and None
    if name == "FixedString":
        return _fixed(int(inner))
    if name == "Decimal":
        precision = int(split_arguments(inner)[0])
        return _fixed(4 if precision <= 9 else 8 if precision <= 18 else 16 if precision <= 38 else 32)
    if name in _FIXED:
        return _fixed(_FIXED[name])
    if name.startswith("Interval"):
        return _fixed(8)
    if name == "Nullable":
        return _nullable(skipper(inner))
    if name == "Array":
        return _array(skipper(inner))
    if name == "Map":
        return _array(_tuple([skipper(t) for t in split_arguments(inner)]))
    if name in ("Tuple", "Nested"):
        members = _tuple([skipper(_MEMBER.sub("", t, count=1)) for t in split_arguments(inner) if t])
        return members if name == "Tuple" else _array(members)
    if name == "LowCardinality":
        dictionary = inner[len("Nullable(") : -1] if inner.startswith("Nullable(") else inner
        return _low_cardinality(skipper(dictionary))
    if name == "SimpleAggregateFunction":
        return skipper(split_arguments(inner)[1])
    raise ProtocolError(UNKNOWN_TYPE, f"Type {spec} cannot be sent to the embedded store in blocks")


def _no_prefix(reader: Any) -> None:
    pass


def _fixed(size: int) -> Skipper:
    return _no_prefix, lambda r, n: r.read(n * size) and None


def _nullable(inner: Skipper) -> Skipper:
    def data(reader: Any, n: int) -> None:
        reader.read(n)
        inner[1](reader, n)

    return inner[0], data


def _array(inner: Skipper) -> Skipper:
    def data(reader: Any, n: int) -> None:
        if n:
            inner[1](reader, struct.unpack("<Q", reader.read(8 * n)[-8:])[0])

    return inner[0], data


def _tuple(members: list[Skipper]) -> Skipper:
    def prefix(reader: Any) -> None:
        for member in members:
            member[0](reader)

    def data(reader: Any, n: int) -> None:
        if not members:
            reader.read(n)
        for member in members:
            member[1](reader, n)

    return prefix, data


def _low_cardinality(dictionary: Skipper) -> Skipper:
    def data(reader: Any, n: int) -> None:
        if n:
            flags, keys = struct.unpack("<QQ", reader.read(16))
            dictionary[1](reader, keys)
            rows = struct.unpack("<Q", reader.read(8))[0]
            reader.read(rows << (flags & 3))

    return lambda r: r.read(8) and None, data


def pass_info(reader: WireReader) -> None:
    """Reads a BlockInfo: (field number, value) pairs until 0."""
    while field := read_varint(reader):
        reader.read(1 if field == 1 else 4)


def reader_of(data: bytes) -> WireReader:
    """A reader of bytes at hand; EOFError after the last."""
    pieces = iter((data,) if data else ())

    def fill() -> bytes:
        for piece in pieces:
            return piece
        raise EOFError

    return WireReader(fill)


def split_blocks(data: bytes) -> list[bytes]:
    """The blocks of a file in Native format."""
    reader, found, passed = reader_of(data), [], 0
    while passed < len(data):
        found.append(take_block(reader)[2])
        passed += len(found[-1])
    return found


def take_block(reader: WireReader) -> tuple[int, int, bytes]:
    """(columns, rows, bytes) of the block that begins here; its BlockInfo has been passed."""
    reader.record()
    columns, rows = read_varint(reader), read_varint(reader)
    for _ in range(columns):
        reader.text()
        prefix, data = skipper(reader.text())
        if rows:
            prefix(reader)
            data(reader, rows)
    return columns, rows, reader.recorded()


def read_frame(reader: WireReader) -> tuple[int, bytes]:
    """One compressed frame: (method, plain bytes). A frame is checksum, method, two sizes, data."""
    checksum = struct.unpack("<QQ", reader.read(16))
    head = reader.read(9)
    method, size, plain = struct.unpack("<BII", head)
    if not 9 <= size <= MAX_FRAME or plain > MAX_FRAME:
        raise ProtocolError(CHECKSUM_MISMATCH, f"Compressed frame of {size} bytes is out of bounds")
    body = reader.read(size - 9)
    high, low = checksum
    if CityHash128(bytes(head) + bytes(body)) != (high << 64) + low:
        raise ProtocolError(CHECKSUM_MISMATCH, "Checksum of a compressed frame does not match its data")
    if method == LZ4:
        return method, bytes(lz4.block.decompress(body, uncompressed_size=plain))
    if method == ZSTD:
        return method, bytes(zstd.decompress(bytes(body)))
    if method == 0x02:
        return method, bytes(body)
    raise ProtocolError(CHECKSUM_MISMATCH, f"Unknown compression method {method:#x}")


def frames(data: bytes, method: int) -> bytes:
    """`data` as compressed frames of at most 1 MiB each."""
    out = bytearray()
    for start in range(0, len(data), _FRAME):
        plain = data[start : start + _FRAME]
        packed = zstd.compress(plain, 1) if method == ZSTD else lz4.block.compress(plain, store_size=False)
        body = struct.pack("<BII", method if method == ZSTD else LZ4, len(packed) + 9, len(plain)) + packed
        checksum = CityHash128(body)
        out += struct.pack("<QQ", checksum >> 64, checksum & (1 << 64) - 1) + body
    return bytes(out)


def varint(value: int) -> bytes:
    """ClickHouse's VarUInt."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text: str | bytes) -> bytes:
    """A length-prefixed string."""
    raw = text.encode() if isinstance(text, str) else text
    return varint(len(raw)) + raw


def header(columns: list[tuple[str, str]]) -> bytes:
    """A block of no rows: names and types."""
    return varint(len(columns)) + b"\x00" + b"".join(string(n) + string(t) for n, t in columns)
