"""Whole records of a dossier, folded by what differs from the record before: derived facts exist in state only.

A provincial system pushes, or exports, a dossier as it stands. What changed between two records is what happened;
what cannot have happened is kept as a finding (domain.md §8). A field that a record leaves out says nothing.
"""

from typing import Any

from msgspec.structs import replace

from domain import dossier as fold
from domain import event_data as d
from domain.dossier import Pause, Segment, State
from domain.facts import Fact
from domain.instants import Millis, to_millis

OPEN = frozenset({"submitted", "accepted", "processing", "supplement_requested", "payment_requested"})
"""States in which somebody still has to do something."""
DONE = frozenset({"finished", "returned"})
GIVEN_UP = frozenset({"withdrawn", "stopped", "rejected"})
_DATES = ("submitted_at", "accepted_at", "finished_at", "returned_at", "rejected_at")
_REMEMBERED = (*_DATES, "due_at", "status", "source_verdict")


def _ms(t: Any) -> Millis | None:
    return None if t is None else to_millis(t)


@fold._on("snapshot_received")
def received(state: State, fact: Fact, data: d.Snapshot) -> State:
    """One more whole record, later in canonical order than those before."""
    old = state.snapshot
    state = _compared(state, fact, old, data)
    state = fold._identify(state, data)
    if data.submitted_at is not None:
        state = replace(state, submitted_at=to_millis(data.submitted_at))
    accepted = _ms(data.accepted_at)
    if accepted is not None:
        segments = (replace(state.segments[0], start=accepted), *state.segments[1:])
        state = replace(state, accepted_at=accepted, segments=segments)
    state = _due(state, fact, data)
    state = _ends(state, fact, old, data)
    state = _pauses(state, fact, data)
    state = _attributes(state, fact.occurred_at, data)
    return replace(
        state,
        snapshot=_remembered(old, data),
        status=data.status or _status(state),
        office=data.office or state.office,
    )


def _compared(state: State, fact: Fact, old: d.Snapshot | None, data: d.Snapshot) -> State:
    """A date that changed is a finding; one that became earlier is another, for it makes figures better."""
    if old is None:
        return state
    for name in _DATES:
        was, now = getattr(old, name), getattr(data, name)
        if was is not None and now is not None and was != now:
            state = fold._note(state, "snapshot_contradicts", fact)
            if now < was:
                state = fold._note(state, "snapshot_date_earlier", fact)
    return state


def _remembered(old: d.Snapshot | None, data: d.Snapshot) -> d.Snapshot:
    """What the next record is compared with: the last value stated of each field."""
    if old is None:
        return data
    recalled = _was_over(old) and data.status in OPEN
    ends = ("finished_at", "returned_at", "rejected_at", "source_verdict")
    kept = {
        name: getattr(old, name)
        for name in _REMEMBERED
        if getattr(data, name) is None and not (recalled and name in ends)
    }
    return replace(data, **kept)


def _was_over(record: d.Snapshot) -> bool:
    """Whether a record said that nothing was left to do: by its status, else by its dates."""
    if record.status is not None:
        return record.status not in OPEN
    return record.finished_at is not None or record.returned_at is not None


def _due(state: State, fact: Fact, data: d.Snapshot) -> State:
    """Another due date than before is a re-appointment that nobody recorded, unless a supplement explains it."""
    due = _ms(data.due_at)
    if due is None:
        return state
    before = state.dues[-1].due if state.dues else None
    at = fact.occurred_at if state.dues or data.accepted_at is None else to_millis(data.accepted_at)
    if before is not None and due != before:
        if not any(s.due_after is not None and to_millis(s.due_after) == due for s in data.supplements):
            state = _moved(state, fact, before)
    elif before is None and not state.dues:
        at = min(at, fact.occurred_at)
    return fold._due(state, at, due)


def _moved(state: State, fact: Fact, before: Millis) -> State:
    state = fold._note(state, "snapshot_due_moved", fact)
    if state.segments[-1].end() is not None:
        state = fold._note(state, "due_moved_after_end", fact)
    elif fact.occurred_at > before:
        state = fold._note(state, "due_moved_after_due", fact)
    if state.moves:
        state = fold._note(state, "due_moved_twice", fact)
    return replace(state, moves=(*state.moves, fact.occurred_at))


