"""P(m, S) and P(m, E) for units and cuts, exact to the millisecond, now or as known at an instant.

Three ways, the first that can answer: sums of cells (whole days, whole knowledge days); the same plus, for an end
inside a day, the bookings of that day one by one; and, for what was known inside a day, every dossier's
version of then, judged by the functions that made the cells.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from api.figures.context import FigureContext
from domain.algebra import Recalled
from domain.bookings import Booking, book
from domain.instants import Millis
from domain.measures import ATTRIBUTES, FAMILIES, MEASURES, suffix
from domain.petition import Petition, book_petition
from domain.timeline import decode_timeline
from sinks.queries import dossiers, reference
from sinks.queries.reader import Reader
from sinks.queries.sums import ALL_TIME, Key, Sums, cut_sums, recalls, unit_sums

FEW = 2_000
"""So many dossiers are looked at one by one without asking whether another way has fewer."""
_PLACES = {"unit": 0, "procedure": 1, "channel": 2}
Dimensions = tuple[str, str, str]
"""(unit, procedure, channel)."""


@dataclass(frozen=True, slots=True)
class Grain:
    """What is summed: [start, until) as known, per unit, procedure or channel, perhaps of one procedure only.
    `start` None means from the beginning of all time, so that P(m, S) is nothing."""

    start: Millis | None
    until: Millis
    family: str
    known_at: Millis | None = None
    by: tuple[str, ...] = ("unit",)
    procedure: str | None = None

    def key(self, dimensions: Dimensions) -> Key:
        """The cut that a dossier of these dimensions belongs to."""
        return tuple(dimensions[_PLACES[name]] for name in self.by)


@dataclass(slots=True)
class Totals:
    """The sums of one cut, and its recalls."""

    sums: Sums = field(default_factory=Sums)
    recalled: dict[str, int] = field(default_factory=dict)
    without_petitions: bool = False

    def add(self, other: "Totals") -> None:
        """Adds another's to these."""
        self.sums.add(other.sums)
        for name, value in other.recalled.items():
            self.recalled[name] = self.recalled.get(name, 0) + value
        self.without_petitions = self.without_petitions or other.without_petitions

    def as_recalled(self) -> Recalled:
        """The recalls as the algebra wants them."""
        r = self.recalled
        return Recalled(
            r.get("all", 0),
            r.get("ok", 0),
            r.get("good", 0),
            r.get("early", 0),
            r.get("undated", 0),
            {x: r.get(f"has:{x}", 0) for x in ATTRIBUTES},
        )


@lru_cache(maxsize=8)
def measures_of(family: str) -> tuple[str, ...]:
    """The measures that the quantities of a rule family are made of."""
    families = sorted((suffix(f) for f in FAMILIES), key=len, reverse=True)

    def owner(measure: str) -> str | None:
        return next((f for f in families if measure.endswith(f"_{f}")), None)

    return tuple(m for m in MEASURES if owner(m) in (None, suffix(family)))


def totals_by(ctx: FigureContext, reader: Reader, grain: Grain) -> dict[Key, Totals]:
    """The totals of every cut that has any, over the reader's units."""
    zone = ctx.zone
    whole_day = grain.until == zone.midnight(zone.day(grain.until))
    if grain.known_at is not None:
        by_day = whole_day and grain.known_at == zone.midnight(zone.day(grain.known_at))
        if not by_day or grain.by != ("unit",) or grain.procedure is not None:
            return _from_versions(ctx, reader, grain)
    found: dict[Key, Totals] = {}
    entries: Iterable[tuple[Dimensions, Booking, int]] = ()
    until_day = zone.day(grain.until)
    if not whole_day:
        until_day, entries = within_day(ctx, reader, grain)
    for key, sums in _cells(ctx, reader, grain, until_day).items():
        found[key] = Totals(sums)
    for dimensions, (_, measure, value), sign in entries:
        totals = found.setdefault(grain.key(dimensions), Totals())
        name = MEASURES[measure]
        totals.sums.until[name] = totals.sums.until.get(name, 0) + sign * value
    _add_recalls(reader, grain, found)
    return found


def _cells(ctx: FigureContext, reader: Reader, grain: Grain, until_day: int) -> dict[Key, Sums]:
    measures = measures_of(grain.family)
    start = ALL_TIME if grain.start is None else ctx.zone.day(grain.start)
    if grain.by == ("unit",) and grain.procedure is None:
        known = None if grain.known_at is None else ctx.zone.day(grain.known_at)
        return unit_sums(reader, measures, start, until_day, known)
    return cut_sums(reader, measures, start, until_day, grain.by, grain.procedure)


