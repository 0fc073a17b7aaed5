"""What would have been sent over a past stretch of time: the planner asked at each instant at which it could act.

Nothing is sent: a planned message counts as taken, and the real acts of people (acknowledged, promised, silenced)
come in at their times. Alerts are taken as they were known at each instant, whatever became known later.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from domain.alerts import horizon_start
from domain.instants import Day, Millis
from domain.messages.history import Known
from domain.messages.ledger import Act, Ledger
from domain.messages.planning import plan
from domain.messages.recording import acts_of
from domain.messages.rules import ANY_HOUR, AT_ONCE
from domain.messages.slots import Moment
from domain.messages.values import Plan, Province

PEOPLE = frozenset({"acknowledged", "unacknowledged", "promised", "silenced", "reason_given"})
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Round:
    """What one instant brought."""

    at: Millis
    plan: Plan


def simulated(
    first: Day,
    last: Day,
    alerts: Sequence[Known],
    acts: Iterable[Act],
    province: Province,
    warm_up: int = 0,
    before: Iterable[Act] = (),
) -> tuple[Round, ...]:
    """The rounds of the days first..last that brought anything. Reminders and the chain stand as they would have:
    by what was really done `before`, or by `warm_up` working days that are played first, and not told."""
    calendar = province.calendar
    begin = calendar.previous_working_day(first, warm_up) if warm_up else first
    people = sorted((act for act in acts if act.verb in PEOPLE), key=lambda act: act.at)
    ledger = Ledger(calendar.zone, before)
    taken, found = 0, []
    for at in _instants(begin, first, last, alerts, province):
        while taken < len(people) and people[taken].at <= at:
            ledger.fold(people[taken])
            taken += 1
        horizon = horizon_start(at, calendar, province.horizon_hours)
        holding = [
            replace(one.alert, fresh=one.alert.start >= horizon or (one.live and one.alert.known_at >= horizon))
            for one in alerts
            if one.holds(at)
        ]
        step = plan(at, holding, ledger, province)
        for act in acts_of(at, step):
            ledger.fold(act)
        if calendar.zone.day(at) >= first and (step.messages or step.decisions):
            found.append(Round(at, step))
    return tuple(found)


def _instants(begin: Day, first: Day, last: Day, alerts: Sequence[Known], province: Province) -> Iterator[Millis]:
    """The instants at which something could be sent or held: slots, the brief, the evening, and where an alert
    became ready between them. What is told at once goes then, and in the next stretch of gathering; the rest, for
    whom a slot brought nothing, by the end of that stretch (days before `first` do without)."""
    rules, zone = province.rules, province.calendar.zone
    at_once = {route.kind for route in rules.routes if {AT_ONCE, ANY_HOUR} & set(route.at)}
    wide, guard = rules.at_once_minutes * _MINUTE, rules.guard_minutes * _MINUTE
    low, high = zone.midnight(begin), zone.midnight(last + 1)
    found: set[Millis] = set()
    for day in range(begin, last + 1):
        moment = Moment(zone.midnight(day), province.calendar, rules)
        clocks = [*rules.day_slots, rules.quiet.from_, *([rules.brief] if rules.brief else [])]
        found |= {moment.at(clock) for clock in clocks}
    told_from = zone.midnight(first)
    for alert in (one.alert for one in alerts):
        ready = alert.ready(guard)
        ready += -ready % _MINUTE
        stretch = ready - (ready - low) % wide + wide
        if alert.kind in at_once:
            found |= {ready, stretch}
        elif ready >= told_from:
            found.add(stretch)
    return iter(sorted(at for at in found if low <= at < high))
