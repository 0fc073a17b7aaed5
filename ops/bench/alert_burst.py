"""Very many alerts at one instant (Monday morning): until all are visible, until all are handed over, until each
officer has the one message about their unit, and what the flow of events notices of it meanwhile."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

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

UNIT = "H44.992"
UNITS = 100
DOSSIERS = 100_000
BATCH = 500
LOADED_A_SECOND = 800
"""What any machine manages that also runs the rest."""
START_S, BEFORE_S = 20.0, 2.5
QUIET_S, WATCHED_S = 30.0, 45.0
"""Probes run so long before the instant at least, and after it."""
PATIENCE_S = 150.0
Loaded = dict[str, str]
"""Codes of dossiers, each with its unit."""


def measure_burst(
    environ: Mapping[str, str], count: int, events_a_second: float, lead: float | None = None
) -> list[Measure]:
    """`count` dossiers of a hundred units become overdue at one instant, while events come in. `lead`: seconds
    that loading them and probing before may take; left out: by their number."""
    with scratch("burst") as folder, running(folder, environ) as stack, receiver() as far:
        _subscribe(stack, far)
        lead = START_S + QUIET_S + count / LOADED_A_SECOND if lead is None else lead
        moment = time.time() + lead
        dossiers = {f"{UNIT}.{n % UNITS:02d}-{n:06d}": f"{UNIT}.{n % UNITS:02d}" for n in range(count)}
        key = (read_secret(stack.data, DEVELOPMENT_KEY) or {})["key"]
        begun = time.time()
        with traffic(stack.stack.api, key, events_a_second, lead + PATIENCE_S, environ, seed=7):
            _load(stack, dossiers, round(moment * 1000), moment - QUIET_S)
            loaded = Measure(f"loading {count:,} dossiers for the burst", time.time() - begun, "s")
            return [loaded, *_measured(stack, far, set(dossiers), moment, events_a_second)]


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


def _load(stack: BenchStack, dossiers: Loaded, moment: int, until: float) -> None:
    """Dossiers that are overdue from `moment` (milliseconds) on, all in the store; Unavailable when that takes
    longer than until an instant in seconds."""
    with BulkWriter(stack.kafka, stack.kafka.events, 4) as writer:
        for code, unit in sorted(dossiers.items()):
            writer.add(code, acceptance(code, unit, moment - HOUR, moment - 1))
        ends = writer.flush()
    with stack.http() as client:
        while not _reached(client.get("/v1/health").json()["complete_to"], ends):
            if time.time() > until:
                many = len(dossiers)
                raise Unavailable(f"{many} dossiers were not folded in time: give more --seconds for loading them")
            time.sleep(0.2)


def _reached(complete_to: Sequence[int], ends: Mapping[int, int]) -> bool:
    """Whether the store holds what came of every record before these ends; other traffic goes on behind them."""
    return all(
        partition < len(complete_to) and complete_to[partition] >= end - 1 for partition, end in ends.items()
    )


def _measured(stack: BenchStack, far: Far, codes: set[str], moment: float, pace: float) -> list[Measure]:
    name = f"burst of {len(codes):,} alerts"
    with Probe(stack, 9) as probe:
        watched = _Timed(lambda: _probed(probe, moment + WATCHED_S - time.time()))
        quiet, since = stack.cpu(), time.monotonic()
        time.sleep(max(0.0, moment - BEFORE_S - time.time()))
        before, begun = stack.cpu(), time.monotonic()
        usual = spent_by(name + ", before it", quiet, before, begun - since, "cores")
        shown, told = _Timed(lambda: _visible(stack, len(codes))), _Timed(lambda: _handed_over(far, codes))
        visible, handed = shown.join() - moment, told.join() - moment
        used = spent_by(name, before, stack.cpu(), 1.0, "s", f"in {time.monotonic() - begun:.0f} s, all told")
        people = max(far.wait_for_people(UNITS, PATIENCE_S)) - moment
        watched.join()
    conditions = f"batches of {BATCH}; beside it {pace:,.0f} events/s and probes; {far.messages} messages"
    officers = f"rounds of a minute; {UNITS} officers got {far.texts} messages"
    return [
        Measure(f"{name}: all visible", visible, "s", conditions=conditions),
        Measure(f"{name}: all handed over", handed, "s", conditions=conditions),
        Measure(f"{name}: handed over twice", far.repeated, "alerts", conditions=conditions),
        Measure(f"{name}: each officer told", people, "s", conditions=officers),
        *_freshness(name, probe, moment, moment + max(visible, handed), conditions),
        *used,
        *usual,
    ]


def _probed(probe: Probe, seconds: float) -> float:
    probe.run(seconds, 1)
    return time.time()


def _freshness(name: str, probe: Probe, moment: float, over: float, conditions: str) -> list[Measure]:
    """The same probes before the instant and from it until all was handed over: beside each other, because what a
    loaded machine does to freshness is no doing of the alerts."""
    taken = [(at, each["scorecard"]) for at, each in zip(probe.begun, probe.spent, strict=True)]
    quiet = [spent for at, spent in taken if at + spent < moment]
    meanwhile = [spent for at, spent in taken if at + spent >= moment and at < over]
    if not quiet or not meanwhile:
        return [Measure(f"{name}: freshness", None, "ms", conditions=f"{conditions}; no probe ended in time")]
    found: list[Measure] = []
    for share in (0.5, 0.95, 1.0):
        (base,) = latencies(f"{name}: freshness before", quiet, (share,), conditions)
        (busy,) = latencies(f"{name}: freshness meanwhile", meanwhile, (share,), conditions)
        found += [base, busy.against(base)]
    return found


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
