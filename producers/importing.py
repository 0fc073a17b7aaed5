"""One import from files to a report: picks the reader, drives the engine, keeps what was read when interrupted."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, get_args

from domain.errors import InvalidEvent, InvalidInput, NewerEvent
from producers import csv_rows, jsonl_rows, xes_rows
from producers.cases import Cases
from producers.edge import Edge
from producers.engine import At, Engine, without_values
from producers.identity import Seen
from producers.mapping import CASE_PREFIX, Mapping
from producers.mapping_file import did_you_mean
from producers.open_file import Input, open_input
from producers.report import ImportReport, Tally
from producers.sink import EventSink, NullSink

Kind = Literal["jsonl", "csv", "xes"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Progress = Callable[[str, int, int, int], None]
"""Called now and then with (file name, bytes of the file read, its size, rows read in all)."""
_EVERY = 1000


def run_import(
    kind: Kind,
    files: Sequence[Path],
    mapping: Mapping | None,
    sink: EventSink,
    edge: Edge,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    rejected_dir: Path | None = None,
) -> ImportReport:
    """Reads the files, sends their events to the sink, and reports. A dry run reads all and writes nothing.

    A row that cannot be used is rejected and counted, never an error. On Ctrl-C what was read is flushed and the
    report says `incomplete`; the import can simply be run again. Raises InvalidInput when a file or the mapping
    cannot be used at all (nothing was sent, or only whole files before it), Unavailable from the sink.
    """
    if not files:
        raise InvalidInput("name at least one file to import")
    tally = Tally(dry_run=dry_run, rejected_dir=rejected_dir)
    run = _Run(NullSink() if dry_run else sink, edge, tally, progress)
    try:
        try:
            if kind == "jsonl":
                run.jsonl(files)
            elif kind in KINDS:
                if mapping is None:
                    raise InvalidInput(f"{kind} files need a mapping: --mapping FILE.toml (see docs/mappings.md)")
                run.csv(files, mapping) if kind == "csv" else run.xes(files, mapping)
            else:
                raise InvalidInput(
                    f"'{kind}' is not a kind of file that can be imported{did_you_mean(kind, KINDS)}"
                )
        except KeyboardInterrupt:
            tally.incomplete = tally.incomplete or "interrupted; what had been read was kept: run the import again"
        run.sink.flush()
    finally:
        tally.close()
    return run.report()


class _Run:
    """The state of one import."""

    def __init__(self, sink: EventSink, edge: Edge, tally: Tally, progress: Progress | None) -> None:
        self.sink = sink
        self._edge = edge
        self._tally = tally
        self._progress = progress
        self._engine: Engine | None = None
        self._cases = Cases()

    def report(self) -> ImportReport:
        """The report of what was done so far."""
        engine, tally = self._engine, self._tally
        if engine is None:
            tally.findings.update(self._cases.findings())
            return tally.report(dossiers=len(self._cases))
        engine.note_findings()
        notes = engine.rules.notes
        return tally.report(
            dossiers=len(engine.cases), unmapped=dict(notes.unmapped.most_common()), date_only=notes.date_only
        )

    def jsonl(self, files: Sequence[Path]) -> None:
        """CloudEvents as they are. The same (source, id) with the same content is sent once."""
        seen, ids = Seen(), Seen()
        for path in files:
            with open_input(path) as source:
                for line, raw, problem in jsonl_rows.items(source):
                    self._json_event(At(path, line), raw, problem, seen, ids)
                    self._tick(source)
                self._tick(source, done=True)

    def csv(self, files: Sequence[Path], mapping: Mapping) -> None:
        """Case files first, whatever their order; then rows."""
        found = csv_rows.roles(list(files), mapping)
        engine = self._engine = Engine(mapping, self._edge, self.sink, self._tally)
        for role in found:
            with open_input(role.path) as source:
                take = engine.case_row if role.is_cases else engine.row
                for line, cells, problem in csv_rows.CsvFile(source, mapping.csv).rows():
                    if problem:
                        self._tally.read += 1
                        self._tally.reject(role.path, line, problem)
                    else:
                        self._tally.drop(role.columns.dropped(cells))
                        take(At(role.path, line), role.columns.row(cells))
                    self._note_broken(role.path, line, problem)
                    self._tick(source)
                self._tick(source, done=True)
        engine.finish()

    def xes(self, files: Sequence[Path], mapping: Mapping) -> None:
        """Traces, one by one; `case.` attributes are the trace's."""
        engine = self._engine = Engine(mapping, self._edge, self.sink, self._tally)
        used, met = mapping.used(), set[str]()
        for path in files:
            with open_input(path) as source:
                try:
                    for trace in xes_rows.traces(source):
                        self._trace(engine, path, trace, used, met)
                        self._tick(source)
                except xes_rows.BrokenXes as broken:
                    self._tally.read += 1
                    self._tally.reject(path, broken.line, "broken_file")
                    self._note_broken(path, broken.line, "broken_file")
                self._tick(source, done=True)
        engine.finish()
        self._warn_of_absent(mapping, used - met, met | set(self._tally.dropped))

    def _trace(
        self, engine: Engine, path: Path, trace: xes_rows.Trace, used: frozenset[str], met: set[str]
    ) -> None:
        # CSV exports of the same log write `case:x`: a mapping made for them serves the log too.
        names = {key: {CASE_PREFIX + key, f"case:{key}"} & used for key in trace.values}
        kept = {name: value for key, value in trace.values.items() for name in names[key]}
        dropped = tuple(CASE_PREFIX + key for key, used_as in names.items() if not used_as)
        met.update(kept)
        if not trace.events:
            self._tally.drop(dropped)
            engine.bare_case(At(path, trace.line), kept)
        subjects = set()
        for event in trace.events:
            row = kept | {key: value for key, value in event.values.items() if key in used}
            met.update(row)
            self._tally.drop((*dropped, *(key for key in event.values if key not in used)))
            engine.row(At(path, event.line), row)
            subjects.add(engine.subject_or_none(row))
        for subject in sorted(s for s in subjects if s):
            engine.end_case(subject)

    def _json_event(self, at: At, raw: bytes, problem: str, seen: Seen, ids: Seen) -> None:
        tally = self._tally
        tally.read += 1
        if problem:
            tally.reject(at.file, at.line, problem)
            self._note_broken(at.file, at.line, problem)
            return
        try:
            admitted = self._edge.admit(raw, received_at_ms=None)
        except InvalidEvent as error:
            tally.reject(at.file, at.line, "invalid", error.field, without_values(error.reason))
            return
        except NewerEvent:
            tally.reject(at.file, at.line, "newer", "dataversion")
            return
        event = admitted.event
        tally.drop(admitted.dropped)
        identity = f"{event.source}\0{event.id}".encode()
        if seen.count(blake2b(identity + event.hash, digest_size=16).digest()):
            tally.duplicates += 1
            return
        if ids.count(blake2b(identity, digest_size=16).digest()):
            tally.findings["id_reused"] += 1
        self._cases.note(event)
        tally.accepted += 1
        tally.events += 1
        tally.types[event.type] += 1
        self.sink.add(event, admitted.encoded)

    def _note_broken(self, path: Path, line: int, problem: str) -> None:
        if problem == "broken_file":
            self._tally.incomplete = f"{path.name} is broken at line {line}; what stood before it was kept"

    def _warn_of_absent(self, mapping: Mapping, absent: Iterable[str], keys: set[str]) -> None:
        for name in sorted(absent):
            self._tally.warnings.append(
                f"{mapping.name}: no event has the attribute '{name}'{did_you_mean(name, keys)}"
            )

    def _tick(self, source: Input, *, done: bool = False) -> None:
        if self._progress and (done or self._tally.read % _EVERY == 0):
            self._progress(
                source.path.name, source.size if done else source.position, source.size, self._tally.read
            )
