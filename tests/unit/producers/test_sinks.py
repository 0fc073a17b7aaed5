"""Sinks: into the log, every broadcast document reaches every partition."""

from typing import Any, cast

from domain.events import encode_event, make_event
from eventlog.producer import BulkWriter
from producers.log_sink import LogSink


class FakeBulk:
    """Remembers what it was asked to send."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.broadcasts = 0

    def add(self, subject: str, event: bytes) -> None:
        assert event
        self.added.append(subject)

    def broadcast(self, event: bytes) -> None:
        assert event
        self.broadcasts += 1

    def flush(self) -> dict[int, int]:
        return {0: 7}


def test_dossiers_go_to_their_partition_and_limits_to_all() -> None:
    bulk = FakeBulk()
    sink = LogSink(cast(BulkWriter, bulk))
    data: list[tuple[str, str, dict[str, Any]]] = [
        ("dossier.accepted", "D1", {}),
        ("procedure.limit_set", "2.000815", {"amount": 5}),
        ("unit.registered", "H44", {}),
    ]
    for event_type, subject, content in data:
        event = make_event(event_type, subject, 1_800_000_000_000, content, source="/t", id=subject)
        sink.add(event, encode_event(event))
    sink.flush()
    assert (bulk.added, bulk.broadcasts, sink.ends) == (["D1", "H44"], 1, {0: 7})
