"""Times as files write them: ISO, strptime patterns, epochs, Excel serials, and dates that say no hour.

A reading keeps whether the hour was missing, because a date-only due date is a finding, not a precision.
"""

import math
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple

from domain.errors import InvalidInput
from domain.instants import Millis, Zone, to_millis

DateOnly = Literal["start", "end", "midnight"]
DATE_ONLY: tuple[DateOnly, ...] = ("start", "end", "midnight")
NAMED_FORMATS = ("iso", "epoch", "epoch_ms", "excel")
_CLOCK = ("%H", "%I", "%c", "%X", "%s", "%T", "%R")
_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall clock, the zone is added on reading


class Reading(NamedTuple):
    """An instant, and whether the text named a day only."""

    ms: Millis
    date_only: bool


class UnreadableTime(ValueError):
    """A text that none of the formats reads; carries no value, for it may be anything."""


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads with the first format that fits. `hours` is the working day ('07:00', '17:00') for dates without
    an hour: 'start' and 'end' of it, or 'midnight' at the day's beginning."""

    formats: tuple[str, ...]
    zone: Zone
    date_only: DateOnly = "end"
    hours: tuple[str, str] = ("07:00", "17:00")

    def __post_init__(self) -> None:
        for text in self.formats:
            if text not in NAMED_FORMATS and "%" not in text:
                raise InvalidInput(
                    f"'{text}' is not a time format: give one of {', '.join(NAMED_FORMATS)} or a pattern "
                    "such as %d/%m/%Y %H:%M"
                )
        for text in self.hours:
            _clock(text)

    def read(self, text: str) -> Reading:
        """The instant that a text names; UnreadableTime when no format fits."""
        for pattern in self.formats:
            try:
                return self._by(pattern, text)
            except (ValueError, OverflowError):
                continue
        raise UnreadableTime

    def _by(self, pattern: str, text: str) -> Reading:
        if pattern == "iso":
            date_only = not any(mark in text for mark in "T:t ")
            return self._local(datetime.fromisoformat(text), date_only)
        if pattern in ("epoch", "epoch_ms"):
            number = _finite(text)
            return Reading(math.floor(number * (1000 if pattern == "epoch" else 1)), False)
        if pattern == "excel":
            days = _finite(text)
            seconds = round((days % 1) * 86_400)
            return self._local(_EXCEL_ZERO + timedelta(days=math.floor(days), seconds=seconds), days == int(days))
        return self._local(datetime.strptime(text, pattern), not any(mark in pattern for mark in _CLOCK))  # noqa: DTZ007

    def _local(self, t: datetime, date_only: bool) -> Reading:
        if date_only and self.date_only != "midnight":
            t = datetime.combine(t.date(), _clock(self.hours[0 if self.date_only == "start" else 1]))
        if t.tzinfo is None:
            t = t.replace(tzinfo=self.zone.info)
        return Reading(to_millis(t), date_only)


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
