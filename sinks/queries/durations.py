"""How long finished dossiers took, counted by the store in working time; and the open ones that come due.

Working time is the difference of one running sum (as in `domain.calendar`): working days before a day, which the
caller brings for every day of the range, times a day's hours, plus what of that day's hours has passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis
from sinks.queries.reader import Reader, Rows, at, instant, millis


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """Working time as SQL over the days [first, last] of a calendar."""

    calendar: WorkingCalendar
    first: Day
    last: Day

    def before(self, column: str) -> str:
        """Working milliseconds from the first day until an instant within the range."""
        zone = self.calendar.zone.name.replace("'", "")
        day = f"toInt32(toDate32({column}, '{zone}'))"
        into = f"({millis(column)} - toUnixTimestamp(toStartOfDay({column}, '{zone}')) * 1000)"
        counts = [self.calendar.working_days_between(self.first, d) for d in range(self.first, self.last + 2)]
        array = f"CAST({counts}, 'Array(Int32)')"
        place = f"{day} - {int(self.first)} + 1"
        spans = " + ".join(
            f"least(greatest({into} - {start}, 0), {end - start})" for start, end in spans_of(self.calendar)
        )
        works = f"({array}[{place} + 1] - {array}[{place}])"
        return f"({array}[{place}] * {int(self.calendar.day_ms)} + {works} * ({spans}))"


def spans_of(calendar: WorkingCalendar) -> list[tuple[int, int]]:
    """The opening spans as milliseconds of the day."""

    def clock(text: str) -> int:
        hours, minutes = text.split(":")
        return (int(hours) * 60 + int(minutes)) * 60_000

    return [(clock(start), clock(end)) for start, end in calendar.document.hours]


def durations(
    reader: Reader,
    time: WorkingTime,
    procedures: Sequence[str],
    units: Sequence[str],
    kinds: Sequence[str],
    since: Millis,
    bucket_ms: int,
) -> list[tuple[str, str, int, int, int]]:
    """(procedure, kind of unit, bucket, how many, how many of them on time): dossiers that were finished or
    returned since an instant, had a due date and no supplement. `kinds` stand beside `units`."""
    if not procedures or not units:
        return []
    floor = time.calendar.zone.midnight(time.first)
    ended = f"ended_at >= {at(since)} AND accepted_at >= {at(floor)} AND ended_at >= accepted_at"
    source = reader.source(
        "dossiers",
        "procedure IN %(procedures)s AND unit IN %(units)s",
        f"NOT is_open AND end_kind IN ('finished', 'returned') AND supplements = 0 AND {ended}",
        "isNotNull(due_at)",
    )
    spent = f"({time.before('assumeNotNull(ended_at)')} - {time.before('assumeNotNull(accepted_at)')})"
    sql = f"""
        SELECT procedure, transform(unit, %(units)s, %(kinds)s, '') AS kind,
               intDiv(greatest({spent}, 0), {int(bucket_ms)}) AS bucket, count(), countIf(ended_at <= due_at)
        {source} GROUP BY procedure, kind, bucket"""
    rows = reader.rows(sql, procedures=list(procedures), units=list(units), kinds=list(kinds))
    return [(row[0], row[1], int(row[2]), row[3], row[4]) for row in rows]


def open_coming(reader: Reader, now: Millis, after: tuple[Millis, str] | None, limit: int) -> Rows:
    """(code, unit, procedure, step, accepted, due, timeline) of open dossiers that are not paused and come due
    from now on, by (due, code), after a key; instants in milliseconds."""
    key = f"(due_at, dossier_code) > ({instant('due')}, %(code)s)" if after is not None else ""
    source = reader.source("open_dossiers", f"due_at >= {at(now)}", "NOT paused", f"accepted_at < {at(now)}", key)
    sql = f"""
        SELECT dossier_code, unit, procedure, step, {millis("accepted_at")}, {millis("due_at")}, timeline
        {source} ORDER BY due_at, dossier_code LIMIT {int(limit)}"""
    given: dict[str, Any] = dict(zip(("due", "code"), after or (0, ""), strict=True))
    return reader.rows(sql, **given)
