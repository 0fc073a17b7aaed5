"""Who used the store's own ports, as the embedded store counted: lines of a file that become acts of the log."""

from pathlib import Path

import msgspec

from domain.errors import InvalidEvent
from domain.events import Event, make_event
from domain.instants import Millis, format_rfc3339

SOURCE = "/gs766/store"
_HOUR_MS = 3_600_000


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A line: an hour (its beginning in ms), a user, what the client calls itself, how it came, how often."""

    id: str
    hour: Millis
    user: str
    client: str
    way: str
    statements: int
    refused: int


_line = msgspec.json.Decoder(Visit)


def take_visits(file: Path) -> tuple[list[Event], Path | None]:
    """The acts of the lines that stand there, and the file to be deleted once they are kept elsewhere. A line that
    is none (a crash while it was written) is passed over: it is a count, and the next one stands."""
    taken = file.with_suffix(".taken")
    if not taken.exists():
        try:
            file.replace(taken)
        except FileNotFoundError:
            return [], None
    found = []
    for line in taken.read_bytes().splitlines():
        try:
            found.append(_act(_line.decode(line)))
        except (msgspec.DecodeError, InvalidEvent):
            continue
    return found, taken


def _act(visit: Visit) -> Event:
    told = {"hour": format_rfc3339(visit.hour), "client": visit.client, "way": visit.way}
    told |= {"statements": visit.statements, "refused": visit.refused}  # type: ignore[dict-item]
    data = {"actor": f"store:{visit.user}", "evidence": told}
    at = visit.hour + _HOUR_MS - 1
    return make_event("system.store_used", visit.user, at, data, source=SOURCE, id=visit.id, recorded_at=at)
