"""A03: due today and still open when a slot of the day comes; until midnight the rule by date can be kept."""

from collections.abc import Sequence

from domain.calendar import WorkingCalendar
from domain.instants import Millis
from domain.raised import Raised, episode_of
from domain.timeline import Timeline
from domain.verdicts import paused, stay_at


def due_today(
    code: str,
    unit: str,
    procedure: str,
    tl: Timeline,
    slots: Sequence[Millis],
    calendar: WorkingCalendar,
) -> Raised | None:
    """The alert of one dossier, from the first of today's slots at which it was open, not paused, and due today;
    until midnight, or until it ended, was paused or got another due date. None where no slot found it so."""
    zone = calendar.zone
    for slot in slots:
        stay, due = stay_at(tl.stays, slot), tl.due_at(slot)
        if stay is None or due is None or zone.day(due) != zone.day(slot) or paused(tl, slot):
            continue
        if stay.end is not None and stay.end <= slot:
            continue
        midnight = zone.midnight(zone.day(slot) + 1)
        ends = [midnight, *([stay.end] if stay.end is not None else [])]
        ends += [p.start for p in (*tl.supplements, *tl.payments) if p.start > slot]
        ends += [x.at for x in tl.dues if x.at > slot and (x.due is None or x.due != due)]
        until = min(ends)
        evidence = {"slot": slot, "late_by_hour": due < slot, "step_clock": "766"}
        return Raised("A03", code, episode_of(due), unit, slot, until, due, procedure, evidence)
    return None
