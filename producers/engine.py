"""From rows to events: joins a case's attributes, applies the rules, gives ids, and hands events to the sink.

Row rules stream. A case's attributes, the candidates of 'first' and 'last' rules, and closings by attribute
wait for the end of the case, so memory grows with cases, never with events.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from domain.errors import InvalidEvent, NewerEvent
from domain.events import Event, encode_event
from domain.instants import Millis, format_rfc3339
from producers.cases import Cases
from producers.edge import Edge
from producers.identity import Seen, content_digest, event_id
from producers.mapping import CASE_PREFIX, Mapping, Rule
from producers.report import Tally
from producers.rules import Draft, Row, RowProblem, Rules
from producers.sink import EventSink

_QUOTED = re.compile(r"""['"].*['"]""", re.DOTALL)


class At(NamedTuple):
    """Where a row stood: the input file and the line (the last one of the row)."""

    file: Path
    line: int


class _Ready(NamedTuple):
    """A validated event that only lacks its id."""

    event: Event
    digest: bytes
    by_attribute: bool
    fields: int


_Rank = tuple[Millis, int, bytes]


@dataclass(slots=True)
class _Waiting:
    """What is kept of a case until it is complete: candidates by rule, closings by attribute by rule."""

    candidates: dict[int, tuple[_Rank, _Ready]] = field(default_factory=dict)
    closings: dict[int, _Ready] = field(default_factory=dict)


