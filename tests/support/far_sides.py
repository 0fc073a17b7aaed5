"""The far sides of messages, real ones on loopback: an SMTP server, and an HTTP gateway told to fail."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """What an SMTP server got; `refuse` is its answer to every recipient, '' to take them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """As new."""
        self.mails: list[EmailMessage] = []
        self.refuse = ""
        self.drop_after_taking = False

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        if self.drop_after_taking:
            server.transport.abort()
        return "250 taken"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def smtp_server(mailbox: Mailbox) -> Iterator[int]:
    """Runs an SMTP server for a mailbox; gives its port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@dataclass
class Gateway:
    """What an HTTP gateway got. `answers`: what it does one after the other, the last for ever: a status, or
    `hang`, or `close` (takes the message and closes without an answer)."""

    url: str = ""
    answers: list[int | str] = field(default_factory=lambda: [200])
    body: bytes = b'{"error": 0}'
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    """(path, headers, body) of each request."""
    released: threading.Event = field(default_factory=threading.Event)

    def forget(self) -> None:
        """As new."""
        self.answers, self.body, self.asked = [200], b'{"error": 0}', []

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int | str:
        """Notes a request; says what to do."""
        self.asked.append((path, headers, json.loads(body) if body.startswith(b"{") else body.decode()))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def http_gateway() -> Iterator[Gateway]:
    """Runs an HTTP gateway."""
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            todo = gateway.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            if todo == "hang":
                gateway.released.wait(30)
            if isinstance(todo, str):
                self.close_connection = True
                return
            self.send_response(todo)
            self.send_header("Content-Length", str(len(gateway.body)))
            self.end_headers()
            self.wfile.write(gateway.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}/send"
    try:
        yield gateway
    finally:
        gateway.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
