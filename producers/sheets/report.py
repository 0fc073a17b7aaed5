"""What an import of spreadsheets tells: the shape of every import's report, and what only a spreadsheet has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from producers.report import ImportReport
from producers.sheets.abilities import Ability


@dataclass(frozen=True, slots=True)
class SheetSeen:
    """A sheet: what was found of it; `columns` are (heading, meaning). `samples` are the first values of each
    column whose values are kept: to be shown to who brings the file in, never stored."""

    file: str
    sheet: str
    form: str
    header_row: int
    rows: int
    columns: tuple[tuple[str, str], ...] = ()
    skipped: str = ""
    samples: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class SheetReport:
    """`core` counts rows as every import does: read = accepted + duplicates + rejected + ignored, where duplicates
    say what the file before said already. `absent` are dossiers of the file before that this one lacks."""

    core: ImportReport
    undated: int = 0
    sheets: tuple[SheetSeen, ...] = ()
    abilities: tuple[Ability, ...] = ()
    cannot_tell: tuple[str, ...] = ()
    furniture: Mapping[str, int] = field(default_factory=dict)
    unknown_words: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The members of every import's answer, and these."""
        return {
            **self.core.as_json(),
            "undated": self.undated,
            "files": [dict(f) for f in self.files],
            "sheets": [
                {
                    "file": s.file,
                    "sheet": s.sheet,
                    "form": s.form,
                    "header_row": s.header_row,
                    "rows": s.rows,
                    "columns": [{"heading": h, "meaning": m, "kept": kept(m)} for h, m in s.columns],
                    "skipped": s.skipped,
                }
                for s in self.sheets
            ],
            "capabilities": [a._asdict() | {"lacks": list(a.lacks)} for a in self.abilities],
            "cannot_tell": list(self.cannot_tell),
            "furniture": dict(self.furniture),
            "unknown_words": dict(self.unknown_words),
            "source_verdicts": dict(self.verdicts),
            "absent": dict(self.absent),
        }


def kept(meaning: str) -> bool:
    """Whether anything of such a column enters the log."""
    return meaning not in ("", "ignore", "personal")
