"""What is asked of the store all the time: where it stands, and what changed since a place in the logs.

Bookkeeping tables are read as they are; what the fold filled is read through `Reader`. Rows come back raw.
"""

from collections.abc import Sequence
from typing import Any

from sinks.queries.reader import Reader, Rows, millis

_POSITIONS = """
SELECT name, topic, partition, generation, offset, to_offset, toUnixTimestamp64Milli(known_at),
       toUnixTimestamp64Milli(clock), log_id
FROM positions FINAL
"""
_ACTIVE = "SELECT generation, log_id FROM generations FINAL WHERE state = 'active' ORDER BY sequence DESC LIMIT 1"
_FAULTS = "SELECT generation, partition, offset, reason FROM faults FINAL ORDER BY found_at DESC LIMIT 20"
_STRETCH = "topic = %(topic)s AND partition = %(partition)s AND offset > %(after)s AND offset <= %(to)s"
_SIZE = f"SELECT sum(length(value)) FROM records WHERE {_STRETCH}"
_CHANGED = f"""
SELECT offset, arrayDistinct(arrayMap(e -> (JSONExtractString(e, 'type'), JSONExtractString(e, 'subject'),
       JSONExtractString(e, 'data', 'unit'), JSONExtractString(e, 'data', 'kind'),
       JSONExtractString(e, 'data', 'about'), JSONExtractString(e, 'data', 'episode'),
       JSONExtractString(e, 'data', 'instant'), JSONExtractString(e, 'data', 'until')),
       if(JSONType(value) = 'Object', [value], JSONExtractArrayRaw(value)))) AS events
FROM records FINAL WHERE {_STRETCH} ORDER BY offset
"""


def positions(client: Any) -> Rows:
    """(name, topic, partition, generation, offset, to_offset, known_at, clock, log_id); instants in ms."""
    found: Rows = client.execute(_POSITIONS)
    return found


def active_generation(client: Any) -> tuple[int, str] | None:
    """The generation that answers, and the id of the log it was built from; None before the first."""
    rows = client.execute(_ACTIVE)
    return (rows[0][0], rows[0][1]) if rows else None


def faults(client: Any) -> Rows:
    """(generation, partition, offset, reason) of what stopped a generation, newest first."""
    found: Rows = client.execute(_FAULTS)
    return found


def changed_events(client: Any, topic: str, partition: int, after: int, to: int, max_bytes: int) -> Rows | None:
    """(offset, [(type, subject, and of data: unit, kind, about, episode, instant, until)]) of the records in
    (after, to]; None when they are larger than `max_bytes`: an import's blocks are not taken apart for a screen's
    sake."""
    place = {"topic": topic, "partition": partition, "after": after, "to": to}
    ((size,),) = client.execute(_SIZE, place)
    if (size or 0) > max_bytes:
        return None
    found: Rows = client.execute(_CHANGED, place)
    return found


def dossiers_now(reader: Reader, codes: Sequence[str]) -> Rows:
    """(dossier_code, unit, procedure, status) as they stand."""
    source = reader.source("dossiers", "dossier_code IN %(codes)s")
    return reader.rows(f"SELECT dossier_code, unit, procedure, status {source}", codes=list(codes))


def conditions_since(reader: Reader, partition: int, after: int, to: int, codes: Sequence[str]) -> Rows:
    """(kind, subject, episode, unit, version, start, until) of conditions that a stretch of the log changed."""
    columns = f"kind, subject, episode, unit, version, {millis('start')}, {millis('until')}"
    source = reader.source(
        "conditions",
        "subject IN %(codes)s",
        "partition = %(partition)s AND version > %(after)s AND version <= %(to)s",
    )
    return reader.rows(f"SELECT {columns} {source}", codes=list(codes), partition=partition, after=after, to=to)


def dead_letters(reader: Reader, after: tuple[int, int, int], sources: Sequence[str], limit: int) -> Rows:
    """(partition, offset, index, known_at, source, reason, field) after a key; no `sources` means all."""
    wanted = "source IN %(sources)s" if sources else ""
    tables = reader.source("dead_letters", "(partition, offset, `index`) > %(after)s", wanted)
    columns = f"partition, offset, `index`, {millis('known_at')}, source, reason, field"
    sql = f"SELECT {columns} {tables} ORDER BY partition, offset, `index` LIMIT {int(limit)}"
    return reader.rows(sql, after=after, sources=list(sources))


def stopped_at(client: Any, generation: int, partition: int) -> tuple[int, ...]:
    """Offsets at which a partition of a generation stopped, as its dead letters say; skipped ones included."""
    source = Reader(client, generation).source("dead_letters", "partition = %(p)s AND field = 'stopped'")
    rows = Reader(client, generation).rows(f"SELECT DISTINCT `offset` {source} ORDER BY `offset`", p=partition)
    return tuple(row[0] for row in rows)


def stops(client: Any, generation: int, places: Sequence[tuple[int, int]]) -> Rows:
    """(partition, offset, reason) where the fold said that it stopped, of the given (partition, offset)."""
    if not places:
        return []
    reader = Reader(client, generation)
    source = reader.source("dead_letters", "field = 'stopped'", "(partition, `offset`) IN %(places)s")
    return reader.rows(f"SELECT partition, `offset`, reason {source} ORDER BY partition", places=list(places))