def _ends(state: State, fact: Fact, old: d.Snapshot | None, data: d.Snapshot) -> State:
    """Ends as the record states them; a record that was over and is open again was recalled."""
    ended = state.segments[-1].end() is not None
    if data.status in OPEN and ended:
        if old is None or not _was_over(old):
            state = fold._note(state, "status_contradicts_end", fact)
        else:
            state = fold._note(state, "snapshot_recalled", fact)
            return replace(state, segments=(*state.segments, Segment(fact.occurred_at, by_snapshot=True)))
    return _given_up(_stated_ends(state, fact, data), fact, data)


def _stated_ends(state: State, fact: Fact, data: d.Snapshot) -> State:
    finished, returned = _ms(data.finished_at), _ms(data.returned_at)
    last = state.segments[-1]
    if len(state.segments) > 1 and (finished or returned):
        before = state.segments[-2]
        same = finished == before.finished and returned in (None, before.returned)
        if same and data.status in OPEN:
            return state  # the old end, which the source did not take out when it re-opened the dossier
        if same and last.by_snapshot and last.end() is None:
            state = replace(state, segments=state.segments[:-1])  # the recall itself was taken back
    if finished is not None:
        if data.status in OPEN and state.segments[-1].end() is None:
            state = fold._note(state, "status_contradicts_end", fact)
        state = fold._segment(state, finished=finished)
    if returned is not None:
        state = fold._segment(state, returned=returned)
    return state


def _given_up(state: State, fact: Fact, data: d.Snapshot) -> State:
    """Withdrawn, stopped, rejected; and 'finished' without a date, which ended at the latest when it was said."""
    if data.status == "rejected" and state.rejected_at is None:
        state = replace(state, rejected_at=_ms(data.rejected_at) or fact.occurred_at)
    if state.accepted_at is None:
        return state
    last = state.segments[-1]
    if data.status in GIVEN_UP and all(how != data.status for _, how in last.others):
        at = (_ms(data.rejected_at) if data.status == "rejected" else None) or fact.occurred_at
        return fold._segment(state, others=(*last.others, (at, data.status)))
    if data.status in DONE and last.end() is None:
        state = fold._note(state, "end_undated", fact)
        return fold._segment(state, others=((fact.occurred_at, "finished"), *last.others))
    return state


def _pauses(state: State, fact: Fact, data: d.Snapshot) -> State:
    """Pauses as the record lists them; where it lists none, its status tells that one began or ended."""
    if data.supplements:
        listed = [
            Pause(
                to_millis(s.requested_at),
                _ms(s.received_at),
                s.due_after is not None and s.due_after != s.due_before,
            )
            for s in data.supplements
            if s.requested_at is not None
        ]
        state = replace(state, supplements=tuple(sorted(listed, key=lambda p: p.start)))
        if len(listed) > 1:
            state = fold._note(state, "second_supplement", fact)
    elif data.status is not None:
        asked = data.status == "supplement_requested"
        supplements = _by_status(state, fact, state.supplements, asked=asked)
        if len(supplements) > len(state.supplements) > 0:
            state = fold._note(state, "second_supplement", fact)
        state = replace(state, supplements=supplements)
    if data.status is not None:
        asked = data.status == "payment_requested"
        state = replace(state, payments=_by_status(state, fact, state.payments, asked=asked))
    return state


def _by_status(state: State, fact: Fact, pauses: tuple[Pause, ...], *, asked: bool) -> tuple[Pause, ...]:
    outstanding = any(p.done is None for p in pauses)
    if asked == outstanding:
        return pauses
    if asked:
        return (*pauses, Pause(fact.occurred_at))
    end = state.segments[-1].end()
    # When the supplement came is not said; it was there at the end at the latest.
    at = fact.occurred_at if end is None else min(fact.occurred_at, end[0])
    return tuple(p if p.done is not None else Pause(p.start, max(p.start, at)) for p in pauses)


def _attributes(state: State, at: Millis, data: d.Snapshot) -> State:
    state = fold._papers(state, at, data.components, result_to_store=data.result_to_store)
    return fold._mark(
        state,
        at,
        payable=any(data.amounts),
        paid=data.gateway is not None,
        paid_online=data.gateway in ("national_portal", "local_gateway"),
        result=any(f.electronic for f in data.result_files),
        citizen_data=data.vneid or data.population_data,
    )


def _status(state: State) -> str:
    """The status where the record names none: what its dates say."""
    last = state.segments[-1]
    if last.returned is not None:
        return "returned"
    if last.finished is not None:
        return "finished"
    if state.accepted_at is not None and state.status == "submitted":
        return "accepted"
    return state.status
