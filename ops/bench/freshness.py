"""From an HTTP post to the figure on screen, while a province's traffic comes in: the whole way and its stages.

A probe posts one acceptance in a unit of its own and waits until the unit's scorecard counts it. On the way it
notes the acknowledgement, the change record, and the store's own word that the record is queryable.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import httpx
import msgspec
from kafka import KafkaConsumer, TopicPartition

from domain.errors import Unavailable
from domain.events import encode_event, make_event
from domain.instants import Millis, format_rfc3339
from eventlog.config import KafkaConfig
from ops.addresses import store_target
from ops.bench.limits import append_and_read, insert_and_select
from ops.bench.measure import Measure, latencies, rate, spent_by
from ops.bench.place import BenchStack, running, scratch
from ops.bench.traffic import TYPE, traffic
from ops.stack_file import DEVELOPMENT_KEY, read_secret
from sinks.clickhouse import connect
from sinks.positions import complete_to

RATES = (100.0, 1_000.0)
SHARES = (0.5, 0.95, 0.99)
UNIT = "H44.990"
PATIENCE = 30.0
PAUSE = 0.02
"""Between two looks. With 4 ms the looking alone took a third of a core from what is measured."""
WARM = 3
LEAST, LONGEST = 20, 4
"""So many probes at least, in so many times the wanted seconds at most."""
HOUR = 3_600_000
STAGES = ("acknowledged", "change record", "queryable", "scorecard")


class _Head(msgspec.Struct):
    """What of a change record says how far it reaches."""

    partition: int
    to_offset: int
    last: bool = True


_head = msgspec.json.Decoder(_Head)


def measure_freshness(
    environ: Mapping[str, str], seconds: float, rates: tuple[float, ...] = RATES
) -> list[Measure]:
    """p50, p95 and p99 for each rate of background traffic, the stages' medians, and the limit."""
    found: list[Measure] = []
    with scratch("freshness") as folder, running(folder, environ) as stack:
        _, read = append_and_read(stack.kafka)
        stored = insert_and_select(stack.settings)
        limit = Measure(
            "freshness limit: two appends read, one INSERT, one SELECT",
            (2 * median(read) + median(stored)) * 1000,
            "ms",
            conditions=f"medians on the idle stack: append and read {median(read) * 1000:.1f} ms, "
            f"INSERT and SELECT {median(stored) * 1000:.1f} ms",
        )
        found.append(limit)
        for number, each in enumerate(rates):
            found += [
                m if m.unit != "ms" else m.against(limit) for m in _at(stack, environ, each, seconds, number)
            ]
    return found


def _at(
    stack: BenchStack, environ: Mapping[str, str], events_a_second: float, seconds: float, run: int
) -> list[Measure]:
    name = f"freshness at {events_a_second:,.0f} events/s"
    key = (read_secret(stack.data, DEVELOPMENT_KEY) or {})["key"]
    with (
        traffic(stack.stack.api, key, events_a_second, LONGEST * seconds, environ, seed=run + 1) as sent,
        Probe(stack, run) as probe,
    ):
        before, begun = stack.cpu(), time.monotonic()
        probe.run(seconds)
        used = spent_by(name, before, stack.cpu(), time.monotonic() - begun, "cores")
    done = sent.get("events", 0) / max(sent.get("seconds", 0), 1e-9) if sent else 0.0
    conditions = f"background over HTTP, {done:,.0f} events/s achieved"
    spent = probe.spent
    found = latencies(name, [s["scorecard"] for s in spent], SHARES, conditions)
    for earlier, stage in zip((None, *STAGES), STAGES, strict=False):
        part = [s[stage] - (s[earlier] if earlier else 0.0) for s in spent]
        found += latencies(f"{name}, of which to {stage}", part, (0.5,), conditions)
    found += used
    if sent:
        found.append(rate(f"{name}: traffic achieved", round(sent["events"]), sent["seconds"]))
    return found


