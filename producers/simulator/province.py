"""The invented province: units with their size and diligence, procedures, and the events that register them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from domain.instants import Millis
from producers.simulator.catalogue import Catalogue, Fact, catalogue_facts, make_catalogue
from producers.simulator.proportions import Proportions, packaged_proportions

DEPARTMENTS = packaged_proportions().units.departments
COMMUNES = packaged_proportions().units.communes


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
class Province:
    """The root's code, its units below the root, and its procedures. `certifying` communes offer certified
    electronic copies."""

    root: str
    units: tuple[Unit, ...]
    catalogue: Catalogue
    certifying: int


def make_province(seed: int, p: Proportions, root: str = "H44") -> Province:
    """The province of a seed; the mean probabilities of being late and of an electronic result, weighted by
    dossiers, are those wanted."""
    rng = Random(f"province|{seed}")
    departments, communes = p.units.departments, p.units.communes
    raw = [_unit(rng, f"{root}.{n:02d}", f"Sở Mẫu {n:02d}", "department") for n in range(1, departments + 1)]
    raw += [_unit(rng, f"{root}.{100 + n}", f"Xã Mẫu {n + 1:03d}", "commune") for n in range(communes)]
    whole = sum(u.weight for u in raw)
    late = p.dossiers.late / (sum(u.weight * u.late for u in raw) / whole)
    paperless = p.dossiers.electronic_result / (sum(u.weight * u.paperless for u in raw) / whole)
    units = tuple(
        Unit(u.code, u.name, u.kind, u.weight, min(0.9, u.late * late), min(1.0, u.paperless * paperless))
        for u in raw
    )
    codes = {kind: tuple(u.code for u in units if u.kind == kind) for kind in ("commune", "department")}
    certifying = round(communes * p.rate("ELECTRONIC_CERTIFIED_COPY"))
    return Province(root, units, make_catalogue(Random(f"catalogue|{seed}"), p, codes), certifying)


def _unit(rng: Random, code: str, name: str, kind: str) -> Unit:
    """Communes handle 350 to 3,000 dossiers a month; departments differ more."""
    middle, spread = (6.8, 0.5) if kind == "commune" else (6.6, 0.9)
    weight = min(max(rng.lognormvariate(middle, spread), 350.0 if kind == "commune" else 120.0), 3000.0)
    return Unit(code, name, kind, weight, rng.betavariate(2.2, 6.5), rng.uniform(0.85, 1.0))


def reference_facts(province: Province, at: Millis) -> Iterator[Fact]:
    """(instant, type, subject, data) of everything that must be known before the first dossier."""
    yield at, "unit.registered", province.root, {"name": "Tỉnh Mẫu", "kind": "province"}
    communes = 0
    for unit in province.units:
        yield at, "unit.registered", unit.code, {"name": unit.name, "kind": unit.kind, "parent": province.root}
        communes += unit.kind == "commune"
        if unit.kind == "commune" and communes <= province.certifying:
            yield at, "unit.certified_copies_offered", unit.code, {}
    yield from catalogue_facts(province.catalogue, at)
