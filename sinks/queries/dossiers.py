"""Dossiers in the store: rows, timelines, and which of them a question has to look at one by one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from domain.instants import Day, Millis
from domain.measures import FAMILIES, suffix
from domain.rows import DossierRow
from sinks.queries.reader import Reader, at, chunks, millis, on

_INSTANTS = frozenset(
    "known_at submitted_at accepted_at due_at due_at_original finished_at returned_at ended_at apology_at "
    "last_step_at last_fact_at".split()
)
_FIELDS = tuple(f for f in DossierRow.__struct_fields__ if f not in ("late_from", "booking_days"))


class Timed(NamedTuple):
    """A dossier's dimensions and timeline: all that judging it needs."""

    code: str
    unit: str
    procedure: str
    channel: str
    timeline: str


_TIMED = "dossier_code, unit, procedure, channel, timeline"


def dossier(reader: Reader, code: str, known_at: Millis | None = None) -> dict[str, Any] | None:
    """The row of a dossier (now, or the last one known before `known_at`), instants in milliseconds."""
    return next(iter(dossiers(reader, [code], known_at=known_at)), None)


def dossiers(reader: Reader, codes: Sequence[str], known_at: Millis | None = None) -> list[dict[str, Any]]:
    """The rows of these dossiers, in no order; those outside the reader's units are left out."""
    columns = ", ".join(millis(f) if f in _INSTANTS else f for f in _FIELDS)
    families = ", ".join(millis(f"late_from_{suffix(f)}") for f in FAMILIES)
    found = []
    for piece in chunks(codes):
        if known_at is None:
            sql = (
                f"SELECT {columns}, {families}, partition {reader.source('dossiers', 'dossier_code IN %(codes)s')}"
            )
        else:
            last = reader.source(
                "dossier_versions",
                "dossier_code IN %(codes)s",
                f"known_at < {at(known_at)}",
                final=False,
                scoped=False,
            )
            among = f"(dossier_code, version) IN (SELECT dossier_code, max(version) {last} GROUP BY dossier_code)"
            source = reader.source("dossier_versions", "dossier_code IN %(codes)s", among)
            sql = f"SELECT {columns}, {families}, partition {source}"
        for row in reader.rows(sql, codes=piece):
            n = len(_FIELDS)
            named = dict(zip(_FIELDS, row[:n], strict=True))
            found.append({**named, "late_from": tuple(row[n:-1]), "partition": row[-1]})
    return found


def timed(reader: Reader, codes: Sequence[str], procedure: str | None = None) -> Iterator[Timed]:
    """The timelines of these dossiers."""
    only = "" if procedure is None else "procedure = %(procedure)s"
    for piece in chunks(codes):
        sql = f"SELECT {_TIMED} {reader.source('dossiers', 'dossier_code IN %(codes)s', only)}"
        for row in reader.rows(sql, codes=piece, procedure=procedure):
            yield Timed(*row)


def page(
    reader: Reader, *where: str, after: str = "", limit: int = 1_000, procedure: str | None = None
) -> list[Timed]:
    """The next timelines in order of code, of the dossiers for which all of `where` holds."""
    only = "" if procedure is None else "procedure = %(procedure)s"
    source = reader.source("dossiers", "dossier_code > %(after)s", *where, only)
    sql = f"SELECT {_TIMED} {source} ORDER BY dossier_code LIMIT {int(limit)}"
    return [Timed(*row) for row in reader.rows(sql, after=after, procedure=procedure)]


def in_hand(start: Millis | None, until: Millis, *, by_last_end: bool = True) -> str:
    """A condition that every dossier in hand during [start, until) fulfils. `by_last_end` False for the
    reading in which 'stopped' is no end: there the last end says nothing."""
    accepted = f"accepted_at < {at(until)}"
    if start is None or not by_last_end:
        return accepted
    return f"{accepted} AND (is_open OR ended_at >= {at(start)})"


def open_at(reader: Reader, instant_ms: Millis, where: str) -> list[str]:
    """Codes of all dossiers that may have been open just before an instant and fulfil `where`: of those open
    now and unchanged since, the ones for which it holds; all open ones of which something later is said; and
    all whose last end came later. A superset: older versions of a row may speak."""
    later = f"last_fact_at >= {at(instant_ms)}"
    now_open = reader.source("open_dossiers", f"accepted_at < {at(instant_ms)}", f"({where}) OR {later}")
    ended = reader.source(
        "dossiers", f"ended_at >= {at(instant_ms)}", f"accepted_at < {at(instant_ms)}", final=False, scoped=False
    )
    sql = f"SELECT dossier_code {now_open} UNION DISTINCT SELECT dossier_code {ended}"
    return [row[0] for row in reader.rows(sql)]


def late_by(family: str, instant_ms: Millis) -> str:
    """A condition on open dossiers: late before an instant, unless something later changes it."""
    return f"late_from_{suffix(family)} < {at(instant_ms)}"


