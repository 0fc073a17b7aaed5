"""Finds the header of a sheet and what its columns mean, by the names that one-stop systems use."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from producers.sheets.grid import Cell, Row, Sheet, text_of
from producers.sheets.oldfonts import Font, converted
from producers.sheets.words import WORDS, key

MEANINGS: dict[str, str] = {
    "code": "mã hồ sơ",
    "procedure": "mã thủ tục",
    "procedure_name": "tên thủ tục",
    "unit": "đơn vị giải quyết",
    "receiving_unit": "nơi tiếp nhận",
    "submitted_at": "ngày nộp",
    "accepted_at": "ngày tiếp nhận",
    "due_at": "ngày hẹn trả",
    "finished_at": "ngày xử lý xong",
    "returned_at": "ngày trả kết quả",
    "rejected_at": "ngày từ chối",
    "status": "trạng thái, kết luận về hạn",
    "channel": "hình thức nộp",
    "place": "nơi, người xử lý (chỉ giữ mã băm)",
    "amounts": "phí, lệ phí",
    "gateway": "hình thức thanh toán",
    "personal": "sẽ không lưu",
    "ignore": "không dùng",
}
"""What a column may mean, as officials read it. 'personal' and 'ignore' are never kept."""
DATES = ("submitted_at", "accepted_at", "due_at", "finished_at", "returned_at", "rejected_at")
SEVERAL = frozenset({"status", "place", "amounts", "personal", "ignore"})
"""Meanings that more than one column may have; of the others the first alias in the list wins."""
_PERSONAL_WORDS = (
    "chuhoso|cccd|cmnd|dienthoai|sdt|diachi|hoten|hovaten|nguoinop|ngaysinh|email|canhantochuc|tochuccanhan"
).split("|")
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]|\*")
_NUMBERING = re.compile(r"^[(\[]?\s*(\d{1,2}|[a-z])\s*[)\].]?$", re.IGNORECASE)
LOOKED_AT = 100
"""So many rows may stand above the table's end of header."""


_BY_KEY = {
    key(name): (meaning, n) for meaning, listed in WORDS["columns"].items() for n, name in enumerate(listed)
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its place, its heading as one line, and what it means ('' unknown)."""

    place: int
    heading: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Header:
    """A table found in a sheet. `first` is the first data row's index, `font` how its words were typed."""

    row: int
    first: int
    columns: tuple[Column, ...]
    font: Font = "unicode"

    def places(self, meaning: str) -> tuple[int, ...]:
        """The places of the columns that mean this."""
        return tuple(c.place for c in self.columns if c.meaning == meaning)

    @property
    def meanings(self) -> frozenset[str]:
        """Everything that its columns mean."""
        return frozenset(c.meaning for c in self.columns if c.meaning)


def find_header(sheet: Sheet, given: Mapping[str, str]) -> Header | None:
    """The header with most known columns, at any row, over one to three rows; None when none has a dossier's code.

    `given` are meanings that a person stated, by the key of the heading: they come before the aliases.
    """
    best: tuple[tuple[float, int, int], Header] | None = None
    rows = sheet.rows[: LOOKED_AT + 3]
    spread = _spread(sheet, len(rows))
    for font in ("unicode", "tcvn3", "vni"):
        for top in range(min(LOOKED_AT, len(rows))):
            if not any(text_of(c) for c in rows[top]):
                continue
            for depth in (1, 2, 3):
                if top + depth > len(rows):
                    break
                found = _header(spread[top : top + depth], top, depth, given, font)
                known = {c.meaning for c in found.columns} - {"", "personal", "ignore"}
                if "code" not in known or len(known) < 2:
                    continue
                rank = (len(known) + 0.01 * sum(c.meaning == "personal" for c in found.columns), -depth, -top)
                if best is None or rank > best[0]:
                    best = (rank, found)
        if best is not None:
            break
    if best is None:
        return None
    header = best[1]
    first = header.first
    while first < len(sheet.rows) and (
        is_numbering(sheet.rows[first]) or not any(map(text_of, sheet.rows[first]))
    ):
        first += 1
    return Header(header.row, first, header.columns, header.font)


def is_numbering(row: Row) -> bool:
    """A row of column numbers: (1) (2) (3), or A B 1 2."""
    words = [text for cell in row if (text := text_of(cell))]
    if len(words) < 3 or not all(_NUMBERING.match(w) for w in words):
        return False
    numbers = [int(n[1]) for w in words if (n := _NUMBERING.match(w)) and n[1].isdigit()]
    return not numbers or (numbers == sorted(set(numbers)) and numbers[0] <= 3)


def _spread(sheet: Sheet, count: int) -> list[list[Cell]]:
    """The first rows with merged cells filled in both directions, for headings only."""
    made = [list(row) + [""] * (sheet.width - len(row)) for row in sheet.rows[:count]]
    for top, left, bottom, right in sheet.spans:
        if top < count and left < sheet.width and right - left < 500:
            value = made[top][left]
            for r in range(top, min(bottom + 1, count)):
                for c in range(left, min(right + 1, sheet.width)):
                    if made[r][c] in ("", None):
                        made[r][c] = value
    return made


def _header(rows: Sequence[Sequence[Cell]], top: int, depth: int, given: Mapping[str, str], font: Font) -> Header:
    columns: list[Column] = []
    ranks: dict[str, tuple[int, int]] = {}
    for place in range(max(map(len, rows))):
        parts: list[str] = []
        for row in rows:
            text = converted(text_of(row[place]), font) if place < len(row) else ""
            if text and (not parts or parts[-1] != text) and len(text) < 200:
                parts.append(text)
        if not parts:
            continue
        meaning, rank = _meaning(parts, given)
        heading = " › ".join(parts)
        if meaning and meaning not in SEVERAL:
            taken = ranks.get(meaning)
            if taken is not None and taken[0] <= rank:
                meaning = "ignore"
            elif taken is not None:
                columns = [Column(c.place, c.heading, "ignore") if c.place == taken[1] else c for c in columns]
            if meaning != "ignore":
                ranks[meaning] = (rank, place)
        columns.append(Column(place, heading, meaning))
    return Header(top, top + depth, tuple(columns), font)


def _meaning(parts: Sequence[str], given: Mapping[str, str]) -> tuple[str, int]:
    """(meaning, rank of the alias): the whole heading, its parts the other way round, its lowest part."""
    tries = [" ".join(parts), " ".join(reversed(parts)), parts[-1]]
    for text in tries:
        if (stated := given.get(key(text))) is not None:
            return stated, -1
    for text in tries:
        for form in (text, _BRACKETS.sub(" ", text)):
            if (known := _BY_KEY.get(key(form))) is not None:
                return known
    folded = key(" ".join(parts))
    return ("personal", 99) if any(word in folded for word in _PERSONAL_WORDS) else ("", 99)
