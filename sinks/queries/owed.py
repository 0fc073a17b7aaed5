"""Who owes an apology at an instant: read from the conditions, whose instants hold whatever the clock was."""

from typing import Any

from domain.instants import Millis
from sinks.queries.reader import Reader, Rows, at, instant, millis

LAST_DAY, LATE, OPEN_LATE = "A02", "A05", "A04"


def counts(reader: Reader, until: Millis) -> dict[str, tuple[int, int, int]]:
    """Per unit, before an instant: (last day to send it, late and open, late and ended)."""
    among = f"subject IN (SELECT subject {reader.source('conditions', _holds(until, OPEN_LATE), scoped=False)})"
    sql = f"""
        SELECT unit, countIf(kind = '{LAST_DAY}'), countIf(kind = '{LATE}' AND {among}),
               countIf(kind = '{LATE}' AND NOT {among})
        {reader.source("conditions", *_owes(reader, until))} GROUP BY unit"""
    return {row[0]: (row[1], row[2], row[3]) for row in reader.rows(sql)}


def owed(reader: Reader, until: Millis, after: tuple[Millis, str, str] | None, limit: int) -> Rows:
    """(dossier, unit, procedure, kind, due, since, open and late) by (since, dossier, kind), after a key."""
    key = f"(start, subject, kind) > ({instant('since')}, %(code)s, %(kind)s)" if after is not None else ""
    late = f"SELECT subject {reader.source('conditions', _holds(until, OPEN_LATE), scoped=False)}"
    source = reader.source("conditions", *_owes(reader, until), key)
    sql = f"""
        SELECT subject, unit, procedure, kind, {millis("due_at")} AS due, {millis("start")} AS since,
               subject IN ({late}) AS open_late
        {source} ORDER BY start, subject, kind LIMIT {int(limit)}"""
    given: dict[str, Any] = dict(zip(("since", "code", "kind"), after or (0, "", ""), strict=True))
    return reader.rows(sql, **given)


def _owes(reader: Reader, until: Millis) -> tuple[str, str]:
    """Conditions on rows: one letter is owed. A dossier late in an earlier stay counts as that, once."""
    late = f"SELECT subject {reader.source('conditions', _holds(until, LATE), scoped=False)}"
    return _holds(until, LAST_DAY, LATE), f"kind = '{LATE}' OR subject NOT IN ({late})"


def _holds(until: Millis, *kinds: str) -> str:
    """A condition on rows of these kinds: it holds just before `until`."""
    named = ", ".join(f"'{kind}'" for kind in kinds)
    ends = f"until IS NULL OR (until >= {at(until)} AND until > start)"
    return f"kind IN ({named}) AND start < {at(until)} AND ({ends})"
