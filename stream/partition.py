"""The fold of one partition: log records in, rows and state changes out. No Kafka here, only records.

Rows are absolute, one per (subject, log record that changed it), whatever the batches were: only then are the
rows of a re-run equal (design rule 3). A cell's row is emitted once a batch, as of the last record that touched
it: batches are taken whole and the greatest version stands, so that what it was in between is never seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain.blocks import partition_of, split_block
from domain.bookings import Recall
from domain.conditions import Condition
from domain.daily import Daily, by_day
from domain.dossier import EMPTY, evolve
from domain.duty_conditions import petition_conditions, procedure_conditions
from domain.errors import InvalidEvent, NewerEvent
from domain.event_data import Data
from domain.event_types import BROADCAST_TYPES, EVENT_TYPES
from domain.events import Event, decode_event, without_values
from domain.facts import Fact, Facts, Packed, fact_of, fits, merge, packed
from domain.fold import UNKNOWN_UNIT, Folded, document_row, dossier_row, fold_dossier, judged
from domain.instants import Millis, Zone
from domain.petition import Petition, book_petition, petition_row, replay_petition
from domain.procedures import procedure_key
from domain.reference import Reference, check_document
from domain.rows import ConditionRow, DeadLetterRow, FindingRow, RecallRow
from domain.timeline import Timeline
from stream.cells import Dimensions, Ledger, cell_row
from stream.port import FoldState
from stream.state import CellKey, Position, Subject, SubjectKey, Sweep, record_hash

CLOCK_TOLERANCE_MS = 5 * 60 * 1000
"""Five minutes (design, "Clocks")."""
SWEEP_SLICE = 400
QUARANTINED = "quarantined"
"""The `field` of the dead letter of a record that was skipped by decision."""
_FULL = "the subject holds as many events as one can: nothing more is folded into it"
Indexed = list[tuple[int, Event]]
"""The events of a record, each with its place in it."""
_NOWHERE: Dimensions = ("", "", "")
_NOTHING = Folded(EMPTY, 0, Timeline(), "none", Daily(), ())
"""A dossier of which nothing was emitted yet."""
_ELSEWHERE = frozenset({"alert", "system"})
_PLACED = frozenset(t.name for t in EVENT_TYPES.values() if t.kind not in (*_ELSEWHERE, "log") and not t.broadcast)
"""What belongs to the partition of its subject, and to no other."""
_BROADCAST = tuple(f'"{name}"'.encode() for name in sorted(BROADCAST_TYPES))


def may_hold_documents(value: bytes) -> bool:
    """Whether a record may hold reference documents: such a record is a batch of its own.

    Escapes may spell a type in another way, so a record with any is taken for one.
    """
    return b"\\u" in value or any(name in value for name in _BROADCAST)


class LogRecord(Protocol):
    """What the fold needs of a log record."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp_ms(self) -> Millis: ...
    @property
    def value(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class FoldConfig:
    """What a partition's fold depends on besides the log."""

    partition: int
    partitions: int
    zone: Zone
    generation: int
    log_id: str
    fingerprint: str
    quarantined: Mapping[int, str] = field(default_factory=dict)
    """Offsets that a person decided to skip, with the reason."""
    clock_ahead_ms: int = CLOCK_TOLERANCE_MS
    """How far a source's clock may run ahead of the log's and still move the log clock."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be emitted for the records [from_offset, to_offset], and the position once it is acked.

    `last` is false for the slices of a sweep; `seq` is the number of its first change record.
    """

    from_offset: int
    to_offset: int
    rows: dict[str, list[Struct]]
    position: Position
    seq: int = 0
    last: bool = True


class PartitionFold:
    """Applies records in offset order. Call `apply` for one or several, then emit `batch()`, then `commit()`.

    After a record with reference documents `sweeping` is true: `sweep()` slices must be emitted and committed
    until it is false, before the next record.
    """

    def __init__(self, store: FoldState, config: FoldConfig) -> None:
        self._store = store
        self._config = config
        self.position = store.position or Position(config.log_id, config.fingerprint)
        self._reference = Reference(store.documents(), config.zone)
        self._ledger = Ledger(store)
        self._rows: dict[str, list[Struct]] = {}
        self._data: dict[bytes, Data] = {}
        """What the facts of the present record say, by their hash: decoded once."""
        self._new_reference = False
        """Whether the present record changed the documents: what was folded before knows the old ones."""
        self._first = self.position.offset + 1

    def reopened(self) -> "PartitionFold":
        """The fold as of the last commit, after the store was rolled back."""
        return PartitionFold(self._store, self._config)

    @property
    def next_offset(self) -> int:
        """The offset of the record to apply next."""
        return self.position.offset + 1

    @property
    def sweeping(self) -> bool:
        """Whether a reference document is being applied to all subjects."""
        return self.position.sweep is not None

    @property
    def size(self) -> int:
        """A rough count of what waits in the present batch."""
        return sum(map(len, self._rows.values())) + len(self._ledger.touched)

    def apply(self, record: LogRecord) -> None:
        """Folds one record. Raises NewerEvent (this release is too old) with nothing of the record applied."""
        offset, known_at = record.offset, max(record.timestamp_ms, self.position.known_at)
        skipped = self._config.quarantined.get(offset)
        if skipped is None:
            found, dead = self.decode(record, known_at)
        else:
            reason = f"skipped by a recorded decision: {skipped}"
            found, dead = [], [DeadLetterRow(offset, 0, known_at, "", reason, QUARANTINED)]
        full: set[int] = set()
        changed = self.take_documents(found, full)
        if changed:
            self._settle_cells()
        self._data = {e.hash: e.data for _, e in found}
        for (kind, subject), facts in by_subject(found).items():
            self._fold(kind, subject, facts, offset, known_at, full)
        if full:
            dead += [DeadLetterRow(offset, n, known_at, e.source, _FULL, "subject") for n, e in found if n in full]
        for letter in dead:
            self._emit("dead_letters", letter)
        clock = self._clock(found, known_at)
        if changed:
            self._store.mark_dirty(set(self._ledger.take()))
            sweep = Sweep(offset, b"", 0)
            self.position = replace_position(self.position, sweep=sweep, known_at=known_at, clock=clock)
            return
        self.position = replace_position(
            self.position, offset=offset, record_hash=record_hash(record.value), known_at=known_at, clock=clock
        )

    def fold_subject(
        self, kind: str, subject: str, facts: dict[int, Fact], offset: int, known_at: Millis
    ) -> tuple[dict[str, list[Struct]], dict[CellKey, list[int]]]:
        """One subject's facts of one record by themselves: its rows, and the cells touched, not emitted.

        For engines that keep state by subject. Documents are taken before, with `take_documents`.
        """
        self._fold(kind, subject, facts, offset, known_at, set())
        rows, self._rows = self._rows, {}
        return rows, self._ledger.take()

    def sweep(self, record: LogRecord, count: int = SWEEP_SLICE) -> None:
        """Applies the next slice of a sweep: refolds subjects, then, at the end, emits the cells touched.

        `record` is the one that began it. Deterministic: the slices of a re-run are the same.
        """
        under = self.position.sweep
        assert under is not None
        known_at = self.position.known_at
        if not under.cells:
            found = self._store.subjects_after(under.cursor, count)
            for _, subject in found:
                self._refold(subject, under.offset, known_at)
            self._store.mark_dirty(set(self._ledger.take()))
            cursor = found[-1][0] if len(found) == count else b""
            after = Sweep(under.offset, cursor, under.seq, cells=not cursor)
            self.position = replace_position(self.position, sweep=after)
            return
        dirty = self._store.dirty_after(under.cursor, count)
        for _, key in dirty:
            self._ledger.touched[key] = [self._store.cell(key, 0), under.offset]
        self._store.forget_dirty([key for key, _ in dirty])
        if len(dirty) == count:
            self.position = replace_position(
                self.position, sweep=Sweep(under.offset, dirty[-1][0], under.seq, True)
            )
            return
        self.position = replace_position(
            self.position, sweep=None, offset=under.offset, record_hash=record_hash(record.value)
        )

    def batch(self) -> Batch:
        """What is to be emitted now; empty rows still move the position."""
        self._settle_cells()
        under = self._sweep_before()
        if under is not None:
            return Batch(under.offset, under.offset, self._rows, self.position, under.seq, not self.sweeping)
        to_offset = self.position.sweep.offset if self.position.sweep else self.position.offset
        return Batch(self._first, to_offset, self._rows, self.position, 0, not self.sweeping)

    def _sweep_before(self) -> Sweep | None:
        stored = self._store.position
        return stored.sweep if stored else None

    def commit(self, emitted: int) -> None:
        """Makes the batch durable; `emitted` change records of it were acknowledged."""
        if self.position.sweep is not None:
            under = self.position.sweep
            seq = (self._sweep_before() or under).seq + emitted
            self.position = replace_position(
                self.position, sweep=Sweep(under.offset, under.cursor, seq, under.cells)
            )
        self._store.commit(self.position)
        self._rows = {}
        self._first = self.position.offset + 1

    # ---- inside a record

    def decode(self, record: LogRecord, known_at: Millis) -> tuple[Indexed, list[DeadLetterRow]]:
        """The events of a record with their places in it, and dead letters for what is no event of this
        partition."""
        try:
            elements: Sequence[bytes] = split_block(record.value)
        except InvalidEvent as error:
            return [], [DeadLetterRow(record.offset, 0, known_at, "", error.reason, error.field)]
        events: Indexed = []
        dead: list[DeadLetterRow] = []
        among, partition = self._config.partitions, self._config.partition
        for index, element in enumerate(elements):
            try:
                event = decode_event(element)
                if event.type not in _PLACED or partition_of(event.subject, among) != partition:
                    self._check_place(event)
                events.append((index, event))
            except InvalidEvent as error:
                source = _source_of(element)
                reason = without_values(error.reason)
                dead.append(DeadLetterRow(record.offset, index, known_at, source, reason, error.field))
            except NewerEvent as error:
                raise NewerEvent(
                    f"partition {self._config.partition} offset {record.offset} event {index}: {error}"
                ) from error
        return events, dead

    def _check_place(self, event: Event) -> None:
        if event.kind in _ELSEWHERE:
            raise InvalidEvent("events of this kind belong to the alert log", "type")
        if EVENT_TYPES[event.type].broadcast:
            check_document(event, self._config.zone)
        elif event.kind != "log":
            belongs = partition_of(event.subject, self._config.partitions)
            if belongs != self._config.partition:
                reason = f"belongs to partition {belongs}: send it with the subject as the record's key"
                raise InvalidEvent(reason, "subject")

    def _clock(self, events: Indexed, known_at: Millis) -> Millis:
        latest, limit = self.position.clock, known_at + self._config.clock_ahead_ms
        for _, event in events:
            if latest < event.occurred_at <= limit and event.kind != "log":
                latest = event.occurred_at
        return latest

    def take_documents(self, found: Indexed, full: set[int]) -> bool:
        """Merges broadcast documents; true when any changed, and the reference is made anew. Places of
        events for which there is no room go into `full`."""
        broadcast = [(n, e) for n, e in found if e.type in BROADCAST_TYPES]
        documents = self._store.documents() if broadcast else {}
        changed = False
        for index, event in broadcast:
            key: SubjectKey = (event.kind, event.subject)
            old = documents.get(key, ())
            merged = merge(old, [fact_of(event)])
            if not fits(event.kind, merged):
                full.add(index)
            elif merged is not old:
                documents[key] = merged
                self._store.put_document(key, merged)
                changed = True
        if changed:
            self._reference = Reference(documents, self._config.zone)
        self._new_reference = changed
        return changed

    def _fold(
        self, kind: str, subject: str, told: dict[int, Fact], version: int, known_at: Millis, full: set[int]
    ) -> None:
        if kind == "log":
            return
        old = self._store.subject(kind, subject)
        if kind == "dossier" and self._fold_on(old, subject, told, version, known_at):
            return
        facts = old.facts if old is not None else ()
        merged = _merged(kind, facts, told, full)
        if merged is facts:
            return
        if kind == "dossier":
            folded = fold_dossier(merged, self._reference)
            self._replace_dossier(old, Subject(kind, subject, packed(merged), folded), version, known_at)
        elif kind == "petition":
            self._fold_petition(old or Subject(kind, subject, Packed()), merged, version, known_at)
        else:
            new = Subject(kind, subject, packed(merged))
            if kind == "procedure":
                new = self._of_procedure(old, new, merged, version, known_at)
            self._store.put_subject(new)
            if partition_of(subject, self._config.partitions) == self._config.partition:
                self._emit("documents", document_row(kind, subject, merged, version, known_at))

    def _fold_on(
        self, old: Subject | None, code: str, new: dict[int, Fact], version: int, known_at: Millis
    ) -> bool:
        """The usual case: facts that come after all that is known of a dossier go on from its kept state.
        False when they have to be merged and everything folded from the first."""
        facts = sorted(new.values(), key=Fact.order) if len(new) > 1 else [*new.values()]
        after = (old.packed if old is not None else Packed()).followed_by(facts)
        if after is None:
            return False
        before = old.folded if old is not None else None
        state = EMPTY if before is None else before.state
        for fact in facts:
            state = evolve(state, fact, self._data.get(fact.hash))
        folded = judged(state, after.count, self._reference, None if self._new_reference else before)
        self._emit_dossier(before, Subject("dossier", code, after, folded), folded, version, known_at)
        return True

    def _refold(self, subject: Subject, version: int, known_at: Millis) -> None:
        """A subject again, under a changed reference; nothing is emitted where nothing changed."""
        if subject.folded is not None:
            folded = judged(subject.folded.state, subject.folded.events, self._reference)
            self._replace_dossier(subject, replace(subject, folded=folded), version, known_at)
        elif subject.kind in ("petition", "procedure"):
            facts = subject.facts
            if subject.kind == "petition":
                new = self._of_petition(subject, subject, replay_petition(facts), version, known_at)
            else:
                new = self._of_procedure(subject, subject, facts, version, known_at)
            if new is not subject:
                self._store.put_subject(new)

    def _replace_dossier(self, old: Subject | None, new: Subject, version: int, known_at: Millis) -> None:
        """Emits what changed between two foldings of a dossier, nothing when its row says the same."""
        before, folded = old.folded if old is not None else None, new.folded
        assert folded is not None
        if (
            before is not None
            and before.conditions == folded.conditions
            and dossier_row("", before, 0, 0) == dossier_row("", folded, 0, 0)
        ):
            self._store.put_subject(new)
        else:
            self._emit_dossier(before, new, folded, version, known_at)

    def _emit_dossier(
        self, before: Folded | None, new: Subject, folded: Folded, version: int, known_at: Millis
    ) -> None:
        code, dimensions = new.subject, folded.dimensions
        self._emit("dossiers", dossier_row(code, folded, version, known_at))
        self._store.put_subject(new)
        was = _NOWHERE if before is None else before.dimensions
        old = _NOTHING if before is None else before
        moved, before_days, days = was != dimensions, old.days, folded.days
        if moved or before_days.by_day is not days.by_day:
            known_day = self._config.zone.day(known_at)
            self._ledger.move((was, before_days.by_day), (dimensions, days.by_day), known_day, version)
        if before_days.recalls is not days.recalls or (moved and days.recalls):
            self._emit_recalls(code, before_days.recalls, days.recalls, moved, dimensions, version, known_at)
        if old.conditions is not folded.conditions or moved:
            self._emit_conditions(code, old.conditions, folded.conditions, moved, dimensions, version, known_at)
        was_found, found, elsewhere = old.findings, folded.findings, was[0] != dimensions[0]
        if was_found != found or (found and elsewhere):
            self._emit_findings(code, was_found, found, dimensions[0], elsewhere, version, known_at)

    def _fold_petition(self, old: Subject, facts: Facts, version: int, known_at: Millis) -> None:
        petition = replay_petition(facts)
        unit = petition.unit or UNKNOWN_UNIT
        days = by_day(book_petition(petition), self._config.zone)
        dimensions = (unit, "", "")
        self._emit("petitions", petition_row(old.subject, petition, unit, version, known_at))
        known_day = self._config.zone.day(known_at)
        self._ledger.move((old.dimensions, old.by_day), (dimensions, days), known_day, version)
        new = Subject(old.kind, old.subject, packed(facts), None, dimensions, days)
        self._store.put_subject(self._of_petition(old, new, petition, version, known_at))

    def _of_petition(
        self, old: Subject, new: Subject, petition: Petition, version: int, known_at: Millis
    ) -> Subject:
        found = petition_conditions(petition, self._reference)
        return self._with_conditions(old, new, found, version, known_at)

    def _of_procedure(
        self, old: Subject | None, new: Subject, facts: Facts, version: int, known_at: Millis
    ) -> Subject:
        found = procedure_conditions(facts, self._reference)
        if not found and (old is None or not old.conditions):
            return new
        dimensions = (UNKNOWN_UNIT, procedure_key(new.subject), "")
        if new.dimensions != dimensions:
            new = replace(new, dimensions=dimensions)
        return self._with_conditions(old or new, new, found, version, known_at)

    def _with_conditions(
        self, old: Subject, new: Subject, found: tuple[Condition, ...], version: int, known_at: Millis
    ) -> Subject:
        """The subject with these conditions; emits what changed of them. The very same one where nothing did."""
        if old.dimensions == new.dimensions and old.conditions == found:
            return new if new.conditions is old.conditions else replace(new, conditions=old.conditions)
        moved = old.dimensions != new.dimensions
        self._emit_conditions(new.subject, old.conditions, found, moved, new.dimensions, version, known_at)
        return replace(new, conditions=found)

    def _emit_recalls(
        self,
        code: str,
        old: tuple[Recall, ...],
        new: tuple[Recall, ...],
        moved: bool,
        dimensions: Dimensions,
        version: int,
        known_at: Millis,
    ) -> None:
        after = {(r.stopped_open, r.out_at, r.in_at): r for r in new}
        before = {(r.stopped_open, r.out_at, r.in_at): r for r in old}
        gone = [(r, True) for key, r in before.items() if key not in after]
        found = [(r, False) for key, r in after.items() if moved or before.get(key) != r]
        unit, procedure, channel = dimensions
        for r, is_gone in (*gone, *found):
            self._emit(
                "recalls",
                RecallRow(
                    code, r.stopped_open, r.out_at, r.in_at, version, known_at, unit, procedure, channel,
                    r.ok, r.early, r.undated, r.unhappy, r.attributes, is_gone,
                ),
            )  # fmt: skip

    def _emit_conditions(
        self,
        code: str,
        old: tuple[Condition, ...],
        new: tuple[Condition, ...],
        moved: bool,
        dimensions: Dimensions,
        version: int,
        known_at: Millis,
    ) -> None:
        """The conditions that are over or changed. `moved`: all stand under other dimensions now."""
        after = {(c.kind, c.episode): c for c in new}
        before = {(c.kind, c.episode): c for c in old}
        unit, procedure, _ = dimensions
        changed: list[tuple[Condition, Millis | None]] = [
            (c, c.start) for key, c in before.items() if key not in after
        ]
        for key, c in after.items():
            was = None if moved else before.get(key)
            if was is not c and was != c:
                changed.append((c, c.until))
        if not changed:
            return
        rows = self._rows.get("conditions")
        if rows is None:
            rows = self._rows["conditions"] = []
        for c, until in changed:
            rows.append(
                ConditionRow(
                    c.kind,
                    code,
                    c.episode,
                    version,
                    known_at,
                    c.start,
                    until,
                    unit,
                    procedure,
                    c.due_at,
                    c.evidence,
                )
            )

    def _emit_findings(
        self,
        code: str,
        old: tuple[tuple[str, str], ...],
        new: tuple[tuple[str, str], ...],
        unit: str,
        moved: bool,
        version: int,
        known_at: Millis,
    ) -> None:
        after, before = dict(new), dict(old)
        for kind, event_id in before.items():
            if kind not in after:
                self._emit("findings", FindingRow(kind, code, version, known_at, unit, event_id, False))
        for kind, event_id in after.items():
            if before.get(kind) != event_id or moved:
                self._emit("findings", FindingRow(kind, code, version, known_at, unit, event_id, True))

    def _settle_cells(self) -> None:
        """Emits the cells of the batch as they stand, each once: a batch is taken whole, so that what a cell was
        between its records would be replaced before it is seen."""
        rows = self._rows
        for key, (values, version) in self._ledger.touched.items():
            found = rows.get(key[0])
            if found is None:
                found = rows[key[0]] = []
            found.append(cell_row(key, values, version))
        self._ledger.touched = {}

    def _emit(self, table: str, row: Struct) -> None:
        rows = self._rows.get(table)
        if rows is None:
            rows = self._rows[table] = []
        rows.append(row)


def replace_position(position: Position, **changes: object) -> Position:
    """A position with some fields changed."""
    return msgspec.structs.replace(position, **changes)


def by_subject(events: Indexed) -> dict[SubjectKey, dict[int, Fact]]:
    """The facts of a record's events by subject, each with its place."""
    found: dict[SubjectKey, dict[int, Fact]] = {}
    for index, event in events:
        subject = (event.kind, event.subject)
        facts = found.get(subject)
        if facts is None:
            facts = found[subject] = {}
        facts[index] = fact_of(event)
    return found


def _merged(kind: str, old: Facts, new: dict[int, Fact], full: set[int]) -> Facts:
    """The facts with the new ones for which there is room; the places of the others go into `full`."""
    merged = merge(old, new.values())
    if fits(kind, merged):
        return merged
    merged = old
    for index, fact in new.items():
        more = merge(merged, [fact])
        if fits(kind, more):
            merged = more
        else:
            full.add(index)
    return merged


class _Sourced(Struct):
    source: str = ""


_sourced = msgspec.json.Decoder(_Sourced)


def _source_of(element: bytes) -> str:
    """The source of an event that does not decode, if that much can be read."""
    try:
        source = _sourced.decode(element).source[:128]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return source if source.isprintable() else ""
