"""What similar finished dossiers took, and their steps; and the open ones that come due.

Of each group the last ones finished, not all: so many tell the quantiles of a procedure, and a page stays quick.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.instants import Millis
from sinks.queries.reader import Reader, Rows, at, chunks, instant, millis


class Finished(NamedTuple):
    """A finished dossier: the group (a procedure, a field) and the kind of unit that it counts for."""

    code: str
    group: str
    kind: str
    accepted_at: Millis
    ended_at: Millis


def finished(
    reader: Reader, groups: Mapping[str, str], kinds: Mapping[str, str], since: Millis, now: Millis, most: int
) -> list[Finished]:
    """The last `most` of each (group, kind of unit): dossiers of these procedures (`groups` says of which group
    each is) that were finished or returned in [since, now) after one stay, without a supplement. `kinds` is of
    units."""
    if not groups or not kinds:
        return []
    source = reader.source(
        "dossiers",
        "procedure IN %(procedures)s AND unit IN %(units)s",
        f"NOT is_open AND end_kind IN ('finished', 'returned') AND supplements = 0 AND ended_at >= {at(since)}",
        f"ended_at < {at(now)} AND accepted_at <= ended_at AND JSONLength(timeline, 1) = 1",
    )
    sql = f"""
        SELECT dossier_code, transform(procedure, %(procedures)s, %(groups)s, '') AS grouped,
               transform(unit, %(units)s, %(kinds)s, '') AS kind, {millis("accepted_at")}, {millis("ended_at")}
        {source} ORDER BY ended_at DESC, dossier_code LIMIT {int(most)} BY grouped, kind"""
    rows = reader.rows(
        sql,
        procedures=list(groups),
        groups=list(groups.values()),
        units=list(kinds),
        kinds=list(kinds.values()),
    )
    return [Finished(*row) for row in rows]


def steps(reader: Reader, codes: Sequence[str]) -> dict[str, list[tuple[Millis, str]]]:
    """What was said of the steps of these dossiers, (instant, step) in canonical order. The caller has checked
    that they may be seen, or shows counts only."""
    found: dict[str, list[tuple[Millis, str]]] = {}
    source = reader.log(
        "events",
        "subject IN %(codes)s AND type IN ('dossier.step_started', 'dossier.step_completed')",
        "occurred_at IS NOT NULL AND JSONExtractString(data, 'step') != ''",
    )
    sql = f"""
        SELECT subject, {millis("assumeNotNull(occurred_at)")}, JSONExtractString(data, 'step') {source}
        ORDER BY subject, occurred_at, ifNull(recorded_at, occurred_at), source, id"""
    for some in chunks(codes):
        for code, moment, step in reader.rows(sql, codes=some):
            found.setdefault(code, []).append((moment, step))
    return found


def open_coming(reader: Reader, now: Millis, after: tuple[Millis, str] | None, limit: int) -> Rows:
    """(code, unit, procedure, step, accepted, due, timeline) of open dossiers that are not paused and come due
    from now on, by (due, code), after a key; instants in milliseconds."""
    key = f"(due_at, dossier_code) > ({instant('due')}, %(code)s)" if after is not None else ""
    source = reader.source("open_dossiers", f"due_at >= {at(now)}", "NOT paused", f"accepted_at < {at(now)}", key)
    sql = f"""
        SELECT dossier_code, unit, procedure, step, {millis("accepted_at")}, {millis("due_at")}, timeline
        {source} ORDER BY due_at, dossier_code LIMIT {int(limit)}"""
    given: dict[str, Any] = dict(zip(("due", "code"), after or (0, ""), strict=True))
    return reader.rows(sql, **given)
