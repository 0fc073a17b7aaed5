"""One import of spreadsheets: rows to whole records, records to events where they say something new."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from domain.coverage import FACTS
from domain.errors import InvalidEvent, InvalidInput, NewerEvent
from domain.events import encode_event, make_event
from domain.indicator_sets import IndicatorSet
from domain.instants import Millis, Zone, format_rfc3339
from producers.edge import Edge
from producers.engine import without_values
from producers.memory import Gone, Memory, Record
from producers.records import is_open, record_digest, record_event
from producers.report import Tally
from producers.sheets.abilities import abilities
from producers.sheets.grid import Sheet, text_of
from producers.sheets.headings import Header, find_header
from producers.sheets.report import SheetReport, SheetSeen, kept
from producers.sheets.sheet_mapping import SheetMapping
from producers.sheets.table import Bad, Notes, Reading, Table, Taken
from producers.sheets.words import key
from producers.sheets.workbook import read_workbook
from producers.sink import EventSink

Progress = Callable[[str, int, int, int], None]
"""(file, dossiers dealt with, of how many, rows read in all)."""
_BATCH = 1000
_MOST_UNITS = 500
_ENOUGH = 20
"""Fewer rows than this say nothing about what kind of export a file is."""
_MASS = 0.2
_LISTED = 50


class Source(NamedTuple):
    """A file to import: its bytes' hash, its tables, and the instant at which it was exported."""

    path: Path
    hash: str
    at: Millis
    form: str
    tables: tuple[tuple[Sheet, Header], ...]
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Options:
    """Everything of an import that is not in its files."""

    mapping: SheetMapping
    zone: Zone
    root: str
    indicator_set: IndicatorSet
    known_units: Mapping[str, str] = field(default_factory=dict)
    """Codes of registered units by key of their names."""
    dry_run: bool = False


def open_source(path: Path, mapping: SheetMapping, at: Millis) -> Source:
    """Reads a file and finds its tables. InvalidInput when there is none, with what was seen instead."""
    try:
        content = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    book = read_workbook(path, content)
    given = mapping.folded("columns")
    tables, skipped = [], [(name, "hidden") for name in book.hidden]
    for sheet in book.sheets:
        header = find_header(sheet, given)
        if header is None:
            skipped.append((sheet.name, "no header with a dossier's code"))
        else:
            tables.append((sheet, header))
    if not tables:
        seen = [text_of(c) for s in book.sheets for row in s.rows[:15] for c in row if text_of(c)]
        near = ", ".join(f"'{t[:40]}'" for t in seen[:12]) or "nothing"
        raise InvalidInput(
            f"{path.name}: no header was found: it needs columns such as 'Mã hồ sơ' and 'Ngày tiếp nhận'. "
            f"Its first cells hold {near}. Name other columns in a mapping under [columns] (docs/mappings.md)"
        )
    digest = hashlib.sha256(content or b"").hexdigest()
    return Source(path, digest, at, book.form, tuple(tables), tuple(skipped))


def unknown_states(sources: Sequence[Source], options: Options) -> dict[str, int]:
    """Words for states that neither the mapping nor the common list knows, with how often they stand."""
    found: Counter[str] = Counter()
    for source in sources:
        for sheet, header in source.tables:
            found += Table(sheet, header, _reading(options), Notes()).state_words()
    return dict(found.most_common())


def _reading(options: Options) -> Reading:
    m = options.mapping
    try:
        end = time.fromisoformat(m.end_of_day)
    except ValueError as error:
        raise InvalidInput(f"end_of_day: '{m.end_of_day}' is not a clock time such as 17:00") from error
    units = {**options.known_units, **m.folded("units")}
    return Reading(options.zone, end, m.date_order, m.unit, m.folded("status"), units, m.folded("procedures"))


