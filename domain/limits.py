"""Processing limits of procedures and the due instants that follow from them (domain.md §4).

A due date that the provincial system sent always goes first; these rules serve dossiers that came without one.
"""

from typing import Literal

import msgspec

from domain.calendar import WorkingCalendar
from domain.errors import InvalidInput
from domain.instants import Day, Millis

LimitUnit = Literal["working_days", "calendar_days", "working_hours", "months"]
MS_HOUR = 3_600_000
ACCEPTANCE_HOURS = 8
"""Working hours within which an online filing must be accepted or answered."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a procedure may take: an amount of a unit; 0 means before the offices close that day."""

    amount: int
    unit: LimitUnit = "working_days"

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise InvalidInput(f"a limit of {self.amount} {self.unit} is not possible: give 0 or more")


def due_after(limit: Limit, accepted: Millis, calendar: WorkingCalendar) -> Millis:
    """The instant by which a dossier accepted then is due; finishing exactly at it is on time.

    The clock starts at acceptance, or at the next opening when offices are closed. Working hours are summed;
    all other units keep the clock time: n working days, n calendar days or n months later, and where that
    date is a day off, the next working day at the same clock time. A month's limit from the 31st ends on the
    last day of a shorter month. Of two dossiers that roll onto the same day the one accepted after closing may
    be due at an earlier hour (its clock time is the opening), never on an earlier day.
    """
    start = calendar.roll_forward(accepted)
    if limit.amount == 0:
        return calendar.end_of_working_day(calendar.zone.day(start))
    if limit.unit == "working_hours":
        return calendar.add_working_ms(start, limit.amount * MS_HOUR)
    if limit.unit == "working_days":
        return calendar.add_working_days(start, limit.amount)
    day = calendar.zone.day(start)
    if limit.unit == "calendar_days":
        return calendar.same_clock(start, _on_working_day(day + limit.amount, calendar))
    return calendar.same_clock(start, _on_working_day(calendar.add_months(day, limit.amount), calendar))


def acceptance_deadline(submitted: Millis, calendar: WorkingCalendar, hours: int = ACCEPTANCE_HOURS) -> Millis:
    """The instant by which an online filing must be accepted or answered: 8 working hours after it came."""
    return calendar.add_working_ms(calendar.roll_forward(submitted), hours * MS_HOUR)


def _on_working_day(day: Day, calendar: WorkingCalendar) -> Day:
    return day if calendar.is_working_day(day) else calendar.next_working_day(day)