def due_within(start: Millis, end: Millis) -> str:
    """A condition on open dossiers: the due date in force lies in [start, end)."""
    return f"due_at >= {at(start)} AND due_at < {at(end)}"


def booked_after(reader: Reader, moment: Millis, tomorrow: Millis, limit: int) -> list[str]:
    """Codes of at most `limit` dossiers that may have a booking in [moment, tomorrow) (decisions 13): an open
    one that becomes late then, or one with a fact that late. A superset, judged afterwards on its current row."""
    sql = f"{_booked_after(reader, moment, tomorrow)} LIMIT {int(limit)}"
    return [row[0] for row in reader.rows(f"SELECT DISTINCT dossier_code FROM ({sql})")]


def count_booked_after(reader: Reader, moment: Millis, tomorrow: Millis) -> int:
    """How many `booked_after` would give without a limit."""
    sql = f"SELECT uniqExact(dossier_code) FROM ({_booked_after(reader, moment, tomorrow)})"
    return int(reader.rows(sql)[0][0])


def _booked_after(reader: Reader, moment: Millis, tomorrow: Millis) -> str:
    becoming = " OR ".join(
        f"(late_from_{suffix(f)} >= {at(moment)} AND late_from_{suffix(f)} < {at(tomorrow)})" for f in FAMILIES
    )
    ahead = f"last_fact_at >= {at(moment)} OR ended_at >= {at(moment)} OR accepted_at >= {at(moment)}"
    return f"""SELECT dossier_code FROM (
        SELECT dossier_code {reader.source("open_dossiers", becoming)}
        UNION ALL SELECT dossier_code {reader.source("dossiers", ahead, final=False, scoped=False)})"""


def booked_on(reader: Reader, day: Day) -> list[str]:
    """Codes of all dossiers that may have a booking on that day."""
    source = reader.source("dossiers", f"has(booking_days, {on(day)})", final=False, scoped=False)
    return [row[0] for row in reader.rows(f"SELECT DISTINCT dossier_code {source}")]


def count_booked_on(reader: Reader, day: Day) -> int:
    """About how many `booked_on` would give."""
    source = reader.source("dossiers", f"has(booking_days, {on(day)})", final=False, scoped=False)
    return int(reader.rows(f"SELECT count() {source}")[0][0])


def known(reader: Reader, known_at: Millis, per_statement: int = 200_000) -> Iterator[Timed]:
    """Every dossier as it was known before an instant, each from the last version known by then; in several
    statements when there are many, so that none needs much memory."""
    before = f"known_at < {at(known_at)}"
    source = reader.source("dossier_versions", before, final=False, scoped=False)
    shards = 1 + int(reader.rows(f"SELECT count() {source}")[0][0]) // per_statement
    for shard in range(shards):
        piece = f"modulo(cityHash64(dossier_code), {shards}) = {shard}"
        source = reader.source("dossier_versions", before, piece, final=False, scoped=False)
        sql = f"""
            SELECT dossier_code, argMax(tuple(unit, procedure, channel, timeline), version) {source}
            GROUP BY dossier_code"""
        for code, (unit, procedure, channel, timeline) in reader.rows(sql):
            if reader.units is None or unit in reader.units:
                yield Timed(code, unit, procedure, channel, timeline)


def open_counts(reader: Reader, now: Millis, tomorrow: Millis) -> dict[str, tuple[int, int, int, int]]:
    """Per unit, over the open dossiers of which nothing later than `now` is said: (open, late by the portal's
    rule, late without an apology, due in [now, tomorrow)). The others are those of `said_after`."""
    source = reader.source("open_dossiers", f"NOT ({_SAID_AFTER.format(at=at(now))})")
    late = f"late_from_766 < {at(now)}"
    sql = f"""
        SELECT unit, count(), countIf({late}), countIf({late} AND apology_at IS NULL),
               countIf(due_at >= {at(now)} AND due_at < {at(tomorrow)})
        {source} GROUP BY unit"""
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in reader.rows(sql)}


_SAID_AFTER = "last_fact_at >= {at} OR ifNull(accepted_at >= {at}, 0) OR ifNull(ended_at >= {at}, 0)"


def said_after(reader: Reader, moment: Millis) -> Iterator[Timed]:
    """Dossiers of which something from `moment` on is known already: a source's clock runs ahead, or the
    question's instant lies behind the log's."""
    later = _SAID_AFTER.format(at=at(moment))
    among = reader.source("dossiers", later, final=False, scoped=False)
    codes = [row[0] for row in reader.rows(f"SELECT DISTINCT dossier_code {among}")]
    for piece in chunks(codes):
        source = reader.source("dossiers", "dossier_code IN %(codes)s", later)
        for row in reader.rows(f"SELECT {_TIMED} {source}", codes=piece):
            yield Timed(*row)
