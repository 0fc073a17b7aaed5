"""Runs the simulated province over a span of days: a stream of events in the order in which they happen."""

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from domain.calendar import WorkingCalendar
from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidInput
from domain.events import Event, make_event
from domain.instants import DEFAULT_ZONE, Day, Millis, Zone, date_day, day_date
from producers.simulator.distortions import distort
from producers.simulator.lifecycle import HOUR, MAX_WAIT, Happening, Life, Lives, petition
from producers.simulator.province import Unit, make_province, reference_facts

LATE = 0.216
"""Share of the dossiers in hand of a month that are late at its end (Phú Thọ, August 2026)."""
CARRIED_OVER = 0.173
PETITIONS = 247 / 184_513
_DRAWN_LATE = 0.246
"""Probability drawn per dossier: what falls due after the month cannot be late in it, so more must be late."""
_LOOK_BACK = 35
_RECORDED_WITHIN = 90_000
_CARRIED_NUMBERS = 7000
"""Daily numbers of carried-over dossiers begin above those of the month that they were filed in."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate: `dossiers` codes in hand between two days (both included), of which the share
    `carried_over` was accepted before. `tail`: also what happens to them after the last day. `reference`: units
    and procedures first."""

    dossiers: int
    first: date
    last: date
    seed: int
    distortions: float = 0.0
    root: str = "H44"
    carried_over: float = CARRIED_OVER
    tail: bool = False
    reference: bool = True

    def __post_init__(self) -> None:
        if self.dossiers < 0 or self.last < self.first:
            raise InvalidInput("simulate 0 or more dossiers, from a day to the same or a later one")
        if not 0 <= self.distortions <= 1 or not 0 <= self.carried_over <= 1:
            raise InvalidInput("the rates of distortions and of carried-over dossiers lie between 0 and 1")


