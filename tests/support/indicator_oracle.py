"""Every indicator recomputed from plain events, straight from domain.md §5: no cells, no bookings, no algebra.

Of the product only the reading of single dossiers by the oracle beside the domain's tests is shared, and the
calendar. A world is a list of `Told`; a question names a unit, [S, E), and what was known.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple

from domain.instants import Millis, day_date, parse_rfc3339
from tests.unit.domain.oracle import Dossier, late, read
from tests.unit.domain.random_dossiers import ZONE, Said

Pair = tuple[float | None, float | None]
TABLE: dict[str, tuple[float, float, str]] = {
    "PUBLISH_ON_TIME": (6, 1, ""),
    "PUBLIC_UPDATE_ON_TIME": (4, 1, ""),
    "PUBLIC_CONTENT_FULL": (2, 1, ""),
    "DOSSIER_SYNC": (6, 1, ""),
    "PROCESSED_ON_TIME": (20, 1, "zero"),
    "FORMALITY_ONLINE_SERVICE": (2, 0.8, ""),
    "ONLINE_SERVICE_WITH_DOSSIER": (4, 1, ""),
    "DOSSIER_SUBMITTED_ONLINE": (6, 0.5, ""),
    "FORMALITY_PAYMENT_INTEGRATED": (2, 0.8, ""),
    "FORMALITY_PAID_ONLINE": (2, 0.8, ""),
    "DOSSIER_PAID_ONLINE": (6, 1, ""),
    "PETITION_PROCESSING_ON_TIME": (6, 1, "full"),
    "PETITION_HANDLING_SATISFACTION": (6, 1, "full"),
    "DOSSIER_RECEIVING_SATISFACTION": (6, 0.9, "zero"),
    "ORIGINAL_RESULT_AVAILABLE": (6, 1, ""),
    "SO_HOA_GIAY_TO_GIAI_QUYET": (4, 1, ""),
    "REUSED_DIGITIZED_DATA": (2, 0.8, ""),
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": (4, 1, ""),
    "CITIZEN_DATA_CONNECTED_DOSSIER": (2, 1, ""),
    "CITIZEN_DATA_CONNECTED_FORMALITY": (2, 1, ""),
    "ELECTRONIC_CERTIFIED_COPY": (2, 1, "full unknown"),
}
"""(maximum, full marks at, what 0 of 0 gives) of domain.md §5 and decisions 29."""
PARTS = {"steps", "papers", "fee", "limit", "result", "legal_basis"}
HOLIDAYS = {date(2026, 1, 1), date(2026, 1, 2), *(date(2026, 2, 16) + timedelta(n) for n in range(5))}
SWAPPED = {date(2026, 1, 10)}
"""New Year and Tết of 2026, and the Saturday worked for 2 January, as far as the world of the tests reaches."""


class Told(NamedTuple):
    """An event and when it became known."""

    known_at: Millis
    type: str
    subject: str
    at: Millis
    data: dict[str, Any]


class Asked(NamedTuple):
    """A question; `until` is exclusive, `known` None for all that is known now."""

    unit: str
    start: Millis
    until: Millis
    as_of: Millis
    now: Millis
    known: Millis | None = None
    period: str = ""
    basis: str = "in_hand"
    petitions: str = "in_hand"


class World:
    """What had been told by the question's instant of knowledge."""

    def __init__(self, told: Iterable[Told], asked: Asked, root: str = "H44") -> None:
        self.asked, self.root = asked, root
        self.told = [t for t in told if asked.known is None or t.known_at < asked.known]
        self.by: dict[tuple[str, str], list[Told]] = {}
        for t in self.told:
            self.by.setdefault((t.type.split(".")[0], t.subject), []).append(t)
        self._of: dict[str, dict[str, list[Told]]] = {}

    def of(self, kind: str) -> dict[str, list[Told]]:
        if kind not in self._of:
            self._of[kind] = {s: sorted(ts, key=lambda t: t.at) for (k, s), ts in self.by.items() if k == kind}
        return self._of[kind]

    def subtree(self) -> set[str]:
        """The asked unit with all that stands under it, at the instant of the tree."""
        a = self.asked
        at = a.now if a.known is None else min(a.as_of, a.now)
        parents: dict[str, str] = {}
        for code, said in self.of("unit").items():
            for t in said:
                if t.at < at and t.type == "unit.registered" and "parent" in t.data:
                    parents[code] = t.data["parent"]
            for t in said:
                if t.at < at and t.type == "unit.merged":
                    parents[code] = t.data["into"]
        found = {a.unit}
        while more := {c for c, p in parents.items() if p in found} - found:
            found |= more
        return found

    def kind(self, unit: str) -> str | None:
        kinds = [t.data["kind"] for t in self.by.get(("unit", unit), []) if "kind" in t.data]
        return kinds[-1] if kinds else None

    def closed(self, unit: str) -> bool:
        return any(t.type == "unit.merged" and t.at < self.asked.until for t in self.by.get(("unit", unit), []))


