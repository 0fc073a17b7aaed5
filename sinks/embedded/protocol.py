"""ClickHouse's native protocol as the server's side of it: packets in, packets out.

The announced revision (54460, as of ClickHouse 23.1) decides which fields travel. A client of a lower one, down
to 54429, gets what it knows: from 54454 on each column of a block carries one byte more, from 54459 on a
statement may bring parameters.
"""

import struct
from dataclasses import astuple, dataclass

from clickhouse_driver.varint import read_varint

from sinks.embedded.blocks import BLOCK_INFO, MARKED_REVISION, marked
from sinks.embedded.errors import UNEXPECTED_PACKET, EngineError, ProtocolError
from sinks.embedded.sql import unquote
from sinks.embedded.wire import WireReader, frames, string, varint

REVISION = 54460
# Below this, settings travel in binary, by a table of types that no client of today needs.
OLDEST_REVISION = 54429

CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING = 0, 1, 2, 3, 4
CLIENT_TABLES_STATUS = 5
DATA, EXCEPTION, PROGRESS, PONG, END_OF_STREAM, PROFILE_EVENTS = 1, 2, 3, 4, 5, 14


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
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows and bytes read and written, and what is known of the rows to read."""

    rows: int = 0
    size: int = 0
    total_rows: int = 0
    written_rows: int = 0
    written_size: int = 0
    nanoseconds: int = 0

    def since(self, earlier: "Progress") -> "Progress":
        """What was added after `earlier`; a count that fell counts as nothing."""
        now, then = astuple(self), astuple(earlier)
        return Progress(*(max(0, a - b) for a, b in zip(now, then, strict=True)))


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


def _pass_client_info(reader: WireReader, revision: int) -> None:
    """Reads who asks: nothing in it concerns this server."""
    if not reader.number("B"):  # query kind; 0 has no more fields
        return
    for _ in range(3):
        reader.text()  # initial user, query id, address
    if revision >= 54449:
        reader.read(8)  # start time
    reader.number("B")  # interface
    for _ in range(3):
        reader.text()  # system user, host, client
    for _ in range(3):
        read_varint(reader)  # version, revision
    reader.text()  # quota key
    if revision >= 54448:
        read_varint(reader)  # distributed depth
    read_varint(reader)  # version patch
    if revision >= 54442 and reader.number("B"):
        reader.read(24)  # trace id, span id
        reader.text()
        reader.number("B")
    if revision >= 54453:
        for _ in range(3):
            read_varint(reader)  # parallel replicas


def _read_settings(reader: WireReader) -> tuple[dict[str, str], frozenset[str]]:
    """Names with values, and the names marked important."""
    settings, important = {}, set()
    while name := reader.text():
        if read_varint(reader) & 1:
            important.add(name)
        settings[name] = reader.text()
    return settings, frozenset(important)


def read_query(reader: WireReader, revision: int) -> Query:
    """The body of a Query packet, up to its parameters; external tables follow as data packets."""
    reader.text()  # query id
    _pass_client_info(reader, revision)
    settings, important = _read_settings(reader)
    if revision >= 54441:
        reader.text()  # interserver secret
    read_varint(reader)  # stage
    compressed = bool(read_varint(reader))
    text = reader.text()
    params = _read_settings(reader)[0] if revision >= 54459 else {}
    return Query(text, compressed, settings, important, {k: unquote(v) for k, v in params.items()})


def data(block: bytes, method: int | None, revision: int) -> bytes:
    """A Data packet of a plain block; `method` is the compression, None for none."""
    body = BLOCK_INFO + (marked(block) if revision >= MARKED_REVISION else block)
    return bytes((DATA, 0)) + (body if method is None else frames(body, method))


def exception(error: EngineError) -> bytes:
    """An Exception packet: no stack trace, no nested one."""
    message = "DB::Exception: " + error.message
    return varint(EXCEPTION) + struct.pack("<i", error.code) + string("DB::Exception") + string(message) + b"\0\0"


def progress(passed: Progress, revision: int) -> bytes:
    """A Progress packet: what has been done since the last one."""
    counts = [passed.rows, passed.size, passed.total_rows, passed.written_rows, passed.written_size]
    if revision >= 54460:
        counts.append(passed.nanoseconds)
    return varint(PROGRESS) + b"".join(map(varint, counts))


def inserted(revision: int) -> bytes:
    """What a client waits for after each block of an INSERT: profile events, here none; nothing below 54456."""
    return bytes((PROFILE_EVENTS, 0)) + BLOCK_INFO + b"\0\0" if revision >= 54456 else b""


def unexpected(packet: int) -> ProtocolError:
    """A packet that may not come here; the two sides have lost each other."""
    return ProtocolError(UNEXPECTED_PACKET, f"Unexpected packet {packet} received from client")
