"""A place in all logs at once, as text: the id of a server-sent event, from which a client resumes.

`1:120.88.3.-1:17` = generation 1; the last offset applied of partitions 0, 1, 2, 3 (-1: none); the last of
the alert log.
"""

import re
from dataclasses import dataclass, replace

from domain.errors import InvalidInput

_FORM = re.compile(r"(\d{1,9}):((?:-1|\d{1,18})(?:\.(?:-1|\d{1,18})){0,1023}):(-1|\d{1,18})")


@dataclass(frozen=True, slots=True)
class Vector:
    """Everything up to and including these offsets has been seen."""

    generation: int
    events: tuple[int, ...]
    acts: int = -1

    def __str__(self) -> str:
        return f"{self.generation}:{'.'.join(map(str, self.events))}:{self.acts}"

    def at(self, partition: int, offset: int) -> "Vector":
        """The same place with one partition elsewhere."""
        events = list(self.events)
        events[partition] = offset
        return replace(self, events=tuple(events))

    def covers(self, other: "Vector") -> bool:
        """Whether nothing of `other` is missing here (same generation and partitions only)."""
        same = self.generation == other.generation and len(self.events) == len(other.events)
        return (
            same
            and self.acts >= other.acts
            and all(a >= b for a, b in zip(self.events, other.events, strict=True))
        )


def parse_vector(text: str) -> Vector:
    """The vector of an event id; InvalidInput when it is none."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(
            f"'{text[:60]}' is not an event id of this stream: leave it out to begin at the present"
        )
    return Vector(int(match[1]), tuple(int(part) for part in match[2].split(".")), int(match[3]))
