"""Is a dossier late? The rule families, and the verdict with its reasons.

766: the portal's comparison of timestamps with supplement credit (domain.md §5 "On time (B)", QĐ 766).
06a: the comparison of dates of form II.06a (§6). `orig`: 766 against the first due date. `766-shift`: no
credit for a supplement on whose return the due date was moved. `06a-stopped-open`: 'stopped' is no end.
"""

from typing import NamedTuple

from domain.instants import Millis, Zone
from domain.timeline import Stay, Timeline


class Judgement(NamedTuple):
    """A verdict at one instant, with what decided it. `end`, `due` are instants, `credit` milliseconds."""

    late: bool
    rule: str
    reason: str
    due: Millis | None
    end: Millis
    credit: int
    supplements: int

    @property
    def late_by(self) -> int:
        """Milliseconds beyond the due date after credit; negative when early; 0 when undated."""
        return 0 if self.due is None else self.end - self.credit - self.due


def judge(tl: Timeline, family: str, t: Millis, how: str | None, zone: Zone) -> Judgement:
    """The verdict of one rule family at instant `t`; `how` tells how the stay ended, None while it is open.

    The 766 rule, in its order: no due date → not late; a second supplement → late; else late iff
    `end − credit > due`, strictly, where an outstanding supplement stops the clock at its request.
    """
    if family.startswith("06a"):
        return _by_date(tl, family, t, how, zone)
    due = tl.original if family == "orig" and tl.dues and tl.dues[0].at <= t else tl.due_at(t)
    count = credit = 0
    outstanding: Millis | None = None
    for pause in tl.supplements:
        if pause.start > t:
            continue
        count += 1
        if pause.done is not None and pause.done <= t:
            if not (pause.shifted and family == "766-shift"):
                credit += pause.done - pause.start
        elif outstanding is None:
            outstanding = pause.start
    end = outstanding if how is None and outstanding is not None else t
    if due is None:
        return Judgement(False, family, "undated", None, end, credit, count)
    if count >= 2:
        return Judgement(True, family, "second_supplement", due, end, credit, count)
    late = end - credit > due
    reason = "after_due" if late else ("paused" if how is None and outstanding is not None else "before_due")
    return Judgement(late, family, reason, due, end, credit, count)


def _by_date(tl: Timeline, family: str, t: Millis, how: str | None, zone: Zone) -> Judgement:
    due = tl.due_at(t)
    count = 0
    for p in tl.supplements:
        count += p.start <= t
    if due is None:
        return Judgement(False, family, "undated", None, t, 0, count)
    if how is not None:
        if how == "withdrawn":
            return Judgement(False, family, "withdrawn", due, t, 0, count)
        late = zone.day(t) > zone.day(due)
        return Judgement(late, family, "after_due_day" if late else "by_due_day", due, t, 0, count)
    if paused(tl, t):
        return Judgement(False, family, "paused", due, t, 0, count)
    late = zone.day(due) < zone.day(t)
    return Judgement(late, family, "after_due_day" if late else "by_due_day", due, t, 0, count)


def paused(tl: Timeline, t: Millis) -> bool:
    """Whether a supplement or a payment is outstanding at `t`: no alarms, 'trong hạn' in II.06a."""
    for p in (*tl.supplements, *tl.payments):  # noqa: SIM110 - as in `is_open`
        if p.start <= t and (p.done is None or p.done > t):
            return True
    return False


def stay_at(stays: tuple[Stay, ...], t: Millis) -> Stay | None:
    """The last stay that had begun at or before `t`."""
    found = None
    for stay in stays:
        if stay.start <= t:
            found = stay
    return found


def judge_before(tl: Timeline, family: str, e: Millis, zone: Zone) -> tuple[str, Judgement | None]:
    """The state of a dossier before the exclusive instant `e`, and its verdict there.

    The state is one of 'finished_on_time', 'finished_late', 'open_late', 'open_not_due', 'undated', or
    'not_accepted' (with no judgement); disjoint by construction (decisions 28).
    """
    stay = stay_at(tl.stays_for(family), e - 1)
    if stay is None:
        return "not_accepted", None
    ended = stay.end is not None and stay.end < e
    verdict = judge(
        tl, family, stay.end if ended and stay.end is not None else e - 1, stay.how if ended else None, zone
    )
    if verdict.due is None:
        return "undated", verdict
    if ended:
        return ("finished_late" if verdict.late else "finished_on_time"), verdict
    return ("open_late" if verdict.late else "open_not_due"), verdict
