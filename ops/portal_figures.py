"""Files of published figures made into events: one `unit.portal_figures_received` a unit and period.

An event's id is the hash of what it says, its day included: bringing a file in twice on one day changes nothing,
and the same figures on another day are another receipt of them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from domain.events import Event, make_event
from domain.instants import Millis, Zone
from domain.periods import parse_instant, parse_period
from domain.portal_figures import Published, Table, Unusable, as_figures, published, rows_of_json

SOURCE = "/gs766/portal-figures"


def read_table(path: Path) -> tuple[Table, tuple[Unusable, ...]]:
    """The rows of a CSV or JSON file; InvalidInput when the file as a whole cannot be read."""
    if path.suffix.lower() != ".json":
        from ops.commands.figures import read_csv

        return published(read_csv(path))
    try:
        return published(rows_of_json(json.loads(path.read_text(encoding="utf-8-sig"))))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not readable as JSON: {error}") from error


def receipts(
    table: Mapping[str, Mapping[str, Published]],
    period: str,
    zone: Zone,
    today: Millis,
    *,
    published_on: str | None = None,
    until: str | None = None,
    document: str | None = None,
    recorded_by: str | None = None,
) -> Sequence[Event]:
    """One event a unit. `published_on` is the day on which the portal showed it (default: today), `until` the
    instant up to which it had counted. InvalidInput for a period that is none, or a running one."""
    label = parse_period(period, zone, today).label
    if label in ("today", "ytd"):
        raise InvalidInput(
            "figures are received for a period that stands still: give a month, quarter, year or range"
        )
    told = today if published_on is None else parse_instant(published_on, zone) - 1
    at = zone.midnight(zone.day(told))
    data: dict[str, Any] = {"period": label}
    if until is not None:
        data["until"] = zone.local(parse_instant(until, zone)).isoformat()
    data |= {k: v for k, v in (("document", document), ("recorded_by", recorded_by)) if v is not None}
    return [_event(unit, at, {**data, "figures": as_figures(rows.values())}) for unit, rows in table.items()]


def _event(unit: str, at: Millis, data: dict[str, Any]) -> Event:
    content = json.dumps([unit, at, data], sort_keys=True, ensure_ascii=False)
    event_id = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    return make_event("unit.portal_figures_received", unit, at, data, source=SOURCE, id=event_id)
