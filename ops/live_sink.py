"""Events one by one into the log as live traffic: what a stream at a pace uses, where an import uses blocks."""

from collections import deque
from concurrent.futures import Future
from typing import Any

from domain.event_types import BROADCAST_TYPES
from domain.events import Event
from eventlog.writer import LogWriter

MOST_WAITING = 2_000


class LiveSink:
    """The sink port over a log writer; `ends`, after `flush`: by partition the offset behind the last record."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._waiting: deque[Future[Any]] = deque()
        self.ends: dict[int, int] = {}

    def add(self, event: Event, encoded: bytes) -> None:
        """Sends one event; waits while too many are on their way. Raises Unavailable."""
        if event.type in BROADCAST_TYPES:
            self._waiting.append(self._writer.submit_broadcast(event.subject, encoded))
        else:
            self._waiting.append(self._writer.submit([(event.subject, encoded)]))
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > MOST_WAITING):
            self._settle()

    def flush(self) -> None:
        """Waits until all is acknowledged. Raises Unavailable."""
        while self._waiting:
            self._settle()

    def _settle(self) -> None:
        for place in self._waiting.popleft().result():
            if place is not None:
                self.ends[place.partition] = max(self.ends.get(place.partition, 0), place.offset + 1)
