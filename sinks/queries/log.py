"""What stands in the logs themselves: a subject's events with their coordinates, and where the log begins."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.instants import Millis
from sinks.queries.reader import Reader, at, chunks, millis

_TOPIC = "dossier-events"


def events(reader: Reader, subject: str, kind: str = "dossier") -> list[dict[str, Any]]:
    """A subject's events in the order of the log, times in milliseconds; `data` is JSON text."""
    names = ("partition", "offset", "index", "id", "source", "type")
    more = ("occurred_at", "recorded_at", "known_at", "causation_id", "data")
    columns = ", ".join([*(f"`{n}`" for n in names), *(millis(n) if n.endswith("_at") else n for n in more)])
    source = reader.log("events", "subject = %(subject)s", "startsWith(type, %(kind)s)")
    sql = f"SELECT {columns} {source} ORDER BY known_at, partition, offset, `index`"
    rows = reader.rows(sql, subject=subject, kind=f"{kind}.")
    return [{"topic": _TOPIC, **dict(zip((*names, *more), row, strict=True))} for row in rows]


def log_began(reader: Reader) -> Millis | None:
    """When the first record became known; None while the log is empty."""
    first = reader.log("records", f"topic = '{_TOPIC}'", "offset = 0")
    found = reader.rows(f"SELECT count(), min({millis('known_at')}) {first}")[0]
    if found[0]:
        return int(found[1])
    oldest = reader.source("dossier_versions", final=False, scoped=False)
    found = reader.rows(f"SELECT count(), min({millis('known_at')}) {oldest}")[0]
    return int(found[1]) if found[0] else None


class RawEvent(NamedTuple):
    """An event of a subject by its coordinates, in the bytes of its whole record."""

    subject: str
    known_at: Millis
    partition: int
    offset: int
    place: int
    value: bytes


def raw_events(
    reader: Reader, subjects: Sequence[str], kind: str, known_at: Millis | None = None
) -> list[RawEvent]:
    """The events of these subjects in order of coordinates, without dead letters; those known before an
    instant."""
    before = "" if known_at is None else f"known_at < {at(known_at)}"
    source = reader.log("events", "subject IN %(subjects)s", "startsWith(type, %(kind)s)", before)
    sql = f"SELECT subject, {millis('known_at')}, partition, offset, `index` {source}"
    found = []
    for piece in chunks(subjects):
        found += reader.rows(sql, subjects=piece, kind=f"{kind}.")
    places = sorted({(row[2], row[3]) for row in found})
    values: dict[tuple[int, int], bytes] = {}
    rejected: set[tuple[int, int, int]] = set()
    held = reader.log("records", f"topic = '{_TOPIC}'", "(partition, offset) IN %(places)s")
    dead = reader.source("dead_letters", "(partition, offset) IN %(places)s")
    for some in chunks(places, 500):
        rows = reader.rows(f"SELECT partition, offset, base64Encode(value) {held}", places=some)
        values |= {(partition, offset): b64decode(value) for partition, offset, value in rows}
        letters = reader.rows(f"SELECT partition, offset, `index` {dead}", places=some)
        rejected |= {(partition, offset, place) for partition, offset, place in letters}
    return [
        RawEvent(subject, known, partition, offset, place, values[partition, offset])
        for subject, known, partition, offset, place in sorted(found, key=lambda row: row[2:])
        if (partition, offset, place) not in rejected and (partition, offset) in values
    ]


def document_events(reader: Reader, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Every event of documents of these kinds, times in milliseconds, `data` JSON. Their subjects are those that
    the fold knows: few, and the log stands in order of subject, so that the events of millions of dossiers are
    not read."""
    names = ("subject", "type", "source", "id", "data", "occurred_at", "recorded_at", "known_at")
    columns = ", ".join(millis(n) if n.endswith("_at") else f"`{n}`" for n in names)
    of_kind = " OR ".join(f"startsWith(type, '{kind}.')" for kind in kinds)
    among = ", ".join(f"'{kind}'" for kind in kinds)
    subjects = f"SELECT subject {reader.source('documents', f'kind IN ({among})', final=False, scoped=False)}"
    source = reader.log("events", f"subject IN ({subjects})", of_kind, "occurred_at IS NOT NULL")
    return [dict(zip(names, row, strict=True)) for row in reader.rows(f"SELECT {columns} {source}")]