def simulate(
    dossiers: int,
    month: str,
    seed: int,
    *,
    distortions: float = 0.0,
    zone: Zone | None = None,
    root: str = "H44",
    tail: bool = False,
) -> Iterator[Event]:
    """A month ('2026-08') of a province with that many dossiers in hand, in order of occurrence.

    The same arguments give the same bytes. Reference events come first, then carried-over dossiers, then the
    month; what is open at its end stays open unless `tail`. Raises InvalidInput for an impossible argument.
    """
    found = re.fullmatch(r"(\d{4})-(\d{2})", month)
    if not found or not 1 <= int(found[2]) <= 12 or not 2001 <= int(found[1]) <= 2044:
        raise InvalidInput(f"'{month}' is not a month such as 2026-08")
    year, number = int(found[1]), int(found[2])
    following = date(year + number // 12, number % 12 + 1, 1)
    last = day_date(date_day(following) - 1)
    plan = Plan(dossiers, date(year, number, 1), last, seed, distortions, root, tail=tail)
    return simulate_days(plan, zone)


def simulate_days(plan: Plan, zone: Zone | None = None) -> Iterator[Event]:
    """Any span of days; see `Plan`. Memory grows with open dossiers, not with the length of the span."""
    calendar = vietnam_calendar(zone.name if zone else DEFAULT_ZONE)
    return _Simulation(plan, calendar).events()


class _Simulation:
    """One run; all randomness comes from generators seeded by the plan."""

    def __init__(self, plan: Plan, calendar: WorkingCalendar) -> None:
        self._plan = plan
        self._calendar = calendar
        key = f"{plan.seed}|{plan.first}|{plan.last}|{plan.dossiers}"
        self._rng = Random(f"lives|{key}")
        self._distorting = Random(f"distortions|{key}")
        self._recording = Random(f"recording|{key}")
        self._lives = Lives(self._rng, calendar)
        self._province = make_province(plan.seed, _DRAWN_LATE, plan.root)
        self._weights = [u.weight for u in self._province.units]
        self._first, self._last = date_day(plan.first), date_day(plan.last)
        self._start, self._end = calendar.zone.midnight(self._first), calendar.zone.midnight(self._last + 1)
        self._heap: list[tuple[Millis, int, Happening]] = []
        self._pushed = 0
        self._numbers: dict[tuple[str, Day], int] = {}
        self._prefix = f"{plan.seed}-{plan.first:%y%m%d}"

    def events(self) -> Iterator[Event]:
        """Everything, in order of occurrence."""
        if self._plan.reference:
            yield from self._reference()
        carried = round(self._plan.dossiers * self._plan.carried_over)
        self._carry_over(carried)
        by_day = self._arrivals(self._plan.dossiers - carried)
        petitions = self._petition_days(by_day)
        for day in range(self._first, self._last + 1):
            lives = [self._new(day, carried=False) for _ in range(by_day.get(day, 0))]
            for life in lives:
                self._push_life(life)
            for number in petitions.get(day, ()):
                self._petition(number, day, lives)
            # Nothing accepted on a later day was filed before this instant.
            opening = self._calendar.start_of_working_day(day + 1)
            yield from self._pop(self._calendar.add_working_ms(opening, -MAX_WAIT - HOUR) - HOUR)
        yield from self._pop(None)

    def _reference(self) -> Iterator[Event]:
        """Registered when the two tiers of government began (or before the span, if that was earlier)."""
        zone = self._calendar.zone
        at = zone.midnight(min(date_day(date(2025, 7, 1)), self._first - 60))
        for number, (when, event_type, subject, data) in enumerate(reference_facts(self._province, at)):
            yield make_event(
                event_type,
                subject,
                when,
                data,
                source=self._source(),
                id=f"{self._plan.seed}-ref-{number}",
                recorded_at=when,
            )

    def _carry_over(self, count: int) -> None:
        """Dossiers that were accepted before the first day and had not ended by then."""
        found = 0
        for _ in range(count * 400):
            if found == count:
                break
            day = self._first - 1 - min(int(self._rng.expovariate(1 / 7)), _LOOK_BACK)
            if not self._calendar.is_working_day(day):
                continue
            life = self._new(day, carried=True)
            if life.end is not None and life.end >= self._start:
                self._push_life(life)
                found += 1

    def _arrivals(self, count: int) -> dict[Day, int]:
        """How many dossiers are accepted on each working day; Mondays bring more."""
        calendar = self._calendar
        days = [d for d in range(self._first, self._last + 1) if calendar.is_working_day(d)]
        days = days or [self._first]
        weights = [1.25 if day_date(d).weekday() == 0 else 1.0 for d in days]
        drawn: dict[Day, int] = {}
        for day in self._rng.choices(days, weights, k=count):
            drawn[day] = drawn.get(day, 0) + 1
        return drawn

    def _new(self, day: Day, *, carried: bool) -> Life:
        rng = self._rng
        unit = rng.choices(self._province.units, self._weights)[0]
        procedures = self._province.procedures_of(unit)
        procedure = rng.choices(procedures, [p.weight for p in procedures])[0]
        opening = self._calendar.start_of_working_day(day)
        accepted = opening + round(rng.betavariate(1.4, 1.8) * (self._calendar.end_of_working_day(day) - opening))
        accepted = min(self._calendar.roll_forward(accepted), self._calendar.end_of_working_day(day) - 1)
        number = self._numbers.get((unit.code, day), _CARRIED_NUMBERS if carried else 0) + 1
        self._numbers[unit.code, day] = number
        code = f"{unit.code}-{day_date(day):%y%m%d}-{number:04d}"
        return self._lives.dossier(code, unit, procedure, accepted)

    def _petition_days(self, by_day: dict[Day, int]) -> dict[Day, list[int]]:
        """Which numbered petitions come on which day."""
        drawn: dict[Day, list[int]] = {}
        days = sorted(by_day)
        for number in range(1, max(1, round(self._plan.dossiers * PETITIONS)) + 1) if days else ():
            drawn.setdefault(self._rng.choice(days), []).append(number)
        return drawn

    def _petition(self, number: int, day: Day, lives: list[Life]) -> None:
        """A petition, in three of ten cases about a dossier of that day; the complaint names its cause."""
        rng = self._rng
        unit: Unit = rng.choices(self._province.units, self._weights)[0]
        at = self._calendar.end_of_working_day(day) - rng.randrange(1, HOUR)
        accepted = [life for life in lives if life.accepted is not None]
        about = rng.choice(accepted) if accepted and rng.random() < 0.3 else None
        code = f"PAKN-{day_date(day):%y%m%d}-{number:04d}"
        cause = None
        for happening in petition(
            rng, code, about.unit if about else unit, at, about.code if about else None, self._calendar
        ):
            if happening.type == "dossier.complained":
                happening.cause = cause
            pushed = self._push(happening)
            cause = cause or pushed

    def _push_life(self, life: Life) -> None:
        distort(life, self._plan.distortions, self._distorting, self._calendar)
        for happening in life.events:
            self._push(happening)

    def _push(self, happening: Happening) -> str:
        """Queues an event unless it is after the end; returns its id."""
        self._pushed += 1
        if happening.at < self._end or self._plan.tail:
            heapq.heappush(self._heap, (happening.at, self._pushed, happening))
        return f"{self._prefix}-{self._pushed}"

    def _pop(self, before: Millis | None) -> Iterator[Event]:
        while self._heap and (before is None or self._heap[0][0] < before):
            at, number, h = heapq.heappop(self._heap)
            recorded = at + (h.recorded_after or self._recording.randrange(1_000, _RECORDED_WITHIN))
            yield make_event(
                h.type,
                h.subject,
                at,
                h.data,
                source=self._source(),
                id=f"{self._prefix}-{number}",
                recorded_at=recorded,
                causation_id=h.cause,
            )

    def _source(self) -> str:
        return f"/{self._plan.root.lower()}/simulated"
