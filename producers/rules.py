"""Applies the rules of a mapping to one row: pure, from a row of texts to drafts of events or a stated problem."""

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from domain.instants import Millis, format_rfc3339
from producers.fields import Field, fields_of
from producers.mapping import IGNORE, Condition, Mapping, Rule, Value
from producers.text import fold_text
from producers.times import Reading, UnreadableTime

Row = dict[str, str]
"""Texts by column; attributes of the case under `case.…`."""
_TRUE = frozenset({"true", "1", "yes", "y", "x", "có", "co", "đúng"})
_FALSE = frozenset({"false", "0", "no", "n", "không", "khong", "sai"})
_MAX_FILES = 200


class RowProblem(Exception):
    """A row that cannot be taken: a reason code and the column at fault, never a value."""

    def __init__(self, reason: str, column: str) -> None:
        super().__init__(reason, column)
        self.reason = reason
        self.column = column


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to be: identifiers still in clear, therefore short-lived. Instants are milliseconds."""

    type: str
    subject: str
    at: Millis
    recorded_at: Millis | None
    data: dict[str, Any]
    identity: tuple[str, ...] = ()


@dataclass(slots=True)
class Notes:
    """What the rules saw without refusing a row: words not in a map by column, dates without an hour."""

    unmapped: Counter[str] = field(default_factory=Counter)
    date_only: int = 0


class Rules:
    """The rules of one mapping, ready to be applied to rows. `notes` grows while they are."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._maps_empty = mapping.empty
        self.notes = Notes()

    def subject(self, row: Row) -> str:
        """The dossier's code of a row; RowProblem when it has none."""
        code = self._text(self._mapping.subject, row)
        if not code:
            raise RowProblem("no_code", (*self._mapping.subject.columns, "")[0])
        return self._mapping.prefix + code

    def recorded_at(self, row: Row) -> Millis | None:
        """When the source says that it recorded the row, or None."""
        value = self._mapping.recorded
        reading = self._time(value, row) if value else None
        return reading.ms if reading else None

    def fits(self, rule: Rule, row: Row) -> bool:
        """Whether all conditions of the rule hold for the row."""
        return all(self._holds(c, row) for c in rule.when)

    def draft(
        self, rule: Rule, event_type: str, row: Row, subject: str, recorded_at: Millis | None
    ) -> Draft | None:
        """The event of this type that a rule makes of a row, or None when its time is empty.

        Raises RowProblem when a cell cannot be read as what the field needs.
        """
        at = self._time(rule.time, row)
        if at is None:
            return None
        if rule.subject is not None:
            subject = self._text(rule.subject, row)
            if not subject:
                raise RowProblem("no_code", (*rule.subject.columns, "")[0])
        data: dict[str, Any] = {}
        fields = fields_of(event_type)
        for name, value in rule.data.items():
            kind = fields.get(name)
            if kind is not None and (cell := self._cell(value, kind, row)) is not None:
                data[name] = cell
        identity = self._mapping.identity if rule.per == "row" else ()
        return Draft(event_type, subject, at.ms, recorded_at, data, tuple(self._raw(v, row) for v in identity))

    def event_type(self, rule: Rule, row: Row) -> str | None:
        """The type of event that a rule makes of a row; None where it says 'ignore'."""
        if not rule.type.columns:
            return str(rule.type.constant)
        text = self._raw(rule.type, row)
        found = (rule.type.map or {}).get(fold_text(text))
        if found is None:
            found = str(rule.type.default)
            if text and found == IGNORE:
                self.notes.unmapped[rule.type.columns[0]] += 1
        return None if found in ("", IGNORE) else found

    def _holds(self, condition: Condition, row: Row) -> bool:
        text = row.get(condition.column, "").strip()
        if text in self._maps_empty:
            text = ""
        match condition.operator:
            case "matches":
                return condition.pattern is not None and condition.pattern.search(text) is not None
            case "empty":
                return (not text) is condition.wanted
            case "not_in":
                return fold_text(text) not in condition.texts
        return fold_text(text) in condition.texts

    def _raw(self, value: Value, row: Row) -> str:
        """The first non-empty of the columns, cut by `extract`; a surrogate means bytes of another encoding."""
        for column in value.columns:
            text = row.get(column, "").strip()
            if text and text not in self._maps_empty:
                if not text.isprintable():
                    text = _printable(text, column)
                if not text.isascii():
                    text = unicodedata.normalize("NFC", text)
                if value.extract is not None:
                    return _extracted(value.extract, text)
                return text
        return ""

    def _text(self, value: Value, row: Row) -> str:
        """A code: constant or column, through map and prefix; '' when there is none."""
        if not value.columns:
            return "" if value.constant is None else str(value.constant)
        text = self._raw(value, row)
        if text and value.map is not None:
            found = value.map.get(fold_text(text))
            if found is None:
                self.notes.unmapped[value.columns[0]] += 1
                found = text if value.default is None else str(value.default)
            text = found
        elif not text and value.default is not None:
            text = str(value.default)
        return value.prefix + text if text else ""

    def _time(self, value: Value, row: Row) -> Reading | None:
        reader = value.times or self._mapping.times
        text = self._raw(value, row) if value.columns else str(value.constant or "")
        if not text:
            return None
        try:
            reading = reader.read(text)
        except UnreadableTime as error:
            raise RowProblem("bad_time", (*value.columns, "")[0]) from error
        self.notes.date_only += reading.date_only
        return reading

    def _cell(self, value: Value, kind: Field, row: Row) -> Any:
        """The value of one field, or None for nothing. RowProblem when the cell is not what it must be."""
        if not value.columns and not isinstance(value.constant, str):
            return value.constant
        match kind.kind:
            case "time":
                reading = self._time(value, row)
                return None if reading is None else format_rfc3339(reading.ms)
            case "choice":
                return self._choice(value, kind, row)
            case "count" | "counts":
                return self._count(value, row, many=kind.kind == "counts")
            case "flag":
                return self._flag(value, row)
            case "codes":
                text = self._text(value, row)
                return [part for p in re.split(r"[;,|]", text) if (part := p.strip())] or None
            case "result_files" | "components":
                return self._papers(value, row, digitised=kind.kind == "components")
        text = self._text(value, row)
        return text or None

    def _choice(self, value: Value, kind: Field, row: Row) -> str | None:
        text = self._text(value, row)
        if not text or text in kind.choices:
            return text or None
        if value.map is None:
            self.notes.unmapped[(*value.columns, value.where)[0]] += 1
        return None  # unknown stays unknown: it is shown as such, never guessed

    def _number(self, text: str, column: str) -> float:
        mark = self._mapping.decimal
        plain = re.sub(r"[\s  ]", "", text)
        plain = plain.replace("," if mark == "." else ".", "").replace(mark, ".")
        if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{0,15})?([eE][+-]?\d{1,2})?", plain, re.ASCII):
            raise RowProblem("bad_number", column)
        number = float(plain)
        if not math.isfinite(number):
            raise RowProblem("bad_number", column)
        return number

    def _count(self, value: Value, row: Row, *, many: bool) -> Any:
        numbers = []
        for column in value.columns if many else value.columns[:]:
            text = self._raw(Value(value.where, (column,), extract=value.extract), row)
            if text:
                numbers.append(round(self._number(text, column) * value.scale))
                if numbers[-1] < 0:
                    raise RowProblem("negative", column)
                if not many:
                    return numbers[0]
        if numbers:
            return numbers
        if isinstance(value.constant, str):
            return [round(self._number(value.constant, ""))] if many else round(self._number(value.constant, ""))
        return [value.default] if many and value.default is not None else value.default

    def _flag(self, value: Value, row: Row) -> bool | None:
        text = fold_text(self._text(value, row))
        if not text:
            return None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        self.notes.unmapped[(*value.columns, value.where)[0]] += 1
        return None

    def _papers(self, value: Value, row: Row, *, digitised: bool) -> list[dict[str, Any]] | None:
        """Files from one cell: a number of them, a yes or no, or a link (which the edge hashes)."""
        entry: dict[str, Any] = {"digitised": True} if digitised else {"electronic": True}
        text = self._text(value, row)
        folded = fold_text(text)
        if not text or folded in _FALSE:
            return None
        if text.isascii() and text.isdigit() and len(text) <= 6:
            return [dict(entry) for _ in range(min(int(text), _MAX_FILES))] or None
        return [entry if folded in _TRUE else {**entry, "link": text}]


def _extracted(pattern: re.Pattern[str], text: str) -> str:
    """The first group (or the whole match); a text that does not match stays as it is."""
    found = pattern.search(text)
    if found is None:
        return text
    return (found.group(1) if pattern.groups else found.group(0)) or ""


def _printable(text: str, column: str) -> str:
    """Line breaks and odd spaces within a cell become one space; what is not text is a problem."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise RowProblem("not_text", column)
    return "".join(c if c.isprintable() else " " for c in text)
