"""The witness over HTTP: five requests, the standard library's server, nothing of the product's own data."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from domain.errors import Gs766Error, InvalidInput, Refused
from sinks.sealing.witness import Offer, Witness

MOST_BYTES = 8 << 20
_offer = msgspec.json.Decoder(Offer)


def serve(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not yet running: `serve_forever()` runs it. Port 0 takes a free one."""

    class Handler(_Handler):
        holder = witness

    return ThreadingHTTPServer((host, port), Handler)


class _Handler(BaseHTTPRequestHandler):
    holder: Witness
    server_version = "gs766-witness"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """/key, /checkpoints/last?log=, /checkpoints?log=&after=, /refused?log="""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            self._answer(*self._asked(url.path, asked))
        except (Gs766Error, ValueError) as error:
            self._answer(422, {"detail": str(error)})

    def _asked(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        log = asked.get("log", "")
        if path == "/key":
            return 200, {"key": self.holder.key}
        if path == "/checkpoints/last":
            found = self.holder.last(log)
            return (200, found) if found is not None else (404, {"detail": "nothing was signed for that log"})
        if path == "/checkpoints":
            return 200, {"checkpoints": list(self.holder.after(log, int(asked.get("after", "0"))))}
        if path == "/refused":
            return 200, {"refused": self.holder.refused(log)}
        return 404, {"detail": "there are /key, /checkpoints, /checkpoints/last, /refused"}

    def do_POST(self) -> None:
        """/checkpoints: signs again, or 409 with the reason."""
        try:
            size = int(self.headers.get("Content-Length") or 0)
            if urlsplit(self.path).path != "/checkpoints" or not 0 < size <= MOST_BYTES:
                raise InvalidInput(f"POST /checkpoints takes 1 to {MOST_BYTES} bytes")
            self._answer(200, self.holder.take(_offer.decode(self.rfile.read(size))))
        except Refused as error:
            self._answer(409, {"detail": str(error)})
        except (Gs766Error, msgspec.DecodeError, ValueError) as error:
            self._answer(422, {"detail": str(error)})

    def _answer(self, status: int, value: Any) -> None:
        body = msgspec.json.encode(value)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """One line a request is left to whoever stands before it."""
        del format, args
