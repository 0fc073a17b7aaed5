"""The invented province: units with their size and diligence, procedures, and the events that register them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from domain.instants import Millis

DEPARTMENTS = 16
COMMUNES = 140
FIELDS = (
    ("HT", "hộ tịch"),
    ("CT", "chứng thực"),
    ("DD", "đất đai"),
    ("BT", "bảo trợ xã hội"),
    ("DN", "thành lập doanh nghiệp"),
    ("XD", "xây dựng"),
    ("GT", "đường bộ"),
    ("YT", "y tế"),
    ("GD", "giáo dục"),
    ("MT", "môi trường"),
)
LIMITS = ((1, 12), (2, 12), (3, 16), (5, 24), (7, 15), (10, 12), (15, 6), (20, 3))
"""Limits in working days with their weight: together the mean of seven calendar days that was published."""
COMMUNE_PROCEDURES = 40
DEPARTMENT_PROCEDURES = 60
PAYABLE = 0.53


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit; `weight` is its share of dossiers, `late` its probability that a dossier is late, `paperless` how
    likely a result is electronic."""

    code: str
    name: str
    kind: str
    weight: float
    late: float
    paperless: float


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure; `limit` in working days, `fee` in đồng (0: none)."""

    code: str
    name: str
    field: str
    limit: int
    fee: int
    returns_document: bool
    level: str
    applicants: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Province:
    """The root's code, its units below the root, and the procedures of each level."""

    root: str
    units: tuple[Unit, ...]
    of_communes: tuple[Procedure, ...]
    of_departments: tuple[Procedure, ...]

    def procedures_of(self, unit: Unit) -> tuple[Procedure, ...]:
        """What can be applied for at a unit."""
        return self.of_communes if unit.kind == "commune" else self.of_departments

    def children(self) -> tuple[Unit, ...]:
        """All units that handle dossiers."""
        return self.units


def make_province(seed: int, late: float, root: str = "H44") -> Province:
    """The province of a seed; `late` is the mean probability of being late, weighted by dossiers."""
    rng = Random(f"province|{seed}")
    raw = [_unit(rng, f"{root}.{n:02d}", f"Sở Mẫu {n:02d}", "department") for n in range(1, DEPARTMENTS + 1)]
    raw += [_unit(rng, f"{root}.{100 + n}", f"Xã Mẫu {n + 1:03d}", "commune") for n in range(COMMUNES)]
    mean = sum(u.weight * u.late for u in raw) / sum(u.weight for u in raw)
    units = tuple(Unit(u.code, u.name, u.kind, u.weight, min(0.9, u.late * late / mean), u.paperless) for u in raw)
    return Province(
        root,
        units,
        tuple(_procedure(rng, 1, n) for n in range(COMMUNE_PROCEDURES)),
        tuple(_procedure(rng, 2, n) for n in range(DEPARTMENT_PROCEDURES)),
    )


def _unit(rng: Random, code: str, name: str, kind: str) -> Unit:
    """Communes handle 350 to 3,000 dossiers a month; departments differ more."""
    middle, spread = (6.8, 0.5) if kind == "commune" else (6.6, 0.9)
    weight = min(max(rng.lognormvariate(middle, spread), 350.0 if kind == "commune" else 120.0), 3000.0)
    return Unit(code, name, kind, weight, rng.betavariate(2.2, 6.5), rng.uniform(0.8, 1.0))


def _procedure(rng: Random, level: int, number: int) -> Procedure:
    field, words = FIELDS[(number * 7 + level) % len(FIELDS)]
    limit = rng.choices([days for days, _ in LIMITS], [w for _, w in LIMITS])[0]
    # Every second one has a fee, not a drawn one: with 40 procedures luck would move the share too far.
    fee = rng.choice((8_000, 15_000, 30_000, 50_000, 150_000)) if (number * 53) % 100 < PAYABLE * 100 else 0
    applicants = (
        ("citizen",) if field in ("HT", "BT") else ("business",) if field == "DN" else ("citizen", "business")
    )
    return Procedure(
        code=f"{level}.{900000 + number:06d}",
        name=f"Thủ tục mẫu {level}.{number + 1:02d} ({words})",
        field=field,
        limit=limit,
        fee=fee,
        returns_document=number % 20 != 0,
        level="full" if rng.random() < 0.6 else "partial",
        applicants=applicants,
        weight=rng.uniform(0.5, 1.5),
    )


Reference = tuple[Millis, str, str, dict[str, Any]]


def reference_facts(province: Province, at: Millis) -> Iterator[Reference]:
    """(instant, type, subject, data) of everything that must be known before the first dossier."""
    yield at, "unit.registered", province.root, {"name": "Tỉnh Mẫu", "kind": "province"}
    for unit in province.units:
        yield at, "unit.registered", unit.code, {"name": unit.name, "kind": unit.kind, "parent": province.root}
        if unit.kind == "commune":
            yield at, "unit.certified_copies_offered", unit.code, {}
    for level, procedures in (("commune", province.of_communes), ("department", province.of_departments)):
        for procedure in procedures:
            yield from _procedure_facts(procedure, level, at)


def _procedure_facts(procedure: Procedure, level: str, at: Millis) -> Iterator[Reference]:
    code = procedure.code
    described = {
        "name": procedure.name,
        "field": procedure.field,
        "applied_by": [level],
        "applicant_kinds": list(procedure.applicants),
        "returns_document": procedure.returns_document,
        "fee": procedure.fee > 0,
        "parts": ["steps", "papers", "fee", "limit", "result", "legal_basis"],
    }
    yield at, "procedure.announced", code, {}
    yield at, "procedure.publicised", code, {}
    yield at, "procedure.described", code, described
    yield at, "procedure.limit_set", code, {"amount": procedure.limit, "unit": "working_days"}
    yield at, "procedure.online_level_set", code, {"level": procedure.level}
    if procedure.fee:
        yield at, "procedure.fee_set", code, {"amount": procedure.fee}
        yield at, "procedure.payment_integrated", code, {}