@dataclass(slots=True)
class _Changes:
    """Watches `dossier-changes` in a thread: when each log partition's rows were seen, and how far."""

    kafka: KafkaConfig
    seen: dict[int, int] = field(default_factory=dict)
    news: threading.Condition = field(default_factory=threading.Condition)
    stop: threading.Event = field(default_factory=threading.Event)
    ready: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Until `stop`."""
        with closing(KafkaConsumer(**self.kafka.client(), group_id=None, fetch_max_wait_ms=100)) as consumer:
            places = [TopicPartition(self.kafka.changes, p) for p in range(4)]
            consumer.assign(places)
            consumer.seek_to_end(*places)
            for place in places:
                consumer.position(place)
            self.ready.set()
            while not self.stop.is_set():
                for batch in consumer.poll(timeout_ms=100).values():
                    for record in batch:
                        head = _head.decode(record.value)
                        with self.news:
                            if head.last:
                                self.seen[head.partition] = max(head.to_offset, self.seen.get(head.partition, -1))
                            self.news.notify_all()

    def wait_for(self, partition: int, offset: int) -> None:
        """Until the rows of that log record have been seen."""
        with self.news:
            if not self.news.wait_for(lambda: self.seen.get(partition, -1) >= offset, PATIENCE):
                raise Unavailable("no change record came for a probe: see the worker's log")


class Probe:
    """Posts and waits, one probe after the other; `spent` holds the seconds to each stage."""

    def __init__(self, stack: BenchStack, run: int) -> None:
        self._stack, self._unit, self._run = stack, f"{UNIT}{run}", run
        self._changes = _Changes(stack.kafka)
        self._thread = threading.Thread(target=self._changes.follow, name="changes", daemon=True)
        self._http: httpx.Client = stack.http()
        self._store: Any = connect(store_target(stack.settings, "reader"))
        self._random = random.Random(run)
        self.spent: list[dict[str, float]] = []
        self.begun: list[float] = []
        """When each of `spent` was posted, in seconds since the epoch."""

    def __enter__(self) -> "Probe":
        self._thread.start()
        self._changes.ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._changes.stop.set()
        self._thread.join()
        self._http.close()
        self._store.disconnect()

    def run(self, seconds: float, least: int = LEAST) -> None:
        """Probes until the time is over and there are enough; the first few warm up and do not count."""
        begun, count = time.monotonic(), 0
        while (spent_so_far := time.monotonic() - begun) < seconds or len(self.spent) < least:
            if spent_so_far > LONGEST * seconds - 1 and self.spent:
                return
            count += 1
            posted = time.time()
            spent = self._one(count)
            if count > WARM:
                self.spent.append(spent)
                self.begun.append(posted)
            # Not in step with anything that ticks inside the stack.
            time.sleep(self._random.uniform(0.02, 0.25))

    def _one(self, number: int) -> dict[str, float]:
        body = acceptance(f"{self._unit}-{number:05d}", self._unit, time.time_ns() // 1_000_000 - HOUR)
        begun = time.perf_counter()
        answer = self._http.post("/v1/events", content=body, headers=TYPE)
        answer.raise_for_status()
        spent = {"acknowledged": time.perf_counter() - begun}
        (result,) = answer.json()["results"]
        self._changes.wait_for(result["partition"], result["offset"])
        spent["change record"] = time.perf_counter() - begun
        for _ in _tries():
            if complete_to(self._store, 1).get(result["partition"], -1) >= result["offset"]:
                break
        spent["queryable"] = time.perf_counter() - begun
        for _ in _tries():
            if self._counted() >= number:
                break
        spent["scorecard"] = time.perf_counter() - begun
        return spent

    def _counted(self) -> int:
        card = self._http.get(f"/v1/scorecards/{self._unit}", params={"period": "ytd"})
        if card.status_code != 200:
            return 0
        found = {i["code"]: i["denominator"] for i in card.json()["indicators"]}
        return int(found.get("PROCESSED_ON_TIME") or 0)


def acceptance(code: str, unit: str, at: Millis, due: Millis | None = None) -> bytes:
    """An accepted dossier, due in 99 hours unless said otherwise."""
    data = {
        "unit": unit,
        "procedure": "2.000815",
        "channel": "online",
        "due_at": format_rfc3339(at + 99 * HOUR if due is None else due),
    }
    return encode_event(make_event("dossier.accepted", code, at, data, source="/bench", id=f"{code}/1"))


def _tries() -> Iterator[None]:
    """Again and again with a short pause; Unavailable when patience ends."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        yield
        time.sleep(PAUSE)
    raise Unavailable(f"a probe was not visible after {PATIENCE:.0f} s: see the logs of the stack")
