"""Dossiers in the store: rows, timelines, and which of them a question has to look at one by one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from domain.instants import Day, Millis
from domain.measures import FAMILIES, suffix
from domain.rows import DossierRow
from sinks.queries.reader import Reader, at, chunks, millis

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
            # The last version of each row is picked here: over so few rows FINAL costs twice as much.
            source = reader.source("dossiers", final=False, scoped=False, first="dossier_code IN %(codes)s")
            last = "ORDER BY version DESC LIMIT 1 BY dossier_code"
            sql = f"SELECT {columns}, {families}, partition {source} {last}"
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
            if reader.includes(named["unit"]):
                found.append({**named, "late_from": tuple(row[n:-1]), "partition": row[-1]})
    return found


_LINE = (
    "dossier_code unit procedure channel status accepted_at due_at due_at_original ended_at apology_at paused "
    "step office findings timeline"
).split()


def lines(reader: Reader, codes: Sequence[str], *, are_open: bool) -> list[dict[str, Any]]:
    """What a list shows of these dossiers, in no order; `are_open`: of those open now, from the small table."""
    columns = ", ".join(millis(f) if f in _INSTANTS else f for f in _LINE)
    source = reader.source("open_dossiers" if are_open else "dossiers", first="dossier_code IN %(codes)s")
    found = []
    for piece in chunks(codes):
        found += reader.rows(f"SELECT {columns} {source}", codes=piece)
    return [dict(zip(_LINE, row, strict=True)) for row in found]


def timed(reader: Reader, codes: Sequence[str], procedure: str | None = None) -> Iterator[Timed]:
    """The timelines of these dossiers."""
    only = "" if procedure is None else "procedure = %(procedure)s"
    for piece in chunks(codes):
        sql = f"SELECT {_TIMED} {reader.source('dossiers', only, first='dossier_code IN %(codes)s')}"
        for row in reader.rows(sql, codes=piece, procedure=procedure):
            yield Timed(*row)


def said(reader: Reader, codes: Sequence[str], moment: Millis) -> Iterator[tuple[Millis, Timed]]:
    """(last fact, timeline) of those of these dossiers of which something from `moment` on is said."""
    for piece in chunks(codes):
        source = reader.source("dossiers", _said_from(moment), first="dossier_code IN %(codes)s")
        for last, *row in reader.rows(f"SELECT {millis('last_fact_at')}, {_TIMED} {source}", codes=piece):
            yield last, Timed(*row)


def page(
    reader: Reader, *where: str, after: str = "", limit: int = 1_000, procedure: str | None = None
) -> list[Timed]:
    """The next timelines in order of code, of the dossiers for which all of `where` holds."""
    only = "" if procedure is None else "procedure = %(procedure)s"
    source = reader.source("dossiers", "dossier_code > %(after)s", *where, only)
    sql = f"SELECT {_TIMED} {source} ORDER BY dossier_code LIMIT {int(limit)}"
    return [Timed(*row) for row in reader.rows(sql, after=after, procedure=procedure)]


def pages(reader: Reader, *where: str, after: str = "", size: int = 5_000) -> Iterator[list[Timed]]:
    """All of them, page after page."""
    while found := page(reader, *where, after=after, limit=size):
        yield found
        if len(found) < size:
            return
        after = found[-1].code


def in_hand(start: Millis | None, until: Millis, *, by_last_end: bool = True) -> str:
    """A condition that every dossier in hand during [start, until) fulfils. `by_last_end` False for the
    reading in which 'stopped' is no end: there the last end says nothing."""
    accepted = f"accepted_at < {at(until)}"
    if start is None or not by_last_end:
        return accepted
    return f"{accepted} AND (is_open OR ended_at >= {at(start)})"


def open_at(reader: Reader, instant_ms: Millis, where: str) -> list[str]:
    """Codes of all dossiers that may have been open just before an instant and fulfil `where`: of those open
    now and unchanged since, the ones for which it holds; and all of which something later is said. A superset:
    older versions of a row may speak."""
    now_open = reader.source(
        "open_dossiers", f"accepted_at < {at(instant_ms)}", where, f"last_fact_at < {at(instant_ms)}"
    )
    source = reader.source(
        "dossiers", _said_from(instant_ms), f"accepted_at < {at(instant_ms)}", final=False, scoped=False
    )
    sql = f"SELECT dossier_code {now_open} UNION DISTINCT SELECT dossier_code {source}"
    return [row[0] for row in reader.rows(sql)]


def due_within(start: Millis, end: Millis) -> str:
    """A condition on open dossiers: the due date in force lies in [start, end)."""
    return f"due_at >= {at(start)} AND due_at < {at(end)}"


def becoming_late(
    reader: Reader,
    family: str,
    low: Millis,
    high: Millis,
    by: Sequence[str],
    procedure: str | None = None,
) -> list[tuple[Any, ...]]:
    """(*by, how many, how many of them unhappy): open dossiers of which nothing from `low` on is said and which
    become late in [low, high) under a family. That is all that lies ahead of them then (decisions 13): without
    a further fact 'open and late' changes once at most, at `late_from`."""
    start = f"late_from_{suffix(family)}"
    only = "" if procedure is None else "procedure = %(procedure)s"
    source = reader.source(
        "open_dossiers", f"{start} >= {at(low)} AND {start} < {at(high)}", f"last_fact_at < {at(low)}", only
    )
    keys = ", ".join(by)
    return reader.rows(f"SELECT {keys}, count(), countIf(unhappy) {source} GROUP BY {keys}", procedure=procedure)


def coming_late(
    reader: Reader, family: str, low: Millis, high: Millis
) -> list[tuple[Millis, Millis, str, int, int]]:
    """(instant, last fact where it is not before `low`, unit, how many, how many of them unhappy): open dossiers
    that become late in [low, high), by instant; what `becoming_late` counts for any `low` of that day."""
    start = f"late_from_{suffix(family)}"
    source = reader.source("open_dossiers", f"{start} >= {at(low)} AND {start} < {at(high)}")
    fact = f"if(last_fact_at < {at(low)}, 0, {millis('last_fact_at')})"
    return [
        (row[0], row[1], row[2], row[3], row[4])
        for row in reader.rows(
            f"SELECT {millis(f'assumeNotNull({start})')} AS late, {fact} AS fact, unit, count(), countIf(unhappy)"
            f" {source} GROUP BY late, fact, unit"
        )
    ]


def said_from(
    reader: Reader, moment: Millis, limit: int | None = None, accepted_before: Millis | None = None
) -> list[str]:
    """Codes of the dossiers of which something from `moment` on is said (at most `limit`): a superset, older
    versions of a row may speak. No stay begins or ends after the last fact."""
    accepted = "" if accepted_before is None else f"accepted_at < {at(accepted_before)}"
    source = reader.source("dossiers", _said_from(moment), accepted, final=False, scoped=False)
    most = "" if limit is None else f" LIMIT {int(limit)}"
    return [row[0] for row in reader.rows(f"SELECT DISTINCT dossier_code {source}{most}")]


def count_said_from(reader: Reader, moment: Millis) -> int:
    """About how many `said_from` would give without a limit."""
    source = reader.source("dossiers", _said_from(moment), final=False, scoped=False)
    return int(reader.rows(f"SELECT count() {source}")[0][0])


def _said_from(moment: Millis) -> str:
    return f"last_fact_at >= {at(moment)}"


def booked_within(day: Day) -> str:
    """A condition: a booking on that day. In the words of the index over it (migration 6)."""
    return f"has(arrayMap(d -> toInt32(d), booking_days), toInt32({int(day)}))"


def booked_on(reader: Reader, day: Day) -> list[str]:
    """Codes of all dossiers that may have a booking on that day."""
    source = reader.source("dossiers", booked_within(day), final=False, scoped=False)
    return [row[0] for row in reader.rows(f"SELECT DISTINCT dossier_code {source}")]


def count_booked_on(reader: Reader, day: Day) -> int:
    """About how many `booked_on` would give."""
    source = reader.source("dossiers", booked_within(day), final=False, scoped=False)
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
            if reader.includes(unit):
                yield Timed(code, unit, procedure, channel, timeline)


def open_counts(reader: Reader, now: Millis, tomorrow: Millis) -> dict[str, tuple[int, int, int, int]]:
    """Per unit, over the open dossiers of which nothing later than `now` is said: (open, late by the portal's
    rule, late without an apology, due in [now, tomorrow)). The others are those of `said_after`."""
    source = reader.source("open_dossiers", f"last_fact_at < {at(now)}")
    late = f"late_from_766 < {at(now)}"
    sql = f"""
        SELECT unit, count(), countIf({late}), countIf({late} AND apology_at IS NULL),
               countIf(due_at >= {at(now)} AND due_at < {at(tomorrow)})
        {source} GROUP BY unit"""
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in reader.rows(sql)}


def said_after(reader: Reader, moment: Millis) -> Iterator[Timed]:
    """Dossiers of which something from `moment` on is known already: a source's clock runs ahead, or the
    question's instant lies behind the log's."""
    for piece in chunks(said_from(reader, moment)):
        source = reader.source("dossiers", "dossier_code IN %(codes)s", _said_from(moment))
        for row in reader.rows(f"SELECT {_TIMED} {source}", codes=piece):
            yield Timed(*row)
