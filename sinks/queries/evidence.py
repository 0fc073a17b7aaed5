"""Where the events of subjects stand in the logs, for bundles that prove them."""

from collections.abc import Sequence
from typing import NamedTuple

from sinks.queries.reader import Reader, chunks

_TABLES = {"dossier-events": "events", "alert-log": "alert_acts"}


class Place(NamedTuple):
    """An event's subject and its coordinates."""

    subject: str
    partition: int
    offset: int
    place: int


def places_of(reader: Reader, log: str, kind: str, subjects: Sequence[str]) -> list[Place]:
    """The events of these subjects in one of the two logs, in order of the log."""
    source = reader.log(_TABLES[log], "subject IN %(subjects)s", "startsWith(type, %(kind)s)")
    sql = f"SELECT subject, partition, offset, `index` {source} ORDER BY partition, offset, `index`"
    return [Place(*row) for some in chunks(subjects) for row in reader.rows(sql, subjects=some, kind=f"{kind}.")]


def refused(reader: Reader, places: Sequence[Place]) -> set[tuple[int, int, int]]:
    """Those of the places in `dossier-events` that the fold refused (dead letters): they count nowhere."""
    source = reader.source("dead_letters", "(partition, offset) IN %(places)s")
    sql = f"SELECT partition, offset, `index` {source}"
    records = sorted({(p.partition, p.offset) for p in places})
    return {(p, o, n) for some in chunks(records, 1_000) for p, o, n in reader.rows(sql, places=some)}
