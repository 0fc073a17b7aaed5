"""A province made to measure: events whose figures are those of a table, indicator by indicator.

From the numerators and denominators that a portal published of a province and some of its units, it makes
dossiers, petitions, procedures and reports that count exactly so. What the units do not explain of the
province's figures stands under communes invented for it. Every fact is independent of the others but for what
definitions force (a paid dossier owes a fee; a digitised one has its result).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from domain.errors import InvalidInput
from domain.events import Event, make_event
from domain.figure_tables import read_number
from domain.indicator_documents import packaged_sets
from domain.indicator_sets import choose_set
from domain.instants import MS_DAY, Millis, Zone, date_day, format_rfc3339

HOUR = 3_600_000
SOURCE = "/simulated/published"
Figures = Mapping[str, tuple[int, int]]
"""(numerator, denominator) by indicator; one that is missing counts nothing."""
_NOTHING = (0, 0)
_FORCED = (
    ("DOSSIER_RECEIVING_SATISFACTION", "PROCESSED_ON_TIME"),
    ("SO_HOA_GIAY_TO_GIAI_QUYET", "ORIGINAL_RESULT_AVAILABLE"),
    ("PETITION_HANDLING_SATISFACTION", "PETITION_PROCESSING_ON_TIME"),
)
"""Pairs whose first numerator lies within the second."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is to be made of one unit; places are the codes that its dossiers stand under in turn."""

    unit: str
    places: tuple[str, ...]
    figures: Figures
    accepted: int
    online: int
    services: tuple[tuple[str, str], ...] = ()
    """(procedure, unit) of online services that have an online dossier."""

    def of(self, code: str) -> tuple[int, int]:
        """Numerator and denominator of an indicator."""
        return self.figures.get(code, _NOTHING)

    @property
    def in_hand(self) -> int:
        """Dossiers in hand in the period."""
        return self.of("PROCESSED_ON_TIME")[1]


@dataclass(slots=True)
class _Plan:
    root: str
    start: Millis
    end: Millis
    label: str
    units: list[Counts] = field(default_factory=list)


