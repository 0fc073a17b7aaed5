"""The process of the embedded store: opens the folder, listens on both ports, shuts down in order."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from sinks.embedded.connection import NativeConnection, client_has_gone_or_cancels
from sinks.embedded.engine import Engine
from sinks.embedded.http import HttpServer
from sinks.embedded.limits import Limits
from sinks.embedded.room import Room, free_bytes
from sinks.embedded.users import Users
from sinks.embedded.visitors import Visitors

_WATCH_SECONDS = 0.2
# Sockets above the limit of clients that are still answered with an error; more are just closed.
_REFUSED = 64


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the store listens."""

    native: int
    http: int


class NativeServer:
    """Accepts native clients, a thread each, and keeps count of them."""

    def __init__(self, address: tuple[str, int], engine: Engine, users: Users) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.create_server(address, family=family, backlog=128)
        self.port = int(self._socket.getsockname()[1])
        self._engine = engine
        self._users = users
        self._lock = threading.Lock()
        self._clients: dict[NativeConnection, threading.Thread] = {}
        self._closing = False

    def start(self) -> None:
        threading.Thread(target=self._accept, name="native-accept", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                if self._closing:
                    return
                time.sleep(0.05)  # out of descriptors: clients that leave will free some
                continue
            if len(self._clients) >= self._engine.limits.clients + _REFUSED:
                sock.close()
                continue
            client = NativeConnection(sock, self._engine, self._users)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            with self._lock:
                self._clients[client] = thread
            thread.start()

    def _serve(self, client: NativeConnection) -> None:
        try:
            client.run()
        finally:
            with self._lock:
                self._clients.pop(client, None)
            client.sock.close()

    def clients(self) -> list[NativeConnection]:
        with self._lock:
            return list(self._clients)

    def cancel_abandoned(self) -> None:
        """Stops statements whose client has hung up or cancels."""
        for client in self.clients():
            if client.busy.is_set() and client_has_gone_or_cancels(client.sock):
                client.cancel()

    def close(self, grace: float, insert_grace: float) -> None:
        """Refuses new clients, lets statements finish for `grace` seconds and whole inserts for `insert_grace`
        more, then cancels what still runs. Clients that wait for nothing are cut off at once."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for client in self.clients():
            with contextlib.suppress(OSError):
                client.sock.shutdown(socket.SHUT_RD)
        self._until(grace, self.clients)
        for client in self.clients():
            client.cancel()
            if not client.inserting.is_set():
                with contextlib.suppress(OSError):
                    client.sock.shutdown(socket.SHUT_RDWR)
        self._until(insert_grace, lambda: [c for c in self.clients() if c.inserting.is_set()])
        self._until(2, self.clients)

    @staticmethod
    def _until(seconds: float, remain: Callable[[], list[NativeConnection]]) -> None:
        deadline = time.monotonic() + seconds
        while remain() and time.monotonic() < deadline:
            time.sleep(0.02)


def serve(
    path: Path,
    users: Users,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    http_port: int = 0,
    limits: Limits | None = None,
    on_ready: Callable[[Ports], None] | None = None,
    stop: threading.Event | None = None,
    visitors: Path | None = None,
) -> None:
    """Serves the folder `path` until SIGTERM, SIGINT or `stop`; blocks.

    Ports of 0 are picked by the system; `on_ready` gets the real ones once both accept clients; the file
    `visitors` is told who came. EngineError if the folder cannot be opened (another process has it), OSError if a
    port is taken.
    """
    stop = stop or threading.Event()
    _stop_on_signals(stop)
    engine = Engine(path, limits or Limits())
    engine.visitors = Visitors(visitors)
    native = NativeServer((host, port), engine, users)
    web = HttpServer((host, http_port), engine, users)
    native.start()
    threading.Thread(target=web.serve_forever, args=(0.1,), name="http-accept", daemon=True).start()
    if on_ready is not None:
        on_ready(Ports(native.port, int(web.server_address[1])))
    watching = threading.Event()
    room = Room(engine, lambda: free_bytes(path), stop.set)
    engine.check_room = room.check
    threading.Thread(target=room.watch, args=(watching,), name="room", daemon=True).start()
    watcher = threading.Thread(target=_watch, args=(watching, native, web), name="watcher", daemon=True)
    watcher.start()
    stop.wait()
    _end_in_any_case(engine.limits.stop_seconds + engine.limits.insert_seconds + 3)
    web.shutdown()
    watching.set()
    watcher.join()
    deadline = time.monotonic() + engine.limits.stop_seconds
    native.close(engine.limits.stop_seconds, engine.limits.insert_seconds)
    while web.running and time.monotonic() < deadline:
        time.sleep(0.02)
    for tag in list(web.running):
        engine.kill(tag)
    web.socket.close()
    engine.visitors.tell(end=True)
    engine.close()


def _watch(done: threading.Event, native: NativeServer, web: HttpServer) -> None:
    while not done.wait(_WATCH_SECONDS):
        for look in (native.cancel_abandoned, web.cancel_abandoned, web.engine.visitors.tell):
            # The watcher must outlive any one failure: without it, abandoned statements run to their end.
            with contextlib.suppress(Exception):
                look()


def _end_in_any_case(seconds: float) -> None:
    """Ends the process if its orderly end takes longer: what was acknowledged is in the folder already."""
    if threading.current_thread() is not threading.main_thread():
        return

    def end() -> None:
        print(f"embedded store: did not end in {seconds:.0f} s, cut off", file=sys.stderr, flush=True)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _stop_on_signals(stop: threading.Event) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_set():
            os._exit(1)  # asked twice: somebody means it
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
