"""What the notifier raises because no single dossier tells it: slots of the day, other figures, the store itself.

A raised alert is a statement of an interval like a condition, written as an act: the last statement about its key
(kind, subject, episode) stands. Which ones to write is `changes`: nothing is said twice, after whatever restart.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import msgspec

from domain.alerts import HORIZON_HOURS
from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis

Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
HorizonHours = Annotated[int, msgspec.Meta(ge=1, le=240)]
MonthDay = Annotated[str, msgspec.Meta(pattern=r"^\d\d-\d\d$")]
Key = tuple[str, str, str]
"""(kind, subject, episode)."""


class RaisedThresholds(msgspec.Struct, frozen=True):
    """When the notifier raises what (users.md §B); a part of the same document as the conditions' thresholds.
    Points are points of the scorecard, rates are 0–1; times of day are the province's, on working days."""

    horizon_hours: HorizonHours = HORIZON_HOURS
    """Hours of working days that the notifier looks back for what it still tells one by one (decisions 23)."""
    due_today_slots: tuple[Clock, ...] = ("13:30", "15:30")
    feed_system_minutes: Minutes = 15
    """A13: the whole system's working minutes without any event."""
    feed_unit_minutes: Minutes = 120
    feed_factor: Ratio = 3.0
    """A13: a unit is silent beyond so many times its longest usual gap, and never before `feed_unit_minutes`."""
    portal_points: Ratio = 0.02
    portal_share: Ratio = 0.01
    fall_points: Ratio = 0.5
    fall_rate: Ratio = 0.02
    fall_days: Annotated[int, msgspec.Meta(ge=2, le=30)] = 3
    fall_lasts_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7
    fall_minimum: Count = 30
    """A15: below so many cases a rate jumps by itself."""
    fall_slot: Clock = "06:15"
    """A15: when a working day is judged beside those before it; before the morning brief, which tells of it."""
    pace_slot: Clock = "06:20"
    """A16: when targets are judged, every day."""
    crunch_days: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    crunch_ratio: Ratio = 1.5
    crunch_minimum: Count = 10
    """A18: fewer dossiers than this in those days are no crunch."""
    crunch_slot: Clock = "15:30"
    system_healthy_minutes: Minutes = 10
    brief_slot: Clock = "06:45"
    report_days: tuple[MonthDay, ...] = ("03-14", "06-14", "09-14", "12-14")
    """When periods of II.06a end; the brief says so from `report_warning_days` working days before."""
    report_warning_days: Annotated[int, msgspec.Meta(ge=0, le=30)] = 3
    findings_slot: Clock = "07:15"


@dataclass(frozen=True, slots=True)
class Raised:
    """One statement: what held from `start` until `until` (None: until something happens). Instants in ms."""

    kind: str
    subject: str
    episode: str
    unit: str
    start: Millis
    until: Millis | None = None
    due_at: Millis | None = None
    procedure: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What its id is made of."""
        return self.kind, self.subject, self.episode

    def holds(self, now: Millis) -> bool:
        """Whether it holds at an instant."""
        return self.start <= now and (self.until is None or now < self.until)


def episode_of(*opened_by: object) -> str:
    """The name of an episode, made of the facts that opened it: the same after any restart."""
    return hashlib.blake2b(repr(opened_by).encode(), digest_size=8).hexdigest()


def changes(standing: Mapping[Key, Raised], found: Iterable[Raised], now: Millis) -> Iterator[Raised]:
    """What has to be said: new ones that hold, those whose end is another one than was said, and the end of those
    that stand and were not found any more. The start that was said first stays."""
    seen = set()
    for one in found:
        seen.add(one.key)
        said = standing.get(one.key)
        if said is None:
            if one.until is None or one.until > now:
                yield one
        elif one.until != said.until and (said.holds(now) or one.holds(now)):
            yield replace(one, start=said.start)
    for key, said in standing.items():
        if key not in seen and said.holds(now):
            yield replace(said, until=now)


def clock_on(calendar: WorkingCalendar, day: Day, clock: str) -> Millis:
    """The instant of a clock time on a day of the province."""
    hours, minutes = clock.split(":")
    midnight = calendar.zone.midnight(day)
    return midnight + (int(hours) * 60 + int(minutes)) * 60_000


def slots_so_far(calendar: WorkingCalendar, now: Millis, clocks: Iterable[str]) -> tuple[Millis, ...]:
    """The slots of today that have come, in order; none on a day off."""
    day = calendar.zone.day(now)
    if not calendar.is_working_day(day):
        return ()
    return tuple(sorted(at for clock in clocks if (at := clock_on(calendar, day, clock)) <= now))
