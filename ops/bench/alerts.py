"""From the instant at which a dossier becomes overdue to the arrival of the webhook, on the wall clock."""

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

import httpx

from domain.errors import Unavailable
from ops.bench.freshness import HOUR, acceptance
from ops.bench.limits import append_and_read
from ops.bench.measure import Measure, latencies
from ops.bench.place import running, scratch
from ops.bench.traffic import TYPE

UNIT = "H44.991"
DOSSIERS = 40
AHEAD_MS = 4_000
SPREAD_MS = 400
PATIENCE = 60.0


def measure_alerts(environ: Mapping[str, str], dossiers: int = DOSSIERS) -> list[Measure]:
    """p50, p95 and the longest of some dozens of dossiers that fall overdue one after the other."""
    with scratch("alerts") as folder, running(folder, environ) as stack, receiver() as far:
        acked, _ = append_and_read(stack.kafka)
        posted = [far.post_one() for _ in range(20)]
        limit = Measure(
            "alert limit: one acknowledged append, one HTTP post",
            (median(acked) + median(posted)) * 1000,
            "ms",
            conditions="medians; the instant is known in advance, the act and the post must follow it",
        )
        with stack.http() as client:
            order = {"url": far.url, "kinds": ["A04"], "unit": UNIT}
            client.post("/v1/webhooks", json=order).raise_for_status()
            due = _fall_due(client, dossiers)
        arrived = far.wait_for(set(due))
    spent = [arrived[code] - at / 1000 for code, at in due.items()]
    found = latencies("overdue to webhook", spent, (0.5, 0.95, 1.0), "due instants spread at random, quiet stack")
    return [limit, *(m.against(limit) for m in found)]


def _fall_due(client: httpx.Client, count: int) -> dict[str, int]:
    """Posts dossiers that fall overdue one after the other; their due instants in milliseconds."""
    draw = random.Random(count)
    due: dict[str, int] = {}
    at = time.time_ns() // 1_000_000 + AHEAD_MS
    for number in range(count):
        at += draw.randrange(SPREAD_MS)
        due[f"{UNIT}-{number:04d}"] = at
    lines = [acceptance(code, UNIT, at - HOUR, at) for code, at in due.items()]
    client.post("/v1/events", content=b"\n".join(lines), headers=TYPE).raise_for_status()
    return due


class _Far:
    """The far side of a webhook: when the alert of which dossier came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._arrived: dict[str, float] = {}
        self._news = threading.Condition()

    def took(self, body: bytes, at: float) -> None:
        """Notes one message; the first of a dossier counts."""
        code = json.loads(body).get("alert", {}).get("dossier_code")
        with self._news:
            self._arrived.setdefault(code, at)
            self._news.notify_all()

    def post_one(self) -> float:
        """Seconds of one bare post to this receiver."""
        begun = time.perf_counter()
        httpx.post(self.url, content=b'{"alert": {"dossier_code": ""}}', trust_env=False)
        return time.perf_counter() - begun

    def wait_for(self, codes: set[str]) -> dict[str, float]:
        """When each came, in seconds since the epoch; Unavailable when one does not come."""
        with self._news:
            if not self._news.wait_for(lambda: codes <= self._arrived.keys(), PATIENCE):
                missing = len(codes - self._arrived.keys())
                raise Unavailable(f"{missing} of {len(codes)} alerts did not come: see the notifier's log")
            return {code: self._arrived[code] for code in codes}


@contextmanager
def receiver() -> Iterator[_Far]:
    """A local HTTP server that notes what arrives."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.time()
            far.took(self.rfile.read(int(self.headers["Content-Length"])), at)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    far = _Far(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield far
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
