"""One event to be, before it has an id and a recording."""

from dataclasses import dataclass
from typing import Any

from domain.instants import Millis

MINUTE = 60_000
HOUR = 60 * MINUTE


@dataclass(slots=True)
class Happening:
    """One event to be; `recorded_after` is milliseconds from occurrence to recording, `cause` another's id."""

    at: Millis
    type: str
    subject: str
    data: dict[str, Any]
    recorded_after: int = 0
    cause: str | None = None
