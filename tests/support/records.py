"""A log record for tests of the fold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rec:
    """A log record."""

    offset: int
    value: bytes
    timestamp_ms: int = 0