def import_sheets(
    sources: Sequence[Source],
    options: Options,
    sink: EventSink,
    edge: Edge,
    memory: Memory,
    *,
    rejected_dir: Path | None = None,
    progress: Progress | None = None,
) -> SheetReport:
    """Brings the files in, the oldest first. A row that cannot be used is rejected and counted, never an error."""
    tally = Tally(dry_run=options.dry_run, rejected_dir=rejected_dir)
    run = _Run(options, sink, edge, memory, tally, progress or (lambda *_: None))
    try:
        for source in sorted(sources, key=lambda s: (s.at, s.hash)):
            run.file(source)
    finally:
        tally.close()
    return run.report()


class _Run:
    """The state of one import."""

    def __init__(
        self, options: Options, sink: EventSink, edge: Edge, memory: Memory, tally: Tally, progress: Progress
    ) -> None:
        self._progress = progress
        self._options = options
        self._sink = sink
        self._edge = edge
        self._memory = memory
        self._tally = tally
        self._notes = Notes()
        self._sheets: list[SheetSeen] = []
        self._files: list[dict[str, Any]] = []
        self._told: set[str] = set()
        self._units: set[str] = set()
        self._codes: set[str] = set()
        self._verdicts: Counter[str] = Counter()
        self._gone: list[Gone] = []
        self._gone_since: Millis | None = None
        self._undated = self._date_only = 0

    def file(self, source: Source) -> None:
        """One file, whole."""
        number, at, done = self._memory.begin_file(self._options.mapping.source, source.hash, source.at)
        before = (self._tally.read, self._tally.events, self._tally.rejected)
        if done:
            self._tally.warnings.append(f"{source.path.name} was imported before: it says nothing new")
        notes = Notes()
        rows = self._records(source, notes)
        self._warn(source, notes, list(rows.values()), at)
        if done:
            self._tally.duplicates += len(rows)
            for taken in rows.values():
                self._count(taken)
        sent = [] if done else self._send(source, rows, at, number)
        self._progress(source.path.name, len(rows), len(rows), self._tally.read)
        self._sink.flush()
        if not self._options.dry_run:
            for batch in _batches(sent):
                self._memory.sent(self._options.mapping.source, batch)
            self._describe(at)
            if not done:
                self._absent(source, number, at, len(rows))
        self._add_notes(notes)
        read, events, rejected = (
            a - b
            for a, b in zip((self._tally.read, self._tally.events, self._tally.rejected), before, strict=True)
        )
        self._files.append(
            {
                "file": source.path.name,
                "sha256": source.hash,
                "exported_at": format_rfc3339(at),
                "form": source.form,
                "read": read,
                "events": events,
                "rejected": rejected,
                "imported_before": done,
            }
        )

    def _records(self, source: Source, notes: Notes) -> dict[str, Taken]:
        """The rows of all tables by code; of two that differ the one that says most."""
        found: dict[str, Taken] = {}
        tally = self._tally
        for sheet, header in source.tables:
            table, count = Table(sheet, header, _reading(self._options), notes), 0
            for line, row in table.rows():
                tally.read += 1
                count += 1
                if isinstance(row, Bad):
                    where = f"{sheet.name}: {row.column}" if len(source.tables) > 1 else row.column
                    tally.reject(source.path, line, row.reason, where)
                    continue
                known = found.get(row.code)
                if known is None:
                    found[row.code] = row
                elif known.data == row.data:
                    tally.duplicates += 1
                else:
                    tally.ignored += 1
                    tally.findings["case_twice"] += 1
                    found[row.code] = max(known, row, key=_says_most)
            columns = tuple((c.heading, c.meaning) for c in header.columns)
            seen = SheetSeen(source.path.name, sheet.name, source.form, header.row + 1, count, columns)
            self._sheets.append(replace(seen, samples=_samples(sheet, header)))
            self._told |= _column_facts(header)
        for name, why in source.skipped:
            self._sheets.append(SheetSeen(source.path.name, name, source.form, 0, 0, skipped=why))
        return found

    def _send(self, source: Source, rows: Mapping[str, Taken], at: Millis, number: int) -> list[Record]:
        """Sends what is new; the records that were sent or stood still."""
        name, tally = self._options.mapping.source, self._tally
        sent: list[Record] = []
        for done, batch in enumerate(_batches(list(rows.values()))):
            self._progress(source.path.name, done * _BATCH, len(rows), tally.read)
            records = [
                Record(t.code, record_digest(self._edge, t.data, t.anchor), at, is_open(t.data)) for t in batch
            ]
            for taken, record, when in zip(
                batch, records, self._memory.decide(name, records, file=number), strict=True
            ):
                self._count(taken)
                if when is None:
                    tally.duplicates += 1
                    continue
                try:
                    admitted = record_event(self._edge, name, taken.code, taken.data, record.digest, when, None)
                except (InvalidEvent, NewerEvent) as error:
                    field_name = getattr(error, "field", "")
                    tally.reject(source.path, taken.line, "invalid", field_name, without_values(str(error)))
                    continue
                tally.drop(admitted.dropped)
                tally.accepted += 1
                tally.events += 1
                tally.types[admitted.event.type] += 1
                self._sink.add(admitted.event, admitted.encoded)
                sent.append(record)
        return sent

    def _count(self, taken: Taken) -> None:
        data = taken.data
        self._undated += taken.due is None and "accepted_at" in data
        self._date_only += taken.date_only
        self._told |= {fact for fact, has in _value_facts(data).items() if has}
        self._codes.add(taken.code)
        if unit := data.get("unit"):
            self._units.add(unit)

    def _warn(self, source: Source, notes: Notes, rows: Sequence[Taken], at: Millis) -> None:
        say = self._tally.warnings.append
        name = source.path.name
        if any(sheet.cut for sheet, _ in source.tables):
            say(f"{name} has exactly 65,536 rows: the old format holds no more, so the export was probably cut")
        due = [t for t in rows if t.due is not None]
        late = [t for t in due if t.due is not None and (at if t.end is None else t.end) > t.due]
        if len(rows) >= _ENOUGH and (
            (len(due) >= _ENOUGH and len(late) == len(due)) or all(t.verdict == "late" for t in rows)
        ):
            say(f"{name} holds nothing but overdue dossiers: it is a part of an export, so rates would be false")
        for column in notes.swapped:
            say(f"{name}: '{column}': its date cells had day and month exchanged; they were exchanged back")
        for column in notes.mixed:
            say(f"{name}: '{column}' has dates of both orders; where both are possible the day was taken first")
        for column in notes.undecided:
            say(
                f"{name}: '{column}': nothing tells day from month; the day was taken first "
                "(--date-order mdy, or date_order in the mapping, if it is not)"
            )
        if notes.codes_from_numbers:
            say(f"{name}: {notes.codes_from_numbers} codes stood as numbers: leading zeros may be lost")
        if notes.unread_amounts:
            say(f"{name}: {notes.unread_amounts} amounts could not be read and were left out")
        for word, count in notes.unknown_channels.most_common(10):
            say(f"{name}: {word}: not a known word ({count} rows); left unknown")
        for taken in rows:
            if taken.verdict and taken.due is not None:
                self._verdicts[_compared(taken, at, self._options.zone)] += 1

    def _add_notes(self, notes: Notes) -> None:
        self._tally.dropped.update(notes.dropped)
        self._notes.unknown_words.update(notes.unknown_words)
        self._notes.furniture.update(notes.furniture)

    def _describe(self, at: Millis) -> None:
        """Says once what the source cannot tell, and again when that, or its units, changes."""
        name = self._options.mapping.source
        known = msgspec.json.decode(self._memory.described(name) or b"{}")
        units = sorted({*known.get("units", ()), *self._units})
        said = {"cannot_tell": list(self._cannot_tell()), "units": units}
        if said == known or not self._codes:
            return
        data = {
            "source": name,
            "cannot_tell": said["cannot_tell"],
            "units": units if len(units) <= _MOST_UNITS else [],
        }
        seed = msgspec.json.encode([name, said, at])
        event = make_event(
            "unit.source_described",
            self._options.root,
            at,
            data,
            source=name,
            id=hashlib.blake2b(seed, digest_size=16).hexdigest(),
        )
        self._sink.add(event, encode_event(event))
        self._sink.flush()
        self._memory.describe(name, msgspec.json.encode(said).decode())

    def _absent(self, source: Source, number: int, at: Millis, rows: int) -> None:
        gone, since, had = self._memory.end_file(self._options.mapping.source, number, at, rows)
        if since is None:
            return
        self._gone, self._gone_since = gone, at
        if had >= _ENOUGH and len(gone) > _MASS * had:
            self._tally.warnings.append(
                f"{len(gone)} of {had} dossiers of the file before are not in {source.path.name}: is it filtered?"
            )

    def _cannot_tell(self) -> tuple[str, ...]:
        return tuple(fact for fact in FACTS if fact not in self._told)

    def report(self) -> SheetReport:
        """What was done."""
        still = [g.code for g in self._gone if g.open]
        absent: dict[str, Any] = {}
        if self._gone_since is not None:
            absent = {
                "since": format_rfc3339(self._gone_since),
                "count": len(self._gone),
                "open": len(still),
                "codes": still[:_LISTED],
            }
            if still:
                self._tally.findings["absent_open"] += len(still)
        if self._undated:
            self._tally.findings["undated"] = self._undated
        cannot = self._cannot_tell()
        core = self._tally.report(
            dossiers=len(self._codes), unmapped=dict(self._notes.unknown_words), date_only=self._date_only
        )
        return SheetReport(
            core=core,
            undated=self._undated,
            sheets=tuple(self._sheets),
            abilities=abilities(self._options.indicator_set, cannot),
            cannot_tell=cannot,
            furniture=dict(self._notes.furniture),
            unknown_words=dict(self._notes.unknown_words.most_common()),
            verdicts=dict(self._verdicts),
            absent=absent,
            files=tuple(self._files),
        )


