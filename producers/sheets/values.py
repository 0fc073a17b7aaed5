"""What cells say: dates in every form that spreadsheets hold, money, codes, words for states and channels."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple

from domain.instants import Millis, Zone, parse_rfc3339, to_millis
from producers.sheets.grid import Cell, text_of
from producers.sheets.words import by_key, key

Order = Literal["dmy", "mdy"]
NOTHING = frozenset(
    {"", "-", "--", "---", "null", "none", "na", "n/a", "#n/a", "chưa có", "không", "không có", "0", "..."}
)
_NO_LIMIT = frozenset(
    map(key, ("Không thời hạn", "Không xác định", "Không quy định", "Chưa xác định", "Không có hạn"))
)
_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall clock
_LEAST, _MOST = 20_000.0, 80_000.0
"""Serials from 1954 to 2119: a number outside is no date."""
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})\s*[/\-.]\s*(\d{1,2})\s*[/\-.]\s*(\d{4}|\d{2})(?!\d)")
_ISO = re.compile(r"(?<!\d)(\d{4})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})(?!\d)")
_WORDS = re.compile(r"(\d{1,2})\s+th(?:á|a)ng\s+(\d{1,2})\s+n(?:ă|a)m\s+(\d{4})", re.IGNORECASE)
_COMPACT = re.compile(r"^((?:19|20)\d{2})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?$")
_CLOCK = re.compile(
    r"^(\d{1,2})\s*(?:[:hg]|giờ|gio)\s*(?:(\d{1,2})(?:\s*[:'p]\s*(\d{1,2})(?:[.,]\d+)?)?)?\s*(?:phút|phut|p|')?\s*"
    r"(am|pm|sa|ch)?$",
    re.IGNORECASE,
)
_FILLING = re.compile(r"\b(ngày|ngay|lúc|luc|hồi|vào)\b|[,;()T]|(?<!\d)-(?!\d)", re.IGNORECASE)
_FIRST: Millis = parse_rfc3339("1970-01-02T00:00:00Z")
_LAST: Millis = parse_rfc3339("2199-12-30T00:00:00Z")
SWAP_AT_LEAST = 8
"""So many date cells with a day up to 12, none above, beside texts with days above 12 only: Excel swapped them."""


class Instant(NamedTuple):
    """A moment; `date_only` where the cell named a day and no hour."""

    ms: Millis
    date_only: bool


class Unreadable(ValueError):
    """A cell that is not what its column holds; carries no value."""


@dataclass(frozen=True, slots=True)
class DateColumn:
    """How one column's dates are read, decided over the whole of it.

    `order` is None while nothing in the column tells days from months; `swapped`: its date cells were made by a
    spreadsheet that took the day for the month; `mixed`: texts of both orders stand in it.
    """

    order: Order | None = None
    swapped: bool = False
    mixed: bool = False
    doubtful: int = 0


def judge_dates(cells: Iterable[Cell]) -> DateColumn:
    """Looks at every cell of a column."""
    seen: Counter[str] = Counter()
    for cell in cells:
        if isinstance(cell, datetime | date):
            seen["typed"] += 1
            seen["typed_high"] += cell.day > 12
        elif isinstance(cell, float) and _LEAST < cell < _MOST:
            day = (_ZERO + timedelta(days=int(cell))).day
            seen["typed"] += 1
            seen["typed_high"] += day > 12
        elif isinstance(cell, str) and (found := _NUMERIC.search(cell)) and not _ISO.search(cell):
            first, second = int(found[1]), int(found[2])
            seen["dmy" if first > 12 else "mdy" if second > 12 else "either"] += 1
    order: Order | None = None
    if seen["dmy"] or seen["mdy"]:
        order = "dmy" if seen["dmy"] >= seen["mdy"] else "mdy"
    swapped = (
        seen["typed"] >= SWAP_AT_LEAST
        and not seen["typed_high"]
        and seen["dmy"] > 0
        and not (seen["mdy"] + seen["either"])
    )
    return DateColumn(order, swapped, seen["dmy"] > 0 and seen["mdy"] > 0, seen["either"])


def read_instant(
    cell: Cell, how: DateColumn, zone: Zone, end_of_day: time, order: Order = "dmy"
) -> Instant | None:
    """The moment of a cell; None for nothing. A date without an hour is the end of the working day.

    Unreadable for text that is no date, and for a year that no dossier can have.
    """
    found = _moment(cell, how, order)
    if found is None:
        return None
    local, date_only = found
    if local.year <= 1900:
        return None  # how systems write "none"
    if date_only:
        local = datetime.combine(local.date(), end_of_day)
    ms = to_millis(local if local.tzinfo is not None else local.replace(tzinfo=zone.info))
    if not _FIRST <= ms < _LAST:
        raise Unreadable
    return Instant(ms, date_only)


def _moment(cell: Cell, how: DateColumn, order: Order) -> tuple[datetime, bool] | None:
    try:
        if isinstance(cell, datetime):
            return _typed(_rounded(cell), how)
        if isinstance(cell, date):
            return _typed(datetime(cell.year, cell.month, cell.day), how)  # noqa: DTZ001 - a wall clock
        if isinstance(cell, float):
            return _of_number(cell, how)
        if isinstance(cell, str):
            return _of_text(cell, how, order)
    except (ValueError, OverflowError) as error:
        raise Unreadable from error
    if cell is None:
        return None
    raise Unreadable


def _typed(t: datetime, how: DateColumn) -> tuple[datetime, bool]:
    if how.swapped and t.day <= 12:
        t = t.replace(month=t.day, day=t.month)
    return t, not (t.hour or t.minute or t.second)


def _rounded(t: datetime) -> datetime:
    """Serials are binary fractions: 08:29:59.999997 is half past eight."""
    return (t + timedelta(microseconds=500_000)).replace(microsecond=0) if t.microsecond else t


def _of_number(number: float, how: DateColumn) -> tuple[datetime, bool] | None:
    if number == 0:
        return None
    if number.is_integer() and (found := _COMPACT.match(str(int(number)))):
        return _compact(found)
    if not _LEAST < number < _MOST:
        raise Unreadable
    return _typed(_ZERO + timedelta(days=int(number), seconds=round(number % 1 * 86_400)), how)


def _compact(found: re.Match[str]) -> tuple[datetime, bool]:
    year, month, day, hour, minute, second = (int(g or 0) for g in found.groups())
    return datetime(year, month, day, hour, minute, second), found[4] is None  # noqa: DTZ001 - a wall clock


def _of_text(raw: str, how: DateColumn, order: Order) -> tuple[datetime, bool] | None:
    text = " ".join(raw.replace("\xa0", " ").split())
    if text.casefold() in NOTHING or key(text) in _NO_LIMIT:
        return None
    if found := _COMPACT.match(text):
        return _compact(found)
    if re.fullmatch(r"\d{5}([.,]\d+)?", text):
        return _of_number(float(text.replace(",", ".")), how)
    if re.fullmatch(r"\d{4}-\d\d-\d\dT.+", text) and re.search(r"(Z|[+-]\d\d:?\d\d)$", text):
        return datetime.fromisoformat(text), False
    if found := _WORDS.search(text):
        day, month, year = (int(g) for g in found.groups())
    elif found := _ISO.search(text):
        year, month, day = (int(g) for g in found.groups())
    elif found := _NUMERIC.search(text):
        day, month, year = (int(g) for g in found.groups())
        year += 2000 if year < 100 else 0
        if month > 12 or (day <= 12 and (how.order or order) == "mdy"):
            day, month = month, day
    else:
        raise Unreadable
    clock = " ".join(_FILLING.sub(" ", text[: found.start()] + " " + text[found.end() :]).split())
    t = datetime(year, month, day)  # noqa: DTZ001 - a wall clock
    if not clock:
        return t, True
    at = _clock(clock)
    return datetime.combine(t.date(), at), at == time(0)


def _clock(text: str) -> time:
    found = _CLOCK.match(text)
    if found is None:
        raise Unreadable
    hour, minute, second = (int(g or 0) for g in found.groups()[:3])
    half = (found[4] or "").lower()
    if half in ("pm", "ch") and hour < 12:
        hour += 12
    elif half in ("am", "sa") and hour == 12:
        hour = 0
    return time(hour, minute, second)


_MONEY = re.compile(r"(đồng|đ|vnđ|vnd|₫|d)\.?$", re.IGNORECASE)
_FREE = frozenset(map(key, ("Miễn phí", "Không thu", "Không", "Không có", "Miễn", "Không phí")))


def read_amount(cell: Cell) -> int | None:
    """Đồng, from numbers or from '1.234,5', '150,000 đ', 'Miễn phí'; None for nothing."""
    if cell is None or isinstance(cell, bool):
        return None
    if isinstance(cell, float):
        if not 0 <= cell < 1e15:
            raise Unreadable
        return int(cell + 0.5)
    text = "".join(text_of(cell).split())
    if not text or text in ("-", "--"):
        return None
    if key(text) in _FREE:
        return 0
    text = _MONEY.sub("", text)
    if re.fullmatch(r"\d{1,3}([.,]\d{3})+", text):
        return int(re.sub(r"[.,]", "", text))
    if re.fullmatch(r"\d{1,3}(\.\d{3})*,\d{1,2}", text):
        return int(float(text.replace(".", "").replace(",", ".")) + 0.5)
    if re.fullmatch(r"\d{1,3}(,\d{3})*\.\d{1,2}", text):
        return int(float(text.replace(",", "")) + 0.5)
    if re.fullmatch(r"\d{1,15}", text):
        return int(text)
    raise Unreadable


@dataclass(frozen=True, slots=True)
class CodeColumn:
    """What a column of codes looks like: the one width of its texts of digits (0: none), to give zeros back."""

    width: int = 0


def judge_codes(cells: Iterable[Cell]) -> CodeColumn:
    """Looks at the texts of a column: digits only, all of one width, one of them with a leading zero."""
    widths: set[int] = set()
    zero = False
    for cell in cells:
        if isinstance(cell, str) and (text := cell.strip()):
            if not text.isdigit():
                return CodeColumn()
            widths.add(len(text))
            zero = zero or text.startswith("0")
    return CodeColumn(widths.pop() if len(widths) == 1 and zero else 0)


def read_code(cell: Cell, how: CodeColumn) -> tuple[str, bool]:
    """(code, whether a number was made into it). Unreadable when digits were lost: 2.60801E+17."""
    if isinstance(cell, float):
        if not cell.is_integer() or abs(cell) >= 1e15:
            raise Unreadable
        return str(int(cell)).zfill(how.width), True
    text = text_of(cell).strip("'` ")
    if re.fullmatch(r"\d([.,]\d+)?E\+?\d+", text, re.IGNORECASE):
        raise Unreadable
    return text, False


_PROCEDURE = re.compile(r"(?<![\d.])(\d\.\d{6})(?!\d)")


def read_procedure(cell: Cell) -> str:
    """A procedure's code in its first two groups (the number 1.00161 gets its zero back)."""
    if isinstance(cell, float) and 1 <= cell < 10:
        return f"{cell:.6f}"
    text = text_of(cell)
    found = _PROCEDURE.search(text)
    return found[1] if found else text


