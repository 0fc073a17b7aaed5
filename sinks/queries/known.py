"""What was known inside a day: which dossiers changed then, and as what they stood before and after."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.instants import Day, Millis
from domain.measures import suffix
from sinks.queries.dossiers import Timed, booked_within
from sinks.queries.reader import Reader, at, chunks, millis

PER_STATEMENT = 200_000
_STOOD = "unit, procedure, channel, timeline"
Stood = tuple[str, str, str, str]


class Ahead(NamedTuple):
    """A dossier as it was known: when it becomes late in the asked stretch (0: not), and its last fact."""

    code: str
    unit: str
    unhappy: bool
    late_from: Millis
    last_fact_at: Millis


def count_changed(reader: Reader, low: Millis, middle: Millis, high: Millis) -> tuple[int, int]:
    """How many versions became known in [low, middle) and in [middle, high)."""
    source = reader.source(
        "dossier_versions", f"known_at >= {at(low)}", f"known_at < {at(high)}", final=False, scoped=False
    )
    ((before, whole),) = reader.rows(f"SELECT countIf(known_at < {at(middle)}), count() {source}")
    return int(before), int(whole) - int(before)


def changed(
    reader: Reader, low: Millis, high: Millis, versions: int
) -> Iterator[tuple[Timed | None, Timed | None]]:
    """(as known before `low`, as known before `high`) of every dossier whose unit or timeline changed between,
    None where it was not known. `versions` is what `count_changed` said; many are read in several statements."""
    shards = 1 + versions // PER_STATEMENT
    among = reader.source(
        "dossier_versions", f"known_at >= {at(low)}", f"known_at < {at(high)}", final=False, scoped=False
    )
    for shard in range(shards):
        piece = f"modulo(cityHash64(dossier_code), {shards}) = {shard}"
        source = reader.source(
            "dossier_versions",
            f"known_at < {at(high)}",
            f"dossier_code IN (SELECT dossier_code {among} AND {piece})",
            final=False,
            scoped=False,
        )
        scope = ""
        if reader.units is not None:
            scope = "AND (before.1 IN %(scope_units)s OR after.1 IN %(scope_units)s)" if reader.units else "AND 0"
        sql = f"""
            SELECT dossier_code, argMaxIf(tuple({_STOOD}), version, known_at < {at(low)}) AS before,
                   argMax(tuple({_STOOD}), version) AS after
            {source} GROUP BY dossier_code HAVING before != after {scope}"""
        for code, before, after in reader.rows(sql):
            yield _timed(reader, code, before), _timed(reader, code, after)


def _timed(reader: Reader, code: str, stood: Stood) -> Timed | None:
    seen = stood[3] != "" and reader.includes(stood[0])
    return Timed(code, *stood) if seen else None


def ahead(reader: Reader, family: str, day: Day, low: Millis, high: Millis, known_at: Millis) -> list[Ahead]:
    """The dossiers that may have a booking in [low, high), a stretch of that day, as known before an instant: they
    become late in it, or something from its beginning on was said already."""
    late, becoming = "0", "0"
    if not family.startswith("06a"):  # by the date nothing changes inside a day
        column = f"late_from_{suffix(family)}"
        becoming = f"ifNull({column} >= {at(low)} AND {column} < {at(high)}, 0)"
        late = f"if({becoming}, assumeNotNull({millis(column)}), 0)"
    said = f"last_fact_at >= {at(low)}"
    known = f"known_at < {at(known_at)}"
    among = reader.source(
        "dossier_versions", known, booked_within(day), f"{becoming} OR {said}", final=False, scoped=False
    )
    source = reader.source(
        "dossier_versions", known, f"dossier_code IN (SELECT dossier_code {among})", final=False, scoped=False
    )
    sql = f"""
        SELECT dossier_code, last.1, last.2, last.3, last.4 FROM (
            SELECT dossier_code,
                   argMax(tuple(unit, unhappy, toInt64({late}), {millis("last_fact_at")}), version) AS last
            {source} GROUP BY dossier_code
        ) WHERE last.3 != 0 OR last.4 >= {int(low)}"""
    return [
        Ahead(code, unit, bool(unhappy), late_from, last_fact)
        for code, unit, unhappy, late_from, last_fact in reader.rows(sql)
        if reader.includes(unit)
    ]


def stood(reader: Reader, codes: Sequence[str], known_at: Millis) -> Iterator[Timed]:
    """These dossiers as known before an instant."""
    for piece in chunks(codes):
        source = reader.source(
            "dossier_versions",
            f"known_at < {at(known_at)}",
            "dossier_code IN %(codes)s",
            final=False,
            scoped=False,
        )
        sql = f"SELECT dossier_code, argMax(tuple({_STOOD}), version) {source} GROUP BY dossier_code"
        for code, last in reader.rows(sql, codes=piece):
            yield Timed(code, *last)
