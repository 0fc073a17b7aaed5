"""Times as files write them: ISO, patterns, epochs, Excel serials, and dates that say no hour.

A reading keeps whether the hour was missing, because a date-only due date is a finding, not a precision.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from domain.errors import InvalidInput
from domain.instants import Millis, Zone, parse_rfc3339, to_millis

DateOnly = Literal["start", "end", "midnight"]
DATE_ONLY: tuple[DateOnly, ...] = ("start", "end", "midnight")
NAMED_FORMATS = ("iso", "epoch", "epoch_ms", "excel")
_CLOCK = ("%H", "%I", "%c", "%X")
_YEAR = ("%Y", "%y", "%G", "%c", "%x")
_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall clock, the zone is added on reading
_FIRST, _LAST = parse_rfc3339("1900-01-01T00:00:00Z"), parse_rfc3339("2999-12-31T00:00:00Z")
_UTC_NAMES = ("UTC", "GMT", "Z")
_SPACED_OFFSET = re.compile(r"(\d) +(?=[+-]\d\d:?\d\d$)")
_HALVES = re.compile(r"\b(SA|CH)\b")
"""Vietnamese spreadsheets write sáng and chiều for AM and PM."""
_DIGITS = {
    "d": r"(?P<d>3[01]|[12]\d|0?[1-9]| [1-9])",
    "m": r"(?P<m>1[0-2]|0?[1-9])",
    "Y": r"(?P<Y>\d{4})",
    "H": r"(?P<H>2[0-3]|[01]?\d)",
    "I": r"(?P<I>1[0-2]|0?[1-9])",
    "M": r"(?P<M>[0-5]?\d)",
    "S": r"(?P<S>[0-5]?\d)",
    "f": r"(?P<f>\d{1,6})",
    "p": r"(?P<p>[AaPp][Mm])",
}
"""The directives that are read here, ten times faster than strptime; a pattern with others goes to strptime."""
Parse = Callable[[str], datetime]


class Reading(NamedTuple):
    """An instant, and whether the text named a day only."""

    ms: Millis
    date_only: bool


class UnreadableTime(ValueError):
    """A text that none of the formats reads; carries no value, for it may be anything."""


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads with the first format that fits. `hours` is the working day ('07:00', '17:00') for dates without
    an hour: 'start' and 'end' of it, or 'midnight' at the day's beginning. With `whole_days`, exactly 00:00 in
    the zone is such a date too."""

    formats: tuple[str, ...]
    zone: Zone
    date_only: DateOnly = "end"
    hours: tuple[str, str] = ("07:00", "17:00")
    whole_days: bool = False

    def __post_init__(self) -> None:
        for text in self.formats:
            if text not in NAMED_FORMATS and "%" not in text:
                raise InvalidInput(
                    f"'{text}' is not a time format: give one of {', '.join(NAMED_FORMATS)} or a pattern "
                    "such as %d/%m/%Y %H:%M"
                )
            if text not in NAMED_FORMATS:
                _check(text)
        for text in self.hours:
            _clock(text)

    def read(self, text: str) -> Reading:
        """The instant that a text names; UnreadableTime when no format fits."""
        for pattern in self.formats:
            try:
                reading = self._by(pattern, text)
            except (ValueError, OverflowError):
                continue
            if _FIRST <= reading.ms <= _LAST:
                return reading
        raise UnreadableTime

    def _by(self, pattern: str, text: str) -> Reading:
        if pattern == "iso":
            return self._iso(text)
        if pattern in ("epoch", "epoch_ms"):
            number = _finite(text)
            return Reading(math.floor(number * (1000 if pattern == "epoch" else 1)), False)
        if pattern == "excel":
            days = _finite(text)
            seconds = round((days % 1) * 86_400)
            return self._local(_EXCEL_ZERO + timedelta(days=math.floor(days), seconds=seconds), days == int(days))
        return self._local(_parser(pattern)(text), not any(mark in pattern for mark in _CLOCK))

    def _iso(self, text: str) -> Reading:
        if text.isdigit() and len(text) != 8:
            raise ValueError("a number, not a date")
        date_only = not any(mark in text for mark in "T:t ")
        for name in _UTC_NAMES[:2]:
            if text.endswith(name):
                text = text[: -len(name)].rstrip() + "Z"
        return self._local(datetime.fromisoformat(_SPACED_OFFSET.sub(r"\1", text)), date_only)

    def _local(self, t: datetime, date_only: bool) -> Reading:
        if self.whole_days and not date_only:
            there = t if t.tzinfo is None else t.astimezone(self.zone.info)
            if not (there.hour or there.minute or there.second or there.microsecond):
                t, date_only = there.replace(tzinfo=None), True
        if date_only and self.date_only != "midnight":
            t = datetime.combine(t.date(), _clock(self.hours[0 if self.date_only == "start" else 1]))
        if t.tzinfo is None:
            t = t.replace(tzinfo=self.zone.info)
        return Reading(to_millis(t), date_only)


