"""Fixtures of the producers' tests: a list as a sink, an edge with keys in memory, importing texts as files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.events import Event
from domain.instants import Zone, zone
from producers.edge import Edge
from producers.importing import Kind, run_import
from producers.keys import IdentifierKeys
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from producers.report import ImportReport


class ListSink:
    """Keeps what it is given, and how often it was flushed."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lines: list[bytes] = []
        self.flushed = 0

    def add(self, event: Event, encoded: bytes) -> None:
        self.events.append(event)
        self.lines.append(encoded)

    def flush(self) -> None:
        self.flushed += 1

    def ids(self) -> list[str]:
        return sorted(e.id for e in self.events)

    def told(self) -> list[tuple[str, str]]:
        """(subject, type) in order."""
        return [(e.subject, e.type.partition(".")[2]) for e in self.events]


@pytest.fixture
def province() -> Zone:
    return zone("Asia/Ho_Chi_Minh")


@pytest.fixture
def keys(province: Zone) -> IdentifierKeys:
    return IdentifierKeys(None, province, lambda: 0)


@pytest.fixture
def edge(keys: IdentifierKeys) -> Edge:
    return Edge(keys)


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


Import = Callable[..., ImportReport]


@pytest.fixture
def bring_in(tmp_path: Path, sink: ListSink, edge: Edge, province: Zone) -> Import:
    """Imports texts (or bytes) by file name with a mapping text into `sink`."""

    def bring(
        kind: Kind, files: dict[str, str | bytes], mapping: str = "", *, dry_run: bool = False
    ) -> ImportReport:
        paths = []
        for name, content in files.items():
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(path)
        loaded: Mapping | None = None
        if mapping:
            (tmp_path / "mapping.toml").write_text(mapping, "utf-8")
            loaded = load_mapping(tmp_path / "mapping.toml", province)
        return run_import(kind, paths, loaded, sink, edge, dry_run=dry_run)

    return bring
