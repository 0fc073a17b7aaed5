"""Runs the simulated province over a span of days: a stream of events in the order in which they happen."""

import heapq
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from random import Random

from domain.calendar import WorkingCalendar
from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidInput
from domain.events import Event, make_event
from domain.instants import DEFAULT_ZONE, Day, Millis, Zone, date_day, day_date
from producers.simulator.announcements import announcements
from producers.simulator.catalogue import GOLDEN, Procedure
from producers.simulator.distortions import distort
from producers.simulator.happening import HOUR, MINUTE, Happening
from producers.simulator.lifecycle import MAX_WAIT, Life, Lives
from producers.simulator.petitions import Planned, Span, petition_events, plan_petitions
from producers.simulator.proportions import Proportions, packaged_proportions
from producers.simulator.province import Unit, make_province, reference_facts

_LOOK_BACK = 35
_RECORDED_WITHIN = 90_000
_CARRIED_NUMBERS = 7000
"""Daily numbers of carried-over dossiers begin above those of the month that they were filed in."""
Applicants = Callable[[str, Millis], Mapping[str, str]]
_AGENTS, _BY_AGENTS = 3, 0.15
"""Of each unit: those who file for many others under their own identifier, and the share of dossiers they file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate: `dossiers` codes between two days (both included). Of those in hand (all but the rejected)
    the share `carried_over` was accepted before; None: as published. `tail`: also what happens to them after the
    last day. `reference`: units and procedures first."""

    dossiers: int
    first: date
    last: date
    seed: int
    distortions: float = 0.0
    root: str = "H44"
    carried_over: float | None = None
    tail: bool = False
    reference: bool = True
    proportions: Proportions = field(default_factory=packaged_proportions)
    applicants: Applicants | None = None
    """Makes what a source sends for an applicant (the edge's keyed hashes) at an instant; None: nothing."""

    def __post_init__(self) -> None:
        if self.dossiers < 0 or self.last < self.first:
            raise InvalidInput("simulate 0 or more dossiers, from a day to the same or a later one")
        if not 0 <= self.distortions <= 1 or not 0 <= self.share_carried <= 1:
            raise InvalidInput("the rates of distortions and of carried-over dossiers lie between 0 and 1")

    @property
    def share_carried(self) -> float:
        """Of the dossiers in hand, those accepted before."""
        return self.proportions.carried_over if self.carried_over is None else self.carried_over

    @property
    def carried(self) -> int:
        """How many dossiers were accepted before; of the others some are rejected and never in hand."""
        accepted = 1 - self.proportions.dossiers.rejected
        share = self.share_carried
        return round(self.dossiers * share * accepted / (1 - share * (1 - accepted)))


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


def simulate_days(
    plan: Plan, zone: Zone | None = None, planted: Callable[[str, str], None] = lambda _code, _name: None
) -> Iterator[Event]:
    """Any span of days; see `Plan`. Memory grows with open dossiers, not with the length of the span. `planted`
    hears of each distortion: the dossier's code and the name of what was done to it."""
    calendar = vietnam_calendar(zone.name if zone else DEFAULT_ZONE)
    return _Simulation(plan, calendar, planted).events()