_STATUS, _VERDICT = by_key("status"), by_key("verdict")
CHANNELS, GATEWAYS = by_key("channel"), by_key("gateway")
_CODES = {str(n): s for n, s in enumerate(
    "submitted accepted rejected processing supplement_requested payment_requested withdrawn stopped finished "
    "returned".split(), start=1)}  # fmt: skip
_PARTS = re.compile(r"\s*[-–—/(),:;|]\s*")
_BEFORE_VERDICT = sorted(_VERDICT, key=len, reverse=True)


def read_state(text: str, given: dict[str, str]) -> tuple[str, str, str]:
    """(status, the source's verdict, the word that nobody knows); '' for each that is not there.

    A cell may hold both: 'Đã trả kết quả - Đúng hạn', 'Đang giải quyết quá hạn'.
    """
    whole = key(text)
    if not whole:
        return "", "", ""
    status = given.get(whole) or _STATUS.get(whole) or _CODES.get(text.strip())
    if status:
        return status, "", ""
    if whole in _VERDICT:
        return "", _VERDICT[whole], ""
    verdict, rest = "", []
    for part in _PARTS.split(text):
        folded = key(part)
        for word in _BEFORE_VERDICT:
            if folded.endswith(word):
                verdict, folded = verdict or _VERDICT[word], folded.removesuffix(word)
                break
        if folded:
            rest.append(folded)
    found = next((s for r in rest if (s := given.get(r) or _STATUS.get(r))), "")
    if not found and (joined := "".join(rest)):
        found = given.get(joined) or _STATUS.get(joined) or ""
    return found, verdict, "" if found or not rest else text


def first_word(texts: Sequence[str], table: dict[str, str]) -> tuple[str, str]:
    """(meaning, unknown word) of the first text that holds something."""
    for text in texts:
        if folded := key(text):
            return table.get(folded, ""), "" if folded in table else text
    return "", ""
