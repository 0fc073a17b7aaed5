"""HTTP for readers: Grafana, DBeaver, curl. Serves the user `reader` only, whatever the method."""

import contextlib
import itertools
import secrets
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any
from urllib.parse import urlsplit

from sinks.embedded import blocks, encodings, sql
from sinks.embedded.connection import client_has_gone
from sinks.embedded.engine import Engine
from sinks.embedded.errors import AUTHENTICATION_FAILED, TOO_LARGE_BODY, EngineError, engine_error
from sinks.embedded.http_request import Request, credentials, fields_of, read_body, request_of
from sinks.embedded.session import Session
from sinks.embedded.users import READER, Users
from sinks.embedded.wire import WireReader

# An answer up to this size is sent whole: with its length, and with the right status if it fails half way.
HELD = 1 << 20
_PIECE = 1 << 18
_REFUSED = 64
_PLAIN = "text/plain; charset=UTF-8"
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
    "pretty": _PLAIN,
}
_STATUS = {
    **dict.fromkeys((16, 46, 47, 50, 60, 73, 81, 115), 404),
    **dict.fromkeys((164, 497, 516, 192, 193), 403),
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 158, 307, 386, 396, 456, 457), 400),
    48: 501,
    159: 408,
    202: 503,
    241: 507,
    394: 499,
}


