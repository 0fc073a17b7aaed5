"""Reference data and lists beside dossiers: documents, units and procedures seen, petitions, findings."""

from collections.abc import Sequence
from typing import Any

from domain.instants import Day, Millis
from domain.measures import PROCEDURE_MEASURES
from sinks.queries.reader import Reader, at, millis, on


def documents(reader: Reader, kinds: Sequence[str]) -> list[tuple[str, str, str]]:
    """(kind, subject, history) of all documents of these kinds; history is JSON, see `rows.DocumentRow`.

    Broadcast documents stand in every partition's log: equal copies are given once.
    """
    source = reader.source("documents", "kind IN %(kinds)s")
    sql = f"SELECT kind, subject, argMax(history, length(history)) {source} GROUP BY kind, subject"
    return [(row[0], row[1], row[2]) for row in sorted(reader.rows(sql, kinds=list(kinds)))]


def units_seen(reader: Reader) -> tuple[str, ...]:
    """Units that any dossier or petition ever stood under."""
    sql = f"SELECT DISTINCT unit {reader.source('unit_months', final=False)} ORDER BY unit"
    return tuple(row[0] for row in reader.rows(sql))


def procedures_seen(reader: Reader) -> tuple[str, ...]:
    """Procedures that any dossier stands under now."""
    nonzero = " OR ".join(f"`{m}` != 0" for m in PROCEDURE_MEASURES)
    sql = f"SELECT DISTINCT procedure {reader.source('unit_procedures', nonzero)} ORDER BY procedure"
    return tuple(row[0] for row in reader.rows(sql))


def procedure_counts(reader: Reader, start: Day, until: Day, *, whole_months: bool) -> list[tuple[Any, ...]]:
    """(unit, procedure, *PROCEDURE_MEASURES) booked on days of [start, until), where any is above 0."""
    table, column = ("unit_procedures", "month") if whole_months else ("cells", "day")
    sums = ", ".join(f"sum(`{m}`)" for m in PROCEDURE_MEASURES)
    source = reader.source(table, f"{column} >= {on(start)} AND {column} < {on(until)}", "procedure != ''")
    return reader.rows(f"SELECT unit, procedure, {sums} {source} GROUP BY unit, procedure")


def petitions(reader: Reader, *where: str) -> list[dict[str, Any]]:
    """Petitions for which all of `where` holds, instants in milliseconds."""
    names = ("petition", "unit", "about", "dossier", "received_at", "due_at", "answered_at", "unhappy")
    columns = ", ".join(millis(n) if n.endswith("_at") else n for n in names)
    sql = f"SELECT {columns} {reader.source('petitions', *where)} ORDER BY petition"
    return [dict(zip(names, row, strict=True)) for row in reader.rows(sql)]


def petitions_within(reader: Reader, low: Millis, high: Millis) -> list[dict[str, Any]]:
    """Petitions received, answered or due within [low, high)."""
    near = " OR ".join(
        f"({c} >= {at(low)} AND {c} < {at(high)})" for c in ("received_at", "answered_at", "due_at")
    )
    return petitions(reader, near)


def findings(
    reader: Reader, kind: str | None, subject: str | None, after: tuple[str, str], limit: int
) -> list[dict[str, Any]]:
    """Findings that hold, in order of (kind, subject), after a key."""
    where = ["holds", "(kind, subject) > (%(after_kind)s, %(after_subject)s)"]
    where += ["kind = %(kind)s"] if kind is not None else []
    where += ["subject = %(subject)s"] if subject is not None else []
    sql = f"""
        SELECT kind, subject, unit, {millis("known_at")}, evidence, version, partition
        {reader.source("findings", *where)} ORDER BY kind, subject LIMIT {int(limit)}"""
    names = ("kind", "subject", "unit", "known_at", "evidence", "version", "partition")
    rows = reader.rows(sql, kind=kind, subject=subject, after_kind=after[0], after_subject=after[1])
    return [dict(zip(names, row, strict=True)) for row in rows]


def finding_counts(reader: Reader) -> dict[str, int]:
    """How many findings of each kind hold."""
    source = reader.source("findings", "holds")
    return dict(reader.rows(f"SELECT kind, count() {source} GROUP BY kind ORDER BY kind"))


def conditions(reader: Reader, subject: str) -> list[dict[str, Any]]:
    """Every condition of a dossier, past ones and future ones."""
    names = ("kind", "episode", "start", "until", "due_at", "evidence", "known_at")
    columns = ", ".join(millis(n) if n.endswith("_at") or n in ("start", "until") else n for n in names)
    holds = "until IS NULL OR until > start"
    source = reader.source("conditions", "subject = %(subject)s", holds)
    rows = reader.rows(f"SELECT {columns} {source} ORDER BY start, kind", subject=subject)
    return [dict(zip(names, row, strict=True)) for row in rows]
