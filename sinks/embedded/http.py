"""HTTP for readers: Grafana, DBeaver, curl. Serves the user `reader` only, whatever the method."""

import base64
import binascii
import gzip
import itertools
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sinks.embedded import blocks, sql, wire
from sinks.embedded.connection import client_has_gone_or_cancels
from sinks.embedded.engine import Engine
from sinks.embedded.errors import AUTHENTICATION_FAILED, EngineError, engine_error
from sinks.embedded.session import Session
from sinks.embedded.users import READER, Users

MAX_BODY = 16 << 20
_CONTENT = {
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "xml": "application/xml; charset=UTF-8",
    "pretty": "text/plain; charset=UTF-8",
}
_STATUS = {
    **dict.fromkeys((16, 46, 47, 50, 60, 73, 81, 115), 404),
    **dict.fromkeys((164, 497, 516, 192, 193), 403),
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 158, 307, 386, 396, 456, 457), 400),
    48: 501,
    159: 408,
    241: 507,
    394: 499,
}
# Names that are the request's, not the engine's settings.
_RESERVED = frozenset(
    "query user password database default_format session_id session_timeout session_check query_id compress"
    " decompress enable_http_compression client_protocol_version buffer_size wait_end_of_query role".split()
)


class HttpServer(ThreadingHTTPServer):
    """The reader's port; `running` maps a session's tag to its socket while the engine works for it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], engine: Engine, users: Users) -> None:
        super().__init__(address, Handler)
        self.engine = engine
        self.users = users
        self.running: dict[str, Any] = {}

    def cancel_abandoned(self) -> None:
        """Stops statements whose client has hung up."""
        for tag, sock in list(self.running.items()):
            if client_has_gone_or_cancels(sock):
                self.engine.kill(tag)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event worth a stack trace."""


class Handler(BaseHTTPRequestHandler):
    """One HTTP connection."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    server_version = "embedded"
    sys_version = ""
    timeout = 300
    wbufsize = 1 << 16  # head and body in one packet: two cost 40 ms of waiting for an acknowledgement
    disable_nagle_algorithm = True
    _numbers = itertools.count(1)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: URLs may carry passwords."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        try:
            body = self._body()
        except EngineError as error:
            self.close_connection = True
            self._fail(error, 413)
            return
        if url.path in ("/ping", "/replicas_status"):
            self._answer(200, b"Ok.\n", "text/plain; charset=UTF-8")
            return
        if url.path not in ("/", "/query"):
            self._answer(404, b"There is no such address; try /?query=SELECT+1\n", "text/plain; charset=UTF-8")
            return
        try:
            fields = dict(parse_qsl(url.query, keep_blank_values=True))
            user, password, given = self._credentials(fields)
            if user != READER:
                password = ""  # only the reader may come in here, with any password whatever
            self.server.users.check(user, password)
            query = self._query(fields, body)
            if not query:
                self._answer(200, b"Ok.\n", "text/plain; charset=UTF-8")
                return
            content, fmt = self._run(query, fields)
            if fmt == "Native":
                content = blocks.at_revision(content, int(fields.get("client_protocol_version") or 0))
            self._send_rows(content, fmt, fields)
        except EngineError as error:
            status = _STATUS.get(error.code, 500)
            if error.code == AUTHENTICATION_FAILED and not given:
                status = 401
            self._fail(error, status)
        except (UnicodeDecodeError, ValueError) as exc:
            self._fail(engine_error(exc), 400)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts, size = [], 0
            while length := int(self.rfile.readline(64).split(b";")[0] or b"0", 16):
                size += length
                if size > MAX_BODY:
                    raise EngineError(307, "The request's body is too large")
                parts.append(self.rfile.read(length))
                self.rfile.readline(64)
            self.rfile.readline(64)
            return b"".join(parts)
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            raise EngineError(307, "The request's body is too large")
        return self.rfile.read(length) if length else b""

    def _credentials(self, fields: dict[str, str]) -> tuple[str, str, bool]:
        """(user, password, given at all), from headers of ClickHouse, basic authorisation, or the address."""
        if user := self.headers.get("X-ClickHouse-User"):
            return user, self.headers.get("X-ClickHouse-Key", ""), True
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", "", True
            return user, password, True
        return fields.get("user", "default"), fields.get("password", ""), "user" in fields

    def _query(self, fields: dict[str, str], body: bytes) -> str:
        if fields.get("decompress") == "1" and body:
            body = _unframed(body)
        if self.headers.get("Content-Encoding") == "gzip" and body:
            body = gzip.decompress(body)
        parts = [part for part in (fields.get("query", ""), body.decode()) if part.strip()]
        return "\n".join(parts).strip()

    def _run(self, query: str, fields: dict[str, str]) -> tuple[bytes, str]:
        params = {k[6:]: v for k, v in fields.items() if k.startswith("param_")}
        settings = {k: v for k, v in fields.items() if k not in _RESERVED and not k.startswith("param_")}
        session = Session(self.server.engine, readonly=True)
        try:
            session.check(query, params)
            statement = sql.parse(query, keep_format=True)
            database = fields.get("database") or self.headers.get("X-ClickHouse-Database", "")
            if database:
                session.use(database)
            session.configure(settings)
            default = fields.get("default_format") or self.headers.get("X-ClickHouse-Format", "") or "TabSeparated"
            self.server.running[session.tag] = self.connection
            return session.fetch(statement.text, default, params), _format_of(query, default)
        finally:
            self.server.running.pop(session.tag, None)
            session.close()

    def _send_rows(self, content: bytes, fmt: str, fields: dict[str, str]) -> None:
        headers = {"X-ClickHouse-Format": fmt, "X-ClickHouse-Timezone": self.server.engine.timezone}
        if fields.get("compress") == "1":
            content = wire.frames(content, wire.LZ4)
        elif fields.get("enable_http_compression") == "1" and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = gzip.compress(content, 3)
            headers["Content-Encoding"] = "gzip"
        kind = _CONTENT.get(fmt.lower(), "text/plain; charset=UTF-8" if "pretty" in fmt.lower() else "")
        self._answer(200, content, kind or "application/octet-stream", headers)

    def _fail(self, error: EngineError, status: int) -> None:
        headers = {"X-ClickHouse-Exception-Code": str(error.code)}
        if status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        self._answer(status, f"{error}\n".encode(), "text/plain; charset=UTF-8", headers)

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Server-Display-Name", "embedded")
        self.send_header("X-ClickHouse-Query-Id", f"http-{next(self._numbers)}")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _format_of(query: str, default: str) -> str:
    toks = sql.tokens(query)
    while toks and toks[-1].text == ";":
        toks.pop()
    if len(toks) > 2 and toks[-2].upper == "FORMAT":
        return toks[-1].text
    return default


def _unframed(body: bytes) -> bytes:
    reader, plain = wire.reader_of(body), bytearray()
    while True:
        try:
            plain += wire.read_frame(reader)[1]
        except EOFError:
            return bytes(plain)
