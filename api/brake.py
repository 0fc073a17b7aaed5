"""The brake on a broken source: above 5 % bad events its key waits (429), instead of filling everybody's answers.

Counts rejected events of a key within a few minutes; a key with `admin` is a person at work and is not braked.
"""

import threading
from dataclasses import dataclass

from domain.instants import Millis

WINDOW_MS = 300_000
PAUSE_MS = 60_000
AT_LEAST = 200
"""Fewer events than this say nothing about a share."""
SHARE = 0.05


@dataclass(slots=True)
class _Count:
    since: Millis
    total: int = 0
    bad: int = 0
    until: Millis = 0


class Brake:
    """Counts by key; callable from any thread."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._counts: dict[str, _Count] = {}

    def wait_ms(self, key: str, now: Millis) -> int:
        """How long the key has to wait; 0 when it may send."""
        with self._mutex:
            count = self._counts.get(key)
            return max(0, count.until - now) if count else 0

    def note(self, key: str, total: int, bad: int, now: Millis) -> None:
        """Counts a request's events; too large a share of bad ones starts a pause."""
        with self._mutex:
            count = self._counts.get(key)
            if count is None or now - count.since > WINDOW_MS:
                count = self._counts[key] = _Count(now)
            count.total += total
            count.bad += bad
            if count.total >= AT_LEAST and count.bad > SHARE * count.total:
                self._counts[key] = _Count(now, until=now + PAUSE_MS)
