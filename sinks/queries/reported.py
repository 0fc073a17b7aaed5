"""What documents told of units: the portal's figures, national reports, observations, each receipt by itself.

Read from the log's events and not from the folded documents, because a receipt's instant of knowledge counts.
"""

from collections.abc import Sequence
from typing import Any

from domain.instants import Millis
from sinks.queries.reader import Reader, at, chunks, millis


def receipts(
    reader: Reader, event_type: str, units: Sequence[str] | None, known_at: Millis | None = None
) -> list[dict[str, Any]]:
    """The events of one type about these units (None: all), in order of occurrence, then of knowledge; `data` is
    JSON text. Of several contents under one id the last recorded counts, of equal ones the first. The caller has
    checked the units."""
    names = ("subject", "id", "source", "partition", "offset", "index")
    instants = ("occurred_at", "recorded_at", "known_at")
    columns = ", ".join([*(f"`{n}`" for n in names), *map(millis, instants), "data"])
    known = "" if known_at is None else f"known_at < {at(known_at)}"
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for piece in [None] if units is None else list(chunks(list(units))):
        among = "" if piece is None else "subject IN %(subjects)s"
        source = reader.log("events", "type = %(type)s", "occurred_at IS NOT NULL", among, known)
        sql = f"SELECT {columns} {source} ORDER BY recorded_at, known_at, partition, offset, `index`"
        for row in reader.rows(sql, type=event_type, subjects=piece or []):
            told = dict(zip((*names, *instants, "data"), row, strict=True))
            key = (told["source"], told["id"])
            # Equal content keeps its earliest recording; another content under the id is a correction of it.
            if key not in found or found[key]["data"] != told["data"]:
                found[key] = told
    return sorted(found.values(), key=lambda r: (r["occurred_at"], r["known_at"], r["id"]))
