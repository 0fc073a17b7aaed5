"""Precision and recall of findings: distortions planted into a simulated province at a known rate, and looked for.

No process runs: events of the simulator go straight to the detectors, as an auditor's question hands them over.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from domain.calendar_vn import vietnam_calendar
from domain.events import Event
from domain.instants import DEFAULT_ZONE, Millis, date_day
from domain.patterns import FindingRules, Paid, Telling, Told, all_paid_online, patterns, payment_of, two_codes
from ops.bench.measure import Measure
from ops.bench.measure import rate as rate_of
from producers.simulator.run import Plan, simulate_days

DOSSIERS = 4_000
PAYING = 24_000
"""A month of a province in which most units have enough payments to be judged by."""
RATE = 0.12
SEED = 766
FIRST, LAST, AS_OF = date(2026, 8, 1), date(2026, 8, 31), date(2026, 12, 1)
SHOWN_BY = {
    "paused_as_finished": "finished_then_worked",
    "undated_and_finished_at_once": "finished_at_once",
    "input_as_result": "input_as_result",
    "under_two_codes": "two_codes",
    "due_date_moved_late": "due_moved_late",
    "paused_just_before_due": "paused_before_due",
    "backdated": "backdated_end",
    "finished_before_its_last_step": "step_after_end",
    "recalled": "taken_back",
    "forgotten": "forgotten",
    "never_accepted": "not_accepted",
    "steps_that_never_arrive": "no_steps",
}
"""What the simulator plants, and the kind of finding that is to show it."""
TRUE_AS_WELL = {"paused_just_before_due": "finished_then_worked"}
"""Planted into a dossier that has ended by then, it is that as well: finding so is right, but not asked for."""


def measure_findings(dossiers: int = DOSSIERS, rate: float = RATE, seed: int = SEED) -> list[Measure]:
    """Precision and recall of each kind; null where nothing was planted or found."""
    planted: dict[str, set[str]] = defaultdict(set)
    besides: dict[str, set[str]] = defaultdict(set)

    def note(code: str, name: str) -> None:
        planted[SHOWN_BY[name]].add(code)
        besides[TRUE_AS_WELL.get(name, "")].add(code)

    plan = Plan(dossiers, FIRST, LAST, seed, rate, tail=True, reference=False)
    events = list(simulate_days(plan, planted=note))
    begun = time.process_time()
    found = detect(events, vietnam_calendar(DEFAULT_ZONE).zone.midnight(date_day(AS_OF)))
    seconds = time.process_time() - begun
    planted["two_codes"] |= {f"{code}-2" for code in planted["two_codes"]}
    measures = payments(seed=seed) if dossiers >= DOSSIERS else []
    said = f"{len(events):,} events, detectors alone"
    measures.append(rate_of("findings: looked for (processor time)", dossiers, seconds, "dossiers/s", said))
    for kind in SHOWN_BY.values():
        seen = found[kind] - (besides[kind] - planted[kind])
        right = len(planted[kind] & seen)
        told = f"{len(planted[kind])} planted, {len(seen)} found, {right} of them planted"
        conditions = f"{dossiers:,} simulated dossiers, rate {rate}, seed {seed}"
        for name, of in (("precision", seen), ("recall", planted[kind])):
            if of:
                measures.append(
                    Measure(
                        f"findings: {kind} {name} ({told})", round(right / len(of), 3), "", conditions=conditions
                    )
                )
    return measures


def payments(dossiers: int = PAYING, rate: float = RATE, seed: int = SEED) -> list[Measure]:
    """Precision and recall of units whose every payment is flagged as online, planted among a month's units."""
    plan = Plan(dossiers, FIRST, LAST, seed, 0.0, tail=True, reference=False)
    told: dict[str, list[Told]] = defaultdict(list)
    for n, event in enumerate(simulate_days(plan)):
        if event.type in ("dossier.submitted", "dossier.fee_paid"):
            told[event.subject].append(_told(event, msgspec.json.decode(event.body), n))
    by_unit: dict[str, list[bool]] = defaultdict(list)
    for said in told.values():
        found = payment_of(said)
        if found is not None:
            by_unit[next((e.data["unit"] for e in said if "unit" in e.data), "")].append(found[1])
    rules, draw = FindingRules(), random.Random(seed)
    enough = {unit: paid for unit, paid in sorted(by_unit.items()) if len(paid) >= rules.paid_online_least}
    planted = {unit for unit in enough if draw.random() < rate}
    shares = {u: Paid(len(p) if u in planted else sum(p), len(p)) for u, p in enough.items()}
    seen = {u for u in shares if all_paid_online(shares[u], [shares[o] for o in shares if o != u], rules)}
    right, name = len(planted & seen), "findings: all_paid_online"
    told_of = f"{len(planted)} planted, {len(seen)} found, {right} of them planted"
    conditions = f"{dossiers:,} simulated dossiers, {len(enough)} units with enough payments, seed {seed}"
    return [
        Measure(f"{name} {what} ({told_of})", round(right / len(of), 3), "", conditions=conditions)
        for what, of in (("precision", seen), ("recall", planted))
        if of
    ]


def detect(events: Iterable[Event], as_of: Millis, rules: FindingRules | None = None) -> dict[str, set[str]]:
    """The codes of dossiers by the kind of finding about them."""
    chosen, calendar = rules or FindingRules(), vietnam_calendar(DEFAULT_ZONE)
    told: dict[str, list[Told]] = defaultdict(list)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for n, event in enumerate(events):
        if event.kind != "dossier":
            continue
        data = msgspec.json.decode(event.body)
        told[event.subject].append(_told(event, data, n))
        if event.type == "dossier.submitted":
            groups[data.get("unit", ""), data.get("procedure", "")].append(event.subject)
    found: dict[str, set[str]] = defaultdict(set)
    telling, units = Telling(), {}
    for code, said in told.items():
        said.sort(key=lambda e: e.at)
        units[code] = next((e.data["unit"] for e in said if "unit" in e.data), "")
        telling.add(units[code], said)
    for code, said in told.items():
        for pattern in patterns(said, chosen, calendar, as_of):
            if telling.counts(units[code], pattern.kind, chosen):
                found[pattern.kind].add(code)
    for codes in groups.values():
        for code, pattern in two_codes(((c, told[c]) for c in codes), chosen):
            found[pattern.kind].add(code)
    return found


def _told(event: Event, data: dict[str, object], n: int) -> Told:
    verb = event.type.removeprefix("dossier.")
    return Told(verb, event.occurred_at, event.recorded_at, data, (0, n, 0))


def counts(found: dict[str, set[str]]) -> Iterator[tuple[str, int]]:
    """How many dossiers of each kind, most first."""
    yield from Counter({kind: len(codes) for kind, codes in found.items()}).most_common()