def within_day(
    ctx: FigureContext, reader: Reader, grain: Grain
) -> tuple[int, Iterator[tuple[Dimensions, Booking, int]]]:
    """For an end inside a day: the day up to which cells are summed, and the bookings that make it exact, each
    with +1 or −1.

    Either the day is left out and what was booked on it before the end is added, or it is counted whole and
    what is booked from the end on is taken away. The second looks at few dossiers when the end is `now`
    (decisions 13: nothing but due moments lies ahead), the first when it is long past; whichever has fewer
    candidates is taken, and both are exact.
    """
    zone, until = ctx.zone, grain.until
    day = zone.day(until)
    tomorrow = zone.midnight(day + 1)
    codes = dossiers.booked_after(reader, until, tomorrow, FEW + 1)
    subtract = len(codes) <= FEW
    if not subtract:
        after = dossiers.count_booked_after(reader, until, tomorrow)
        subtract = after <= dossiers.count_booked_on(reader, day)
        codes = (
            dossiers.booked_after(reader, until, tomorrow, after) if subtract else dossiers.booked_on(reader, day)
        )
    low, high = (until, tomorrow) if subtract else (zone.midnight(day), until)

    def found() -> Iterator[tuple[Dimensions, Booking, int]]:
        sign = -1 if subtract else 1
        for d in dossiers.timed(reader, codes, grain.procedure):
            for entry in book(decode_timeline(d.timeline), zone).entries:
                if low <= entry[0] < high:
                    yield (d.unit, d.procedure, d.channel), entry, sign
        if grain.procedure is None:
            for unit, entry in _petition_entries(reader, low, high):
                yield (unit, "", ""), entry, sign

    return (day + 1 if subtract else day), found()


def _petition_entries(reader: Reader, low: Millis, high: Millis) -> Iterator[tuple[str, Booking]]:
    for row in reference.petitions_within(reader, low - 1, high):
        known = {n: row[n] for n in ("received_at", "due_at", "answered_at", "unhappy")}
        for entry in book_petition(Petition(**known)):
            if low <= entry[0] < high:
                yield row["unit"], entry


def _add_recalls(reader: Reader, grain: Grain, found: dict[Key, Totals]) -> None:
    rows = recalls(
        reader, grain.start, grain.until, by=grain.by, known_at=grain.known_at, procedure=grain.procedure
    )
    for key, stopped_open, _, _, ok, early, undated, unhappy, attributes, n in rows:
        counts = found.setdefault(key, Totals()).recalled
        count_recall(counts, grain.family, stopped_open, ok, early, undated, unhappy, attributes, n)


def count_recall(
    counts: dict[str, int],
    family: str,
    stopped_open: bool,
    ok: int,
    early: int,
    undated: bool,
    unhappy: bool,
    attributes: int,
    n: int = 1,
) -> None:
    """Counts `n` equal re-openings under a rule family; attributes and undated follow the usual stays."""
    bit = 1 << FAMILIES.index(family)
    flags: dict[str, bool] = {}
    if stopped_open == (family == "06a-stopped-open"):
        flags |= {"all": True, "ok": bool(ok & bit), "good": bool(ok & bit) and not unhappy}
        flags["early"] = bool(early & bit)
    if not stopped_open:
        flags |= {f"has:{x}": bool(attributes >> p & 1) for p, x in enumerate(ATTRIBUTES)}
        flags["undated"] = undated
    for name, holds in flags.items():
        if holds:
            counts[name] = counts.get(name, 0) + n


def _from_versions(ctx: FigureContext, reader: Reader, grain: Grain) -> dict[Key, Totals]:
    """Every dossier as it was known then, judged by the functions that made the cells. Petitions keep no past
    versions: their quantities are unknown here."""
    assert grain.known_at is not None
    found: dict[Key, Totals] = {}
    for d in dossiers.known(reader, grain.known_at):
        if grain.procedure is not None and d.procedure != grain.procedure:
            continue
        one = judged(ctx, d.timeline, grain)
        found.setdefault(grain.key((d.unit, d.procedure, d.channel)), Totals(without_petitions=True)).add(one)
    return found


def judged(ctx: FigureContext, timeline: str, grain: Grain) -> Totals:
    """The sums of one dossier alone, from its timeline."""
    booked = book(decode_timeline(timeline), ctx.zone)
    one = Totals()
    for at, measure, value in booked.entries:
        name = MEASURES[measure]
        if grain.start is not None and at < grain.start:
            one.sums.before[name] = one.sums.before.get(name, 0) + value
        if at < grain.until:
            one.sums.until[name] = one.sums.until.get(name, 0) + value
    for r in booked.recalls:
        if (grain.start is None or r.out_at >= grain.start) and r.in_at < grain.until:
            count_recall(
                one.recalled, grain.family, r.stopped_open, r.ok, r.early, r.undated, r.unhappy, r.attributes
            )
    return one


def summed(found: dict[Key, Totals], keys: Iterable[Key] | None = None) -> Totals:
    """The totals of several cuts together; all of them when none are named."""
    whole = Totals()
    chosen: Sequence[Totals] = list(found.values()) if keys is None else [found[k] for k in keys if k in found]
    for one in chosen:
        whole.add(one)
    return whole
