"""P(m, S) and P(m, E) for units and cuts, exact to the millisecond, now or as known at an instant.

Three ways: sums of cells, plus, for an end inside a day, the bookings that make it exact; for units as known at an
instant, `known_sums`; and for finer cuts as known at an instant every dossier's version of then, judged by the
functions that made the cells.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from api.figures.context import FigureContext
from api.figures.known_sums import known_totals
from api.figures.totals import Dimensions, Grain, Totals, sums_of
from domain.bookings import Booking, book
from domain.instants import Millis
from domain.measures import ATTRIBUTES, FAMILIES, INDEX, MEASURES, suffix
from domain.petition import Petition, book_petition
from domain.timeline import decode_timeline
from sinks.queries import dossiers, reference
from sinks.queries.dossiers import Timed
from sinks.queries.reader import Reader
from sinks.queries.sums import ALL_TIME, Key, Sums, cut_sums, recalls, unit_sums

FEW = 2_000
"""So many dossiers are looked at one by one without asking whether another way has fewer."""


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
        if grain.by != ("unit",) or grain.procedure is not None:
            return _from_versions(ctx, reader, grain)
        found = known_totals(ctx, reader, grain, measures_of(grain.family))
        _add_recalls(ctx, reader, grain, found)
        return found
    found = {}
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
    _add_recalls(ctx, reader, grain, found)
    return found


def _cells(ctx: FigureContext, reader: Reader, grain: Grain, until_day: int) -> dict[Key, Sums]:
    measures = measures_of(grain.family)
    start = ALL_TIME if grain.start is None else ctx.zone.day(grain.start)
    if grain.by == ("unit",) and grain.procedure is None:
        asked = ctx.asked(reader)
        key = "unit sums", asked.units, grain.family, start, until_day
        return sums_of(reader, ctx.standing(key, lambda: unit_sums(asked, measures, start, until_day)))
    return cut_sums(reader, measures, start, until_day, grain.by, grain.procedure)


def within_day(
    ctx: FigureContext, reader: Reader, grain: Grain
) -> tuple[int, Iterator[tuple[Dimensions, Booking, int]]]:
    """For an end inside a day: the day up to which cells are summed, and the bookings that make it exact, each
    with +1 or −1.

    Either the day is left out and what was booked on it before the end is added, or it is counted whole and
    what is booked from the end on is taken away. The second looks at few dossiers one by one when the end is
    `now` (decisions 13: nothing but due moments lies ahead, and these are counted by one statement), the first
    when it is long past; whichever has fewer candidates is taken, and both are exact.
    """
    zone, until = ctx.zone, grain.until
    day = zone.day(until)
    tomorrow = zone.midnight(day + 1)
    few = said_from(ctx, until)
    codes: list[str] = []
    subtract = few is not None
    if few is None:
        subtract = dossiers.count_said_from(reader, until) <= dossiers.count_booked_on(reader, day)
        codes = dossiers.said_from(reader, until) if subtract else dossiers.booked_on(reader, day)
    low, high = (until, tomorrow) if subtract else (zone.midnight(day), until)

    def found() -> Iterator[tuple[Dimensions, Booking, int]]:
        sign = -1 if subtract else 1
        if subtract:
            yield from _becoming_late(ctx, reader, grain, low, high)
        named = dossiers.timed(reader, codes, grain.procedure) if few is None else _chosen(reader, grain, few)
        for d in named:
            for entry in book(decode_timeline(d.timeline), zone).entries:
                if low <= entry[0] < high:
                    yield (d.unit, d.procedure, d.channel), entry, sign
        if grain.procedure is None and grain.petitions:
            for unit, entry in _petition_entries(ctx, reader, low, high):
                yield (unit, "", ""), entry, sign

    return (day + 1 if subtract else day), found()


def said_from(ctx: FigureContext, moment: Millis) -> list[Timed] | None:
    """The dossiers of which something from an instant on is said, of all units; None where they are more than FEW.
    Those of an earlier instant of its day tell it, so that a clock that goes on asks once."""

    def made() -> tuple[Millis, list[tuple[Millis, Timed]] | None]:
        codes = dossiers.said_from(ctx.everything, moment, FEW + 1)
        return moment, [*dossiers.said(ctx.everything, codes, moment)] if len(codes) <= FEW else None

    since, listed = ctx.standing(("said from", ctx.zone.day(moment)), made)
    if since > moment:
        since, listed = ctx.standing(("said from exactly", moment), made)
    return None if listed is None else [d for last, d in listed if last >= moment]


def _chosen(reader: Reader, grain: Grain, listed: Iterable[Timed]) -> Iterator[Timed]:
    for d in listed:
        if reader.includes(d.unit) and grain.procedure in (None, d.procedure):
            yield d


def _becoming_late(
    ctx: FigureContext, reader: Reader, grain: Grain, low: Millis, high: Millis
) -> Iterator[tuple[Dimensions, Booking, int]]:
    """What lies ahead of dossiers of which nothing more is said, taken away; by the date nothing changes inside a
    day."""
    if grain.family.startswith("06a"):
        return
    late, unhappy = (INDEX[f"{name}_{suffix(grain.family)}"] for name in ("late_open", "late_unhappy"))
    if grain.by == ("unit",) and grain.procedure is None:
        for unit, count, of_unhappy in _coming_late(ctx, reader, grain.family, low, high):
            yield (unit, "", ""), (low, late, count), -1
            yield (unit, "", ""), (low, unhappy, of_unhappy), -1
        return
    for *key, count, of_unhappy in dossiers.becoming_late(
        reader, grain.family, low, high, grain.by, grain.procedure
    ):
        named = dict(zip(grain.by, key, strict=True))
        dimensions = (named.get("unit", ""), named.get("procedure", ""), named.get("channel", ""))
        yield dimensions, (low, late, count), -1
        yield dimensions, (low, unhappy, of_unhappy), -1


def _coming_late(
    ctx: FigureContext, reader: Reader, family: str, low: Millis, high: Millis
) -> Iterator[tuple[str, int, int]]:
    """(unit, how many, how many of them unhappy) that become late in [low, high), from what stands ahead of an
    earlier instant of that day."""

    def made() -> tuple[Millis, list[tuple[Millis, Millis, str, int, int]]]:
        return low, dossiers.coming_late(ctx.everything, family, low, high)

    since, listed = ctx.standing(("coming late", family, high), made)
    if since > low:
        since, listed = ctx.standing(("coming late exactly", family, low, high), made)
    for late, last_fact, unit, count, of_unhappy in listed:
        if low <= late and last_fact < low and reader.includes(unit):
            yield unit, count, of_unhappy


def _petition_entries(
    ctx: FigureContext, reader: Reader, low: Millis, high: Millis
) -> Iterator[tuple[str, Booking]]:
    day = ctx.zone.day(low)
    first, last = ctx.zone.midnight(day) - 1, ctx.zone.midnight(day + 1)
    rows = ctx.standing(
        ("petitions of a day", day), lambda: reference.petitions_within(ctx.everything, first, last)
    )
    for row in rows:
        if reader.includes(row["unit"]):
            known = {n: row[n] for n in ("received_at", "due_at", "answered_at", "unhappy")}
            for entry in book_petition(Petition(**known)):
                if low <= entry[0] < high:
                    yield row["unit"], entry


def _add_recalls(ctx: FigureContext, reader: Reader, grain: Grain, found: dict[Key, Totals]) -> None:
    """By unit: those of the whole last day are read, the ones in it with their instants."""
    start, known_at = grain.start, grain.known_at
    if grain.by == ("unit",) and grain.procedure is None:
        asked, day = ctx.asked(reader), ctx.zone.day(grain.until - 1)
        apart, end = ctx.zone.midnight(day), ctx.zone.midnight(day + 1)

        def made() -> list[Any]:
            return recalls(asked, start, end, by=grain.by, known_at=known_at, apart=apart)

        key = "recalls", asked.units, start, day, known_at
        rows = ctx.standing(key, made) if known_at is None else ctx.settled(known_at, key, made)
    else:
        rows = recalls(reader, start, grain.until, by=grain.by, known_at=known_at, procedure=grain.procedure)
    for key, stopped_open, _, in_at, ok, early, undated, unhappy, attributes, n in rows:
        if in_at < grain.until and (grain.by != ("unit",) or reader.includes(key[0])):
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
