"""Very many alerts at one instant (Monday morning): until all are visible, until all are handed over, until each
officer has the one message about their unit, and what the flow of events notices of it meanwhile."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from api.alerts.recipients import RecipientStore, new_entry
from domain.errors import Unavailable
from domain.events import encode_event, make_event
from eventlog.producer import BulkWriter
from ops.bench.alerts import Far, receiver
from ops.bench.freshness import HOUR, Probe, acceptance
from ops.bench.measure import Measure, latencies, spent_by
from ops.bench.place import BenchStack, running, scratch
from ops.bench.traffic import TYPE, traffic
from ops.configs import DELIVERY, PRIVATE
from ops.stack_file import DEVELOPMENT_KEY, read_secret

UNIT, OTHERS = "H44.992", "H44.993"
UNITS = 100
DOSSIERS = 100_000
BATCH = 500
TRIED = 20
"""One in so many is loaded first, to see how long the others will take."""
SLACK, START_S, BEFORE_S = 1.5, 15.0, 2.5
WATCHED_S, PROBES = 20.0, 5
PATIENCE_S = 150.0
Loaded = dict[str, str]
"""Codes of dossiers, each with its unit."""


def measure_burst(
    environ: Mapping[str, str], count: int, events_a_second: float, lead: float | None = None
) -> list[Measure]:
    """`count` dossiers of a hundred units become overdue at one instant, while events come in. `lead`: seconds
    that loading them may take; left out: by what a small part of as many takes."""
    with scratch("burst") as folder, running(folder, environ) as stack, receiver() as far:
        _subscribe(stack, far)
        if lead is None:
            some = max(500, count // TRIED)
            first, more = _tried(stack, 10, "a"), _tried(stack, some, "b")
            lead = START_S + first + SLACK * count * max(more - first, 0.1 * more) / some
        moment = time.time() + lead
        dossiers = {f"{UNIT}.{n % UNITS:02d}-{n:06d}": f"{UNIT}.{n % UNITS:02d}" for n in range(count)}
        _load(stack, dossiers, round(moment * 1000), moment - BEFORE_S)
        return _measured(stack, environ, far, set(dossiers), moment, events_a_second)


def _subscribe(stack: BenchStack, far: Far) -> None:
    """One webhook in batches, and an officer a unit who is told at any hour, over an SMS gateway."""
    delivery = f'[sms]\nurl = "{far.url}"\nbody = {{ to = "{{to}}", sms = "{{sms}}" }}\n'
    settings = stack.settings
    settings.folder(DELIVERY).write_text(delivery)
    people = RecipientStore(settings.folder(PRIVATE))
    now = time.time_ns() // 1_000_000
    for n in range(UNITS):
        number = f"sms:09120000{n:02d}"
        people.put(new_entry(f"officer-{n}", "officer", f"{UNIT}.{n:02d}", [number], settings.zone), now)
    told = {
        "name": "bench",
        "version": "1",
        "at_once_minutes": 240,
        "escalation": {"kinds": []},
        "routes": [{"kind": "A04", "to": ["officer"], "at": ["any_hour"]}],
    }
    rules = make_event("message_rules.published", "bench", now, {"document": told}, source="/bench", id="rules")
    place = make_event("unit.registered", UNIT, now, {"name": UNIT}, source="/bench", id="unit")
    lines = b"\n".join(map(encode_event, (rules, place)))
    order = {"url": far.url, "kinds": ["A04"], "unit": UNIT, "batch": BATCH}
    with stack.http() as client:
        client.post("/v1/webhooks", json=order).raise_for_status()
        client.post("/v1/events", content=lines, headers=TYPE).raise_for_status()


def _tried(stack: BenchStack, some: int, run: str) -> float:
    """How long loading so many dossiers takes, which will be due some other day."""
    begun = time.time()
    dossiers = {f"{OTHERS}-{run}{n:06d}": OTHERS for n in range(some)}
    _load(stack, dossiers, round((begun + 99 * 3600) * 1000), begun + PATIENCE_S)
    return time.time() - begun


def _load(stack: BenchStack, dossiers: Loaded, moment: int, until: float) -> None:
    """Dossiers that are overdue from `moment` (milliseconds) on, all in the store; Unavailable when that takes
    longer than until an instant in seconds."""
    with BulkWriter(stack.kafka, stack.kafka.events, 4) as writer:
        for code, unit in sorted(dossiers.items()):
            writer.add(code, acceptance(code, unit, moment - HOUR, moment - 1))
        writer.flush()
    with stack.http() as client:
        while client.get("/v1/health").json()["freshness"]["records_behind"]:
            if time.time() > until:
                many = len(dossiers)
                raise Unavailable(f"{many} dossiers were not folded in time: give more --seconds for loading them")
            time.sleep(0.2)


def _measured(
    stack: BenchStack, environ: Mapping[str, str], far: Far, codes: set[str], moment: float, pace: float
) -> list[Measure]:
    key = (read_secret(stack.data, DEVELOPMENT_KEY) or {})["key"]
    name = f"burst of {len(codes):,} alerts"
    with traffic(stack.stack.api, key, pace, 2 * PATIENCE_S, environ, seed=7), Probe(stack, 9) as probe:
        if time.time() > moment - BEFORE_S:
            raise Unavailable(f"{len(codes)} dossiers were loaded too late: give more --seconds for loading them")
        time.sleep(max(0.0, moment - BEFORE_S - time.time()))
        before, begun = stack.cpu(), time.monotonic()
        shown, told = _Timed(lambda: _visible(stack, len(codes))), _Timed(lambda: _handed_over(far, codes))
        probe.run(WATCHED_S, PROBES)
        visible, handed = shown.join() - moment, told.join() - moment
        used = spent_by(name, before, stack.cpu(), 1.0, "s", f"in {time.monotonic() - begun:.0f} s, all told")
        people = max(far.wait_for_people(UNITS, PATIENCE_S)) - moment
    conditions = f"batches of {BATCH}; beside it {pace:,.0f} events/s and probes; {far.messages} messages"
    officers = f"rounds of a minute; {UNITS} officers got {far.texts} messages"
    return [
        Measure(f"{name}: all visible", visible, "s", conditions=conditions),
        Measure(f"{name}: all handed over", handed, "s", conditions=conditions),
        Measure(f"{name}: handed over twice", far.repeated, "alerts", conditions=conditions),
        Measure(f"{name}: each officer told", people, "s", conditions=officers),
        *latencies(f"{name}: freshness meanwhile", _fresh(probe), (0.5, 0.95, 1.0), conditions),
        *used,
    ]


def _fresh(probe: Probe) -> list[float]:
    return [spent["scorecard"] for spent in probe.spent]


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
    arrived: Iterable[float] = far.wait_for(codes, PATIENCE_S).values()
    return max(arrived)


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
