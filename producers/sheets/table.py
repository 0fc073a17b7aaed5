"""One table of a sheet, row by row: from cells to what a whole record says, or a stated problem."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, NamedTuple

from domain.instants import Millis, Zone, format_rfc3339
from producers.sheets.grid import Cell, Row, Sheet, filled_down, text_of
from producers.sheets.headings import DATES, Header, is_numbering
from producers.sheets.oldfonts import Font, converted, font_of
from producers.sheets.values import (
    CHANNELS,
    GATEWAYS,
    NOTHING,
    DateColumn,
    Instant,
    Order,
    Unreadable,
    first_word,
    judge_codes,
    judge_dates,
    read_amount,
    read_code,
    read_instant,
    read_procedure,
    read_state,
)
from producers.sheets.words import key

_TOTALS = ("tongcong", "tongso", "tong", "cong", "trongdo", "luyke")
_MAX_CODE = 128


class Bad(Exception):
    """A row that cannot be taken: a reason code and the column at fault, never a value."""

    def __init__(self, reason: str, column: str) -> None:
        super().__init__(reason, column)
        self.reason = reason
        self.column = column


class Taken(NamedTuple):
    """A row as a record. `last` is its latest date, `anchor` its first; `verdict` what the source says of the
    limit, `late` the two official comparisons (hour, date) or None where they cannot be made."""

    line: int
    code: str
    data: dict[str, Any]
    anchor: Millis
    last: Millis
    date_only: bool
    verdict: str
    end: Millis | None
    due: Millis | None


@dataclass(slots=True)
class Notes:
    """What was seen without refusing a row."""

    dropped: Counter[str] = field(default_factory=Counter)
    unknown_words: Counter[str] = field(default_factory=Counter)
    unknown_channels: Counter[str] = field(default_factory=Counter)
    furniture: Counter[str] = field(default_factory=Counter)
    codes_from_numbers: int = 0
    unread_amounts: int = 0
    swapped: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reading:
    """How tables are read: what a person decided, and the province's zone."""

    zone: Zone
    end_of_day: time
    order: Order | None
    unit: str
    status: Mapping[str, str]
    units: Mapping[str, str]
    procedures: Mapping[str, str]


