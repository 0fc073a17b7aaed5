"""Imports into the log: the sink port over the log's bulk writer."""

from domain.event_types import BROADCAST_TYPES
from domain.events import Event
from eventlog.producer import BulkWriter


class LogSink:
    """Puts each event into its subject's partition, and broadcast documents into all (decisions 5).

    `ends` is, after `flush`, the offset behind the last record by partition: what a reader must reach.
    """

    def __init__(self, bulk: BulkWriter) -> None:
        self._bulk = bulk
        self.ends: dict[int, int] = {}

    def add(self, event: Event, encoded: bytes) -> None:
        """Takes one event; waits while too much is in flight. Raises Unavailable."""
        if event.type in BROADCAST_TYPES:
            self._bulk.broadcast(encoded)
        else:
            self._bulk.add(event.subject, encoded)

    def flush(self) -> None:
        """Waits until all is acknowledged. Raises Unavailable."""
        self.ends = self._bulk.flush()
