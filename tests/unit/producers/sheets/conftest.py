"""A run of the importer over files of a test, into a list."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.event_data import Snapshot
from domain.events import Event
from domain.indicator_documents import packaged_sets
from domain.instants import Zone, parse_rfc3339
from producers.edge import Edge
from producers.keys import IdentifierKeys
from producers.memory import Memory
from producers.sheets.importing import Options, import_sheets, open_source
from producers.sheets.report import SheetReport
from producers.sheets.sheet_mapping import SheetMapping

ZONE = Zone("Asia/Ho_Chi_Minh")
EXPORTED = parse_rfc3339("2026-08-31T18:00:00+07:00")


class Kept:
    """A sink that keeps."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.raw: list[bytes] = []

    def add(self, event: Event, encoded: bytes) -> None:
        self.events.append(event)
        self.raw.append(encoded)

    def flush(self) -> None:
        pass


class Done(NamedTuple):
    """What came of a run."""

    report: SheetReport
    events: list[Event]
    raw: bytes

    @property
    def records(self) -> dict[str, Snapshot]:
        """What each dossier's last record says."""
        return {e.subject: e.data for e in self.events if isinstance(e.data, Snapshot)}


Run = Callable[..., Done]


@pytest.fixture
def run() -> Run:
    """Runs files with one memory for the whole test."""
    memory = Memory(None)
    edge = Edge(IdentifierKeys(None, ZONE, lambda: EXPORTED))

    def go(*files: Path, at: int = EXPORTED, dry_run: bool = False, **mapping: Any) -> Done:
        made = SheetMapping(**mapping)
        options = Options(made, ZONE, "H44", packaged_sets()[-1], {}, dry_run)
        sink = Kept()
        report = import_sheets([open_source(f, made, at) for f in files], options, sink, edge, memory)
        return Done(report, sink.events, b"\n".join(sink.raw))

    return go
