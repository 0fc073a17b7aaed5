"""Background traffic over HTTP in a process of its own: `python -m ops.bench.traffic`, its order as JSON on stdin.

Posts events of simulated lifecycles in small batches at a steady pace over a few connections, as one-stop systems
do, until all are sent or SIGTERM comes; a batch that is late is sent at once. Prints what it achieved as JSON.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from domain.events import encode_event
from ops.bench.history import dossiers_for, simulated
from ops.bench.measure import quantile
from ops.bench.place import plain_environment

BATCHES_A_SECOND = 20
SOURCES = 4
"""Connections that take turns, so that one slow answer does not hold up the others."""
TYPE = {"Content-Type": "application/x-ndjson"}


def send_paced(
    address: str, key: str, rate: float, seconds: float, seed: int, stop: threading.Event
) -> dict[str, float]:
    """Sends `rate` events a second for so long; the answer is {"events", "seconds", "ack_p50", "ack_p95"}."""
    count = round(rate * seconds)
    events = simulated(dossiers_for(count) + 5, 1, seed, reference=False)
    lines = [encode_event(e) for e in islice(events, count)]
    size = max(1, round(rate / BATCHES_A_SECOND))
    batches = [(n / rate, lines[n : n + size]) for n in range(0, len(lines), size)]
    print("sending", flush=True)
    begun = time.monotonic()

    def one(turn: int) -> list[tuple[int, float]]:
        with httpx.Client(base_url=address, headers=_headers(key), trust_env=False, timeout=60) as client:
            return [*_send(client, batches[turn::SOURCES], begun, stop)]

    with ThreadPoolExecutor(SOURCES) as pool:
        done = [each for found in pool.map(one, range(SOURCES)) for each in found]
    acks = [seconds for _, seconds in done] or [0.0]
    return {
        "events": sum(n for n, _ in done),
        "seconds": time.monotonic() - begun,
        "ack_p50": quantile(acks, 0.5),
        "ack_p95": quantile(acks, 0.95),
    }


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **TYPE}


def _send(
    client: httpx.Client, batches: Sequence[tuple[float, list[bytes]]], begun: float, stop: threading.Event
) -> Iterator[tuple[int, float]]:
    """Each batch at its time: how many events, and the seconds until they were acknowledged."""
    for due, lines in batches:
        if stop.wait(max(0.0, begun + due - time.monotonic())):
            return
        sent = time.monotonic()
        client.post("/v1/events", content=b"\n".join(lines)).raise_for_status()
        yield len(lines), time.monotonic() - sent


@contextmanager
def traffic(
    address: str, key: str, rate: float, seconds: float, environ: Mapping[str, str], seed: int = 1
) -> Iterator[dict[str, float]]:
    """Traffic for the length of the block, `seconds` at most; the yielded dict is filled when it has ended.

    Nothing for rate 0.
    """
    report: dict[str, float] = {}
    if rate <= 0:
        yield report
        return
    order = {"address": address, "key": key, "rate": rate, "seconds": seconds, "seed": seed}
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.bench.traffic"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env=plain_environment(environ),
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        yield report
        process.send_signal(signal.SIGTERM)
        left, _ = process.communicate(timeout=90)
        report.update(json.loads(left) if left.strip() else {})
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def main() -> None:
    """The process's entry."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    print(json.dumps(send_paced(**order, stop=stop)), flush=True)


if __name__ == "__main__":
    main()