class One(NamedTuple):
    """A dossier, judged."""

    unit: str
    procedure: str
    has: set[str]
    accepted: bool
    completed: bool
    in_hand: bool
    on_time: bool
    unhappy: bool


def indicators(told: Iterable[Told], asked: Asked) -> dict[str, Pair]:
    """(numerator, denominator) of every indicator; None where nothing is known."""
    world = World(told, asked)
    units = world.subtree()
    every = list(_dossiers(world))
    mine = every if asked.unit == world.root else [d for d in every if d.unit in units]
    found = {**_of_dossiers(mine, asked), **_of_procedures(world, units, mine), **_of_petitions(world, units)}
    found["DOSSIER_SYNC"] = _sync(world, mine, units)
    content = _content(world)
    found["PUBLIC_CONTENT_FULL"] = content
    found |= (
        _announcements(world)
        if asked.unit == world.root
        else dict.fromkeys(("PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME"), (None, None))
    )
    communes = [u for u in units if world.kind(u) == "commune" and not world.closed(u)]
    offering = [
        u
        for u in communes
        if any(t.type == "unit.certified_copies_offered" and t.at < asked.until for t in world.by["unit", u])
    ]
    found["ELECTRONIC_CERTIFIED_COPY"] = (len(offering), len(communes)) if communes else (None, None)
    return found


def points(code: str, pair: Pair) -> float | None:
    """Points of one indicator."""
    most, full_at, empty = TABLE[code]
    up, down = pair
    if up is not None and down:
        return min(most, most * (up / down) / full_at)
    if up is None or down is None:
        return most if "unknown" in empty else None
    return {"zero": 0.0, "full": most}.get(empty.split()[0] if empty else "")


def _dossiers(world: World) -> Iterable[One]:
    a = world.asked
    for said in world.of("dossier").values():
        plain = [
            Said(t.type.removeprefix("dossier."), t.at, t.data) for t in sorted(said, key=lambda t: t.known_at)
        ]
        d = read(plain)
        if not d.stays:
            continue
        order = ("submitted", "accepted", "transferred")
        intakes = [(s.at, order.index(s.verb), n, s.data) for n, s in enumerate(plain) if s.verb in order]
        unit = max((i for i in intakes if "unit" in i[3]), key=lambda i: i[:3])[3]["unit"]
        procedure = max((i for i in intakes if "procedure" in i[3]), key=lambda i: i[:3])[3]["procedure"]
        begun = [s for s in d.stays if s[0] < a.until]
        in_hand = any(end >= a.start for _, end, _ in begun)
        on_time = False
        if in_hand:
            _, end, how = begun[-1]
            on_time = not (late(d, "766", end, how) if end < a.until else late(d, "766", a.until - 1, ""))
        yield One(
            unit,
            procedure,
            _has(world, d, plain, procedure),
            a.start <= d.stays[0][0] < a.until,
            a.start <= d.stays[-1][1] < a.until,
            in_hand,
            on_time,
            d.unhappy,
        )


def _has(world: World, d: Dossier, said: list[Said], procedure: str) -> set[str]:
    """What groups C, D and F ask of a dossier."""
    accepted = d.stays[0][0]
    described = [
        t.data["returns_document"]
        for t in world.of("procedure").get(procedure, [])
        if t.type == "procedure.described" and "returns_document" in t.data and t.at <= accepted
    ]
    due = described[-1] if described else True
    has = {x for x in d.has if x in ("online", "payable", "paid_online", "reused", "citizen_data", "synced")}
    papers = [c for s in said if s.verb == "components_recorded" for c in s.data["components"]]
    file = any(s.data.get("result_files") for s in said)
    has |= {"result_due"} if due else set()
    has |= {"result"} if due and file else set()
    has |= {"digitised"} if any(c.get("digitised") for c in papers) and (file or not due) else set()
    stored = any(c.get("from_store") for c in papers) or any(s.data.get("result_to_store") for s in said)
    has |= {"store"} if stored else set()
    owed = [s.at for s in said if any(s.data.get("amounts", ()))]
    syncs = [s.at for s in said if s.verb == "synced" and s.data["accepted"]]
    has |= {"fee_synced"} if owed and syncs and max(syncs) >= min(owed) else set()
    return has