def published_province(
    table: Mapping[str, Figures], month: str, root: str, zone: Zone, communes: Iterable[str] = ()
) -> Iterator[Event]:
    """The events of a month ('2026-08'), reference facts first. `communes` are the units that are communes; the
    others are departments. InvalidInput for figures that no province can have."""
    year, number = int(month[:4]), int(month[5:7])
    first = date_day(date(year, number, 1))
    after = date_day(date(year + number // 12, number % 12 + 1, 1))
    plan = _Plan(root, zone.midnight(first), zone.midnight(after), month)
    if root not in table:
        raise InvalidInput(f"the table says nothing of the province {root}")
    kinds = {code: ("commune" if code in set(communes) else "department") for code in table if code != root}
    plan.units = [_counts(code, (code,), table[code]) for code in kinds]
    services = _services(table[root].get("FORMALITY_ONLINE_SERVICE", _NOTHING), table[root])
    others = tuple(f"{root}.9{n:02d}" for n in range(max(1, max((len(u) for _, u in services), default=1))))
    places = [(code, others[n]) for code, numbers in services for n in numbers]
    with_dossier = table[root].get("ONLINE_SERVICE_WITH_DOSSIER", _NOTHING)[0]
    plan.units.append(_rest(plan.units, table[root], others, tuple(places[:with_dossier])))
    for unit in plan.units:
        _check(unit)
    yield from _reference(plan, kinds, others, services, table[root])
    for unit in plan.units:
        yield from _dossiers(plan, unit)
        yield from _petitions(plan, unit)


NEEDED = ("PROCESSED_ON_TIME", "DOSSIER_SYNC", "ORIGINAL_RESULT_AVAILABLE", "DOSSIER_PAID_ONLINE")
"""Without these a unit's dossiers are not told."""


def whole_units(rows: Iterable[Mapping[str, object]], units: Iterable[str] = ()) -> dict[str, Figures]:
    """Figures by unit from the rows of a table (unit_code, metric, numerator, denominator), of the named units or
    of all that have what is needed; a row without both counts is passed over."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows:
        numerator, denominator = read_number(row.get("numerator"))[0], read_number(row.get("denominator"))[0]
        if numerator is not None and denominator is not None:
            figures = found.setdefault(str(row.get("unit_code", "")).strip(), {})
            figures[str(row.get("metric", "")).strip()] = (int(numerator), int(denominator))
    wanted = set(units)
    return {
        code: figures
        for code, figures in found.items()
        if (code in wanted if wanted else all(name in figures for name in NEEDED))
    }


def _counts(code: str, places: tuple[str, ...], figures: Figures) -> Counts:
    online, accepted = figures.get("DOSSIER_SUBMITTED_ONLINE", _NOTHING)
    if "DOSSIER_SUBMITTED_ONLINE" not in figures:
        accepted = online = figures.get("DOSSIER_SYNC", _NOTHING)[1]
    return Counts(code, places, figures, accepted, online)


def _services(levels: tuple[int, int], figures: Figures) -> list[tuple[str, list[int]]]:
    """Procedures offered online, with the numbers of the communes that apply each: as evenly as they go."""
    services, wanted = figures.get("ONLINE_SERVICE_WITH_DOSSIER", _NOTHING)[1], levels[0]
    if wanted == 0:
        return []
    each, more = divmod(max(services, wanted), wanted)
    return [(f"3.{n:06d}", list(range(each + (n < more)))) for n in range(wanted)]


def _rest(
    units: Sequence[Counts], whole: Figures, places: tuple[str, ...], services: tuple[tuple[str, str], ...]
) -> Counts:
    """What the named units leave of the province."""
    found: dict[str, tuple[int, int]] = {}
    for code, (up, down) in whole.items():
        parts = [u.of(code) for u in units]
        found[code] = (up - sum(p[0] for p in parts), down - sum(p[1] for p in parts))
    all_of = _counts("", places, whole)
    accepted = all_of.accepted - sum(u.accepted for u in units)
    online = all_of.online - sum(u.online for u in units)
    return Counts("rest", places, found, accepted, online, services)


def _check(unit: Counts) -> None:
    """InvalidInput names the figure that cannot be made."""
    wrong = [c for c, (up, down) in unit.figures.items() if c in _DOSSIERS and not 0 <= up <= down]
    wrong += [a for a, b in _FORCED if unit.of(a)[0] > unit.of(b)[0]]
    if unit.of("DOSSIER_PAID_ONLINE")[1] > unit.accepted or unit.accepted > unit.in_hand:
        wrong.append("DOSSIER_PAID_ONLINE")
    if unit.of("FORMALITY_PAYMENT_INTEGRATED")[0] > unit.of("FORMALITY_PAID_ONLINE")[0]:
        wrong.append("FORMALITY_PAYMENT_INTEGRATED")
    if unit.of("FORMALITY_PAID_ONLINE")[0] > unit.of("DOSSIER_PAID_ONLINE")[0]:
        wrong.append("FORMALITY_PAID_ONLINE")
    if unit.of("DOSSIER_SYNC")[0] > unit.accepted or len(unit.services) > unit.online > unit.accepted:
        wrong.append("DOSSIER_SYNC")
    if wrong:
        raise InvalidInput(f"no dossiers of {unit.unit} can have these figures: {', '.join(wrong)}")


_DOSSIERS = frozenset(
    "PROCESSED_ON_TIME DOSSIER_PAID_ONLINE DOSSIER_RECEIVING_SATISFACTION PETITION_PROCESSING_ON_TIME "
    "ORIGINAL_RESULT_AVAILABLE SO_HOA_GIAY_TO_GIAI_QUYET REUSED_DIGITIZED_DATA "
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE CITIZEN_DATA_CONNECTED_DOSSIER FORMALITY_PAID_ONLINE".split()
)


def _made(kind: str, subject: str, at: Millis, data: dict[str, Any], n: int = 0) -> Event:
    return make_event(kind, subject, at, data, source=SOURCE, id=f"{kind}/{subject}/{n}", recorded_at=at + 1_000)


def _reference(
    plan: _Plan,
    kinds: Mapping[str, str],
    others: Sequence[str],
    services: Sequence[tuple[str, list[int]]],
    whole: Figures,
) -> Iterator[Event]:
    """Units, procedures and reports; procedures of one purpose serve no other."""
    at = plan.start - 100 * MS_DAY
    yield _made("unit.registered", plan.root, at, {"name": "Tỉnh Mẫu", "kind": "province"})
    for code, kind in {**kinds, **dict.fromkeys(others, "commune")}.items():
        yield _made("unit.registered", code, at, {"name": f"Đơn vị {code}", "kind": kind, "parent": plan.root})
        if kind == "commune":
            yield _made("unit.certified_copies_offered", code, at, {})
    for code, numbers in services:
        applied = {"applied_by": [others[n] for n in numbers], "applicant_kinds": ["business"]}
        yield _made("procedure.described", code, at, applied)
        yield _made("procedure.online_level_set", code, at, {"level": "full"})
    offered, levels = whole.get("FORMALITY_ONLINE_SERVICE", _NOTHING)
    for n in range(levels - offered):
        yield _made("procedure.described", f"4.{n:06d}", at, {"applicant_kinds": ["business"]})
        yield _made("procedure.online_level_set", f"4.{n:06d}", at, {"level": "information"})
    for place, unit in enumerate(plan.units):
        yield from _procedures(unit, place, at)
    full, public = whole.get("PUBLIC_CONTENT_FULL", _NOTHING)
    required = choose_set(packaged_sets(), date(2026, 1, 1)).required_parts
    for n in range(public):
        parts = required if n < full else required[:-1]
        described = {"applicant_kinds": ["business"], "parts": list(parts)}
        yield _made("procedure.described", f"5.{n:06d}", at, described)
        yield _made("procedure.publicised", f"5.{n:06d}", at, {})
    if "DOSSIER_SYNC" in whole:
        told = {"period": plan.label, "figures": {"accepted": whole["DOSSIER_SYNC"][1]}}
        yield _made("unit.portal_figures_received", plan.root, plan.end - HOUR, told)


def _procedures(unit: Counts, place: int, at: Millis) -> Iterator[Event]:
    """A unit's procedures with a fee and those for citizens."""
    fees = unit.of("FORMALITY_PAID_ONLINE")[1]
    for n in range(fees):
        described = {"applied_by": list(unit.places), "applicant_kinds": ["business"], "fee": True}
        yield _made("procedure.described", _fee_code(place, n), at, described)
    for n in range(unit.of("CITIZEN_DATA_CONNECTED_FORMALITY")[1]):
        described = {"applied_by": list(unit.places), "applicant_kinds": ["citizen"]}
        yield _made("procedure.described", _citizen_code(place, n), at, described)


def _fee_code(place: int, n: int) -> str:
    return f"1.{place:02d}{n:04d}"


def _citizen_code(place: int, n: int) -> str:
    return f"2.{place:02d}{n:04d}"


def _dossiers(plan: _Plan, unit: Counts) -> Iterator[Event]:
    """Each fact is given to as many dossiers as the figures say. Accepted ones come first, of these the payable
    ones first; population data is given to those that owe no fee before the others."""
    place = plan.units.index(unit)
    payable = unit.of("DOSSIER_PAID_ONLINE")[1]
    count = unit.in_hand
    by_citizens = [*range(payable, count), *range(payable)]
    with_data = set(by_citizens[: unit.of("CITIZEN_DATA_CONNECTED_DOSSIER")[0]])
    for n in range(count):
        yield from _dossier(plan, unit, place, n, citizen_data=n in with_data)


def _procedure_of(unit: Counts, place: int, n: int, *, citizen_data: bool) -> str:
    payable = unit.of("DOSSIER_PAID_ONLINE")[1]
    paid_procedures = unit.of("FORMALITY_PAID_ONLINE")[0]
    citizen_procedures = unit.of("CITIZEN_DATA_CONNECTED_FORMALITY")[0]
    if n < payable and paid_procedures:
        return _fee_code(place, n % paid_procedures)
    if citizen_data and citizen_procedures:
        return _citizen_code(place, n % citizen_procedures)
    return "9.000000"


def _dossier(plan: _Plan, unit: Counts, place: int, n: int, *, citizen_data: bool) -> Iterator[Event]:
    code = f"{unit.places[0] if len(unit.places) == 1 else plan.root}-{plan.label[2:]}-{place}-{n:06d}"
    where, procedure = unit.places[n % len(unit.places)], _procedure_of(unit, place, n, citizen_data=citizen_data)
    payable, paid = n < unit.of("DOSSIER_PAID_ONLINE")[1], n < unit.of("DOSSIER_PAID_ONLINE")[0]
    service = n - unit.online + len(unit.services)
    if 0 <= service < len(unit.services):
        procedure, where = unit.services[service]
    accepted = n < unit.accepted
    at = (plan.start + (1 + n % 20) * MS_DAY if accepted else plan.start - 8 * MS_DAY) + 2 * HOUR + n % 3_600_000
    late, ends = n >= unit.of("PROCESSED_ON_TIME")[0], n < unit.of("ORIGINAL_RESULT_AVAILABLE")[0] or n % 2 == 0
    span = MS_DAY if accepted else 9 * MS_DAY
    due = at + span if late else (at + 2 * span if ends else plan.end + 10 * MS_DAY)
    end = due + HOUR if late else due - HOUR
    intake = {"unit": where, "procedure": procedure, "due_at": format_rfc3339(due)}
    intake["channel"] = "online" if n < unit.online or not accepted else "counter"
    yield _made("dossier.accepted", code, at, intake)
    yield from _money(unit, code, n, at, payable=payable, paid=paid)
    yield from _papers(unit, code, n, at)
    if citizen_data:
        yield _made("dossier.identity_verified", code, at + 60_000, {"vneid": True})
    if ends:
        files = {"result_files": [{"electronic": True}]} if n < unit.of("ORIGINAL_RESULT_AVAILABLE")[0] else {}
        yield _made("dossier.finished", code, end, files)
    if unit.of("DOSSIER_RECEIVING_SATISFACTION")[0] <= n < unit.of("PROCESSED_ON_TIME")[0]:
        yield _made("dossier.rated", code, end + HOUR, {"rating": "dislike"})


def _money(unit: Counts, code: str, n: int, at: Millis, *, payable: bool, paid: bool) -> Iterator[Event]:
    """The fee, and synchronisation: before the fee was known, but for procedures whose fees were synchronised."""
    procedures = unit.of("FORMALITY_PAID_ONLINE")[0] or 1
    fee_first = n % procedures < unit.of("FORMALITY_PAYMENT_INTEGRATED")[0]
    if n < unit.of("DOSSIER_SYNC")[0]:
        yield _made("dossier.synced", code, at + (3 if fee_first else 1) * 60_000, {"accepted": True})
    if paid:
        fee = {"amounts": [10_000], "gateway": "national_portal"}
        yield _made("dossier.fee_paid", code, at + 2 * 60_000, fee)
    elif payable:
        yield _made("dossier.payment_requested", code, at + 2 * 60_000, {"amounts": [10_000]})


def _papers(unit: Counts, code: str, n: int, at: Millis) -> Iterator[Event]:
    part = {
        name: True
        for name, metric in (
            ("digitised", "SO_HOA_GIAY_TO_GIAI_QUYET"),
            ("reused", "REUSED_DIGITIZED_DATA"),
            ("from_store", "SYNCED_WITH_DVCQG_PERSONAL_STORAGE"),
        )
        if n < unit.of(metric)[0]
    }
    if part:
        yield _made("dossier.components_recorded", code, at + 30_000, {"components": [part]})


def _petitions(plan: _Plan, unit: Counts) -> Iterator[Event]:
    in_time, count = unit.of("PETITION_PROCESSING_ON_TIME")
    content = unit.of("PETITION_HANDLING_SATISFACTION")[0]
    for n in range(count):
        code, at = f"PAKN-{plan.label}-{unit.unit}-{n}", plan.start + (n % 10) * MS_DAY + 3 * HOUR
        due = at + 15 * MS_DAY
        told = {"unit": unit.places[n % len(unit.places)], "due_at": format_rfc3339(due)}
        yield _made("petition.received", code, at, told)
        yield _made("petition.answered", code, due - HOUR if n < in_time else due + HOUR, {})
        if content <= n < in_time:
            yield _made("petition.disliked", code, due, {})
