"""Background traffic over HTTP in a process of its own: `python -m ops.bench.traffic`, its order as JSON on stdin.

Posts events of simulated lifecycles in small batches at a steady pace, as one-stop systems do, until the count is
sent; a batch that is late is sent at once. Prints what it achieved as one JSON line.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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
TYPE = {"Content-Type": "application/x-ndjson"}


def send_paced(address: str, key: str, rate: float, seconds: float, seed: int) -> dict[str, float]:
    """Sends `rate` events a second for so long; the answer is {"events", "seconds", "ack_p50", "ack_p95"}."""
    count = round(rate * seconds)
    events = simulated(dossiers_for(count) + 5, 1, seed, reference=False)
    lines = [encode_event(e) for e in islice(events, count)]
    size = max(1, round(rate / BATCHES_A_SECOND))
    acks: list[float] = []
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:
        print("sending", flush=True)
        begun = time.monotonic()
        for n in range(0, len(lines), size):
            time.sleep(max(0.0, begun + n / rate - time.monotonic()))
            sent = time.monotonic()
            body = b"\n".join(lines[n : n + size])
            client.post("/v1/events", content=body, headers=TYPE, timeout=60).raise_for_status()
            acks.append(time.monotonic() - sent)
        spent = time.monotonic() - begun
    return {
        "events": len(lines),
        "seconds": spent,
        "ack_p50": quantile(acks, 0.5),
        "ack_p95": quantile(acks, 0.95),
    }


@contextmanager
def traffic(
    address: str, key: str, rate: float, seconds: float, environ: Mapping[str, str], seed: int = 1
) -> Iterator[dict[str, float]]:
    """Traffic for the length of the block; the yielded dict is filled when it has ended. Nothing for rate 0."""
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
        # Whoever measures is done: what has not been sent by now need not be.
        left, _ = process.communicate(timeout=seconds + 60)
        report.update(json.loads(left) if left.strip() else {})
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def main() -> None:
    """The process's entry."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    print(json.dumps(send_paced(**order)), flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
