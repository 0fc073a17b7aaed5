"""When messages go out: slots and quiet hours on the working calendar; swap Saturdays are working days."""

from dataclasses import dataclass
from functools import cached_property

from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis
from domain.messages.rules import MessageRules

_MINUTE = 60_000


@dataclass(frozen=True)
class Moment:
    """One instant as messages see it."""

    now: Millis
    calendar: WorkingCalendar
    rules: MessageRules

    @cached_property
    def day(self) -> Day:
        """The day in the province."""
        return self.calendar.zone.day(self.now)

    @cached_property
    def working(self) -> bool:
        """Whether offices work on that day."""
        return self.calendar.is_working_day(self.day)

    def at(self, clock: str, day: Day | None = None) -> Millis:
        """The instant of a time of day, by the wall's clock."""
        day = self.day if day is None else day
        hour, minute = clock.split(":")
        midnight = self.calendar.zone.midnight(day)
        local = self.calendar.zone.local(midnight + 12 * 60 * _MINUTE)
        wanted = local.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        return int(wanted.timestamp()) * 1000

    @cached_property
    def quiet(self) -> bool:
        """Whether nothing may be sent: at night, on days off and holidays."""
        rules = self.rules
        return not (self.working and self.at(rules.quiet.to) <= self.now < self.at(rules.quiet.from_))

    @cached_property
    def opening(self) -> Millis:
        """The end of today's quiet hours."""
        return self.at(self.rules.quiet.to)

    def slot(self, *, due_today: bool) -> Millis | None:
        """The slot whose messages may go now: the last one begun today; None in quiet hours, before the first."""
        if self.quiet:
            return None
        clocks = self.rules.day_slots if due_today else sorted(self.rules.slots)
        begun = [at for at in map(self.at, clocks) if at <= self.now]
        return begun[-1] if begun else None

    def brief(self) -> Millis | None:
        """The slot of the brief, from its time until the first slot of a working day ends it."""
        if not self.rules.brief or not self.working:
            return None
        at = self.at(self.rules.brief)
        return at if at <= self.now < self.at(self.rules.quiet.from_) else None

    def gathered(self) -> Millis:
        """The slot of what is told at once: the quarter of an hour (or as the rules say) that runs."""
        wide = self.rules.at_once_minutes * _MINUTE
        midnight = self.calendar.zone.midnight(self.day)
        return midnight + (self.now - midnight) // wide * wide

    def later_slot(self, slot: Millis, *, due_today: bool) -> bool:
        """Whether a regular slot is still to come today."""
        clocks = self.rules.day_slots if due_today else self.rules.slots
        return any(self.at(clock) > slot for clock in clocks)

    def clock(self, at: Millis) -> str:
        """The time of day of an instant, 'HH:MM'."""
        return self.calendar.zone.local(at).strftime("%H:%M")

    def first_of(self, on: str) -> bool:
        """Whether today is the first working day of its week or month; true for every working day otherwise."""
        if on == "every_day":
            return self.working
        date = self.calendar.zone.local(self.now).date()
        back = date.weekday() if on == "week" else date.day - 1
        return self.working and self.calendar.working_days_between(self.day - back, self.day) == 0

    def working_days_since(self, at: Millis) -> int:
        """Working days from the day of an instant to today."""
        day = self.calendar.zone.day(at)
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = self.calendar.working_days_between(day, self.day)
        return found

    @cached_property
    def _days(self) -> dict[Day, int]:
        """Working days since each day that was asked for: alerts are many, their days few."""
        return {}

    def worked_days(self, since: Millis) -> float:
        """Working time since an instant, in working days of eight hours."""
        return self.calendar.working_ms_between(since, self.now) / self.calendar.day_ms
