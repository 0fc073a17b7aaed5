"""Working time of a province: which days count, which hours count, and sums over them, as replaceable data.

Every rule about working days goes through one `WorkingCalendar`, so that a published calendar changes all of
them at once (domain.md §4). Working time is additive by construction: it is a difference of one running sum.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from domain.errors import InvalidInput
from domain.instants import DEFAULT_ZONE, MS_DAY, Day, Millis, date_day, day_date, zone

_MS_MINUTE = 60_000
_DAYS_A_WEEK = 7
_MONDAY = -3
"""1969-12-29, the Monday from which working days are numbered."""
_CACHE = 60_000


class CalendarDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published calendar. `weekend` counts Monday as 0; `swap_days` work although weekend or holiday.

    `hours` are wall-clock spans 'HH:MM' of every working day, in order and apart; '24:00' ends a day.
    `valid_from`/`valid_to` (both included) bound what the document replaces when it is `merged` into another.
    """

    name: str
    version: str = "1"
    zone: str = DEFAULT_ZONE
    hours: tuple[tuple[str, str], ...] = (("07:00", "11:30"), ("13:30", "17:00"))
    weekend: tuple[int, ...] = (5, 6)
    holidays: tuple[date, ...] = ()
    swap_days: tuple[date, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = ""


def decode_calendar(document: Mapping[str, Any]) -> CalendarDocument:
    """A plain dict (JSON or TOML) as a checked document; InvalidInput says which field is wrong."""
    try:
        decoded = msgspec.convert(dict(document), CalendarDocument)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the calendar cannot be used: {error}") from error
    WorkingCalendar(decoded)
    return decoded


def merged(base: CalendarDocument, later: CalendarDocument) -> CalendarDocument:
    """`base` with everything inside `later`'s validity replaced: a year's calendar laid over the older one.

    Name, version, zone, hours and weekend are `later`'s; only the lists of days are cut by validity.
    """
    first, last = later.valid_from or date.min, later.valid_to or date.max

    def days(old: tuple[date, ...], new: tuple[date, ...]) -> tuple[date, ...]:
        kept = {d for d in old if not first <= d <= last}
        return tuple(sorted(kept | {d for d in new if first <= d <= last}))

    return msgspec.structs.replace(
        later,
        holidays=days(base.holidays, later.holidays),
        swap_days=days(base.swap_days, later.swap_days),
        valid_from=None,
        valid_to=None,
    )


class WorkingCalendar:
    """Answers about working time, exact to the millisecond; immutable, safe to share, cheap to build.

    Days are day numbers in the calendar's zone, instants epoch milliseconds. Sums are O(log of holidays) and
    cached by day. Where the clocks change *inside* working hours (only a calendar that works at night), that
    day still counts its nominal hours, so sums stay additive and never run backwards.
    """

    def __init__(self, document: CalendarDocument) -> None:
        self.document = document
        self.zone = zone(document.zone)
        self._hours = _parse_hours(document.hours)
        self.day_ms: int = sum(end - start for start, end in self._hours)
        """Working milliseconds of one working day (8 hours by default)."""
        self._works = _week(document.weekend)
        self._ahead = tuple(sum(self._works[:n]) for n in range(_DAYS_A_WEEK))
        self._a_week = sum(self._works)
        swaps = {date_day(d) for d in document.swap_days}
        holidays = {date_day(d) for d in document.holidays} - swaps
        self._off = tuple(sorted(d for d in holidays if self._works[(d - _MONDAY) % _DAYS_A_WEEK]))
        self._on = tuple(sorted(d for d in swaps if not self._works[(d - _MONDAY) % _DAYS_A_WEEK]))
        self._count_before = lru_cache(_CACHE)(self._count)
        self._spans_of = lru_cache(_CACHE)(self._spans)
        self._nth_day = lru_cache(_CACHE)(self._nth)
        self._limit_from = lru_cache(_CACHE)(self._limit)

    def is_working_day(self, day: Day) -> bool:
        """Whether offices work on that day: weekends, holidays and swap days considered."""
        return self._count_before(day + 1) > self._count_before(day)

    def working_days_between(self, a: Day, b: Day) -> int:
        """Working days d with a <= d < b; negative when b < a."""
        return self._count_before(b) - self._count_before(a)

    def next_working_day(self, day: Day, n: int = 1) -> Day:
        """The n-th working day strictly after `day` (n >= 1)."""
        return self._nth_day(self._count_before(day + 1) + _at_least_one(n) - 1)

    def previous_working_day(self, day: Day, n: int = 1) -> Day:
        """The n-th working day strictly before `day` (n >= 1)."""
        return self._nth_day(self._count_before(day) - _at_least_one(n))

    def start_of_working_day(self, day: Day) -> Millis:
        """The opening instant on that date, whether or not it is a working day."""
        return self._spans_of(day)[0][0]

    def end_of_working_day(self, day: Day) -> Millis:
        """The closing instant on that date, whether or not it is a working day (a due date without an hour)."""
        return self._spans_of(day)[-1][1]

    def working_ms_between(self, a: Millis, b: Millis) -> int:
        """Working milliseconds in [a, b); negative when b < a; between(a,b) + between(b,c) = between(a,c)."""
        return self._worked(b) - self._worked(a)

    def roll_forward(self, t: Millis) -> Millis:
        """`t` if offices are open then, else their next opening (a closing instant is not open)."""
        day = self.zone.day(t)
        if self.is_working_day(day):
            for start, end in self._spans_of(day):
                if t < end:
                    return max(t, start)
        return self._spans_of(self.next_working_day(day))[0][0]

    def add_working_ms(self, t: Millis, ms: int) -> Millis:
        """The instant with exactly `ms` of working time since `t`; the first such one, or the last if ms < 0.

        So 8 hours from 07:00 is 17:00 that day, not 07:00 the next; and 8 hours back from 17:00 is 07:00.
        """
        if ms == 0:
            return t
        target = self._worked(t) + ms
        index = (target - 1) // self.day_ms if ms > 0 else target // self.day_ms
        left = target - index * self.day_ms
        start, end = self._spans_of(self._nth_day(index))[0]
        for start, end in self._spans_of(self._nth_day(index)):
            if left < end - start or (ms > 0 and left == end - start):
                return start + left
            left -= end - start
        return end

    def add_working_days(self, t: Millis, n: int) -> Millis:
        """The same clock time n working days after the clock starts: a limit of n working days (n >= 0).

        The clock starts at `t`, or at the next opening when offices are closed then. So Monday 09:00 plus one
        day is Tuesday 09:00; Monday 18:00 starts on Tuesday 07:00 and is due on Wednesday 07:00. That is
        n times the working hours of a day at the same place within the day (domain.md §4).
        """
        if n < 0:
            raise InvalidInput(f"a limit of {n} working days is not possible: give 0 or more")
        spans, after = self._limit_from(self.zone.day(t), n)
        if spans is None:
            start = self.roll_forward(t)
            return self.same_clock(start, self._nth_day(self._count_before(self.zone.day(start)) + n))
        for start, end, shift in spans:
            if t < end:
                return (t if t > start else start) + shift
        return after

    def same_clock(self, t: Millis, day: Day) -> Millis:
        """The working instant on `day` with the clock time of `t`; `t` must lie within working hours."""
        for (start, end), (first, last) in zip(self._spans_of(self.zone.day(t)), self._spans_of(day), strict=True):
            if t < end:
                return min(first + max(t - start, 0), last)
        return self.end_of_working_day(day)

    def add_months(self, day: Day, n: int) -> Day:
        """The same day of the month n months on, or the month's last day where it is shorter."""
        d = day_date(day)
        year, month = divmod(d.year * 12 + d.month - 1 + n, 12)
        if not 1 <= year <= 9999:
            raise InvalidInput(f"{n} months after {d.isoformat()} is not a date")
        return date_day(date(year, month + 1, min(d.day, monthrange(year, month + 1)[1])))

    def __repr__(self) -> str:
        return f"WorkingCalendar({self.document.name!r}, version {self.document.version!r})"

    def _count(self, day: Day) -> int:
        """Working days before `day`, counted from the Monday `_MONDAY` (negative before it)."""
        weeks, rest = divmod(day - _MONDAY, _DAYS_A_WEEK)
        ordinary = weeks * self._a_week + self._ahead[rest]
        return ordinary - bisect_left(self._off, day) + bisect_left(self._on, day)

    def _nth(self, index: int) -> Day:
        """The working day that has exactly `index` working days before it, in the count of `_count`."""
        reach = (len(self._off) + len(self._on) + 2) * _DAYS_A_WEEK
        guess = _MONDAY + index * _DAYS_A_WEEK // self._a_week
        low, high = guess - reach, guess + reach
        while low < high:
            middle = (low + high) // 2
            if self._count(middle + 1) > index:
                high = middle
            else:
                low = middle + 1
        return low

    def _limit(self, day: Day, n: int) -> tuple[tuple[tuple[Millis, Millis, int], ...] | None, Millis]:
        """What a limit of n working days from an instant of that day comes to: the day's spans, each with how far
        on its instants are due (None where the clocks change in one), and what is due of later that day."""
        following = self.next_working_day(day)
        opening = self._spans_of(following)[0][0]
        after = self.same_clock(opening, self._nth_day(self._count_before(following) + n))
        if not self.is_working_day(day):
            return (), after
        due = self._spans_of(self._nth_day(self._count_before(day) + n))
        both = tuple(zip(self._spans_of(day), due, strict=True))
        if any(end - start != last - first for (start, end), (first, last) in both):
            return None, after
        return tuple((start, end, first - start) for (start, end), (first, _) in both), after

    def _spans(self, day: Day) -> tuple[tuple[Millis, Millis], ...]:
        """The opening spans on a date as instants; an hour that the clocks skip or repeat is read once."""
        midnight, next_midnight = self.zone.midnight(day), self.zone.midnight(day + 1)
        if next_midnight - midnight == MS_DAY:
            return tuple((midnight + start, midnight + end) for start, end in self._hours)
        return tuple((self._wall(day, start), self._wall(day, end)) for start, end in self._hours)

    def _wall(self, day: Day, ms: int) -> Millis:
        """The instant of a clock time on a day on which the clocks change."""
        if ms == MS_DAY:
            return self.zone.midnight(day + 1)
        midnight = self.zone.midnight(day)
        local = self.zone.local(midnight).replace(tzinfo=None) + timedelta(milliseconds=ms)
        shift = local.replace(tzinfo=self.zone.info).utcoffset() or timedelta()
        start = self.zone.local(midnight).utcoffset() or timedelta()
        return midnight + ms + (start - shift) // timedelta(milliseconds=1)

    def _worked(self, t: Millis) -> int:
        """Working milliseconds before `t`, counted from the Monday `_MONDAY`."""
        day = self.zone.day(t)
        before = self._count_before(day)
        done = before * self.day_ms
        if self._count_before(day + 1) == before:
            return done
        today = 0
        for start, end in self._spans_of(day):
            if t <= start:
                break
            today += min(t, end) - start
        return done + min(today, self.day_ms)


def _parse_hours(hours: tuple[tuple[str, str], ...]) -> tuple[tuple[int, int], ...]:
    """'HH:MM' spans as milliseconds of the day, refused unless in order, apart and not empty."""
    spans = tuple((_clock(start), _clock(end)) for start, end in hours)
    flat = [ms for span in spans for ms in span]
    if not spans or any(a >= b for a, b in pairwise(flat)):
        raise InvalidInput("the calendar's hours must be spans in order that do not touch, as 07:00–11:30")
    return spans


def _clock(text: str) -> int:
    """'07:30' as milliseconds since midnight."""
    hour, colon, minute = text.partition(":")
    digits = text.isascii() and hour.isdecimal() and minute.isdecimal()
    if not (colon and digits and len(hour) <= 2 and len(minute) == 2):
        raise InvalidInput(f"'{text}' is not a clock time such as 07:30")
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > 24 * 60:
        raise InvalidInput(f"'{text}' is not a clock time such as 07:30")
    return minutes * _MS_MINUTE


def _week(weekend: tuple[int, ...]) -> tuple[bool, ...]:
    """Which days of the week are worked, Monday first; at least one must be."""
    if any(not 0 <= d < _DAYS_A_WEEK for d in weekend) or len(set(weekend)) == _DAYS_A_WEEK:
        raise InvalidInput("the calendar's weekend is a list of days 0 (Monday) to 6 (Sunday), not all seven")
    return tuple(d not in weekend for d in range(_DAYS_A_WEEK))


def _at_least_one(n: int) -> int:
    if n < 1:
        raise InvalidInput(f"{n} working days on is not a question: give 1 or more")
    return n
