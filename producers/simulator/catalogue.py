"""The invented procedures: which units apply them, which are in use, and what is said of them."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any

from domain.errors import InvalidInput
from domain.indicator_documents import packaged_sets
from domain.instants import Millis
from producers.simulator.proportions import Proportions

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
GOLDEN = (5**0.5 - 1) / 2
"""Steps of this size cover a circle more evenly than any others: less luck than drawing, where there are few."""
LEVELS = ("commune", "department")
Fact = tuple[Millis, str, str, dict[str, Any]]
"""(instant, type, subject, data)."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure; `limit` in working days, `fee` in đồng (0: none), `stated` the online level that was set
    (None: nobody said), `connected` to the population database, `fee_synced` whether fees reach the portal."""

    code: str
    name: str
    field: str
    limit: int
    fee: int
    returns_document: bool
    level: str
    stated: str | None
    applicants: tuple[str, ...]
    weight: float
    connected: bool
    fee_synced: bool
    applied_by: tuple[str, ...]
    in_use: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What is filed at one unit: procedures with their cumulated weights."""

    procedures: tuple[Procedure, ...]
    cumulated: tuple[float, ...]

    def at(self, phase: float) -> Procedure:
        """The procedure at a place between 0 and 1."""
        n = bisect_right(self.cumulated, phase * self.cumulated[-1])
        return self.procedures[min(n, len(self.procedures) - 1)]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All procedures, what is filed at each unit, and which are public (the first `full` with all parts)."""

    procedures: tuple[Procedure, ...]
    offers: dict[str, Offer]
    public: tuple[str, ...]
    full: int


def make_catalogue(rng: Random, p: Proportions, units: dict[str, tuple[str, ...]]) -> Catalogue:
    """The procedures of a province; `units` are the codes by kind. InvalidInput where the counts contradict one
    another."""
    used = _Used(rng, p, units)
    procedures = (*used.procedures, *_unused(rng, p, used.procedures))
    offers = {code: _offer(used, p, kind, code) for kind in LEVELS for code in units[kind]}
    public = tuple(x.code for x in procedures[: p.count("PUBLIC_CONTENT_FULL", 1)])
    return Catalogue(procedures, offers, public, p.count("PUBLIC_CONTENT_FULL"))


class _Used:
    """The procedures in use, those of communes first, and the online services that have dossiers."""

    def __init__(self, rng: Random, p: Proportions, units: dict[str, tuple[str, ...]]) -> None:
        count = p.catalogue.in_use
        communes = round(count * p.catalogue.in_use_of_communes)
        sizes = {"commune": communes, "department": count - communes}
        connected = _share_out(rng, sizes, p.count("CITIZEN_DATA_CONNECTED_FORMALITY"))
        paid = _share_out(rng, sizes, p.count("FORMALITY_PAID_ONLINE"))
        synced = set(rng.sample(sorted(paid), min(len(paid), p.count("FORMALITY_PAYMENT_INTEGRATED"))))
        places = _places(p, sizes, units)
        pairs = [(n, unit) for n, applied in places.items() for unit in applied]
        once = [(n, rng.choice(applied)) for n, applied in places.items()]
        others = sorted(set(pairs) - set(once))
        more = max(0, p.count("ONLINE_SERVICE_WITH_DOSSIER") - len(once))
        self.services = {*once, *rng.sample(others, min(len(others), more))}
        levels = _stated(p, sizes, places)
        self.procedures = tuple(
            _procedure(
                rng,
                p,
                n,
                "commune" if n < communes else "department",
                fee=n in paid,
                fee_synced=n in synced,
                connected=n in connected,
                stated=levels.get(n),
                applied_by=places.get(n),
            )
            for n in range(count)
        )


def _share_out(rng: Random, sizes: dict[str, int], count: int) -> set[int]:
    """So many of the procedures in use, the same share of each level."""
    whole = sum(sizes.values())
    if count > whole:
        raise InvalidInput(f"{count} procedures are to have something that only the {whole} in use can have")
    first = round(count * sizes["commune"] / whole)
    communes = rng.sample(range(sizes["commune"]), first)
    return {*communes, *rng.sample(range(sizes["commune"], whole), count - first)}


def _places(
    p: Proportions, sizes: dict[str, int], units: dict[str, tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    """The units that apply each procedure with an online service: as many services as were published, those of
    communes in every commune, the others in some departments."""
    online, services = p.count("FORMALITY_ONLINE_SERVICE"), p.count("ONLINE_SERVICE_WITH_DOSSIER", 1)
    communes, departments = units["commune"], units["department"]
    everywhere = max((n for n in range(online + 1) if services - n * len(communes) >= online - n), default=0)
    rest, others = services - everywhere * len(communes), online - everywhere
    if others and not others <= rest <= others * len(departments):
        raise InvalidInput(f"{online} online procedures cannot be {services} services of these units")
    found = dict.fromkeys(range(everywhere), communes)
    begun = 0
    for n in range(others):
        each = rest // others + (n < rest % others)
        found[sizes["commune"] + n] = tuple(departments[(begun + k) % len(departments)] for k in range(each))
        begun += each
    return found


def _stated(p: Proportions, sizes: dict[str, int], places: dict[int, tuple[str, ...]]) -> dict[int, str]:
    """The online level of the procedures of which one was set; the last ones offer information only."""
    more = p.count("FORMALITY_ONLINE_SERVICE", 1) - p.count("FORMALITY_ONLINE_SERVICE")
    informing = range(sum(sizes.values()) - more, sum(sizes.values()))
    levels = {n: "full" if n % 2 else "partial" for n in places}
    return levels | dict.fromkeys(informing, "information")


def _offer(used: _Used, p: Proportions, kind: str, unit: str) -> Offer:
    """What is filed at a unit. Weights are such that dossiers owe fees and use population data as often as
    wanted, each independently of the other."""
    cells: dict[tuple[bool, bool], list[tuple[Procedure, float]]] = {}
    for n, x in enumerate(used.procedures):
        limited = x.stated in ("full", "partial")
        if (kind in x.applied_by and not limited) or (n, unit) in used.services:
            weight = x.weight * (p.catalogue.weight_of_online_service if limited else 1.0)
            cells.setdefault((x.fee > 0, x.connected), []).append((x, weight))
    found: list[tuple[Procedure, float]] = []
    for (fee, connected), members in cells.items():
        wanted = (p.payable if fee else 1 - p.payable) * (
            p.catalogue.population_data if connected else 1 - p.catalogue.population_data
        )
        whole = sum(weight for _, weight in members)
        found += [(x, weight / whole * wanted) for x, weight in members]
    return Offer(tuple(x for x, _ in found), tuple(accumulate(weight for _, weight in found)))


def _procedure(
    rng: Random,
    p: Proportions,
    number: int,
    level: str,
    *,
    fee: bool,
    fee_synced: bool,
    connected: bool,
    stated: str | None,
    applied_by: tuple[str, ...] | None,
) -> Procedure:
    tier = LEVELS.index(level) + 1
    field, words = FIELDS[(number * 7 + tier) % len(FIELDS)]
    days, weights = zip(*p.catalogue.limits, strict=True)
    citizens = ("citizen",) if number % 3 else ("citizen", "business")
    everywhere = stated in ("full", "partial") and level == "commune"
    return Procedure(
        code=f"{tier}.{900000 + number:06d}",
        name=f"Thủ tục mẫu {tier}.{number + 1:03d} ({words})",
        field=field,
        limit=days[bisect_right(list(accumulate(weights)), number * GOLDEN % 1 * sum(weights))],
        fee=rng.choice(p.catalogue.fees) if fee else 0,
        returns_document=(number * 37) % 100 < p.catalogue.returns_document * 100,
        level="full" if rng.random() < p.catalogue.model_level_full else "partial",
        stated=stated,
        applicants=citizens if connected or number % 2 else ("business",),
        weight=rng.uniform(0.5, 1.5),
        connected=connected,
        fee_synced=fee_synced,
        applied_by=(level,) if applied_by is None or everywhere else applied_by,
        in_use=True,
    )


def _unused(rng: Random, p: Proportions, used: tuple[Procedure, ...]) -> Iterator[Procedure]:
    """The rest of the catalogue: described, applied for by nobody."""
    citizens = p.count("CITIZEN_DATA_CONNECTED_FORMALITY", 1) - sum("citizen" in x.applicants for x in used)
    fees = p.count("FORMALITY_PAID_ONLINE", 1) - sum(x.fee > 0 for x in used)
    count = p.catalogue.procedures - len(used)
    if not (0 <= citizens <= count and 0 <= fees <= count):
        raise InvalidInput(f"a catalogue of {p.catalogue.procedures} procedures cannot have these counts")
    for n in range(count):
        number = len(used) + n
        tier = 1 + (n % 3 > 0)
        field, words = FIELDS[(number * 7 + tier) % len(FIELDS)]
        yield Procedure(
            code=f"{tier}.{900000 + number:06d}",
            name=f"Thủ tục mẫu {tier}.{number + 1:03d} ({words})",
            field=field,
            limit=5,
            fee=rng.choice(p.catalogue.fees) if n >= count - fees else 0,
            returns_document=True,
            level="partial",
            stated=None,
            applicants=("citizen",) if n < citizens else ("business",),
            weight=0.0,
            connected=False,
            fee_synced=False,
            applied_by=(LEVELS[tier - 1],),
            in_use=False,
        )


@lru_cache(maxsize=1)
def _parts() -> tuple[str, ...]:
    """What a publicised procedure must hold, by the newest set that comes with the product."""
    return packaged_sets()[-1].required_parts


def catalogue_facts(catalogue: Catalogue, at: Millis) -> Iterator[Fact]:
    """What must be known of procedures before the first dossier. Of those that nobody files only that they
    exist."""
    public = {code: n < catalogue.full for n, code in enumerate(catalogue.public)}
    for x in catalogue.procedures:
        parts = _parts() if public.get(x.code, True) else _parts()[:-1]
        yield at, "procedure.described", x.code, _described(x, parts)
        if x.code in public:
            yield at, "procedure.announced", x.code, {}
            yield at, "procedure.publicised", x.code, {}
        if x.in_use:
            yield at, "procedure.limit_set", x.code, {"amount": x.limit, "unit": "working_days"}
        if x.stated:
            yield at, "procedure.online_level_set", x.code, {"level": x.stated}
        if x.fee and x.in_use:
            yield at, "procedure.fee_set", x.code, {"amount": x.fee}
        if x.fee_synced:
            yield at, "procedure.payment_integrated", x.code, {}


def _described(x: Procedure, parts: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": x.name,
        "field": x.field,
        "applied_by": list(x.applied_by),
        "applicant_kinds": list(x.applicants),
        "returns_document": x.returns_document,
        "fee": x.fee > 0,
        "parts": list(parts),
        "target_group": "+".join(x.applicants),
    }
