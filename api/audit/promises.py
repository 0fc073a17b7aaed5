"""What was promised to a citizen and what became of it: moved due dates, apologies, ends that were taken back.

Pure: a timeline in, facts out; what is done with them stands in `questions`. Rules: domain.md §4 (Mẫu 04 no later
than one day before the due date, one re-appointment), §8.4 and §8.6.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from domain.calendar import WorkingCalendar
from domain.instants import Millis, Zone
from domain.timeline import Timeline
from domain.verdicts import judge

Sent = Literal["in_time", "late", "none"]
_RULE = "766"


@dataclass(frozen=True, slots=True)
class Move:
    """A due date in force replaced by another at `at`. `by_pause`: when a supplement was asked for or came back.
    `after_late`: the old one had passed by then, credit for pauses given. `apology`: as to the old one."""

    at: Millis
    old: Millis
    new: Millis | None
    number: int
    by_pause: bool
    after_late: bool
    after_end: bool
    apology: Sent

    @property
    def wrongs(self) -> tuple[str, ...]:
        """What speaks against it; nothing for an earlier date, or one that a pause has moved."""
        if self.by_pause or (self.new is not None and self.new <= self.old):
            return ()
        found = {
            "after_late": self.after_late,
            "after_end": self.after_end,
            "apology_late": not self.after_end and self.apology == "late",
            "no_apology": not self.after_end and self.apology == "none",
            "second_move": self.number > 1,
        }
        return tuple(name for name, holds in found.items() if holds)


@dataclass(frozen=True, slots=True)
class Recall:
    """An end that was taken back: the verdict it had, and the one that stands (None while open)."""

    ended: Millis
    how: str
    reopened: Millis
    late_then: bool
    late_now: bool | None


def moves(tl: Timeline, zone: Zone, calendar: WorkingCalendar, apology_days: int) -> list[Move]:
    """The due dates moved after acceptance, in order. A date stated again is no move; the first one after none is
    none either."""
    if not tl.stays:
        return []
    start, end = tl.stays[0].start, tl.stays[-1].end
    pauses = {t for p in tl.supplements for t in (p.start, p.done)}
    found: list[Move] = []
    for n, said in enumerate(tl.dues[1:], 1):
        old = tl.dues[n - 1].due
        if old is None or said.due == old or said.at <= start:
            continue
        before = msgspec.structs.replace(tl, dues=tl.dues[:n])
        by_pause = said.at in pauses
        after_end = end is not None and said.at > end
        moved = Move(
            at=said.at,
            old=old,
            new=said.due,
            number=1 + sum(not m.by_pause for m in found),
            by_pause=by_pause,
            after_late=not after_end and judge(before, _RULE, said.at, None, zone).late_by > 0,
            after_end=after_end,
            apology=apology(tl, old, zone, calendar, apology_days),
        )
        found.append(moved)
    return found


def apology(tl: Timeline, due: Millis, zone: Zone, calendar: WorkingCalendar, days: int) -> Sent:
    """Whether a letter was sent in time for a due date: by the end of the working day `days` before it, the
    same day on which alert A02 holds."""
    if not tl.apologies:
        return "none"
    last = calendar.previous_working_day(zone.day(due), days)
    return "in_time" if min(tl.apologies) < zone.midnight(last + 1) else "late"


def recalls(tl: Timeline, zone: Zone) -> list[Recall]:
    """The ends that were followed by a re-opening, in order."""
    last = tl.stays[-1] if tl.stays else None
    found = []
    for stay, following in zip(tl.stays, tl.stays[1:], strict=False):
        if stay.end is None or last is None:
            continue
        now = None if last.end is None else judge(tl, _RULE, last.end, last.how, zone).late
        then = judge(tl, _RULE, stay.end, stay.how, zone).late
        found.append(Recall(stay.end, stay.how, following.start, then, now))
    return found


def turned_by_backdating(tl: Timeline, recorded: Millis, tolerance: Millis, zone: Zone) -> bool:
    """Whether the stated end is on time, would be late at the instant it was recorded, and was stated for more
    than `tolerance` before that."""
    last = tl.stays[-1] if tl.stays else None
    if last is None or last.end is None or recorded - last.end <= tolerance:
        return False
    on_time = not judge(tl, _RULE, last.end, last.how, zone).late
    return on_time and judge(tl, _RULE, recorded, last.how, zone).late