class Engine:
    """Applies one mapping to the rows of one run. Nothing is written but through the sink and the tally."""

    def __init__(self, mapping: Mapping, edge: Edge, sink: EventSink, tally: Tally) -> None:
        self._mapping = mapping
        self._edge = edge
        self._sink = sink
        self._tally = tally
        self.rules = Rules(mapping)
        self.cases = Cases()
        self._seen = Seen()
        self._row_rules = mapping.rules_per("row")
        self._edge_rules = mapping.rules_per("first", "last")
        self._case_rules = mapping.rules_per("case")
        self._attributes: dict[str, tuple[str, ...]] = {}
        self._attribute_names = tuple(sorted(mapping.case_columns()))
        self._waiting: dict[str, _Waiting] = {}
        self._missing: set[str] = set()
        self._twice: set[str] = set()
        self._has_case_file = False

    def case_row(self, at: At, row: Row) -> None:
        """One row of the case file (columns already under `case.…`): kept for its rows, and its own events."""
        self._tally.read += 1
        self._has_case_file = True
        code = row.get(CASE_PREFIX + self._mapping.case_subject, "").strip()
        try:
            if not code:
                raise RowProblem("no_code", self._mapping.case_subject)
            subject = self._mapping.prefix + code
            fresh = self._keep(subject, row)
            if not fresh:
                self._tally.duplicates += 1
                return
            ready = [(n, rule, self._ready(d, True)) for n, rule, d in self._case_drafts(row, subject)]
        except (RowProblem, InvalidEvent, NewerEvent) as problem:
            self._reject(at, problem)
            return
        self._tally.accepted += 1
        for number, rule, event in ready:
            if rule.unless:
                closings = self._waiting.setdefault(subject, _Waiting()).closings
                closings[number] = min(closings.get(number, event), event, key=lambda e: e.digest)
            else:
                self._send(event)

    def subject_or_none(self, row: Row) -> str | None:
        """The dossier's code of a row, if it has one."""
        try:
            return self.rules.subject(row)
        except RowProblem:
            return None

    def bare_case(self, at: At, row: Row) -> None:
        """A case without any row (an XES trace without events): only its attributes speak."""
        self._tally.read += 1
        subject = self.subject_or_none(row)
        if subject is None:
            self._tally.reject(at.file, at.line, "no_code", (*self._mapping.subject.columns, "")[0])
            return
        before = self._tally.events
        self._keep(subject, row)
        self.end_case(subject)
        if self._tally.events > before:
            self._tally.accepted += 1
        else:
            self._tally.ignored += 1

    def row(self, at: At, row: Row) -> None:
        """One row or XES event: all its events enter, or none and it is rejected."""
        self._tally.read += 1
        try:
            subject = self.rules.subject(row)
            if self._has_case_file:
                row = self._joined(subject, row)
            elif self._attribute_names and self._case_rules:
                self._keep(subject, row)
            recorded = self.rules.recorded_at(row)
            ready, blank = self._drafts(self._row_rules, row, subject, recorded)
            candidates, blank_too = self._drafts(self._edge_rules, row, subject, recorded)
            blank += blank_too
        except (RowProblem, InvalidEvent, NewerEvent) as problem:
            self._reject(at, problem)
            return
        if not ready and not candidates:
            if blank:
                self._tally.reject(at.file, at.line, "no_time", (*blank[0].time.columns, "")[0])
            else:
                self._tally.ignored += 1
            return
        for rule in blank:
            if rule.when and rule.time.columns:
                self._tally.empty_times[rule.time.columns[0]] += 1
        repeated = [self._send(event) for _, event in ready]
        if repeated and all(repeated):
            self._tally.duplicates += 1
        else:
            self._tally.accepted += 1
        for rule, event in candidates:
            self._offer(subject, rule, event)

    def end_case(self, subject: str) -> None:
        """The case is complete: its first, last and attribute rules fire now."""
        waiting = self._waiting.pop(subject, None) or _Waiting()
        for number in sorted(waiting.candidates):
            self._send(waiting.candidates[number][1])
        if not self._has_case_file and self._case_rules and subject in self._attributes:
            values = self._attributes.pop(subject)
            row = {CASE_PREFIX + n: v for n, v in zip(self._attribute_names, values, strict=True)}
            try:
                drafts = self._case_drafts(row, subject)
                waiting.closings = {n: self._ready(d, True) for n, _, d in drafts}
            except (RowProblem, InvalidEvent, NewerEvent):
                self._tally.findings["case_unusable"] += 1
        for number in sorted(waiting.closings):
            if not self.cases.types_of(subject) & self._case_rules[number].unless:
                self._send(waiting.closings[number])

    def finish(self) -> None:
        """The input is complete: ends every case that is still open."""
        open_cases = dict.fromkeys((*self._waiting, *(() if self._has_case_file else self._attributes)))
        for subject in open_cases:
            self.end_case(subject)

    def note_findings(self) -> None:
        """Counts the findings of all cases into the tally."""
        self._tally.findings.update(self.cases.findings())
        self._tally.findings["case_missing"] += len(self._missing)
        self._tally.findings["case_twice"] += len(self._twice)

    def _keep(self, subject: str, row: Row) -> bool:
        """Keeps a case's attributes; of two versions the greater one, so that order does not matter."""
        values = tuple(row.get(CASE_PREFIX + n, "").strip() for n in self._attribute_names)
        known = self._attributes.get(subject)
        if known == values:
            return False
        if known is not None:
            self._twice.add(subject)
            values = max(known, values)
        self._attributes[subject] = values
        return True

    def _joined(self, subject: str, row: Row) -> Row:
        values = self._attributes.get(subject)
        if values is None:
            self._missing.add(subject)
            return row
        return {**row, **{CASE_PREFIX + n: v for n, v in zip(self._attribute_names, values, strict=True)}}

    def _case_drafts(self, row: Row, subject: str) -> list[tuple[int, Rule, Draft]]:
        found = []
        for number, rule in enumerate(self._case_rules):
            event_type = self.rules.event_type(rule, row) if self.rules.fits(rule, row) else None
            if event_type and (draft := self.rules.draft(rule, event_type, row, subject, None)):
                found.append((number, rule, draft))
        return found

    def _drafts(
        self, rules: tuple[Rule, ...], row: Row, subject: str, recorded: Millis | None
    ) -> tuple[list[tuple[Rule, _Ready]], list[Rule]]:
        """The events of a row, and the rules whose conditions held but whose time was empty."""
        found: list[tuple[Rule, _Ready]] = []
        blank: list[Rule] = []
        for rule in rules:
            event_type = self.rules.event_type(rule, row) if self.rules.fits(rule, row) else None
            if event_type is None:
                continue
            draft = self.rules.draft(rule, event_type, row, subject, recorded)
            if draft is None:
                blank.append(rule)
            else:
                found.append((rule, self._ready(draft, False)))
        return found, blank

    def _ready(self, draft: Draft, by_attribute: bool) -> _Ready:
        raw = {
            "id": "-",
            "source": self._mapping.source,
            "type": draft.type,
            "time": format_rfc3339(draft.at),
            "subject": draft.subject,
            "data": draft.data,
        }
        if draft.recorded_at is not None:
            raw["recordedtime"] = format_rfc3339(draft.recorded_at)
        admitted = self._edge.admit(raw, received_at_ms=None)
        if admitted.dropped:
            self._tally.drop(admitted.dropped)
        officer = self._edge.told_apart(draft.data.get("officer"), draft.at)
        digest = content_digest(self._mapping.source, draft, officer)
        return _Ready(admitted.event, digest, by_attribute, len(draft.data))

    def _offer(self, subject: str, rule: Rule, event: _Ready) -> None:
        """Keeps the earliest or latest candidate; of two at one instant the one that says more, then the one
        with the lesser digest: never the one that stood first in the file."""
        number = self._edge_rules.index(rule)
        candidates = self._waiting.setdefault(subject, _Waiting()).candidates
        at = event.event.occurred_at if rule.per == "first" else -event.event.occurred_at
        known = candidates.get(number)
        rank = (at, -event.fields, event.digest)
        if known is None or rank < known[0]:
            candidates[number] = (rank, event)

    def _send(self, ready: _Ready) -> bool:
        """Gives the event its id and sends it; True when one with the same content came before."""
        ordinal = self._seen.count(ready.digest)
        if ordinal and self._mapping.drop_identical:
            return True
        event = replace(ready.event, id=event_id(ready.digest, ordinal))
        self.cases.note(event, by_attribute=ready.by_attribute)
        self._tally.events += 1
        self._tally.types[event.type] += 1
        self._sink.add(event, encode_event(event))
        return ordinal > 0

    def _reject(self, at: At, problem: RowProblem | InvalidEvent | NewerEvent) -> None:
        reason, column, message = _reason(problem)
        self._tally.reject(at.file, at.line, reason, column, message)


def _reason(problem: RowProblem | InvalidEvent | NewerEvent) -> tuple[str, str, str]:
    """(reason code, column or field, sentence without values)."""
    if isinstance(problem, RowProblem):
        return problem.reason, problem.column, ""
    if isinstance(problem, InvalidEvent):
        return "invalid", problem.field, without_values(problem.reason)
    return "newer", "dataversion", ""


def without_values(message: str) -> str:
    """A message of a decoder with what it quotes taken out: a value may be personal."""
    return _QUOTED.sub("'…'", message)