class _Simulation:
    """One run; all randomness comes from generators seeded by the plan."""

    def __init__(self, plan: Plan, calendar: WorkingCalendar, planted: Callable[[str, str], None]) -> None:
        self._plan = plan
        self._planted = planted
        self._calendar = calendar
        key = f"{plan.seed}|{plan.first}|{plan.last}|{plan.dossiers}"
        self._rng = Random(f"lives|{key}")
        self._distorting = Random(f"distortions|{key}")
        self._recording = Random(f"recording|{key}")
        self._applying = Random(f"applicants|{key}")
        self._lives = Lives(self._rng, calendar, plan.proportions)
        self._province = make_province(plan.seed, plan.proportions, plan.root)
        self._weights = list(accumulate(u.weight for u in self._province.units))
        self._first, self._last = date_day(plan.first), date_day(plan.last)
        self._start, self._end = calendar.zone.midnight(self._first), calendar.zone.midnight(self._last + 1)
        self._heap: list[tuple[Millis, int, Happening]] = []
        self._pushed = 0
        self._numbers: dict[tuple[str, Day], int] = {}
        self._prefix = f"{plan.seed}-{plan.first:%y%m%d}"
        self._synced: dict[str, int] = {}
        self._phases: dict[tuple[str, bool], float] = {}

    def events(self) -> Iterator[Event]:
        """Everything, in order of occurrence."""
        if self._plan.reference:
            yield from self._reference()
            self._announce()
        self._report_months()
        self._carry_over(self._plan.carried)
        by_day = self._arrivals(self._plan.dossiers - self._plan.carried)
        petitions = self._petition_days()
        for day in sorted(d for d in petitions if d < self._first):
            self._petitions_of(day, petitions, [])
        for day in range(self._first, self._last + 1):
            lives = [self._new(day, carried=False) for _ in range(by_day.get(day, 0))]
            for life in lives:
                self._push_life(life)
            self._petitions_of(day, petitions, lives)
            # Nothing accepted on a later day was filed before this instant.
            opening = self._calendar.start_of_working_day(day + 1)
            yield from self._pop(self._calendar.add_working_ms(opening, -MAX_WAIT - HOUR) - HOUR)
        yield from self._pop(None)

    def _reference(self) -> Iterator[Event]:
        """Registered when the two tiers of government began (or before the span, if that was earlier)."""
        zone = self._calendar.zone
        at = zone.midnight(min(date_day(date(2025, 7, 1)), self._first - 120))
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

    def _announce(self) -> None:
        rng = Random(f"announcements|{self._plan.seed}|{self._first}")
        plan = self._plan.proportions
        for happening in announcements(
            rng, self._calendar, plan, self._province.catalogue, self._first, self._last
        ):
            self._push(happening)

    def _report_months(self) -> None:
        """At the end of each whole month the portal tells how many dossiers it has, and the national report says
        the same: as many as it took. How many that is, is known when it is said."""
        day = self._first
        while day <= self._last:
            first = day_date(day)
            after = date_day(date(first.year + first.month // 12, first.month % 12 + 1, 1))
            if first.day == 1 and after - 1 <= self._last:
                at = self._calendar.zone.midnight(after) - MINUTE
                for told in ("portal_figures_received", "national_report_received"):
                    data = {"period": f"{first:%Y-%m}", "figures": {}}
                    self._push(Happening(at, f"unit.{told}", self._plan.root, data))
            day = after

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
        unit = self._unit()
        procedure = self._procedure(unit.code, carried=carried)
        opening = self._calendar.start_of_working_day(day)
        accepted = opening + round(rng.betavariate(1.4, 1.8) * (self._calendar.end_of_working_day(day) - opening))
        accepted = min(self._calendar.roll_forward(accepted), self._calendar.end_of_working_day(day) - 1)
        number = self._numbers.get((unit.code, day), _CARRIED_NUMBERS if carried else 0) + 1
        self._numbers[unit.code, day] = number
        code = f"{unit.code}-{day_date(day):%y%m%d}-{number:04d}"
        return self._lives.dossier(code, unit, procedure, accepted)

    def _procedure(self, unit: str, *, carried: bool) -> Procedure:
        """Drawn with even gaps, so that what is seldom filed at a small unit is filed there all the same."""
        phase = self._phases.get((unit, carried))
        phase = self._rng.random() if phase is None else (phase + GOLDEN) % 1
        self._phases[unit, carried] = phase
        return self._province.catalogue.offers[unit].at(phase)

    def _unit(self) -> Unit:
        return self._rng.choices(self._province.units, cum_weights=self._weights)[0]

    def _petition_days(self) -> dict[Day, list[tuple[int, Planned]]]:
        """Which numbered petitions come on which day."""
        plan = self._plan
        count = max(1, round(plan.dossiers * plan.proportions.petitions_each)) if plan.dossiers else 0
        span = Span(self._first, self._last, self._start, self._end, plan.carried > 0)
        drawn: dict[Day, list[tuple[int, Planned]]] = {}
        for number, planned in enumerate(
            plan_petitions(self._rng, self._calendar, count, plan.proportions, span), 1
        ):
            drawn.setdefault(planned.day, []).append((number, planned))
        return drawn

    def _petitions_of(self, day: Day, planned: dict[Day, list[tuple[int, Planned]]], lives: list[Life]) -> None:
        """The petitions of a day, some about a dossier of that day; the complaint names its cause."""
        rng, proportions = self._rng, self._plan.proportions
        accepted = [life for life in lives if life.accepted is not None]
        for number, found in planned.get(day, ()):
            unit = self._unit()
            about = (
                rng.choice(accepted) if accepted and rng.random() < proportions.petitions.about_dossier else None
            )
            code = f"PAKN-{day_date(day):%y%m%d}-{number:04d}"
            cause = None
            for happening in petition_events(
                rng,
                proportions,
                found,
                code,
                about.unit.code if about else unit.code,
                about.code if about else None,
            ):
                if happening.type == "dossier.complained":
                    happening.cause = cause
                pushed = self._push(happening)
                cause = cause or pushed

    def _push_life(self, life: Life) -> None:
        told = self._plan.applicants is not None
        name = distort(life, self._plan.distortions, self._distorting, self._calendar, applicants=told)
        if name is not None:
            self._planted(life.code, name)
        if told:
            self._name_applicant(life)
        for happening in life.events:
            self._push(happening)

    def _name_applicant(self, life: Life) -> None:
        """Whose dossier it is (and the one filed again): one of a unit's agents, or somebody seen only once."""
        assert self._plan.applicants is not None
        rng = self._applying
        agent = f"{life.unit.code}-agent-{rng.randrange(_AGENTS)}"
        who = agent if rng.random() < _BY_AGENTS else f"{life.code}-applicant"
        for happening in life.events:
            if happening.type == "dossier.submitted":
                happening.data.update(self._plan.applicants(who, happening.at))

    def _push(self, happening: Happening) -> str:
        """Queues an event unless it is after the end; returns its id."""
        self._pushed += 1
        if happening.at < self._end or self._plan.tail:
            heapq.heappush(self._heap, (happening.at, self._pushed, happening))
        return f"{self._prefix}-{self._pushed}"

    def _pop(self, before: Millis | None) -> Iterator[Event]:
        while self._heap and (before is None or self._heap[0][0] < before):
            at, number, h = heapq.heappop(self._heap)
            self._count(h)
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

    def _count(self, h: Happening) -> None:
        """Counts what the portal took, by month, and puts the count into what is said at the month's end."""
        if h.type == "dossier.synced" and h.data["accepted"]:
            month = f"{day_date(self._calendar.zone.day(h.at)):%Y-%m}"
            self._synced[month] = self._synced.get(month, 0) + 1
        elif h.type.startswith("unit."):
            h.data["figures"] = {"accepted": self._synced.get(h.data["period"], 0)}

    def _source(self) -> str:
        return f"/{self._plan.root.lower()}/simulated"
