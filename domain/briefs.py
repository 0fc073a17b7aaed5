"""A20: the morning brief of each working day, and the reports that come near."""

from collections.abc import Sequence
from datetime import date

from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis, date_day, day_date
from domain.raised import Raised, clock_on, episode_of


def morning_brief(
    root: str, now: Millis, calendar: WorkingCalendar, slot: str, report_days: Sequence[str], ahead: int
) -> Raised | None:
    """The brief of today, from its slot until midnight; none on a day off and before the slot. `reports` are the
    days of reports up to `ahead` working days away, today included."""
    day = calendar.zone.day(now)
    start = clock_on(calendar, day, slot)
    if not calendar.is_working_day(day) or now < start:
        return None
    near = [d for d in _coming(report_days, day) if calendar.working_days_between(day, d) <= ahead]
    evidence = {
        "day": day_date(day).isoformat(),
        "reports": [
            {"day": day_date(d).isoformat(), "working_days": calendar.working_days_between(day, d)} for d in near
        ],
    }
    return Raised("A20", root, episode_of(day), root, start, calendar.zone.midnight(day + 1), evidence=evidence)


def _coming(report_days: Sequence[str], day: Day) -> list[Day]:
    """The next of each of these days (MM-DD) from today on; the last of February where it is shorter."""
    found = []
    for text in report_days:
        month, number = (int(part) for part in text.split("-"))
        years = (day_date(day).year, day_date(day).year + 1)
        dates = [made for year in years if (made := _date(year, month, number)) is not None]
        found.append(next((d for d in map(date_day, dates) if d >= day), day + 400))
    return sorted(d for d in found if d < day + 400)


def _date(year: int, month: int, number: int) -> date | None:
    for back in range(4):
        try:
            return date(year, month, number - back)
        except ValueError:
            continue
    return None
