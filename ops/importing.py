"""An import as the command runs it: readers from `producers`, the log from `eventlog`, progress for a terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import InvalidInput
from domain.instants import to_millis
from ops.addresses import kafka_config
from ops.client import Client
from ops.settings import Settings
from ops.waiting import wait_until_queryable
from producers.edge import Edge
from producers.importing import KINDS, run_import
from producers.keys import IdentifierKeys
from producers.log_sink import LogSink
from producers.mapping_file import load_mapping
from producers.report import ImportReport
from producers.sink import NullSink

if TYPE_CHECKING:
    from eventlog.producer import BulkWriter

Update = Callable[[str, float, float], None]
"""(what is being done, how much is done, of how much)."""


def import_into_log(
    settings: Settings,
    kind: str,
    files: Sequence[Path],
    mapping: Path | None,
    *,
    wait: bool = False,
    dry_run: bool = False,
    rejected_dir: Path | None = None,
) -> ImportReport:
    """Imports files into the log of the data folder; with `wait`, returns when their rows are queryable.

    InvalidInput for files or mappings that cannot be used, Unavailable when Kafka (or, waiting, the API) is
    away. A dry run needs nothing to run.
    """
    _check(kind, files)
    read = None if mapping is None else load_mapping(mapping, settings.zone)
    # A dry run may not make key files.
    key_file = None if dry_run else settings.identifier_key_file
    keys = IdentifierKeys(key_file, settings.zone, lambda: to_millis(datetime.now(UTC)))
    edge = Edge(keys, applicants=settings.applicants)
    kinds: Any = kind
    with shown_progress() as update:

        def progress(name: str, position: int, size: int, rows: int) -> None:
            update(f"{name}: {rows:,} rows", position, size)

        if dry_run:
            return run_import(kinds, files, read, NullSink(), edge, dry_run=True, progress=progress)
        client = Client(settings) if wait else None
        with open_bulk(settings) as bulk:
            sink = LogSink(bulk)
            report = run_import(kinds, files, read, sink, edge, progress=progress, rejected_dir=rejected_dir)
        if client is not None:
            wait_for(client, sink.ends, update)
    return report


def _check(kind: str, files: Sequence[Path]) -> None:
    """What is wrong with the command itself is said before anything is asked of the stack."""
    if kind not in KINDS:
        raise InvalidInput(
            f"'{kind}' is not a kind of file that can be imported: {', '.join((*KINDS, 'xlsx', 'portal'))}"
        )
    for path in files:
        if not path.is_file():
            raise InvalidInput(f"{path} is not a file")


def open_bulk(settings: Settings) -> "BulkWriter":
    """A bulk writer of imports into `dossier-events`."""
    from eventlog.producer import BulkWriter

    kafka = kafka_config(settings)
    return BulkWriter(kafka, kafka.events, settings.partitions)


def wait_for(client: Client, ends: dict[int, int], update: Update) -> None:
    """Waits until everything before those ends is queryable."""
    most = 0

    def progress(missing: int) -> None:
        nonlocal most
        most = max(most, missing)
        update("waiting until it is queryable", most - missing, most)

    wait_until_queryable(lambda: client.health().body, ends, progress)


@contextmanager
def shown_progress() -> Iterator[Update]:
    """A progress bar on stderr when that is a terminal, nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=None)

        def update(what: str, done: float, whole: float) -> None:
            shown.update(task, description=what, completed=done, total=whole or None)

        yield update