def _samples(sheet: Sheet, header: Header) -> tuple[tuple[str, ...], ...]:
    """The first two values of every column that is kept as it stands: one that nobody knows may be personal."""
    found = []
    for column in header.columns:
        shown = kept(column.meaning) and column.meaning != "place"
        values = (
            text_of(r[column.place]) for r in sheet.rows[header.first :][:50] if shown and column.place < len(r)
        )
        found.append(tuple(islice((v[:40] for v in values if v), 2)))
    return tuple(found)


def _says_most(taken: Taken) -> tuple[Millis, int, bytes]:
    return taken.last, len(taken.data), msgspec.json.encode(taken.data, order="deterministic")


def _column_facts(header: Header) -> set[str]:
    """What a column tells by being there, even where it is empty."""
    return {"ended_at"} if header.meanings & {"finished_at", "returned_at"} else set()


def _value_facts(data: Mapping[str, Any]) -> dict[str, bool]:
    return {
        "due_at": "due_at" in data,
        "channel": "channel" in data,
        "payable": "amounts" in data,
        "paid_online": "gateway" in data and "amounts" in data,
    }


def _compared(taken: Taken, at: Millis, zone: Zone) -> str:
    """'same' where the source's verdict is that of the hour or that of the date, else 'differs'."""
    assert taken.due is not None
    end = at if taken.end is None else taken.end
    ours = {end > taken.due, zone.day(end) > zone.day(taken.due)}
    return "same" if (taken.verdict == "late") in ours else "differs"


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    walk = iter(items)
    while batch := list(islice(walk, _BATCH)):
        yield batch


__all__ = ["Options", "Source", "import_sheets", "key", "open_source", "unknown_states"]
