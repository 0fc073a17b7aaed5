"""What an auditor of the controls reads: acts upon the system itself, published rules, counts by day and hour."""

from collections.abc import Sequence
from typing import Any

from domain.instants import Day, Millis
from sinks.queries.reader import Reader, at, millis

_TOPICS = {"events": "dossier-events", "alert_acts": "alert-log"}
_NAMES = (
    "subject",
    "type",
    "id",
    "source",
    "occurred_at",
    "recorded_at",
    "known_at",
    "partition",
    "offset",
    "index",
)


def _columns() -> str:
    return ", ".join(millis(f"e.{n}") if n.endswith("_at") else f"e.`{n}`" for n in _NAMES)


def acts_between(
    reader: Reader,
    types: Sequence[str],
    low: Millis,
    high: Millis,
    limit: int,
    *,
    log: str = "alert_acts",
    subject: str | None = None,
) -> list[dict[str, Any]]:
    """Acts (or with `log='events'` documents) that became known in [low, high), in order, with the key under which
    their record came in; a broadcast document once. Times in milliseconds; `data` is JSON. `subject`: of one."""
    of_one = "" if subject is None else "subject = %(subject)s"
    acts = reader.log(log, "type IN %(types)s", f"known_at >= {at(low)}", f"known_at < {at(high)}", of_one)
    records = reader.log(
        "records",
        f"topic = '{_TOPICS[log]}'",
        f"(partition, offset) IN (SELECT partition, offset {acts})",
    )
    sql = f"""
        SELECT {_columns()}, e.data, r.key_id FROM (SELECT * {acts}) AS e
        LEFT JOIN (SELECT partition, offset, key_id {records}) AS r
            ON r.partition = e.partition AND r.offset = e.offset
        ORDER BY e.known_at, e.partition, e.offset, e.`index` LIMIT 1 BY e.id, e.source LIMIT {int(limit)}"""
    rows = reader.rows(sql, types=list(types), subject=subject or "")
    return [dict(zip((*_NAMES, "data", "key_id"), row, strict=True)) for row in rows]


def acts_by_key(reader: Reader, types: Sequence[str], low: Millis, high: Millis) -> list[dict[str, Any]]:
    """How many acts of each type by each key became known in [low, high)."""
    acts = reader.log("alert_acts", "type IN %(types)s", f"known_at >= {at(low)}", f"known_at < {at(high)}")
    key, actor = (f"JSONExtractString(data, '{name}')" for name in ("key", "actor"))
    key = f"if({key} != '', {key}, {actor})"
    sql = f"SELECT type, {key} AS who, count() AS n {acts} GROUP BY type, who ORDER BY type, n DESC"
    rows = reader.rows(sql, types=list(types))
    return [{"act": act, "key": who, "count": int(n)} for act, who, n in rows]


def rows_by_day(reader: Reader, start: Millis, until: Millis, offset: Millis) -> dict[Day, int]:
    """Dossiers accepted in [start, until) by the province's day, from the rows themselves."""
    source = reader.source("dossiers", f"accepted_at >= {at(start)} AND accepted_at < {at(until)}")
    sql = (
        f"SELECT intDiv(assumeNotNull({millis('accepted_at')}) + {int(offset)}, 86400000) AS day, count() {source}"
    )
    return {int(day): int(n) for day, n in reader.rows(f"{sql} GROUP BY day")}


def events_by_hour(reader: Reader, start: Millis, until: Millis) -> dict[int, int]:
    """Events of the reader's dossiers said to have happened in [start, until), by hours since the epoch."""
    source = reader.log(
        "events",
        "startsWith(type, 'dossier.')",
        f"occurred_at >= {at(start)} AND occurred_at < {at(until)}",
        _within(reader),
    )
    sql = f"SELECT intDiv(assumeNotNull({millis('occurred_at')}), 3600000) AS hour, count() {source} GROUP BY hour"
    return {int(hour): int(n) for hour, n in reader.rows(sql)}


def events_by_day(reader: Reader, start: Millis, until: Millis, offset: Millis) -> dict[Day, tuple[int, int]]:
    """By the province's day of knowledge: (events, dossiers) that the log got of the reader's dossiers."""
    source = reader.log(
        "events",
        "startsWith(type, 'dossier.')",
        f"known_at >= {at(start)} AND known_at < {at(until)}",
        _within(reader),
    )
    sql = f"""
        SELECT intDiv({millis("known_at")} + {int(offset)}, 86400000) AS day, count(), uniqExact(subject) {source}
        GROUP BY day"""
    return {int(day): (int(events), int(subjects)) for day, events, subjects in reader.rows(sql)}


def without_row(
    reader: Reader, start: Millis, until: Millis, units: Sequence[str] | None
) -> list[tuple[str, int]]:
    """(dossier, its events) of which the log got something in [start, until) and of which no row stands, dead
    letters left out; with `units` those whose events name one of them. At most 200."""
    dead = reader.source("dead_letters", "1")
    named = "" if units is None else "JSONExtractString(data, 'unit') IN %(named)s"
    source = reader.log(
        "events",
        "startsWith(type, 'dossier.')",
        f"known_at >= {at(start)} AND known_at < {at(until)}",
        named,
        f"subject NOT IN (SELECT dossier_code {reader.within(None).source('dossiers')})",
        f"(partition, offset, `index`) NOT IN (SELECT partition, offset, `index` {dead})",
    )
    sql = f"SELECT subject, count() {source} GROUP BY subject ORDER BY subject LIMIT 200"
    return [(code, int(n)) for code, n in reader.rows(sql, named=list(units or ()))]


def dead_by_day(reader: Reader, start: Millis, until: Millis, offset: Millis) -> list[dict[str, Any]]:
    """Events refused by the fold in [start, until), by day, source and reason."""
    source = reader.source("dead_letters", f"known_at >= {at(start)} AND known_at < {at(until)}")
    day = f"intDiv({millis('known_at')} + {int(offset)}, 86400000)"
    sql = f"SELECT {day} AS d, source, reason, count() {source} GROUP BY d, source, reason ORDER BY d LIMIT 500"
    return [
        {"day": int(d), "source": name, "reason": reason, "count": int(n)}
        for d, name, reason, n in reader.rows(sql)
    ]


def _within(reader: Reader) -> str:
    if reader.units is None:
        return ""
    return f"subject IN (SELECT dossier_code {reader.source('dossiers')})"
