"""Precision and recall of findings: distortions planted into a simulated province at a known rate, and looked for.

No process runs: events of the simulator go straight to the detectors, as an auditor's question hands them over.
"""

import random
import resource
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

import msgspec

from domain.calendar_vn import vietnam_calendar
from domain.events import Event
from domain.instants import DEFAULT_ZONE, Millis, date_day
from domain.patterns import (
    FindingRules,
    Opened,
    Paid,
    Telling,
    Told,
    all_paid_online,
    filing_of,
    patterns,
    payment_of,
    refiled,
    two_codes,
)
from ops.bench.measure import Measure
from ops.bench.measure import rate as rate_of
from producers.keys import IdentifierKeys
from producers.simulator.run import Plan, simulate_days

DOSSIERS = 4_000
PAYING = 24_000
"""A month of a province in which most units have enough payments to be judged by."""
RATE = 0.12
SEED = 766
FIRST, LAST, AS_OF = date(2026, 8, 1), date(2026, 8, 31), date(2026, 12, 1)
WINTER = date(2026, 12, 14), date(2027, 1, 31), date(2027, 6, 1)
"""Days around a New Year, and the day before which they are looked at."""
PARTS = 32
_line = msgspec.msgpack.Decoder(tuple[str, str, int, int | None, int, bytes])
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
    "refiled": "refiled",
}
"""What the simulator plants, and the kind of finding that is to show it."""
_OF_TWO = {"two_codes": ("", "-2"), "refiled": ("-2",)}
"""What stands behind the planted code in the codes that are to be found, where it is not that code."""
TRUE_AS_WELL = {"paused_just_before_due": "finished_then_worked"}
"""Planted into a dossier that has ended by then, it is that as well: finding so is right, but not asked for."""


def measure_findings(dossiers: int = DOSSIERS, rate: float = RATE, seed: int = SEED) -> list[Measure]:
    """Precision and recall of each kind, in a month and around a New Year; then what is found in the same month
    without any distortion. Null where nothing was planted or found."""
    keys = _keys()
    plan = Plan(dossiers, FIRST, LAST, seed, rate, tail=True, reference=False, applicants=partial(applicant, keys))
    measures = payments(seed=seed) if dossiers >= DOSSIERS else []
    measures += planted_and_found(plan, AS_OF, keys.opened, tuple(SHOWN_BY.values()))
    first, last, as_of = WINTER
    winter = replace(plan, first=first, last=last, dossiers=dossiers * 2)
    measures += planted_and_found(winter, as_of, keys.opened, ("refiled",), " across New Year", across=last.year)
    return [*measures, *false_alarms(replace(plan, distortions=0.0), AS_OF, keys.opened)]


def _keys() -> IdentifierKeys:
    return IdentifierKeys(None, vietnam_calendar(DEFAULT_ZONE).zone, lambda: 0)


def applicant(keys: IdentifierKeys, who: str, at: Millis) -> dict[str, str]:
    """What the edge makes of an applicant's identifier at an instant."""
    keyed = keys.keyed(who, at, purpose="applicant")
    across = keys.across(who, at, keyed, purpose="applicant")
    return {"applicant": keyed} | ({} if across is None else {"applicant_before": across})


def planted_and_found(
    plan: Plan, as_of: date, opened: Opened, kinds: Sequence[str], where: str = "", across: int | None = None
) -> list[Measure]:
    """Precision and recall of some kinds. `across`: only of what was filed in that year and rejected before it."""
    planted: dict[str, set[str]] = defaultdict(set)
    besides: dict[str, set[str]] = defaultdict(set)

    def note(code: str, name: str) -> None:
        kind = SHOWN_BY[name]
        planted[kind] |= {code + end for end in _OF_TWO.get(kind, ("",))}
        besides[TRUE_AS_WELL.get(name, "")].add(code)

    looked = detect(simulate_days(plan, planted=note), as_of, opened)
    measures = [looked.rate(plan.dossiers, where)]
    if across is not None:
        planted["refiled"] &= looked.after_new_year
        looked.found["refiled"] &= looked.after_new_year
    for kind in kinds:
        seen = looked.found[kind] - (besides[kind] - planted[kind])
        right = len(planted[kind] & seen)
        told = f"{len(planted[kind])} planted, {len(seen)} found, {right} of them planted"
        conditions = f"{plan.dossiers:,} simulated dossiers, rate {plan.distortions}, seed {plan.seed}"
        for name, of in (("precision", seen), ("recall", planted[kind])):
            if of:
                share = round(right / len(of), 3)
                measures.append(
                    Measure(f"findings: {kind}{where} {name} ({told})", share, "", conditions=conditions)
                )
    return measures


