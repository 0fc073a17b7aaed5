"""What an import tells its user: counts, reasons, findings, and a file of rejected lines without their values."""

import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

REASONS = {
    "no_code": "the dossier's code is empty",
    "no_time": "the time of the event is empty",
    "bad_time": "the time cannot be read with the formats of the mapping",
    "bad_number": "not a number",
    "negative": "a negative amount",
    "not_text": "bytes that are not text in this encoding: set csv.encoding in the mapping",
    "too_long": "the line or cell is too long",
    "too_many_cells": "more cells than the header has columns",
    "broken_file": "the file is broken here; what follows could not be read",
    "not_csv": "the line is not CSV",
    "invalid": "the event is not valid",
    "code_as_number": "the code became a number and lost digits (2.60801E+17): export it as text",
    "newer": "the event is of a newer version than this release knows: upgrade first",
}
"""Reason codes of rejected rows, as people read them."""
_MAX_EXAMPLES = 20
_MAX_NAMES = 200


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected line: where, why (a code of REASONS and a sentence), which column or field; no values."""

    file: str
    line: int
    reason: str
    message: str
    field: str

    def as_json(self) -> dict[str, Any]:
        """The line of the rejected file."""
        return {"line": self.line, "reason": self.reason, "message": self.message, "field": self.field}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import. Rows: `read` = accepted + duplicates + rejected + ignored.

    `duplicates` equal an earlier row of this run in everything that is mapped. `events` went to the sink.
    `findings` counts dossiers by kind (`producers.cases.FINDINGS`), `reasons` rejected rows by reason,
    `dropped_fields` rows in which a column that is not kept held something, `unmapped` cells by column whose
    word is not in the value map, `empty_times` rows whose conditions asked for an event that has no time, by
    the column. `incomplete` says why not everything was read, '' when it was.
    """

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejected_file: str | None = None
    findings: dict[str, int] = field(default_factory=dict)
    events: int = 0
    ignored: int = 0
    dossiers: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    dropped_fields: dict[str, int] = field(default_factory=dict)
    unmapped: dict[str, int] = field(default_factory=dict)
    empty_times: dict[str, int] = field(default_factory=dict)
    date_only: int = 0
    event_types: dict[str, int] = field(default_factory=dict)
    rejected_files: tuple[str, ...] = ()
    examples: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()
    incomplete: str = ""
    dry_run: bool = False

    @property
    def all_rejected(self) -> bool:
        """Whether there was something to read and nothing of it could be used (exit code 1)."""
        return self.rejected > 0 and self.accepted + self.duplicates == 0

    def as_json(self) -> dict[str, Any]:
        """The shape of design.md §6, with more behind it."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "rejected_file": self.rejected_file,
            "findings": self.findings,
            "events": self.events,
            "ignored": self.ignored,
            "dossiers": self.dossiers,
            "reasons": self.reasons,
            "dropped_fields": self.dropped_fields,
            "unmapped": self.unmapped,
            "empty_times": self.empty_times,
            "date_only": self.date_only,
            "event_types": self.event_types,
            "rejected_files": list(self.rejected_files),
            "examples": [{"file": e.file, **e.as_json()} for e in self.examples],
            "warnings": list(self.warnings),
            "incomplete": self.incomplete,
            "dry_run": self.dry_run,
        }


class Tally:
    """The counts of a running import, and its rejected files (opened at the first rejection of each input)."""

    def __init__(self, *, dry_run: bool, rejected_dir: Path | None) -> None:
        self._dry_run = dry_run
        self._dir = rejected_dir
        self._files: dict[Path, tuple[str, IO[str]]] = {}
        self._examples: list[Rejected] = []
        self.read = self.accepted = self.duplicates = self.rejected = self.ignored = self.events = 0
        self.reasons: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.empty_times: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.incomplete = ""

    def drop(self, names: tuple[str, ...]) -> None:
        """Counts the names of fields that were not kept."""
        for name in names:
            if name in self.dropped or len(self.dropped) < _MAX_NAMES:
                self.dropped[name] += 1

    def reject(self, source: Path, line: int, reason: str, field_name: str = "", message: str = "") -> None:
        """Counts and writes one rejected row."""
        self.rejected += 1
        self.reasons[reason] += 1
        entry = Rejected(source.name, line, reason, message or REASONS.get(reason, reason), field_name)
        if len(self._examples) < _MAX_EXAMPLES:
            self._examples.append(entry)
        if not self._dry_run:
            self._file(source).write(json.dumps(entry.as_json(), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Ends the rejected files."""
        for _, file in self._files.values():
            file.close()

    def report(self, **more: Any) -> ImportReport:
        """The report so far; `more` are fields that the tally does not count itself."""
        files = tuple(name for name, _ in self._files.values())
        return ImportReport(
            read=self.read,
            accepted=self.accepted,
            duplicates=self.duplicates,
            rejected=self.rejected,
            rejected_file=files[0] if files else None,
            findings=dict(sorted((+self.findings).items())),
            events=self.events,
            ignored=self.ignored,
            reasons=dict(self.reasons.most_common()),
            dropped_fields=dict(sorted(self.dropped.items())),
            empty_times=dict(sorted(self.empty_times.items())),
            event_types=dict(sorted(self.types.items())),
            rejected_files=files,
            examples=tuple(self._examples),
            warnings=tuple(self.warnings),
            incomplete=self.incomplete,
            dry_run=self._dry_run,
            **more,
        )

    def _file(self, source: Path) -> IO[str]:
        if source not in self._files:
            self._files[source] = _open_beside(source, self._dir)
        return self._files[source][1]


def _open_beside(source: Path, wanted: Path | None) -> tuple[str, IO[str]]:
    """`<input>.rejected.jsonl`, readable by its owner only, in the first folder that can be written: the one
    asked for, else the input's, the working folder, the system's folder for temporary files."""
    folders = [wanted] if wanted else [source.parent, Path.cwd(), Path(tempfile.gettempdir())]
    problem: OSError | None = None
    for folder in folders:
        path = folder / f"{source.name}.rejected.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            problem = error
            continue
        return str(path), os.fdopen(handle, "w", encoding="utf-8")
    raise problem or OSError("no folder for rejected lines")
