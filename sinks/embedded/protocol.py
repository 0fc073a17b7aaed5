"""ClickHouse's native protocol as the server's side of it: packets in, packets out.

The announced revision (54442, as of ClickHouse 20.10) decides which fields travel: everything that
clickhouse-driver needs, and result blocks that are byte for byte what the engine gives. From 54454 on each
column carries one byte more, from 54459 on a client may send parameters: until then it substitutes them itself.
"""

import struct
from dataclasses import dataclass

from clickhouse_driver.varint import read_varint

from sinks.embedded.blocks import BLOCK_INFO
from sinks.embedded.errors import UNEXPECTED_PACKET, EngineError, ProtocolError
from sinks.embedded.wire import WireReader, frames, string, varint

REVISION = 54442
# Below this, settings travel in binary, by a table of types that no client of today needs.
OLDEST_REVISION = 54429

CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING = 0, 1, 2, 3, 4
CLIENT_TABLES_STATUS = 5
DATA, EXCEPTION, PROGRESS, PONG, END_OF_STREAM, PROFILE_INFO = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client says first."""

    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with its settings; `important` names those that must exist."""

    text: str
    compressed: bool
    settings: dict[str, str]
    important: frozenset[str]


def read_hello(reader: WireReader) -> Hello:
    """The body of a Hello packet."""
    name = reader.text()
    read_varint(reader), read_varint(reader)
    revision = read_varint(reader)
    return Hello(name, revision, reader.text(), reader.text(), reader.text())


def hello(version: str, timezone: str, revision: int) -> bytes:
    """The answer to a Hello that was accepted. `revision` is the one both sides will speak."""
    major, minor, patch = (int(part) for part in [*version.split("."), "0", "0"][:3])
    return (
        b"\x00" + string("ClickHouse") + varint(major) + varint(minor) + varint(revision)
        + string(timezone) + string("embedded") + varint(patch)
    )  # fmt: skip


def read_query(reader: WireReader, revision: int) -> Query:
    """The body of a Query packet, up to its text; external tables follow as data packets."""
    reader.text()  # query id
    if reader.number("B"):  # query kind; 0 has no more fields
        for _ in range(3):
            reader.text()  # initial user, query id, address
        reader.number("B")  # interface
        for _ in range(3):
            reader.text()  # system user, host, client
        for _ in range(3):
            read_varint(reader)  # version, revision
        reader.text()  # quota key
        read_varint(reader)  # version patch
        if revision >= 54442 and reader.number("B"):
            reader.read(24)  # trace id, span id
            reader.text()
            reader.number("B")
    settings, important = {}, set()
    while name := reader.text():
        if read_varint(reader) & 1:
            important.add(name)
        settings[name] = reader.text()
    if revision >= 54441:
        reader.text()  # interserver secret
    read_varint(reader)  # stage
    compressed = bool(read_varint(reader))
    return Query(reader.text(), compressed, settings, frozenset(important))


def data(block: bytes, method: int | None) -> bytes:
    """A Data packet of a block without BlockInfo; `method` is the compression, None for none."""
    body = BLOCK_INFO + block
    return bytes((DATA, 0)) + (body if method is None else frames(body, method))


def exception(error: EngineError) -> bytes:
    """An Exception packet: no stack trace, no nested one."""
    message = "DB::Exception: " + error.message
    return varint(EXCEPTION) + struct.pack("<i", error.code) + string("DB::Exception") + string(message) + b"\0\0"


def progress(rows: int, size: int) -> bytes:
    """A Progress packet: rows and bytes since the last one; nothing known of totals."""
    return varint(PROGRESS) + varint(rows) + varint(size) + b"\0\0\0"


def unexpected(packet: int) -> ProtocolError:
    """A packet that may not come here; the two sides have lost each other."""
    return ProtocolError(UNEXPECTED_PACKET, f"Unexpected packet {packet} received from client")
