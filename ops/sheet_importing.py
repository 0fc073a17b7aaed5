"""An import of spreadsheets as command and watched folder run it: what is remembered, asked and recorded."""

import getpass
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.errors import Gs766Error, InvalidInput
from domain.events import encode_event, make_event
from domain.indicator_documents import packaged_sets
from domain.indicator_sets import IndicatorSet, choose_set
from domain.instants import Millis, to_millis
from domain.periods import parse_instant
from ops.addresses import kafka_config
from ops.client import Client
from ops.importing import Update, open_bulk, shown_progress, wait_for
from ops.settings import Settings
from producers.edge import Edge
from producers.keys import IdentifierKeys
from producers.log_sink import LogSink
from producers.memory import Memory
from producers.sheets.importing import Options, Source, import_sheets, open_source, unknown_states
from producers.sheets.report import SheetReport
from producers.sheets.sheet_mapping import SheetMapping, load_sheet_mapping, save_sheet_mapping
from producers.sheets.values import Order
from producers.sheets.words import key
from producers.sink import NullSink

SOURCE = "/gs766/ops"
MEMORY = "imports.sqlite"
Ask = Callable[[Mapping[str, int]], Mapping[str, str]]
"""From words for states that nobody knows (with how often they stand) to states; may leave words out."""


def now_ms() -> Millis:
    """The wall clock."""
    return to_millis(datetime.now(UTC))


def import_spreadsheets(
    settings: Settings,
    files: Sequence[Path],
    mapping_file: Path | None,
    *,
    given: Mapping[str, Any] | None = None,
    status: Mapping[str, str] | None = None,
    exported_at: str | None = None,
    ask: Ask | None = None,
    wait: bool = False,
    dry_run: bool = False,
    rejected_dir: Path | None = None,
    actor: str | None = None,
    progress: Update | None = None,
) -> SheetReport:
    """Imports spreadsheets into the log of the data folder; a dry run needs nothing to run and writes nothing.

    A mapping file that does not exist is made, and what was asked is added to it. `given` are values that come
    before the mapping's. `actor` is who is recorded to have brought the files in (default: the
    account), `progress` is told instead of the terminal. InvalidInput for files or mappings that cannot be used,
    Unavailable without a stack.
    """
    mapping = _mapping(mapping_file, given or {}, status or {})
    at = None if exported_at is None else parse_instant(exported_at, settings.zone)
    sources = [open_source(path, mapping, exported(path, at)) for path in files]
    options = Options(mapping, settings.zone, settings.root, _set(settings), _known_units(settings), dry_run)
    if ask is not None and (unknown := unknown_states(sources, options)):
        mapping = mapping.with_status(ask(unknown))
        options = replace(options, mapping=mapping)
    if mapping_file is not None and not dry_run and (not mapping_file.exists() or status or ask):
        save_sheet_mapping(mapping_file, mapping)
    memory = Memory(settings.data / MEMORY, read_only=dry_run)
    try:
        with shown_progress() if progress is None else nullcontext(progress) as update:
            job = _Job(settings, sources, options, actor or uploader(), wait, rejected_dir)
            return _run(job, memory, update)
    finally:
        memory.close()


@dataclass(frozen=True, slots=True)
class _Job:
    """One import, decided."""

    settings: Settings
    sources: Sequence[Source]
    options: Options
    actor: str
    wait: bool
    rejected_dir: Path | None


def _run(job: _Job, memory: Memory, update: Update) -> SheetReport:
    settings, options = job.settings, job.options
    key_file = None if options.dry_run else settings.identifier_key_file
    edge = Edge(IdentifierKeys(key_file, settings.zone, now_ms), applicants=settings.applicants)

    def progress(name: str, done: int, whole: int, rows: int) -> None:
        update(f"{name}: {rows:,} rows", done, whole)

    if options.dry_run:
        return import_sheets(job.sources, options, NullSink(), edge, memory, progress=progress)
    client = Client(settings) if job.wait else None
    with open_bulk(settings) as bulk:
        sink = LogSink(bulk)
        report = import_sheets(
            job.sources, options, sink, edge, memory, rejected_dir=job.rejected_dir, progress=progress
        )
    record_files(settings, report.files, options.mapping.source, job.actor)
    if client is not None:
        wait_for(client, sink.ends, update)
    return report


def record_files(settings: Settings, files: Sequence[Mapping[str, Any]], source: str, actor: str) -> None:
    """Records who brought in which file (by its hash, not by its name, which may name a person)."""
    from eventlog.writer import LogWriter, WriterSettings

    kafka = kafka_config(settings)
    now = now_ms()
    acts = []
    for file in files:
        subject = file["sha256"][:32]
        evidence = {n: file[n] for n in ("sha256", "form", "read", "events", "rejected", "exported_at")}
        data = {"actor": actor, "about": source, "kind": "import", "evidence": evidence}
        act = make_event("system.file_imported", subject, now, data, source=SOURCE, id=f"{subject}/{now}")
        acts.append((subject, encode_event(act)))
    if acts:
        with LogWriter(WriterSettings(kafka, kafka.alerts, 1)) as writer:
            writer.append(acts, partition=0)


def uploader() -> str:
    """The account under which the command runs."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()[:64]
    return "unknown"


def _mapping(path: Path | None, given: Mapping[str, Any], status: Mapping[str, str]) -> SheetMapping:
    mapping = load_sheet_mapping(path) if path is not None and path.exists() else SheetMapping()
    order: Order | None = given.get("date_order")
    if order not in (None, "dmy", "mdy"):
        raise InvalidInput("the order of dates is dmy (21/11/2026) or mdy (11/21/2026)")
    stated = {name: value for name, value in given.items() if value}
    return replace(mapping, **stated).with_status(status)


def exported(path: Path, given: Millis | None) -> Millis:
    """When a file was exported: as told, else when it was last written, never later than now."""
    if given is not None:
        return given
    try:
        return min(int(path.stat().st_mtime * 1000), now_ms())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error


def _set(settings: Settings) -> IndicatorSet:
    today = settings.zone.local(now_ms()).date()
    return choose_set(packaged_sets(), today, settings.indicator_set or None)


def _known_units(settings: Settings) -> dict[str, str]:
    """Codes of registered units by their names, where a stack runs: exports name units in words."""
    found: dict[str, str] = {}
    with suppress(Gs766Error):
        client = Client(settings, timeout=5)
        listed = client.get("/v1/units")
        for unit in listed if isinstance(listed, list) else listed.get("units", []):
            name = key(unit.get("name") or "")
            if name and unit.get("registered", True):
                found[name] = "" if name in found else unit["code"]
    return {name: code for name, code in found.items() if code}
