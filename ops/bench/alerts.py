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
A_MINUTE = 1_000
AHEAD_MS = 4_000
SPREAD_MS = 400
PATIENCE = 60.0


def measure_alerts(
    environ: Mapping[str, str], dossiers: int = DOSSIERS, a_minute: float = A_MINUTE, seconds: float = 60.0
) -> list[Measure]:
    """p50, p95 and the longest of some dozens of dossiers that fall overdue one after the other; and of as many a
    minute as asked for so many seconds, one message each."""
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
            quiet = _overdue(client, far, "q", dossiers, SPREAD_MS)
            many = max(1, round(a_minute * seconds / 60))
            paced = _overdue(client, far, "p", many, max(1, round(2 * 60_000 / a_minute)))
    shares = (0.5, 0.95, 1.0)
    found = latencies("overdue to webhook", quiet, shares, "due instants spread at random, quiet stack")
    name = f"overdue to webhook at {a_minute:,.0f} alerts a minute"
    found += latencies(name, paced, shares, f"for {seconds:.0f} s, due instants spread at random, a message each")
    return [limit, *(m.against(limit) for m in found)]


def _overdue(client: httpx.Client, far: "Far", run: str, count: int, spread_ms: int) -> list[float]:
    """Seconds from each due instant to the webhook, of dossiers that fall overdue one after the other."""
    due = _fall_due(client, run, count, spread_ms)
    last = max(due.values()) / 1000 - time.time()
    arrived = far.wait_for(set(due), max(0.0, last) + PATIENCE)
    return [arrived[code] - at / 1000 for code, at in due.items()]


def _fall_due(client: httpx.Client, run: str, count: int, spread_ms: int) -> dict[str, int]:
    """Posts dossiers that fall overdue one after the other; their due instants in milliseconds."""
    draw = random.Random(count)
    due: dict[str, int] = {}
    at = time.time_ns() // 1_000_000 + AHEAD_MS
    for number in range(count):
        at += draw.randrange(spread_ms)
        due[f"{UNIT}-{run}{number:05d}"] = at
    lines = [acceptance(code, UNIT, at - HOUR, at) for code, at in due.items()]
    client.post("/v1/events", content=b"\n".join(lines), headers=TYPE).raise_for_status()
    return due


class Far:
    """The far side of a webhook: when the alert of which dossier came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.messages = 0
        self.repeated = 0
        """Alerts that came a second time."""
        self.texts = 0
        """Messages to people, as a gateway for SMS gets them."""
        self._people: dict[str, float] = {}
        self._arrived: dict[str, float] = {}
        self._news = threading.Condition()

    def took(self, body: bytes, at: float) -> None:
        """Notes one message; the first of a dossier counts."""
        told = json.loads(body)
        if "sms" in told:
            with self._news:
                self.texts += 1
                self._people.setdefault(told["to"], at)
                self._news.notify_all()
            return
        codes = [one["alert"]["dossier_code"] for one in told.get("alerts", [told])]
        with self._news:
            self.messages += 1
            for code in codes:
                self.repeated += code in self._arrived
                self._arrived.setdefault(code, at)
            self._news.notify_all()

    def post_one(self) -> float:
        """Seconds of one bare post to this receiver."""
        begun = time.perf_counter()
        httpx.post(self.url, content=b'{"alert": {"dossier_code": ""}}', trust_env=False)
        return time.perf_counter() - begun

    def wait_for(self, codes: set[str], patience: float = PATIENCE) -> dict[str, float]:
        """When each came, in seconds since the epoch; Unavailable when one does not come."""
        with self._news:
            if not self._news.wait_for(
                lambda: len(codes) <= len(self._arrived) and codes <= self._arrived.keys(), patience
            ):
                missing = len(codes - self._arrived.keys())
                raise Unavailable(f"{missing} of {len(codes)} alerts did not come: see the notifier's log")
            return {code: self._arrived[code] for code in codes}

    def wait_for_people(self, count: int, patience: float) -> list[float]:
        """When each of so many people got their first message; Unavailable when one gets none."""
        with self._news:
            if not self._news.wait_for(lambda: len(self._people) >= count, patience):
                raise Unavailable(f"only {len(self._people)} of {count} were told: see the notifier's log")
            return list(self._people.values())


@contextmanager
def receiver() -> Iterator[Far]:
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
    far = Far(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield far
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