def false_alarms(plan: Plan, as_of: date, opened: Opened) -> list[Measure]:
    """What is found where nothing was planted, in a thousand dossiers."""
    looked = detect(simulate_days(plan), as_of, opened)
    conditions = f"{plan.dossiers:,} simulated dossiers, nothing planted, seed {plan.seed}"
    found = [
        Measure(
            f"findings: {kind}, nothing planted ({number})",
            round(1000 * number / plan.dossiers, 3),
            "per 1,000",
            conditions=conditions,
        )
        for kind, number in sorted((kind, len(codes)) for kind, codes in looked.found.items())
        if number
    ]
    return [looked.rate(plan.dossiers, ", nothing planted"), *found]


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


@dataclass(slots=True)
class Detected:
    """The codes of dossiers by the kind of finding about them, and what finding them took."""

    found: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    after_new_year: set[str] = field(default_factory=set)
    """Filed again in another year than the rejection was."""
    events: int = 0
    seconds: float = 0.0

    def rate(self, dossiers: int, where: str) -> Measure:
        """Dossiers a second of processor time, the detectors alone; the process's peak of memory beside it."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        said = f"{self.events:,} events, detectors alone; at most {peak} MB resident, simulator included"
        return rate_of(f"findings: looked for{where} (processor time)", dossiers, self.seconds, "dossiers/s", said)


def detect(events: Iterable[Event], as_of: date, opened: Opened, rules: FindingRules | None = None) -> Detected:
    """Looks into every dossier as an auditor's question does: with all of its events, beside those of its unit. So
    many units at a time; the others' events wait in files."""
    chosen, looked = rules or FindingRules(), Detected()
    with tempfile.TemporaryDirectory(prefix="gs766-findings-") as folder:
        for part in _parts(events, Path(folder), looked):
            begun = time.process_time()
            _detect(part, vietnam_calendar(DEFAULT_ZONE).zone.midnight(date_day(as_of)), opened, chosen, looked)
            looked.seconds += time.process_time() - begun
    return looked


def _parts(events: Iterable[Event], folder: Path, looked: Detected) -> Iterator[dict[str, list[Told]]]:
    """By parts of the province the events of each dossier. The simulator's codes begin with the unit's."""
    with ExitStack() as stack:
        files = [stack.enter_context((folder / str(n)).open("wb")) for n in range(PARTS)]
        for n, event in enumerate(events):
            if event.kind == "dossier":
                unit = event.subject.partition("-")[0]
                line = (event.subject, event.type, event.occurred_at, event.recorded_at, n, event.body)
                files[zlib.crc32(unit.encode()) % PARTS].write(msgspec.msgpack.encode(line).hex().encode() + b"\n")
                looked.events += 1
    for number in range(PARTS):
        told: dict[str, list[Told]] = defaultdict(list)
        with (folder / str(number)).open("rb") as file:
            for raw in file:
                code, kind, at, recorded, n, body = _line.decode(bytes.fromhex(raw.decode()))
                verb = kind.removeprefix("dossier.")
                told[code].append(Told(verb, at, recorded, msgspec.json.decode(body), (0, n, 0)))
        yield told


def _detect(
    told: dict[str, list[Told]], as_of: Millis, opened: Opened, rules: FindingRules, looked: Detected
) -> None:
    calendar, telling, units = vietnam_calendar(DEFAULT_ZONE), Telling(), dict[str, str]()
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for code, said in told.items():
        said.sort(key=lambda e: e.at)
        data = next((e.data for e in said if "unit" in e.data), {})
        units[code] = data.get("unit", "")
        groups[units[code], data.get("procedure", "")].append(code)
        telling.add(units[code], said)
    for code, said in told.items():
        for pattern in patterns(said, rules, calendar, as_of):
            if telling.counts(units[code], pattern.kind, rules):
                looked.found[pattern.kind].add(code)
    for codes in groups.values():
        for code, pattern in two_codes(((c, told[c]) for c in codes), rules):
            looked.found[pattern.kind].add(code)
        filings = [f for c in codes if (f := filing_of(c, told[c], opened)) is not None]
        for code, pattern in refiled(filings, rules):
            looked.found[pattern.kind].add(code)
    _mark_years(told, looked)


def _mark_years(told: dict[str, list[Told]], looked: Detected) -> None:
    """Which dossiers were filed again in another year than their first code was rejected in."""
    zone = vietnam_calendar(DEFAULT_ZONE).zone
    for code, said in told.items():
        first = told.get(code.removesuffix("-2"))
        refused = next((e for e in first or () if e.verb == "rejected"), None)
        if refused is None or not code.endswith("-2"):
            continue
        if zone.local(refused.at).year != zone.local(said[0].at).year:
            looked.after_new_year.add(code)


def _told(event: Event, data: dict[str, object], n: int) -> Told:
    verb = event.type.removeprefix("dossier.")
    return Told(verb, event.occurred_at, event.recorded_at, data, (0, n, 0))
