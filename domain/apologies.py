"""The apology with a new appointment (Mẫu 04): until when it is in time, which day to propose, what to heed."""

from dataclasses import dataclass

from domain.calendar import WorkingCalendar
from domain.errors import InvalidInput
from domain.instants import Day, Millis, Zone, day_date
from domain.reference import AlertThresholds
from domain.timeline import Timeline
from domain.verdicts import judge_before

SHARE = 3
"""The new appointment is proposed a third of the dossier's own limit later, at least one working day: no rule
says how long, so it is only where the person who signs begins."""
ALLOWED = 1
"""How often a dossier may be re-appointed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What the paper says. `number` counts re-appointments, this one included; `new_due` is None where a result is
    there already; `warnings` are for the person who signs and never stand on the paper."""

    state: str
    due: Millis
    original: Millis | None
    last_day: Day
    number: int
    new_due: Millis | None
    limit_days: int
    proposed: bool
    warnings: tuple[str, ...]


def letter(
    tl: Timeline,
    moves: int,
    now: Millis,
    zone: Zone,
    calendar: WorkingCalendar,
    rules: AlertThresholds,
    new_day: Day | None = None,
) -> Letter:
    """The letter of a dossier at an instant. `moves` are the due dates moved so far; `new_day` overrides the
    proposal. InvalidInput where no letter is owed, or the new day cannot be one."""
    state, verdict = judge_before(tl, "766", now, zone)
    if verdict is None:
        raise InvalidInput("the dossier is not accepted: nothing was promised that an apology could move")
    if verdict.due is None:
        raise InvalidInput("the dossier has no due date: there is no appointment to apologise for")
    if state == "finished_on_time":
        raise InvalidInput("the dossier ended on time: no apology is owed")
    due, today, original = verdict.due, zone.day(now), tl.original
    last = calendar.previous_working_day(zone.day(due), rules.apology_working_days)
    number = 1 + max(moves, sum(at < now for at in tl.apologies))
    limit = max(1, calendar.working_days_between(zone.day(tl.stays[0].start), zone.day(original or due)))
    ended = state == "finished_late"
    told = {
        "too_late": today > last,
        "already_late": state in ("open_late", "finished_late"),
        "second_reappointment": number > ALLOWED,
        "paused": not ended and _paused(tl, now),
        "result_exists": ended,
    }
    found: Millis | None = None
    if not ended:
        base = max(zone.day(due), today)
        day = calendar.next_working_day(base, -(-limit // SHARE)) if new_day is None else new_day
        found = calendar.same_clock(due, _checked(day, zone.day(due), today, calendar))
    warnings = tuple(name for name, holds in told.items() if holds)
    return Letter(state, due, original, last, number, found, limit, new_day is None and not ended, warnings)


def _checked(day: Day, due_day: Day, today: Day, calendar: WorkingCalendar) -> Day:
    text = day_date(day).isoformat()
    if day <= due_day or day < today:
        raise InvalidInput(f"{text} is no new appointment: it must come after the due day and not before today")
    if not calendar.is_working_day(day):
        nearest = day_date(calendar.next_working_day(day)).isoformat()
        raise InvalidInput(f"{text} is no working day; the next one is {nearest}")
    return day


def _paused(tl: Timeline, now: Millis) -> bool:
    return any(p.start < now and (p.done is None or p.done >= now) for p in (*tl.supplements, *tl.payments))
