"""A13: a feed that has been silent, in working time, for much longer than it usually is.

What is usual is told by the feed itself: of each past working day its longest pause in working hours, and of those
the median. A unit that sends on fewer than half of the days has no beat, and silence says nothing about it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis

DAYS = 20
"""Working days that tell what is usual."""
ENOUGH = 5
"""Days with arrivals at least."""


def usual_gap(arrivals: Iterable[Millis], today: Day, calendar: WorkingCalendar) -> int | None:
    """The usual longest pause of a day in working milliseconds, from the arrivals of the last DAYS working days
    before `today` (in any order); None where there is no usual beat. A day without any arrival is a day of silence
    and says nothing about what is usual."""
    by_day = defaultdict[Day, list[Millis]](list)
    for at in arrivals:
        by_day[calendar.zone.day(at)].append(at)
    first = calendar.previous_working_day(today, DAYS)
    days = [d for d in by_day if first <= d < today and calendar.is_working_day(d)]
    if len(days) < max(ENOUGH, DAYS // 2):
        return None
    return int(median(_longest(sorted(by_day[d]), d, calendar) for d in days))


def _longest(arrivals: Sequence[Millis], day: Day, calendar: WorkingCalendar) -> int:
    bounds = [calendar.start_of_working_day(day), *arrivals, calendar.end_of_working_day(day)]
    gaps = (calendar.working_ms_between(a, b) for a, b in pairwise(bounds))
    return max(max(gaps), 0)


def silent_since(
    last: Millis, usual: int | None, now: Millis, calendar: WorkingCalendar, least_ms: int, factor: float
) -> Millis | None:
    """The instant from which on a feed counts as silent: when the working time since its last arrival passed
    `factor` times the usual longest pause, `least_ms` at least. None while it has not, or without a usual beat.
    Working time stands still at night and on days off, so nothing begins there."""
    if usual is None:
        return None
    allowed = allowed_pause(usual, least_ms, factor)
    if calendar.working_ms_between(last, now) <= allowed:
        return None
    return calendar.add_working_ms(last, allowed)


def filled(back: Millis, newest: Millis | None, now: Millis, calendar: WorkingCalendar, allowed_ms: int) -> bool:
    """Whether a silence is over that was broken at `back`: what came since reaches to a fact (`newest`, when it
    happened; None: nothing has come) no older than the pause that is usual, so that nothing of the gap is missing;
    or it has flowed for as long as that, for sources that give days and no hours. All in working time."""
    reaches = newest is not None and calendar.working_ms_between(newest, now) <= allowed_ms
    return reaches or calendar.working_ms_between(back, now) > allowed_ms


def allowed_pause(usual: int | None, least_ms: int, factor: float) -> int:
    """The working time without arrivals that alarms nobody: `factor` times what is usual, `least_ms` at least."""
    return least_ms if usual is None else max(least_ms, int(factor * usual))
