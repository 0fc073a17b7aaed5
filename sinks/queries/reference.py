"""Reference data and lists beside dossiers: documents, units and procedures seen, petitions, findings."""

from collections.abc import Sequence
from typing import Any

from domain.alerts import KINDS
from domain.instants import Day, Millis
from domain.measures import ATTRIBUTES, PROCEDURE_MEASURES
from sinks.queries.dossiers import booked_within
from sinks.queries.reader import Reader, at, chunks, millis, on

_OF_DOSSIERS = [k.code for k in KINDS.values() if k.subject == "dossier"]


def documents(reader: Reader, kinds: Sequence[str]) -> list[tuple[str, str, str]]:
    """(kind, subject, history) of all documents of these kinds; history is JSON, see `rows.DocumentRow`.

    Broadcast documents stand in every partition's log: equal copies are given once.
    """
    source = reader.source("documents", "kind IN %(kinds)s")
    sql = f"SELECT kind, subject, argMax(history, length(history)) {source} GROUP BY kind, subject"
    return [(row[0], row[1], row[2]) for row in sorted(reader.rows(sql, kinds=list(kinds)))]


def standing(reader: Reader) -> tuple[tuple[int, int], tuple[str, ...]]:
    """(fingerprint of all documents, units that any dossier or petition ever stood under), in one statement."""
    months = reader.source("unit_cells", "grain = 'month'", final=False)
    units = f"SELECT arraySort(groupUniqArray(toString(unit))) {months}"
    documents = "count() AS documents, groupBitXor(cityHash64(kind, subject, partition, version)) AS folded"
    rows = reader.rows(f"SELECT {documents}, ({units}) AS units {reader.source('documents')}")
    count, folded, seen = rows[0] if rows else (0, 0, ())
    return (count, folded), tuple(seen or ())


def procedures_seen(reader: Reader) -> tuple[str, ...]:
    """Procedures that any dossier stands under now."""
    source = reader.source("procedure_days")
    sql = f"SELECT procedure {source} GROUP BY procedure HAVING sum(accepted) != 0 ORDER BY procedure"
    return tuple(row[0] for row in reader.rows(sql))


def procedure_counts(
    reader: Reader, start: Day, until: Day, known_before: Day | None = None
) -> list[tuple[Any, ...]]:
    """(unit, procedure, *PROCEDURE_MEASURES) booked on days of [start, until), of what had become known before a
    day where one is given."""
    known = "" if known_before is None else f"known_day < {on(known_before)}"
    sums = ", ".join(f"sum(`{m}`)" for m in PROCEDURE_MEASURES)
    source = reader.source("procedure_days", f"day >= {on(start)} AND day < {on(until)}", known)
    return reader.rows(f"SELECT unit, procedure, {sums} {source} GROUP BY unit, procedure")


def procedures_accepted(
    reader: Reader, day: Day, low: Millis, high: Millis, known_at: Millis | None = None
) -> list[tuple[Any, ...]]:
    """(unit, procedure, *PROCEDURE_MEASURES) of the dossiers accepted in [low, high), a stretch of that day, as
    their rows stand or as known before an instant."""
    table, known = ("dossiers", "") if known_at is None else ("dossier_versions", f"known_at < {at(known_at)}")
    accepted = f"accepted_at >= {at(low)} AND accepted_at < {at(high)}"
    # Accepted then: so a booking on that day, and no last fact before it. Both are what indexes know of.
    near = f"last_fact_at >= {at(low)}"
    among = reader.source(table, accepted, near, booked_within(day), known, final=False, scoped=False)
    codes = [row[0] for row in reader.rows(f"SELECT DISTINCT dossier_code {among}")]
    counts = ", ".join(f"countIf({_held(m)})" for m in PROCEDURE_MEASURES)
    found = []
    for piece in chunks(codes):
        last = ""
        if known_at is not None:
            then = reader.source(table, "dossier_code IN %(codes)s", known, final=False, scoped=False)
            last = f"(dossier_code, version) IN (SELECT dossier_code, max(version) {then} GROUP BY dossier_code)"
        source = reader.source(table, "dossier_code IN %(codes)s", accepted, "procedure != ''", last)
        found += reader.rows(f"SELECT unit, procedure, {counts} {source} GROUP BY unit, procedure", codes=piece)
    return found


def _held(measure: str) -> str:
    """A condition on a dossier's row: booked under that measure on the day of its acceptance."""
    name = measure.removeprefix("acc_")
    if measure == "accepted":
        return "1"
    if name in ATTRIBUTES:
        return f"bitTest(attributes, {ATTRIBUTES.index(name)})"
    return f"position(timeline, '\"{name}\"') > 0"


def petitions(reader: Reader, *where: str) -> list[dict[str, Any]]:
    """Petitions for which all of `where` holds, instants in milliseconds."""
    names = ("petition", "unit", "about", "dossier", "received_at", "due_at", "answered_at", "unhappy")
    columns = ", ".join(millis(n) if n.endswith("_at") else n for n in names)
    sql = f"SELECT {columns} {reader.source('petitions', *where)} ORDER BY petition"
    return [dict(zip(names, row, strict=True)) for row in reader.rows(sql)]


def known_since(moment: Millis) -> str:
    """A condition on rows: changed by something known from `moment` on."""
    return f"known_at >= {at(moment)}"


def petitions_within(reader: Reader, low: Millis, high: Millis) -> list[dict[str, Any]]:
    """Petitions received, answered or due within [low, high)."""
    near = " OR ".join(
        f"({c} >= {at(low)} AND {c} < {at(high)})" for c in ("received_at", "answered_at", "due_at")
    )
    return petitions(reader, near)


def petitions_between(reader: Reader, start: Millis, until: Millis) -> list[dict[str, Any]]:
    """Petitions received before `until` and not answered before `start`."""
    waiting = f"answered_at IS NULL OR answered_at >= {at(start)} OR received_at >= {at(start)}"
    return petitions(reader, f"received_at < {at(until)}", waiting)


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
    """Every condition of a dossier, past ones and future ones.

    The last version of each row is picked here: over so few rows FINAL costs four times as much.
    """
    names = ("kind", "episode", "start", "until", "due_at", "evidence", "known_at")
    fields = ", ".join(("unit", *names[2:]))
    last = ", ".join(
        millis(f"last.{n}") if name.endswith("_at") or name in ("start", "until") else f"last.{n}"
        for n, name in enumerate(names[2:], 2)
    )
    # The kinds are named so that the sorting key, which begins with them, finds the few rows.
    source = reader.source(
        "conditions", final=False, scoped=False, first="kind IN %(kinds)s AND subject = %(subject)s"
    )
    scope = "" if reader.units is None else ("AND last.1 IN %(scope_units)s" if reader.units else "AND 0")
    sql = f"""
        SELECT kind, episode, {last} FROM (
            SELECT kind, episode, argMax(tuple({fields}), version) AS last {source} GROUP BY kind, episode
        ) WHERE (isNull(last.3) OR last.3 > last.2) {scope} ORDER BY last.2, kind"""
    rows = reader.rows(sql, subject=subject, kinds=_OF_DOSSIERS)
    return [dict(zip(names, row, strict=True)) for row in rows]
