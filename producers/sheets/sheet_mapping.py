"""What a person decided about a spreadsheet, remembered as TOML: columns, words, units, order of dates."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from domain.errors import InvalidInput
from domain.event_data import Status
from producers.mapping_file import did_you_mean
from producers.sheets.headings import MEANINGS
from producers.sheets.values import Order
from producers.sheets.words import key

DEFAULT_SOURCE = "/excel"
STATUSES: tuple[str, ...] = (*get_args(Status), "ignore")
_KEYS = frozenset({"source", "date_order", "unit", "end_of_day", "columns", "status", "units", "procedures"})


@dataclass(frozen=True, slots=True)
class SheetMapping:
    """All by the words of the file; they are compared without accents, case, spaces and marks."""

    source: str = DEFAULT_SOURCE
    date_order: Order | None = None
    unit: str = ""
    """The unit of dossiers whose row names none."""
    end_of_day: str = "17:00"
    columns: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    procedures: Mapping[str, str] = field(default_factory=dict)

    def folded(self, name: str) -> dict[str, str]:
        """One of the tables by key of its words."""
        table: Mapping[str, str] = getattr(self, name)
        return {key(word): meaning for word, meaning in table.items()}

    def with_status(self, words: Mapping[str, str]) -> "SheetMapping":
        """The same with more words for states; InvalidInput for a state that there is not."""
        for word, status in words.items():
            if status not in STATUSES:
                raise InvalidInput(
                    f"'{status}' (for '{word}') is no state{did_you_mean(status, STATUSES)}; there are "
                    + ", ".join(STATUSES)
                )
        return replace(self, status={**self.status, **words})


def load_sheet_mapping(path: Path) -> SheetMapping:
    """The mapping in a file; InvalidInput says what in it cannot be."""
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"the mapping {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the mapping {path} is not TOML: {error}") from error
    for name in content:
        if name not in _KEYS:
            more = did_you_mean(name, _KEYS) or f"; there are {', '.join(sorted(_KEYS))}"
            raise InvalidInput(f"{path.name}: '{name}' is no word of a spreadsheet's mapping{more}")
    tables = {n: _table(path, content, n) for n in ("columns", "status", "units", "procedures")}
    for heading, meaning in tables["columns"].items():
        if meaning not in MEANINGS:
            raise InvalidInput(
                f"{path.name}: columns: '{meaning}' (for '{heading}') is no meaning"
                f"{did_you_mean(meaning, MEANINGS)}; there are {', '.join(MEANINGS)}"
            )
    order = content.get("date_order")
    if order not in (None, "dmy", "mdy"):
        raise InvalidInput(f"{path.name}: date_order is 'dmy' or 'mdy'")
    made = SheetMapping(
        source=_text(path, content, "source", DEFAULT_SOURCE),
        date_order=order,
        unit=_text(path, content, "unit", ""),
        end_of_day=_text(path, content, "end_of_day", "17:00"),
        columns=tables["columns"],
        units=tables["units"],
        procedures=tables["procedures"],
    )
    return made.with_status(tables["status"])


def save_sheet_mapping(path: Path, mapping: SheetMapping) -> None:
    """Writes it where the next import finds it."""
    lines = [
        "# Cách đọc tệp Excel (gs766 import xlsx … --mapping tệp này); giải thích: docs/mappings.md",
        f"source = {_quoted(mapping.source)}",
        f"date_order = {_quoted(mapping.date_order)}" if mapping.date_order else '# date_order = "dmy"',
        f"unit = {_quoted(mapping.unit)}"
        if mapping.unit
        else '# unit = "H44.100"   # của tệp không có cột đơn vị',
        f"end_of_day = {_quoted(mapping.end_of_day)}",
    ]
    for name in ("columns", "status", "units", "procedures"):
        lines += ["", f"[{name}]"]
        lines += [f"{_quoted(word)} = {_quoted(meaning)}" for word, meaning in getattr(mapping, name).items()]
    try:
        fresh = path.with_name(path.name + ".part")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise InvalidInput(f"the mapping {path} cannot be written: {error.strerror or error}") from error


def parse_words(given: list[str]) -> dict[str, str]:
    """`Từ=finished` as a person types it on the command line."""
    found = {}
    for text in given:
        word, mark, status = text.rpartition("=")
        if not mark or not word.strip():
            raise InvalidInput(f"'{text}' must be written as WORD=STATE, for example 'Đã chuyển thuế=processing'")
        found[word.strip()] = status.strip()
    return found


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(path: Path, content: dict[str, Any], name: str) -> dict[str, str]:
    table = content.get(name, {})
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise InvalidInput(f'{path.name}: {name} is a table of "words in the file" = "meaning"')
    return table


def _text(path: Path, content: dict[str, Any], name: str, default: str) -> str:
    found = content.get(name, default)
    if not isinstance(found, str):
        raise InvalidInput(f"{path.name}: {name} must be text")
    return found
