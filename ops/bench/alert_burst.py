"""Very many alerts at one instant (Monday morning): until all are visible, until all are handed over, and what the
flow of events notices of it meanwhile."""

import threading
import time
from collections.abc import Callable, Mapping

from domain.errors import Unavailable
from eventlog.producer import BulkWriter
from ops.bench.alerts import Far, receiver
from ops.bench.freshness import HOUR, Probe, acceptance
from ops.bench.measure import Measure, latencies
from ops.bench.place import BenchStack, running, scratch
from ops.bench.traffic import traffic
from ops.stack_file import DEVELOPMENT_KEY, read_secret

UNIT = "H44.992"
DOSSIERS = 100_000
BATCH = 500
FOLDED_A_SECOND = 800
"""So many dossiers a second are surely folded on a slow machine: the instant must lie behind their folding."""
BEFORE_S = 5.0
WATCHED_S = 30.0
PATIENCE_S = 240.0


def measure_burst(
    environ: Mapping[str, str], count: int, events_a_second: float, lead: float | None = None
) -> list[Measure]:
    """`count` dossiers become overdue at one instant, while events come in. `lead`: seconds that loading them may
    take; left out: by a cautious guess."""
    with scratch("burst") as folder, running(folder, environ) as stack, receiver() as far:
        with stack.http() as client:
            order = {"url": far.url, "kinds": ["A04"], "unit": UNIT, "batch": BATCH}
            client.post("/v1/webhooks", json=order).raise_for_status()
        moment = time.time() + (lead or 20.0 + count / FOLDED_A_SECOND)
        codes = _load(stack, count, round(moment * 1000))
        return _measured(stack, environ, far, codes, moment, events_a_second)


def _load(stack: BenchStack, count: int, moment: int) -> set[str]:
    """Dossiers that are overdue from `moment` (milliseconds) on, all in the store; Unavailable when that takes too
    long."""
    codes = {f"{UNIT}-{n:06d}" for n in range(count)}
    with BulkWriter(stack.kafka, stack.kafka.events, 4) as writer:
        for code in sorted(codes):
            writer.add(code, acceptance(code, UNIT, moment - HOUR, moment - 1))
        writer.flush()
    with stack.http() as client:
        while client.get("/v1/health").json()["freshness"]["records_behind"]:
            if time.time() * 1000 > moment - BEFORE_S * 1000:
                raise Unavailable(
                    f"{count} dossiers were not folded in time: give more --seconds for loading them"
                )
            time.sleep(0.2)
    return codes


def _measured(
    stack: BenchStack, environ: Mapping[str, str], far: Far, codes: set[str], moment: float, pace: float
) -> list[Measure]:
    key = (read_secret(stack.data, DEVELOPMENT_KEY) or {})["key"]
    name = f"burst of {len(codes):,} alerts"
    with traffic(stack.stack.api, key, pace, WATCHED_S * 8, environ, seed=7), Probe(stack, 9) as probe:
        time.sleep(max(0.0, moment - BEFORE_S / 2 - time.time()))
        shown, told = _Timed(lambda: _visible(stack, len(codes))), _Timed(lambda: _handed_over(far, codes))
        probe.run(WATCHED_S)
        visible, handed = shown.join() - moment, told.join() - moment
    conditions = f"batches of {BATCH}; beside it {pace:,.0f} events/s and probes; {far.messages} messages"
    return [
        Measure(f"{name}: all visible", visible, "s", conditions=conditions),
        Measure(f"{name}: all handed over", handed, "s", conditions=conditions),
        Measure(f"{name}: handed over twice", far.repeated, "alerts", conditions=conditions),
        *latencies(
            f"{name}: freshness meanwhile", [s["scorecard"] for s in probe.spent], (0.5, 0.95, 1.0), conditions
        ),
    ]


def _visible(stack: BenchStack, count: int) -> float:
    """When the list of alerts counted all of them, in seconds since the epoch."""
    deadline = time.time() + PATIENCE_S
    with stack.http() as client:
        while time.time() < deadline:
            query: dict[str, str | int] = {"kind": "A04", "unit": UNIT, "limit": 1}
            if client.get("/v1/alerts", params=query).json()["totals"]["A04"] >= count:
                return time.time()
            time.sleep(0.25)
    raise Unavailable(f"not all alerts were visible after {PATIENCE_S:.0f} s")


def _handed_over(far: Far, codes: set[str]) -> float:
    return max(far.wait_for(codes, PATIENCE_S).values())


class _Timed:
    """A question asked on a thread of its own; `join` gives its answer, or raises its error."""

    def __init__(self, ask: Callable[[], float]) -> None:
        self._answer: float | Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def _run(self, ask: Callable[[], float]) -> None:
        try:
            self._answer = ask()
        except Exception as error:
            self._answer = error

    def join(self) -> float:
        """The answer."""
        self._thread.join()
        if isinstance(self._answer, float):
            return self._answer
        raise self._answer or Unavailable("there was no answer")
