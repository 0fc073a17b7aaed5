"""What stands in the logs themselves: a subject's events with their coordinates, and where the log begins."""

from typing import Any

from domain.instants import Millis
from sinks.queries.reader import Reader, millis

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
