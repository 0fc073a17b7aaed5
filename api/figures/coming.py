"""What falls due in the coming days, unit by unit, beside what each usually finishes in a day."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from api.figures.context import FigureContext
from domain.calendar import WorkingCalendar
from domain.crunch import OUTPUT_DAYS, usual_output
from domain.instants import Day, Millis
from sinks.queries import beat
from sinks.queries.reader import Reader


@dataclass(slots=True)
class Coming:
    """One unit (or the sum of several): open dossiers due by day, and finished ones by day."""

    due: dict[Day, int] = field(default_factory=lambda: defaultdict(int))
    finished: dict[Day, int] = field(default_factory=lambda: defaultdict(int))

    def usual(self, calendar: WorkingCalendar, today: Day) -> float | None:
        """The usual daily output: the median over the working days before today."""
        return usual_output(self.finished, output_days(calendar, today))

    def due_until(self, last: Day) -> int:
        """Dossiers due up to that day, the day included."""
        return sum(n for day, n in self.due.items() if day <= last)


def output_days(calendar: WorkingCalendar, today: Day) -> list[Day]:
    """The working days that tell the usual output, the last first."""
    return [calendar.previous_working_day(today, n) for n in range(1, OUTPUT_DAYS + 1)]


def coming(ctx: FigureContext, reader: Reader, start: Millis, last: Day) -> Mapping[str, Coming]:
    """By unit, what falls due in [start, end of the day `last`), and what was finished before today."""
    calendar, today = ctx.calendar(ctx.now_ms), ctx.zone.day(ctx.now_ms)
    found = defaultdict[str, Coming](Coming)
    for unit, day, n in beat.due_by_day(reader, start, ctx.zone.midnight(last + 1), ctx.zone.name):
        found[unit].due[day] += n
    for unit, day, n in beat.finished_by_day(reader, output_days(calendar, today)[-1], today):
        found[unit].finished[day] += n
    return found


def together(units: Mapping[str, Coming]) -> Coming:
    """The sum over units."""
    whole = Coming()
    for one in units.values():
        for mine, theirs in ((whole.due, one.due), (whole.finished, one.finished)):
            for day, n in theirs.items():
                mine[day] += n
    return whole