def _of_dossiers(dossiers: list[One], asked: Asked) -> dict[str, Pair]:
    hand = [d for d in dossiers if d.in_hand]
    new = [d for d in dossiers if d.accepted]
    basis = {"in_hand": hand, "accepted": new, "completed": [d for d in dossiers if d.completed]}[asked.basis]
    return {
        "PROCESSED_ON_TIME": (sum(d.on_time for d in hand), len(hand)),
        "DOSSIER_RECEIVING_SATISFACTION": (sum(d.on_time and not d.unhappy for d in hand), len(hand)),
        "DOSSIER_SUBMITTED_ONLINE": (sum("online" in d.has for d in new), len(new)),
        "DOSSIER_PAID_ONLINE": (sum("paid_online" in d.has for d in new), sum("payable" in d.has for d in new)),
        "ORIGINAL_RESULT_AVAILABLE": (
            sum("result" in d.has for d in basis),
            sum("result_due" in d.has for d in basis),
        ),
        **{
            code: (sum(x in d.has for d in basis), len(basis))
            for code, x in (
                ("SO_HOA_GIAY_TO_GIAI_QUYET", "digitised"),
                ("REUSED_DIGITIZED_DATA", "reused"),
                ("SYNCED_WITH_DVCQG_PERSONAL_STORAGE", "store"),
                ("CITIZEN_DATA_CONNECTED_DOSSIER", "citizen_data"),
            )
        },
    }


def _of_procedures(world: World, units: set[str], dossiers: list[One]) -> dict[str, Pair]:
    """Procedures described by then, that a unit of the subtree applies; online services per applying unit."""
    known: dict[str, dict[str, Any]] = {}
    for code, said in world.of("procedure").items():
        for t in said:
            if t.at < world.asked.until:
                known.setdefault(code, {}).update(t.data)
    if not known:
        return dict.fromkeys(
            (
                "FORMALITY_ONLINE_SERVICE ONLINE_SERVICE_WITH_DOSSIER FORMALITY_PAYMENT_INTEGRATED "
                "FORMALITY_PAID_ONLINE CITIZEN_DATA_CONNECTED_FORMALITY"
            ).split(),
            (None, None),
        )
    new = [d for d in dossiers if d.accepted]
    places = {
        code: {u for u in units if u in p["applied_by"] or world.kind(u) in p["applied_by"]}
        for code, p in known.items()
        if "applied_by" in p
    }
    applied = {code for code in known if places.get(code, {"any"})}

    def having(x: str, among: set[str]) -> int:
        return len({d.procedure for d in new if x in d.has} & among)

    levelled = {c for c in applied if "level" in known[c]}
    online = {c for c in levelled if known[c]["level"] != "information"}
    fees = {c for c in applied if known[c].get("fee")}
    citizens = {c for c in applied if "citizen" in known[c].get("applicant_kinds", ("citizen",))}
    services = with_dossier = 0
    for code in online:
        filed = {d.unit for d in new if d.procedure == code and "online" in d.has}
        if code not in places:
            services, with_dossier = services + 1, with_dossier + bool(filed)
        for place in places.get(code, ()):
            under = {place} | {"H44.100.01"} if place == "H44.100" else {place}
            services, with_dossier = services + 1, with_dossier + bool(filed & under)
    return {
        "FORMALITY_ONLINE_SERVICE": (len(online), len(levelled)),
        "ONLINE_SERVICE_WITH_DOSSIER": (with_dossier, services),
        "FORMALITY_PAYMENT_INTEGRATED": (having("fee_synced", fees), len(fees)),
        "FORMALITY_PAID_ONLINE": (having("paid_online", fees), len(fees)),
        "CITIZEN_DATA_CONNECTED_FORMALITY": (having("citizen_data", citizens), len(citizens)),
    }


