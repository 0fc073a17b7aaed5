"""What people type for time: periods (`2026-Q3`) and instants (`2026-08-31`), turned into exact bounds.

One reading for commands, routes and screens (decisions.md 27): ranges include both days, a date as an
instant means the end of that day, a naive time is in the province's zone, ends are exclusive.
"""

import re
from datetime import date, datetime

import msgspec

from domain.errors import InvalidInput
from domain.instants import Day, Millis, Zone, date_day, day_date, to_millis

FORMS = "2026-08, 2026-Q3, 2026, 2026-07-15..2026-08-14, today or ytd"
_PERIOD = re.compile(r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>\d{2})))?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


class Period(msgspec.Struct, frozen=True):
    """A stretch of time [start_ms, end_ms); `label` is what was asked for, in its usual spelling."""

    start_ms: Millis
    end_ms: Millis
    label: str

    def until(self, as_of: Millis) -> Millis:
        """The exclusive end of what can be counted: the period's end or `as_of`, whichever comes first.

        An `as_of` at or before the period's start leaves nothing to count and is InvalidInput.
        """
        if as_of <= self.start_ms:
            raise InvalidInput(f"the period {self.label} had not begun at that instant: ask for a later one")
        return min(self.end_ms, as_of)


def parse_period(text: str, zone: Zone, as_of: Millis) -> Period:
    """A period in the province's zone; `today` and `ytd` end at `as_of`, the others at a midnight."""
    asked = text.strip()
    if asked.lower() in ("today", "ytd"):
        return _running(asked.lower(), zone, as_of)
    if ".." in asked:
        return _range(asked, zone)
    match = _PERIOD.fullmatch(asked)
    if not match:
        raise _not_a_period(asked)
    year = _year(int(match["year"]), asked)
    if match["quarter"]:
        return _months(year, 3 * int(match["quarter"]) - 2, 3, asked.upper(), zone)
    if match["month"]:
        if not 1 <= int(match["month"]) <= 12:
            raise _not_a_period(asked)
        return _months(year, int(match["month"]), 1, asked, zone)
    return _months(year, 1, 12, asked, zone)


def parse_instant(text: str, zone: Zone) -> Millis:
    """A T as an exclusive end: a date is the end of that day, a time without an offset is in `zone`,
    and one with an offset ('2026-08-31T17:00:00+07:00', '…Z') is exact.
    """
    asked = text.strip()
    if _DATE.fullmatch(asked):
        return zone.midnight(_day(asked) + 1)
    try:
        t = datetime.fromisoformat(asked)
    except ValueError as error:
        raise InvalidInput(
            f"'{asked}' is not an instant: give a date (2026-08-31) or a time (2026-08-31T17:00)"
        ) from error
    _year(t.year, asked)
    return to_millis(t if t.tzinfo else t.replace(tzinfo=zone.info))


def _running(label: str, zone: Zone, as_of: Millis) -> Period:
    """The day or year that holds the last millisecond before `as_of` (which is exclusive)."""
    day = zone.day(as_of - 1)
    if label == "ytd":
        day = date_day(day_date(day).replace(month=1, day=1))
    return Period(zone.midnight(day), as_of, label)


def _range(asked: str, zone: Zone) -> Period:
    first, _, last = (part.strip() for part in asked.partition(".."))
    start, end = _day(first), _day(last)
    if end < start:
        raise InvalidInput(f"the period {asked} ends before it begins: swap the two dates")
    return Period(zone.midnight(start), zone.midnight(end + 1), f"{first}..{last}")


def _months(year: int, month: int, count: int, label: str, zone: Zone) -> Period:
    after = year * 12 + month - 1 + count
    end = date(after // 12, after % 12 + 1, 1)
    return Period(zone.midnight(date_day(date(year, month, 1))), zone.midnight(date_day(end)), label)


def _day(text: str) -> Day:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"'{text}' is not a date such as 2026-08-31") from error
    _year(found.year, text)
    return date_day(found)


def _year(year: int, asked: str) -> int:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise InvalidInput(f"'{asked}' lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return year


def _not_a_period(asked: str) -> InvalidInput:
    return InvalidInput(f"'{asked}' is not a period: give {FORMS}")