class HttpServer(ThreadingHTTPServer):
    """The reader's port; `running` maps a session's tag to its socket while the engine works for it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], engine: Engine, users: Users) -> None:
        super().__init__(address, Handler)
        self.engine = engine
        self.users = users
        self.running: dict[str, Any] = {}
        self._sockets: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._sockets) >= self.engine.limits.reader_clients + _REFUSED:
            self.shutdown_request(request)
            return
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def cancel_abandoned(self) -> None:
        """Stops statements whose client has hung up."""
        for tag, sock in list(self.running.items()):
            if client_has_gone(sock):
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
    _refused: EngineError | None = None

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: URLs may carry passwords."""

    def handle(self) -> None:
        with contextlib.ExitStack() as place:
            try:
                place.enter_context(self.server.engine.gate.client(READER))
            except EngineError as error:
                self._refused = error
                self.connection.settimeout(5)
            super().handle()

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        try:
            body = read_body(self.rfile, self.headers)
        except (EngineError, ValueError) as error:
            self.close_connection = True
            self._fail(EngineError(TOO_LARGE_BODY, str(error)), 413)
            return
        if self._refused is not None:
            self.close_connection = True
            self._fail(self._refused, 503)
        elif url.path in ("/ping", "/replicas_status"):
            self._answer(200, b"Ok.\n", _PLAIN)
        elif url.path not in ("/", "/query"):
            self._answer(404, b"There is no such address; try /?query=SELECT+1\n", _PLAIN)
        else:
            self._ask(fields_of(url.query), body)

    def _ask(self, fields: dict[str, str], body: bytes) -> None:
        who = credentials(fields, self.headers)
        try:
            # Only the reader may come in here: nobody else with any password whatever.
            self.server.users.check(who.user, who.password if who.user == READER else "")
            request = request_of(fields, self.headers, body)
            self._came(who.user)
            if not request.query:
                self._answer(200, b"Ok.\n", _PLAIN)
                return
            with self._pieces(request) as (pieces, headers):
                self._send_rows(pieces, headers, whole=request.whole)
        except EngineError as error:
            unnamed = error.code == AUTHENTICATION_FAILED and not who.given
            if error.code == AUTHENTICATION_FAILED and who.given:
                self._came(who.user, refused=True)
            self._fail(error, 401 if unnamed else _STATUS.get(error.code, 500))
        except (UnicodeDecodeError, ValueError) as exc:
            self._fail(engine_error(exc), 400)

    def _came(self, user: str, *, refused: bool = False) -> None:
        client = str(self.headers.get("User-Agent", "")).partition(" ")[0]
        self.server.engine.visitors.came(user, client, "http", refused=refused)

    @contextlib.contextmanager
    def _pieces(self, request: Request) -> Iterator[tuple[Iterator[bytes], dict[str, str]]]:
        """The answer's bytes as they will be sent, and its headers."""
        session = Session(self.server.engine, readonly=True)
        try:
            if request.database:
                session.use(request.database)
            statement = session.prepare(request.query, request.params, request.settings, keep_format=True)
            fmt = sql.split_format(statement)[1] or request.default_format
            self.server.running[session.tag] = self.connection
            with contextlib.closing(session.copy(statement, fmt, request.params)) as copied:
                pieces: Iterator[bytes] = copied
                if fmt == "Native" and request.revision:
                    pieces = blocks.at_revision(_reader_of(copied), request.revision)
                packed = (
                    encodings.framed(pieces) if request.framed else encodings.encoder(request.encoding)(pieces)
                )
                yield packed, self._headers(fmt, "" if request.framed else request.encoding)
        finally:
            self.server.running.pop(session.tag, None)
            session.close()

    def _headers(self, fmt: str, encoding: str) -> dict[str, str]:
        kind = _CONTENT.get(fmt.lower(), _PLAIN if "pretty" in fmt.lower() else "application/octet-stream")
        headers = {"Content-Type": kind, "X-ClickHouse-Format": fmt}
        headers["X-ClickHouse-Timezone"] = self.server.engine.timezone
        if encoding:
            headers["Content-Encoding"] = encoding
        return headers

    def _send_rows(self, pieces: Iterator[bytes], headers: dict[str, str], *, whole: bool) -> None:
        """Sends a short answer with its length, a long one in chunks as it comes."""
        with tempfile.SpooledTemporaryFile(HELD) as held:
            size, ended = 0, True
            for piece in pieces:
                size += held.write(piece)
                if size > HELD and not whole:
                    ended = False
                    break
            held.seek(0)
            if ended:
                self._head(200, {**headers, "Content-Length": str(size)})
                self._copy(held)
                return
            self._in_chunks(itertools.chain(iter(lambda: held.read(_PIECE), b""), pieces), headers)

    def _copy(self, held: IO[bytes]) -> None:
        while self.command != "HEAD" and (piece := held.read(_PIECE)):
            self.wfile.write(piece)

    def _in_chunks(self, pieces: Iterator[bytes], headers: dict[str, str]) -> None:
        """Sends an answer of unknown length. One that fails half way ends with the error and without its last
        chunk, so that no client takes it for whole."""
        chunked = self.request_version != "HTTP/1.0"
        tag = secrets.token_hex(8)
        how = {"Transfer-Encoding": "chunked"} if chunked else {"Connection": "close"}
        self._head(200, {**headers, **how, "X-ClickHouse-Exception-Tag": tag})
        if self.command == "HEAD":
            return
        try:
            for piece in filter(None, pieces):
                self._chunk(piece, chunked=chunked)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.close_connection = True
        except EngineError as error:
            self.close_connection = True
            text = f"{error}\n"
            mark = f"\r\n__exception__\r\n{tag}\r\n{text}{len(text.encode())} {tag}\r\n__exception__\r\n"
            self._chunk(mark.encode(), chunked=chunked)

    def _chunk(self, piece: bytes, *, chunked: bool) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)

    def _fail(self, error: EngineError, status: int) -> None:
        headers = {"X-ClickHouse-Exception-Code": str(error.code)}
        if status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        self._answer(status, f"{error}\n".encode(), _PLAIN, headers)

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("X-ClickHouse-Server-Display-Name", "embedded")
        self.send_header("X-ClickHouse-Query-Id", f"http-{next(self._numbers)}")
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection and "Connection" not in headers:
            self.send_header("Connection", "close")
        self.end_headers()


def _reader_of(pieces: Iterator[bytes]) -> WireReader:
    def fill() -> bytes:
        for piece in pieces:
            return piece
        raise EOFError

    return WireReader(fill)