@lru_cache(maxsize=64)
def _parser(pattern: str) -> Parse:
    """Reads one pattern as strptime does. `%Z` means UTC only: other names of zones mean several zones each."""
    if "%Z" in pattern:
        parsers = tuple(_parser(pattern.replace("%Z", name)) for name in _UTC_NAMES)
        return lambda text: _first(parsers, text).replace(tzinfo=UTC)
    compiled = _compiled(pattern)
    if compiled is None:
        return lambda text: datetime.strptime(_with_halves(pattern, text), pattern)  # noqa: DTZ007
    twelve = "I" in compiled.groupindex

    def read(text: str) -> datetime:
        found = compiled.fullmatch(_with_halves(pattern, text))
        if found is None:
            raise ValueError("does not fit")
        part = found.groupdict("0")
        hour = int(part.get("H", "0"))
        if twelve:
            hour = int(part["I"]) % 12 + (12 if part.get("p", "")[:1] in ("P", "p") else 0)
        return datetime(  # noqa: DTZ001 - a wall clock, the zone is added on reading
            int(part["Y"]),
            int(part["m"]),
            int(part["d"]),
            hour,
            int(part.get("M", "0")),
            int(part.get("S", "0")),
            int(part.get("f", "0").ljust(6, "0")),
        )

    return read


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern as a regular expression, or None when it says more than plain numbers."""
    parts = re.split(r"%(.)", pattern)
    words = parts[1::2]
    if (
        not {"Y", "m", "d"} <= set(words) <= set(_DIGITS)
        or len(set(words)) < len(words)
        or {"H", "I"} <= set(words)
    ):
        return None
    if not pattern.isascii():
        return None
    text = "".join(
        _DIGITS[part] if n % 2 else re.sub(r"(\\?\s)+", r"\\s+", re.escape(part)) for n, part in enumerate(parts)
    )
    return re.compile(text, re.ASCII)


def _with_halves(pattern: str, text: str) -> str:
    if "%p" in pattern and ("SA" in text or "CH" in text):
        return _HALVES.sub(lambda m: "AM" if m[1] == "SA" else "PM", text)
    return text


def _first(parsers: tuple[Parse, ...], text: str) -> datetime:
    for parse in parsers:
        try:
            return parse(text)
        except ValueError:
            continue
    raise ValueError("does not fit")


def _check(pattern: str) -> None:
    """Refuses a pattern that no text could fit, when the mapping is read rather than at every row."""
    if not any(mark in pattern for mark in _YEAR):
        raise InvalidInput(f"'{pattern}' has no year: give the whole date, such as %d/%m/%Y %H:%M")
    sample = datetime(2026, 11, 23, 15, 47, 58, tzinfo=UTC)
    try:
        parser = _parser(pattern)
        parser(sample.strftime(pattern))
    except (ValueError, re.error) as error:
        raise InvalidInput(f"'{pattern}' is not a time format: {error}") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError("not a number")
    return number


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"'{text}' is not a clock time such as 07:30") from error
