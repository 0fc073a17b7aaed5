"""What would have been sent over a past stretch of time: the planner asked at each instant at which it could act.

Nothing is sent: a planned message counts as taken, and the real acts of people (acknowledged, promised, silenced)
come in at their times. Alerts are taken as they are known now, by the instants at which they held.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain.alerts import horizon_start
from domain.instants import Day, Millis
from domain.messages.ledger import Act, Ledger
from domain.messages.planning import plan
from domain.messages.recording import acts_of
from domain.messages.rules import ANY_HOUR, AT_ONCE
from domain.messages.slots import Moment
from domain.messages.values import Alert, Plan, Province

PEOPLE = frozenset({"acknowledged", "unacknowledged", "promised", "silenced"})
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Round:
    """What one instant brought."""

    at: Millis
    plan: Plan


def simulated(
    first: Day, last: Day, alerts: Sequence[Alert], acts: Iterable[Act], province: Province, warm_up: int = 0
) -> tuple[Round, ...]:
    """The rounds of the days first..last that brought anything; `warm_up` working days before them are played,
    too, so that reminders and the chain stand as they would have, but not told."""
    calendar = province.calendar
    begin = calendar.previous_working_day(first, warm_up) if warm_up else first
    people = sorted((act for act in acts if act.verb in PEOPLE), key=lambda act: act.at)
    ledger = Ledger(calendar.zone)
    taken, found = 0, []
    for at in _instants(begin, last, alerts, province):
        while taken < len(people) and people[taken].at <= at:
            ledger.fold(people[taken])
            taken += 1
        horizon = horizon_start(at, calendar)
        holding = [
            _as_of(alert, fresh=alert.start >= horizon, guard=province.rules.guard_minutes * _MINUTE)
            for alert in alerts
            if alert.start <= at and (alert.until is None or at < alert.until)
        ]
        step = plan(at, holding, ledger, province)
        for act in acts_of(at, step):
            ledger.fold(act)
        if calendar.zone.day(at) >= first and (step.messages or step.decisions):
            found.append(Round(at, step))
    return tuple(found)


def _as_of(alert: Alert, *, fresh: bool, guard: int) -> Alert:
    """The alert as the planner sees it; when it became known is the last change of its row, often its end."""
    known = alert.known_at if alert.known_at <= alert.start + guard else alert.start
    return Alert(
        alert.id,
        alert.kind,
        alert.level,
        alert.subject,
        alert.unit,
        alert.start,
        alert.due_at,
        known,
        fresh,
        alert.until,
    )


def _instants(first: Day, last: Day, alerts: Sequence[Alert], province: Province) -> Iterator[Millis]:
    """The instants at which something could be sent or held: slots, the brief, the evening, and where kinds are
    told at once the end of each stretch of gathering in which one became ready."""
    rules, zone = province.rules, province.calendar.zone
    at_once = {route.kind for route in rules.routes if {AT_ONCE, ANY_HOUR} & set(route.at)}
    wide, guard = rules.at_once_minutes * _MINUTE, rules.guard_minutes * _MINUTE
    low, high = zone.midnight(first), zone.midnight(last + 1)
    found: set[Millis] = set()
    for day in range(first, last + 1):
        moment = Moment(zone.midnight(day), province.calendar, rules)
        clocks = [*rules.day_slots, rules.quiet.from_, *([rules.brief] if rules.brief else [])]
        found |= {moment.at(clock) for clock in clocks}
    for alert in alerts:
        ready = alert.start + guard
        if alert.kind in at_once and low <= ready < high:
            found.add(ready - (ready - low) % wide + wide)
    return iter(sorted(at for at in found if low <= at < high))
