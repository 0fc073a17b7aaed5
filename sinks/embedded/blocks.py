"""Native blocks as bytes: where one ends, without decoding its values.

The server forwards blocks both ways; it only has to find where they and their columns end. Layouts are those
of ClickHouse's Native format without custom serialisation.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from clickhouse_driver.varint import read_varint

from sinks.embedded.errors import UNKNOWN_TYPE, ProtocolError
from sinks.embedded.wire import WireReader, reader_of, string, varint

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
MARKED_REVISION = 54454

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
_DEEPEST = 200
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
    """How to pass over a column of the type `spec`; raises for types whose layout depends on the data, for what is
    no type, and for what is nested so deep that reading it would exhaust the stack."""
    try:
        if spec.count("(") > _DEEPEST:
            raise ValueError("nested too deep")
        return _skipper(spec)
    except (ValueError, IndexError) as error:
        raise ProtocolError(UNKNOWN_TYPE, f"'{spec[:100]}' is no type that can be read") from error


def _skipper(spec: str) -> Skipper:
    match = _HEAD.fullmatch(spec)
    name, inner = (match[1], match[2] or "") if match else (spec, "")
    if name == "String":
        return _no_prefix, lambda r, n: r.read_strings(n) and None
    if name == "FixedString":
        return _fixed(_count(inner))
    if name == "Decimal":
        precision = _count(split_arguments(inner)[0])
        return _fixed(4 if precision <= 9 else 8 if precision <= 18 else 16 if precision <= 38 else 32)
    if name in _FIXED:
        return _fixed(_FIXED[name])
    if name.startswith("Interval"):
        return _fixed(8)
    if name == "Nullable":
        return _nullable(_skipper(inner))
    if name == "Array":
        return _array(_skipper(inner))
    if name == "Map":
        return _array(_tuple([_skipper(t) for t in split_arguments(inner)]))
    if name in ("Tuple", "Nested"):
        members = _tuple([_skipper(_MEMBER.sub("", t, count=1)) for t in split_arguments(inner) if t])
        return members if name == "Tuple" else _array(members)
    if name == "LowCardinality":
        dictionary = inner[len("Nullable(") : -1] if inner.startswith("Nullable(") else inner
        return _low_cardinality(_skipper(dictionary))
    if name == "SimpleAggregateFunction":
        return _skipper(split_arguments(inner)[1])
    raise ProtocolError(UNKNOWN_TYPE, f"Type {spec} cannot be sent to the embedded store in blocks")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"'{text[:20]}' is no count")
    return int(text)


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


def split_blocks(data: bytes) -> list[bytes]:
    """The blocks of a file in Native format."""
    reader, found, passed = reader_of(data), [], 0
    while passed < len(data):
        found.append(take_block(reader).data)
        passed += len(found[-1])
    return found


@dataclass(frozen=True, slots=True)
class Block:
    """One block in plain Native format; `columns` are (name, type), as far as they were asked for."""

    width: int
    rows: int
    data: bytes
    columns: tuple[tuple[str, str], ...]


def take_block(reader: WireReader, *, marked: bool = False) -> Block:
    """The block that begins here; its BlockInfo has been passed.

    `marked`: it comes at a revision with a byte per column for custom serialisation (which is refused); the
    result is without them.
    """
    reader.record()
    width, rows = read_varint(reader), read_varint(reader)
    parts, columns = [], []
    for _ in range(width):
        name, kind = reader.text(), reader.text()
        columns.append((name, kind))
        if marked:
            parts.append(reader.recorded())
            if reader.number("B"):
                raise ProtocolError(
                    UNKNOWN_TYPE, f"Column {name} comes in a custom serialisation, which is refused"
                )
            reader.record()
        if rows:
            prefix, data = skipper(kind)
            prefix(reader)
            data(reader, rows)
    parts.append(reader.recorded())
    return Block(width, rows, b"".join(parts), tuple(columns))


def header(columns: list[tuple[str, str]]) -> bytes:
    """A block of no rows: names and types."""
    return varint(len(columns)) + b"\x00" + b"".join(string(n) + string(t) for n, t in columns)


def header_of(block: bytes) -> bytes:
    """The header of a plain block: its names and types without its rows."""
    reader, columns = reader_of(block), []
    width, rows = read_varint(reader), read_varint(reader)
    for _ in range(width):
        name, kind = reader.text(), reader.text()
        columns.append((name, kind))
        if rows:
            prefix, values = skipper(kind)
            prefix(reader)
            values(reader, rows)
    return header(columns)


def marked(block: bytes) -> bytes:
    """A plain block with the byte per column that revisions from 54454 on expect: no custom serialisation."""
    reader, parts, start = reader_of(block), [], 0
    width, rows = read_varint(reader), read_varint(reader)
    for _ in range(width):
        reader.text()
        kind = reader.text()
        parts.append(block[start : reader.position])
        start = reader.position
        if rows:
            prefix, values = skipper(kind)
            prefix(reader)
            values(reader, rows)
    parts.append(block[start:])
    return b"\0".join(parts)


def at_revision(reader: WireReader, revision: int) -> Iterator[bytes]:
    """Blocks in plain Native format, up to the reader's end, as a client of that revision expects them by HTTP.

    Any revision above 0 adds a BlockInfo, 54454 a byte per column.
    """
    while reader.more():
        block = take_block(reader).data
        yield BLOCK_INFO + (marked(block) if revision >= MARKED_REVISION else block)
