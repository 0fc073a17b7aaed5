"""What a reader's HTTP request asks for."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Protocol
from urllib.parse import parse_qsl

from sinks.embedded import encodings
from sinks.embedded.errors import TOO_LARGE_BODY, EngineError

MAX_BODY = 16 << 20
# Names that are the request's, not the engine's settings.
_RESERVED = frozenset(
    "query user password database default_format session_id session_timeout session_check query_id compress"
    " decompress enable_http_compression http_zlib_compression_level client_protocol_version buffer_size"
    " wait_end_of_query send_progress_in_http_headers quota_key role".split()
)


class Stream(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks; `given` is false when the request names nobody."""

    user: str
    password: str
    given: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One statement and how its answer is wanted."""

    query: str
    database: str
    default_format: str
    params: dict[str, str]
    settings: dict[str, str]
    encoding: str
    framed: bool
    revision: int
    whole: bool
    """The answer must be complete before its first byte is sent, so that its status is final."""


def fields_of(query: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(query, keep_blank_values=True))


def read_body(stream: Stream, headers: Message) -> bytes:
    """The body as it came; raises TOO_LARGE_BODY, ValueError for broken chunks."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        parts, size = [], 0
        while length := int(stream.readline(64).split(b";")[0] or b"0", 16):
            size += length
            if size > MAX_BODY or length < 0:
                raise EngineError(TOO_LARGE_BODY, "The request's body is too large")
            parts.append(stream.read(length))
            stream.readline(64)
        stream.readline(64)
        return b"".join(parts)
    length = int(headers.get("Content-Length") or 0)
    if not 0 <= length <= MAX_BODY:
        raise EngineError(TOO_LARGE_BODY, "The request's body is too large")
    return stream.read(length) if length else b""


def credentials(fields: Mapping[str, str], headers: Message) -> Credentials:
    """From ClickHouse's own headers, basic authorisation, or the address."""
    if user := headers.get("X-ClickHouse-User"):
        return Credentials(user, headers.get("X-ClickHouse-Key", ""), given=True)
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        return Credentials(user, password, given=True)
    return Credentials(fields.get("user", "default"), fields.get("password", ""), given="user" in fields)


def request_of(fields: Mapping[str, str], headers: Message, body: bytes) -> Request:
    """The request in full; the statement may begin in the address and go on in the body."""
    body = encodings.unpacked(body, headers.get("Content-Encoding", "").strip().lower(), MAX_BODY)
    if fields.get("decompress") == "1":
        body = encodings.unframed(body, MAX_BODY)
    parts = [part for part in (fields.get("query", ""), body.decode()) if part.strip()]
    packed = fields.get("enable_http_compression") in ("1", "true")
    own = {k: v for k, v in fields.items() if k not in _RESERVED and not k.startswith("param_")}
    return Request(
        query="\n".join(parts).strip(),
        database=fields.get("database") or str(headers.get("X-ClickHouse-Database", "")),
        default_format=fields.get("default_format") or headers.get("X-ClickHouse-Format", "") or "TabSeparated",
        params={k[6:]: v for k, v in fields.items() if k.startswith("param_")},
        settings=own,
        encoding=encodings.chosen(headers.get("Accept-Encoding", "")) if packed else "",
        framed=fields.get("compress") == "1",
        revision=int(fields.get("client_protocol_version") or 0),
        whole=fields.get("wait_end_of_query") in ("1", "true"),
    )
