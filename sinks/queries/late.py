"""Open and late dossiers, judged by the store: of which nothing more is said from the asked instant on.

The arithmetic of `domain.verdicts.judge` before an instant `until` that lies behind every fact of the dossier:
the clock stands at the first outstanding supplement under 766, completed supplements are credited, II.06a takes
neither. Whether it is late then was booked by the fold (`late_from`). A property test compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.instants import Day, Millis, Zone
from domain.measures import suffix
from sinks.queries.reader import Reader, at


class Span(NamedTuple):
    """What working days late are counted from and to: the day of due and credit, the day of the end, and which
    calendar is valid at the due date (an index into `LateList.calendars`, from 0: before the first)."""

    due_day: Day
    end_day: Day
    calendar: int


class Place(NamedTuple):
    """A dossier's place in the list, the latest first."""

    late_by: Millis
    code: str


@dataclass(frozen=True, slots=True)
class LateList:
    """Dossiers late before `until` under a family; `calendars` are the instants from which calendars are valid."""

    family: str
    until: Millis
    zone: Zone
    calendars: tuple[Millis, ...]
    procedure: str | None = None

    def spans(self, reader: Reader) -> list[tuple[Span, int]]:
        """How many dossiers lie in each span of days."""
        sql = f"SELECT due_day, end_day, calendar, count() FROM ({self._judged(reader)}) GROUP BY ALL"
        return [(Span(*row[:3]), row[3]) for row in reader.rows(sql, procedure=self.procedure)]

    def spans_and_places(self, reader: Reader, limit: int) -> tuple[list[tuple[Span, int]], list[Place]]:
        """Both in one statement: all spans, and the first places."""
        first = f"groupArraySorted({int(limit)})((-late_by, dossier_code)) AS first"
        spans = (
            f"SELECT due_day, end_day, calendar, count() AS n, {first} FROM ({self._judged(reader)}) GROUP BY ALL"
        )
        sql = f"""
            SELECT groupArray((due_day, end_day, calendar, n)),
                   arraySlice(arraySort(arrayFlatten(groupArray(first))), 1, {int(limit)}) FROM ({spans})"""
        ((found, places),) = reader.rows(sql, procedure=self.procedure)
        return [(Span(*row[:3]), row[3]) for row in found], [Place(-late, code) for late, code in places]

    def places(
        self, reader: Reader, after: Place | None, limit: int, among: Sequence[Span] | None = None
    ) -> list[Place]:
        """The next places, of the dossiers in these spans only (None: in any)."""
        where = ["1"]
        if after is not None:
            where.append("(late_by < %(late_by)s OR (late_by = %(late_by)s AND dossier_code > %(after)s))")
        if among is not None:
            where.append("(due_day, end_day, calendar) IN %(among)s" if among else "0")
        sql = f"""
            SELECT late_by, dossier_code FROM ({self._judged(reader)}) WHERE {" AND ".join(where)}
            ORDER BY late_by DESC, dossier_code LIMIT {int(limit)}"""
        rows = reader.rows(
            sql,
            procedure=self.procedure,
            late_by=after.late_by if after else 0,
            after=after.code if after else "",
            among=[tuple(s) for s in among or ()],
        )
        return [Place(*row) for row in rows]

    def _judged(self, reader: Reader) -> str:
        source = reader.source(
            "open_dossiers",
            f"late_from_{suffix(self.family)} < {at(self.until)}",
            f"last_fact_at < {at(self.until)}",
            "isNotNull(due_at)",
            "" if self.procedure is None else "procedure = %(procedure)s",
        )
        last = int(self.until) - 1
        end, credit = str(last), "0"
        if not self.family.startswith("06a"):
            end = f"ifNull(arrayFirstOrNull(p -> isNull(p.2), pauses).1, {last})"
            credit = "arraySum(p -> if(isNull(p.2), 0, assumeNotNull(p.2) - p.1), pauses)"
        zone = self.zone.name.replace("'", "")
        starts = ", ".join(str(int(c)) for c in self.calendars)

        def day(ms: str) -> str:
            return f"toInt32(toDate32(fromUnixTimestamp64Milli({ms}, '{zone}')))"

        calendar = f"arrayCount(c -> c <= due, CAST([{starts}], 'Array(Int64)'))"
        return f"""
            SELECT dossier_code, end - credit - due AS late_by, {day("due + credit")} AS due_day,
                   {day("end")} AS end_day, {calendar} AS calendar
            FROM (
                SELECT dossier_code, toUnixTimestamp64Milli(assumeNotNull(due_at)) AS due,
                       toInt64({end}) AS end, toInt64({credit}) AS credit
                {source}
            )"""
