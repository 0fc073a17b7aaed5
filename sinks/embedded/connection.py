"""One client of the native port, from its Hello to its last byte."""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator

from clickhouse_driver.varint import read_varint

from sinks.embedded import blocks, protocol, sql, wire
from sinks.embedded.engine import Engine
from sinks.embedded.errors import (
    NETWORK_ERROR,
    NOT_IMPLEMENTED,
    QUERY_WAS_CANCELLED,
    EngineError,
    ProtocolError,
)
from sinks.embedded.external import ExternalTable
from sinks.embedded.session import Session
from sinks.embedded.spool import Spool
from sinks.embedded.users import READER, Users

_RECEIVE = 1 << 18
_SEND_SECONDS = 300
_GREET_SECONDS = 30
_END = wire.varint(protocol.END_OF_STREAM)


class NativeConnection:
    """Speaks the protocol over `sock`; `run()` returns when the client has gone or must go.

    A client's INSERT is held until its end block and only then handed to the engine: a client that dies half
    way leaves nothing. `busy` is set while the engine works for it, `inserting` while it writes what is whole;
    `cancel()` may be called from another thread.
    """

    def __init__(self, sock: socket.socket, engine: Engine, users: Users) -> None:
        self.sock = sock
        self._engine = engine
        self._users = users
        self._reader = wire.WireReader(self._receive)
        self._method: int | None = None
        self._packed = wire.WireReader(self._unpack)
        self._revision = protocol.REVISION
        self._session: Session | None = None
        self._reported = protocol.Progress()
        self._lost: OSError | None = None
        self._client = self._user = ""
        self._place = contextlib.ExitStack()
        self.inserting = threading.Event()
        self.busy = threading.Event()
        self.cancelled = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # A client that stops reading must not hold a thread for ever; waiting for its next query may last.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0))

    def _receive(self) -> bytes:
        chunk = self.sock.recv(_RECEIVE)
        if not chunk:
            raise EOFError("the client has gone")
        return chunk

    def _unpack(self) -> bytes:
        self._method, plain = wire.read_frame(self._reader)
        return plain

    def cancel(self) -> None:
        """Stops the statement that is running, if any; harmless otherwise."""
        if self._session is not None and self.busy.is_set():
            self.cancelled = True
            self._engine.kill(self._session.tag)

    def run(self) -> None:
        """Serves the client; never raises for what a client or the network does."""
        try:
            self.sock.settimeout(_GREET_SECONDS)
            self._greet()
            self.sock.settimeout(None)
            while True:
                self._packet(read_varint(self._reader))
        except (EOFError, OSError):
            pass
        except EngineError as error:
            with contextlib.suppress(OSError):
                self.sock.sendall(protocol.exception(error))
        except (ValueError, struct.error, OverflowError) as exc:
            # Bytes that are no packet: a port scanner, an HTTP client on the wrong port.
            lost = ProtocolError(NETWORK_ERROR, f"Cannot follow what was sent: {exc}")
            with contextlib.suppress(OSError):
                self.sock.sendall(protocol.exception(lost))
        finally:
            if self._session is not None:
                self._session.close()
            self._place.close()

    def _greet(self) -> None:
        packet = read_varint(self._reader)
        if packet != protocol.CLIENT_HELLO:
            raise protocol.unexpected(packet)
        said = protocol.read_hello(self._reader)
        if said.revision < protocol.OLDEST_REVISION:
            raise ProtocolError(NOT_IMPLEMENTED, f"client revision {said.revision} is too old")
        self._client, self._user = said.client, said.user
        try:
            self._users.check(said.user, said.password)
        except EngineError:
            self._engine.visitors.came(said.user, said.client, "native", refused=True)
            raise
        self._place.enter_context(self._engine.gate.client(said.user))
        self._revision = min(said.revision, protocol.REVISION)
        self._session = Session(self._engine, readonly=said.user == READER)
        if said.database:
            self._session.use(said.database)
        self.sock.sendall(protocol.hello(self._engine.version, self._engine.timezone, protocol.REVISION))
        if self._revision >= 54458:
            self._reader.text()  # quota key

    def _packet(self, packet: int) -> None:
        if packet == protocol.CLIENT_PING:
            self.sock.sendall(wire.varint(protocol.PONG))
        elif packet == protocol.CLIENT_QUERY:
            self._query(protocol.read_query(self._reader, self._revision))
        elif packet == protocol.CLIENT_DATA:
            self._block(compressed=self._method is not None)  # a late block of an insert that was refused
        elif packet != protocol.CLIENT_CANCEL:  # a cancel that came after the end
            raise protocol.unexpected(packet)

    def _block(self, *, compressed: bool) -> tuple[str, blocks.Block]:
        """Reads the body of a Data packet: (table, block)."""
        table = self._reader.text()
        reader = self._packed if compressed else self._reader
        blocks.pass_info(reader)
        return table, blocks.take_block(reader, marked=self._revision >= blocks.MARKED_REVISION)

    def _query(self, query: protocol.Query) -> None:
        self.cancelled = False
        self._method = None
        try:
            with contextlib.ExitStack() as opened:
                tables = self._external_tables(query, opened)
                self._statement(query, tables)
        except ProtocolError:
            raise
        except EngineError as error:
            stopped = self.cancelled and error.code == QUERY_WAS_CANCELLED
            self.sock.sendall(_END if stopped else protocol.exception(error))

    def _external_tables(self, query: protocol.Query, opened: contextlib.ExitStack) -> list[ExternalTable]:
        """Reads the external tables up to the empty block that ends them."""
        found: dict[str, ExternalTable] = {}
        refused: EngineError | None = None
        while True:
            packet = read_varint(self._reader)
            if packet != protocol.CLIENT_DATA:
                raise protocol.unexpected(packet)
            name, block = self._block(compressed=query.compressed)
            if not block.width:
                break
            if name not in found:
                spool = opened.enter_context(Spool(self._engine.gate, self._engine.limits.insert_bytes))
                found[name] = ExternalTable(name, block.columns, spool)
            if block.rows and refused is None:
                try:
                    found[name].blocks.add(block.rows, block.data)
                except EngineError as error:
                    refused = error  # read to the end all the same, so that the connection stays usable
        if refused is not None:
            raise refused
        return list(found.values())

    def _statement(self, query: protocol.Query, tables: list[ExternalTable]) -> None:
        self._engine.visitors.came(self._user, self._client, "native")
        session = self._open_session()
        statement = session.prepare(
            query.text, query.params, query.settings, keep_format=False, important=query.important, tables=tables
        )
        if statement.insert is not None:
            self._insert(session, statement.insert, compressed=query.compressed)
            return
        self._reported = protocol.Progress()
        with self._working(session), contextlib.closing(session.stream(statement, query.params)) as found:
            for block in found:
                self._send(protocol.data(block, self._method, self._revision))
                if self.cancelled:
                    break
        self._send(_END)

    def _send(self, packet: bytes) -> None:
        if self._lost is not None:
            raise self._lost
        self.sock.sendall(packet)

    def _report(self, counts: dict[str, int]) -> None:
        """Tells the client how far its statement is; called by the engine, which must not see an exception."""
        now = protocol.Progress(
            counts.get("read_rows", 0),
            counts.get("read_bytes", 0),
            counts.get("total_rows_to_read", 0),
            counts.get("written_rows", 0),
            counts.get("written_bytes", 0),
            counts.get("elapsed_ns", 0),
        )
        try:
            self._send(protocol.progress(now.since(self._reported), self._revision))
        except OSError as error:
            self._lost = error
        self._reported = now

    def _insert(self, session: Session, insert: sql.Insert, *, compressed: bool) -> None:
        columns = session.insert_columns(insert)
        self.sock.sendall(protocol.data(blocks.header(columns), self._method, self._revision))
        with Spool(self._engine.gate, self._engine.limits.insert_bytes) as spool:
            refused: EngineError | None = None
            while True:
                packet = read_varint(self._reader)
                if packet == protocol.CLIENT_CANCEL:
                    self.sock.sendall(_END)
                    return
                if packet != protocol.CLIENT_DATA:
                    raise protocol.unexpected(packet)
                _, block = self._block(compressed=compressed)
                if not block.width:
                    break
                if block.rows and refused is None:
                    try:
                        spool.add(block.rows, block.data)
                    except EngineError as error:
                        refused = error  # read to the end all the same, so that the connection stays usable
                        spool.close()
                self._send(protocol.inserted(self._revision))
            if refused is not None:
                raise refused
            # Not `_working`: the insert is whole, so it is finished even if its client has gone meanwhile.
            self.inserting.set()
            try:
                session.insert(insert, columns, spool)
            finally:
                self.inserting.clear()
            done = protocol.Progress(spool.rows, spool.size, 0, spool.rows, spool.size)
        self._send(protocol.inserted(self._revision) + protocol.progress(done, self._revision) + _END)

    def _open_session(self) -> Session:
        if self._session is None:
            raise ProtocolError(NETWORK_ERROR, "a query before Hello")
        return self._session

    @contextlib.contextmanager
    def _working(self, session: Session) -> Iterator[None]:
        self.busy.set()
        session.watch(self._report)
        try:
            yield
        finally:
            session.watch(None)
            self.busy.clear()


_HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR | select.POLLNVAL


def client_has_gone(sock: socket.socket) -> bool:
    """Whether the other side has closed. Never waits, unlike `recv` of a socket with a timeout."""
    try:
        poller = select.poll()
        poller.register(sock, _HUNG_UP)
        return bool(poller.poll(0))
    except (OSError, ValueError):
        return True


def client_has_gone_or_cancels(sock: socket.socket) -> bool:
    """Looks, without reading, whether a native client that waits for an answer has closed or sent a Cancel.

    Only for a socket without a timeout: with one, Python would wait for a byte.
    """
    try:
        peeked = sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return not peeked or peeked[0] == protocol.CLIENT_CANCEL
