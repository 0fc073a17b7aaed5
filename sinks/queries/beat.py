"""What the notifier asks of the store at intervals: when units were heard of, what falls due, what is finished."""

from collections.abc import Sequence

from domain.instants import Day, Millis
from domain.measures import INDEX
from sinks.queries.reader import Reader, at, millis, on

_TOPIC = "dossier-events"


def arrivals(reader: Reader, since: Millis, bucket_ms: int) -> list[tuple[str, Millis]]:
    """(unit, the last arrival by live intake in each bucket of time) since an instant."""
    source = _live(reader, since)
    sql = f"""
        SELECT unit, max({millis("known_at")}) {source}
        GROUP BY unit, intDiv({millis("known_at")}, {int(bucket_ms)})"""
    return [(row[0], row[1]) for row in reader.rows(sql, topic=_TOPIC)]


def last_arrivals(reader: Reader, since: Millis) -> dict[str, Millis]:
    """By unit, its last arrival by live intake since an instant."""
    return dict(
        reader.rows(f"SELECT unit, max({millis('known_at')}) {_live(reader, since)} GROUP BY unit", topic=_TOPIC)
    )


def newest_fact(reader: Reader, unit: str, since: Millis) -> Millis | None:
    """When the newest fact about a unit's dossiers ('' for all units') happened, of those that came by live intake
    after an instant; None where none came. What is dated after its arrival says nothing."""
    came = f"known_at > {at(since)}"
    versions = _live(reader, since, came, "unit = %(unit)s" if unit else "")
    key = f"(subject, partition, offset) IN (SELECT dossier_code, partition, version {versions})"
    source = f"FROM events WHERE {key} AND occurred_at <= known_at"
    (row,) = reader.rows(f"SELECT max({millis('occurred_at')}), count() {source}", topic=_TOPIC, unit=unit)
    return row[0] if row[1] else None


def _live(reader: Reader, since: Millis, *more: str) -> str:
    recent = f"known_at >= {at(since)}"
    live = f"SELECT partition, offset FROM records WHERE topic = %(topic)s AND origin = 'live' AND {recent}"
    return reader.source("dossier_versions", recent, f"(partition, version) IN ({live})", *more, final=False)


def due_by_day(reader: Reader, start: Millis, end: Millis, zone: str) -> list[tuple[str, Day, int]]:
    """(unit, day, open dossiers that are not paused and fall due on it) of [start, end)."""
    day = f"toInt32(toDate32(assumeNotNull(due_at), '{zone}'))"
    due = f"due_at >= {at(start)} AND due_at < {at(end)}"
    source = reader.source("open_dossiers", due, "NOT paused", f"accepted_at < {at(start)}")
    rows = reader.rows(f"SELECT unit, {day} AS d, count() {source} GROUP BY unit, d")
    return [(row[0], row[1], row[2]) for row in rows]


def finished_by_day(reader: Reader, start: Day, until: Day) -> list[tuple[str, Day, int]]:
    """(unit, day, dossiers that left on it) of [start, until)."""
    source = reader.source("unit_cells", "grain = 'day'", f"day >= {on(start)} AND day < {on(until)}")
    left = f"sum(`values`[{INDEX['left'] + 1}])"
    rows = reader.rows(f"SELECT unit, toInt32(day) AS d, {left} {source} GROUP BY unit, d")
    return [(row[0], row[1], int(row[2])) for row in rows]


def findings_known(reader: Reader, since: Millis, until: Millis) -> list[tuple[str, str, int, Sequence[str]]]:
    """(kind, unit, how many, some subjects) of findings that hold and became known in [since, until)."""
    known = f"known_at >= {at(since)} AND known_at < {at(until)}"
    source = reader.source("findings", "holds", known)
    sql = f"SELECT kind, unit, count(), arraySort(groupArray(5)(subject)) {source} GROUP BY kind, unit"
    return [(row[0], row[1], row[2], row[3]) for row in reader.rows(sql)]