def _of_petitions(world: World, units: set[str]) -> dict[str, Pair]:
    a = world.asked
    count = in_time = content = 0
    for said in world.of("petition").values():
        first = next((t for t in said if t.type == "petition.received"), None)
        if first is None or first.at >= a.until or (a.unit != world.root and first.data["unit"] not in units):
            continue
        answered: Millis | None = None
        unhappy = False
        for t in said:
            if t.type == "petition.answered" and answered is None:
                answered = t.at
            elif t.type == "petition.reopened":
                answered, unhappy = None, True
            elif t.type == "petition.disliked":
                unhappy = True
        open_until = a.until if answered is None else max(answered, first.at)
        carried = first.at < a.start
        if carried and (a.petitions == "accepted" or open_until < a.start):
            continue
        due = parse_rfc3339(first.data["due_at"]) if "due_at" in first.data else None
        moment = open_until if open_until < a.until else a.until - 1
        is_late = due is not None and moment > due
        count, in_time, content = count + 1, in_time + (not is_late), content + (not is_late and not unhappy)
    return {
        "PETITION_PROCESSING_ON_TIME": (in_time, count),
        "PETITION_HANDLING_SATISFACTION": (content, count),
    }


def _sync(world: World, dossiers: list[One], units: set[str]) -> Pair:
    a = world.asked
    new = [d for d in dossiers if d.accepted]
    synced = sum("synced" in d.has for d in new)

    def told(kind: str, period: str) -> float:
        said = [t.data for t in world.of("unit").get(a.unit, []) if t.type == f"unit.{kind}" and t.at < a.now]
        figures = [d["figures"]["accepted"] for d in said if d["period"] == period]
        return figures[-1] if figures else 0

    portal = told("portal_figures_received", a.period) or len(new)
    most = max(told("national_report_received", a.period), portal)
    if most:
        return synced, most
    parts = {"month": 12, "quarter": 4, "year": 1}.get(_span(a.period))
    if parts:
        year = str(int(a.period[:4]) - 1)
        total = max(told("national_report_received", year), told("portal_figures_received", year))
        first = ZONE.midnight((date(int(year), 1, 1) - date(1970, 1, 1)).days)
        last = ZONE.midnight((date(int(year) + 1, 1, 1) - date(1970, 1, 1)).days)
        whole = World(world.told, a._replace(start=first, until=last, known=None))
        counted = [d for d in _dossiers(whole) if d.accepted and (a.unit == world.root or d.unit in units)]
        if total or counted:
            return synced, (total or len(counted)) / parts
    return synced, 0


def _span(period: str) -> str:
    if "-Q" in period:
        return "quarter"
    return {4: "year", 7: "month"}.get(len(period), "")


def _content(world: World) -> Pair:
    at = min(world.asked.as_of, world.asked.now)
    public: dict[str, Any] = {}
    for code, said in world.of("procedure").items():
        if any(t.type == "procedure.publicised" and t.at < at for t in said):
            parts = [t.data["parts"] for t in said if "parts" in t.data and t.at < at]
            public[code] = parts[-1] if parts else None
    if public and all(p is None for p in public.values()):
        return None, None
    return sum(p is not None and set(p) >= PARTS for p in public.values()), len(public)


def _announcements(world: World) -> dict[str, Pair]:
    a = world.asked
    announced: dict[str, list[bool]] = {}
    owed: dict[str, list[bool]] = {}
    for code, said in world.of("procedure").items():
        for t in said:
            if t.type != "procedure.announced" or t.at >= a.until:
                continue
            day = _date(t.at)
            if t.at >= a.start and "effective_at" in t.data:
                effective = _date(parse_rfc3339(t.data["effective_at"]))
                announced.setdefault(code, []).append(day <= _worked(effective, -5))
            last = _worked(day, 5)
            if a.start < ZONE.midnight((last - date(1970, 1, 1)).days + 1) <= a.until:
                made = [_date(p.at) for p in said if p.type == "procedure.publicised" and p.at < a.until]
                owed.setdefault(code, []).append(any(day <= p <= last for p in made))
    return {
        "PUBLISH_ON_TIME": (sum(map(all, announced.values())), len(announced)),
        "PUBLIC_UPDATE_ON_TIME": (sum(map(all, owed.values())), len(owed)),
    }


def _date(at: Millis) -> date:
    return day_date(ZONE.day(at))


def _worked(day: date, days: int) -> date:
    """So many working days on, or back."""
    step = timedelta(1 if days > 0 else -1)
    for _ in range(abs(days)):
        day += step
        while day not in SWAPPED and (day.weekday() > 4 or day in HOLIDAYS):
            day += step
    return day