class Table:
    """The data of one sheet under its header. `rows` reads once."""

    def __init__(self, sheet: Sheet, header: Header, how: Reading, notes: Notes) -> None:
        self.header = header
        self._how = how
        self._notes = notes
        self._rows = filled_down(sheet.rows, [s for s in sheet.spans if s[0] >= header.first])
        self._names = {c.place: c.heading for c in header.columns}
        self._code = header.places("code")[0]
        body = self._rows[header.first :]
        self._fonts: dict[int, Font] = {c.place: self._font(body, c.place) for c in header.columns}
        self._dates = self._judge(body)
        self._codes = judge_codes(row[self._code] for row in body if self._code < len(row))
        self._others = [c for c in header.columns if c.meaning in ("", "ignore", "personal")]
        self._mapped = [c for c in header.columns if c.meaning not in ("", "ignore", "personal")]
        self._heads = {c.place: key(c.heading.rpartition(" › ")[2]) for c in self._mapped}

    def rows(self) -> Iterator[tuple[int, Taken | Bad]]:
        """Every row that speaks of a dossier, with its line in the sheet; the others are furniture, counted."""
        for n in range(self.header.first, len(self._rows)):
            row = self._rows[n]
            if not any(cell not in (None, "") for cell in row):
                continue
            kind = self._furniture(row)
            if kind:
                self._notes.furniture[kind] += 1
                continue
            for column in self._others:
                if column.place < len(row) and row[column.place] not in (None, ""):
                    self._notes.dropped[column.heading] += 1
            try:
                yield n + 1, self._taken(n + 1, row)
            except Bad as problem:
                yield n + 1, problem

    def state_words(self) -> Counter[str]:
        """Words of the columns of states that nobody knows."""
        found: Counter[str] = Counter()
        for row in self._rows[self.header.first :]:
            if not self._furniture(row):
                for place in self.header.places("status"):
                    text = self._text(row, place)
                    if text.casefold() not in NOTHING:
                        found[read_state(text, dict(self._how.status))[2]] += 1
        del found[""]
        return found

    def _font(self, body: tuple[Row, ...], place: int) -> Font:
        texts = [c for row in body[:2000] if place < len(row) and isinstance(c := row[place], str)]
        return font_of(texts)

    def _judge(self, body: tuple[Row, ...]) -> dict[int, DateColumn]:
        places = {c.place: c for c in self.header.columns if c.meaning in DATES}
        found = {p: judge_dates(row[p] for row in body if p < len(row)) for p in places}
        decided = {how.order for how in found.values() if how.order}
        order = self._how.order or (decided.pop() if len(decided) == 1 else None)
        for place, how in found.items():
            name = places[place].heading
            if how.swapped:
                self._notes.swapped.append(name)
            if how.mixed:
                self._notes.mixed.append(name)
            if how.order is None and how.doubtful and order is None:
                self._notes.undecided.append(name)
            if how.order is None and order is not None:
                found[place] = DateColumn(order, how.swapped, how.mixed, how.doubtful)
        return found

    def _cell(self, row: Row, place: int) -> Cell:
        return row[place] if place < len(row) else None

    def _text(self, row: Row, place: int) -> str:
        text = text_of(self._cell(row, place))
        font = self._fonts.get(place, "unicode")
        if font == "unicode" and not text.isascii() and self.header.font != "unicode":
            font = self.header.font
        return converted(text, font)

    def _first(self, row: Row, meaning: str) -> str:
        for place in self.header.places(meaning):
            text = self._text(row, place)
            if text and text.casefold() not in NOTHING:
                return text
        return ""

    def _furniture(self, row: Row) -> str:
        """'' for a row that speaks of a dossier, else what it is: a total, a repeated header, a note."""
        if is_numbering(row):
            return "numbering"
        code = self._text(row, self._code)
        dated = any(self._cell(row, p) not in (None, "") for m in DATES for p in self.header.places(m))
        if dated and any(c.isdigit() for c in code):
            return ""  # nearly every row: a code and a date
        words = [key(self._text(row, n)) for n in range(len(row)) if self._cell(row, n) not in (None, "")]
        if not words:
            return "empty"
        same = sum(key(self._text(row, p)) == head for p, head in self._heads.items() if self._text(row, p))
        if same >= 2 and self._heads.get(self._code) == key(code):
            return "header"
        total = next((w for w in words if not w.isdigit()), "")
        if total.startswith(_TOTALS) and (not code or key(code).startswith(_TOTALS)):
            return "total"
        if not code:
            told = dated or any(self._first(row, m) for m in ("status", "procedure", "procedure_name"))
            return "" if told and len(words) > 2 else "note"
        mapped = sum(self._cell(row, c.place) not in (None, "") for c in self._mapped)
        if mapped == 1 and not any(c.isdigit() for c in code):
            return "note"
        return ""

    def _taken(self, line: int, row: Row) -> Taken:
        how = self._how
        code = self._dossier_code(row)
        times = {m: t for m in DATES if (t := self._instant(row, m)) is not None}
        status, verdict = self._state(row)
        self._complete(times, status)
        data: dict[str, Any] = {m: format_rfc3339(t.ms) for m, t in times.items()}
        if "submitted_at" not in times and "accepted_at" not in times:
            raise Bad("no_time", self._heading("accepted_at") or self._heading("submitted_at"))
        unit = self._first(row, "unit")
        receiving = self._first(row, "receiving_unit")
        texts = {
            "status": status,
            "source_verdict": verdict,
            "procedure": self._procedure(row),
            "unit": how.units.get(key(unit), unit) or how.units.get(key(receiving), receiving) or how.unit,
            "receiving_unit": how.units.get(key(receiving), receiving),
            "channel": self._word(row, "channel", CHANNELS),
            "gateway": self._word(row, "gateway", GATEWAYS),
            "officer": self._first(row, "place"),
        }
        data |= {name: text if name == "officer" else shortened(text) for name, text in texts.items() if text}
        amounts = self._amounts(row)
        if amounts:
            data["amounts"] = amounts
        moments = [t.ms for t in times.values()]
        ended = times.get("finished_at") or times.get("returned_at")
        due = times.get("due_at")
        stated = [t.ms for m, t in times.items() if m != "due_at"]
        return Taken(
            line,
            code,
            data,
            min(moments),
            max(stated),
            any(t.date_only for t in times.values()),
            verdict,
            ended.ms if ended else None,
            due.ms if due else None,
        )

    def _dossier_code(self, row: Row) -> str:
        name = self._names[self._code]
        try:
            code, from_number = read_code(self._cell(row, self._code), self._codes)
        except Unreadable as error:
            raise Bad("code_as_number", name) from error
        if not code:
            raise Bad("no_code", name)
        if len(code) > _MAX_CODE or not code.isprintable():
            raise Bad("invalid", name)
        self._notes.codes_from_numbers += from_number
        return code

    def _instant(self, row: Row, meaning: str) -> Instant | None:
        for place in self.header.places(meaning):
            try:
                return read_instant(
                    self._cell(row, place),
                    self._dates[place],
                    self._how.zone,
                    self._how.end_of_day,
                    self._how.order or "dmy",
                )
            except Unreadable as error:
                raise Bad("bad_time", self._names[place]) from error
        return None

    def _complete(self, times: dict[str, Instant], status: str) -> None:
        """What the file leaves out where it can only be one thing."""
        submitted, accepted = times.get("submitted_at"), times.get("accepted_at")
        told = bool(self.header.places("accepted_at")) or status in ("submitted", "rejected")
        if accepted is None and submitted is not None and not told:
            times["accepted_at"] = accepted = submitted
        if accepted is None or not accepted.date_only:
            return
        # A day without an hour is its end; what followed on the same day came after acceptance all the same.
        day = self._how.zone.day(accepted.ms)
        later = [
            t.ms
            for m in ("finished_at", "returned_at", "due_at")
            if (t := times.get(m)) is not None and self._how.zone.day(t.ms) == day
        ]
        if later:
            times["accepted_at"] = Instant(min(accepted.ms, *later), True)

    def _state(self, row: Row) -> tuple[str, str]:
        status = verdict = ""
        for place in self.header.places("status"):
            text = self._text(row, place)
            if text.casefold() in NOTHING:
                continue
            one, said, unknown = read_state(text, dict(self._how.status))
            status, verdict = status or one, verdict or said
            if unknown:
                self._notes.unknown_words[unknown[:80]] += 1
        return ("" if status == "ignore" else status), verdict

    def _procedure(self, row: Row) -> str:
        for meaning in ("procedure", "procedure_name"):
            for place in self.header.places(meaning):
                cell = self._cell(row, place)
                text = read_procedure(cell if isinstance(cell, float) else self._text(row, place))
                if text and text.casefold() not in NOTHING:
                    return self._how.procedures.get(key(text), text)
        return ""

    def _word(self, row: Row, meaning: str, table: dict[str, str]) -> str:
        texts = [self._text(row, p) for p in self.header.places(meaning)]
        found, unknown = first_word(texts, table)
        if unknown and unknown.casefold() not in NOTHING:
            self._notes.unknown_channels[f"{self._heading(meaning)}: {unknown[:60]}"] += 1
        return found

    def _amounts(self, row: Row) -> list[int]:
        found = []
        for place in self.header.places("amounts"):
            try:
                amount = read_amount(self._cell(row, place))
            except Unreadable:
                self._notes.unread_amounts += 1
                continue
            if amount is not None:
                found.append(amount)
        return found

    def _heading(self, meaning: str) -> str:
        places = self.header.places(meaning)
        return self._names[places[0]] if places else ""


def shortened(text: str) -> str:
    """A name in place of a code, within a code's length: its beginning, told apart from others by a hash."""
    if len(text) <= _MAX_CODE:
        return text
    from hashlib import blake2b

    return f"{text[:110].rstrip()} ~{blake2b(text.encode(), digest_size=6).hexdigest()}"
