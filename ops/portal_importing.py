"""An import of files of wire records, as the command and the watched folder run it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from domain.errors import InvalidInput
from domain.instants import Millis, format_rfc3339
from domain.periods import parse_instant
from ops.client import Client
from ops.importing import open_bulk, shown_progress, wait_for
from ops.settings import Settings
from ops.sheet_importing import MEMORY, exported, now_ms, record_files, uploader
from producers.edge import Edge
from producers.keys import IdentifierKeys
from producers.log_sink import LogSink
from producers.memory import Memory
from producers.portal_importing import import_portal
from producers.portal_wire import SOURCE
from producers.report import ImportReport
from producers.sink import NullSink


def looks_like_json(path: Path) -> bool:
    """Whether a file begins as JSON does, packed or not."""
    from producers.open_file import BROKEN, open_input

    try:
        with open_input(path) as source:
            return source.stream.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[")
    except (*BROKEN, OSError, InvalidInput):
        return False


def import_portal_files(
    settings: Settings,
    files: Sequence[Path],
    *,
    source: str = "",
    exported_at: str | None = None,
    wait: bool = False,
    dry_run: bool = False,
    rejected_dir: Path | None = None,
) -> ImportReport:
    """Imports them into the log of the data folder; errors as `import_spreadsheets`."""
    at = None if exported_at is None else parse_instant(exported_at, settings.zone)
    dated = [(path, exported(path, at)) for path in files]
    key_file = None if dry_run else settings.identifier_key_file
    edge = Edge(IdentifierKeys(key_file, settings.zone, now_ms), applicants=settings.applicants)
    memory = Memory(settings.data / MEMORY, read_only=dry_run)
    name = source or SOURCE
    try:
        with shown_progress() as update:
            if dry_run:
                return import_portal(dated, NullSink(), edge, memory, settings.zone, source=name, dry_run=True)
            client = Client(settings) if wait else None
            with open_bulk(settings) as bulk:
                sink = LogSink(bulk)
                report = import_portal(
                    dated, sink, edge, memory, settings.zone, source=name, rejected_dir=rejected_dir
                )
            record_files(settings, [_about(path, when, report) for path, when in dated], name, uploader())
            if client is not None:
                wait_for(client, sink.ends, update)
            return report
    finally:
        memory.close()


def _about(path: Path, at: Millis, report: ImportReport) -> dict[str, object]:
    """What is recorded of a file; the counts are those of the whole run."""
    return {
        "sha256": _hash(path),
        "form": "portal",
        "read": report.read,
        "events": report.events,
        "rejected": report.rejected,
        "exported_at": format_rfc3339(at),
    }


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
