"""Sums of bookings: P(m, S) and P(m, E) of all measures, for all units or cuts, in one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.instants import Day, Millis, date_day, day_date
from domain.measures import ATTRIBUTES, FAMILIES, INDEX
from sinks.queries.reader import Reader, at, millis, on

Key = tuple[str, ...]
ALL_TIME: Day = -25_000
"""Before any day that the log can hold."""


@dataclass(slots=True)
class Sums:
    """The sums of one unit or cut, by measure: over instants < S, and over instants < E."""

    before: dict[str, int] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)

    def negative(self) -> "Sums":
        """The same, to be taken away."""
        return Sums({n: -v for n, v in self.before.items()}, {n: -v for n, v in self.until.items()})

    def add(self, other: "Sums") -> None:
        """Adds another's sums to these."""
        for mine, theirs in ((self.before, other.before), (self.until, other.until)):
            for name, value in theirs.items():
                mine[name] = mine.get(name, 0) + value


def unit_sums(
    reader: Reader,
    measures: Sequence[str],
    start: Day,
    until: Day,
    known_before: Day | None = None,
    known_from: Day | None = None,
) -> dict[Key, Sums]:
    """Per unit, from whole months and the days that remain; with `known_before`, only what had become known
    on days before that one, and from `known_from` on."""
    months, days, known = "month", "day", ""
    if known_before is not None:
        months, days = "month_known", "day_known"
        known = f"known_day < {on(known_before)}"
        known += "" if known_from is None else f" AND known_day >= {on(known_from)}"
    s, e = _month(start), _month(until)
    rest = (
        f"(day >= {on(s)} AND day < {on(start)})",
        f"(day >= {on(e)} AND day < {on(until)})",
    )
    whole = f"grain = '{months}'"
    cells = f"{whole} AND day < {on(max(s, e))} OR grain = '{days}' AND ({rest[0]} OR {rest[1]})"
    sql = f"""
        SELECT unit, sumForEachIf(`values`, if({whole}, day < {on(s)}, {rest[0]})),
            sumForEachIf(`values`, if({whole}, day < {on(e)}, {rest[1]}))
        {reader.source("unit_cells", cells, first=known)} GROUP BY unit"""
    return {
        (unit,): Sums(_named(measures, before), _named(measures, upto)) for unit, before, upto in reader.rows(sql)
    }


def cut_sums(
    reader: Reader,
    measures: Sequence[str],
    start: Day,
    until: Day,
    by: Sequence[str],
    procedure: str | None = None,
) -> dict[Key, Sums]:
    """Per unit, procedure or channel (`by`), from the finest cells: slower, they are many."""
    keys = ", ".join(by)
    sql = f"""
        SELECT {keys}, {_sums(measures)} FROM (
            SELECT {keys}, day < {on(start)} AS b, 1 AS u, {", ".join(f"`{m}`" for m in measures)}
            {reader.source("cells", f"day < {on(until)}", _only(procedure))}
        ) GROUP BY {keys}"""
    found = reader.rows(sql, procedure=procedure)
    return {tuple(row[: len(by)]): _row(measures, row[len(by) :]) for row in found}


def day_sums(reader: Reader, measures: Sequence[str], start: Day, until: Day) -> dict[Day, dict[str, int]]:
    """What is booked on each day of [start, until), over all the reader's units."""
    source = reader.source("unit_cells", "grain = 'day'", f"day >= {on(start)} AND day < {on(until)}")
    rows = reader.rows(f"SELECT toInt32(day) AS d, sumForEach(`values`) {source} GROUP BY d")
    return {day: _named(measures, values) for day, values in rows}


def recalls(
    reader: Reader,
    start: Millis | None,
    until: Millis,
    *,
    by: Sequence[str],
    known_at: Millis | None = None,
    procedure: str | None = None,
    apart: Millis | None = None,
) -> list[tuple[Key, bool, Millis, Millis, int, int, bool, bool, int, int]]:
    """Re-openings with out ≥ start and re-entry < until: (key, stopped_open, out_at, in_at, ok, early, undated,
    unhappy, attributes, how many), equal ones together unless `by` is empty: without their instants, but for a
    re-entry from `apart` on.

    All versions are kept; the last one known before `known_at` counts, under the unit it names.
    """
    exact = not by
    inner = reader.source(
        "recalls",
        "" if start is None else f"out_at >= {at(start)}",
        f"in_at < {at(until)}",
        "" if known_at is None else f"known_at < {at(known_at)}",
        final=False,
        scoped=False,
    )
    columns = ("unit", "procedure", "channel", "ok", "early", "undated", "unhappy", "attributes", "gone")
    unpacked = ", ".join(f"tupleElement(last, {n}) AS {c}_" for n, c in enumerate(columns, 1))
    scope = "" if reader.units is None else ("AND unit_ IN %(scope_units)s" if reader.units else "AND 0")
    if procedure is not None:
        scope += " AND procedure_ = %(procedure)s"
    later = "0" if apart is None else f"if(in_at < {at(apart)}, 0, {millis('in_at')})"
    times = f"{millis('out_at')}, {millis('in_at')}" if exact else f"0 AS o, {later} AS i"
    keys = "".join(f"{k}_, " for k in by)
    flags = "stopped_open, ok_, early_, undated_, unhappy_, attributes_"
    count = "1" if exact else "count()"
    sql = f"""
        SELECT {keys}stopped_open, {times}, ok_, early_, undated_, unhappy_, attributes_, {count} FROM (
            SELECT dossier_code, stopped_open, out_at, in_at, {unpacked} FROM (
                SELECT dossier_code, stopped_open, out_at, in_at,
                       argMax(tuple({", ".join(columns)}), version) AS last
                {inner} GROUP BY dossier_code, stopped_open, out_at, in_at)
        ) WHERE NOT gone_ {scope} {"" if exact else f"GROUP BY {keys}i, {flags}"}"""
    n = len(by)
    return [(tuple(row[:n]), *row[n:]) for row in reader.rows(sql, procedure=procedure)]


def recall_bits(family: str) -> int:
    """The bit of a rule family in the masks of recalls."""
    return 1 << FAMILIES.index(family)


def attribute_bits() -> tuple[tuple[str, int], ...]:
    """The attributes and their bits in masks."""
    return tuple((x, 1 << n) for n, x in enumerate(ATTRIBUTES))


def _sums(measures: Sequence[str]) -> str:
    return ", ".join(f"sumIf(`{m}`, b), sumIf(`{m}`, u)" for m in measures)


def _row(measures: Sequence[str], values: Sequence[int]) -> Sums:
    return Sums(
        dict(zip(measures, values[0::2], strict=True)),
        dict(zip(measures, values[1::2], strict=True)),
    )


def _named(measures: Sequence[str], values: Sequence[int]) -> dict[str, int]:
    """Of sums in the order of MEASURES, the wanted ones by name; none were booked where there are no rows, or of
    a measure that is younger than the generation."""
    return {m: values[INDEX[m]] if INDEX[m] < len(values) else 0 for m in measures}


def _only(procedure: str | None) -> str:
    return "" if procedure is None else "procedure = %(procedure)s"


def _month(day: Day) -> Day:
    return date_day(day_date(day).replace(day=1))
