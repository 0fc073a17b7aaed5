"""What an import notices about each dossier: no end, an end before its start, work after the end, no due date.

Bounded by dossiers, not by events: only a few instants are kept of each.
"""

from collections import Counter

from domain.event_data import DueMove, Intake, Snapshot
from domain.events import Event
from domain.instants import Millis

FINDINGS = {
    "no_start": "events, but never accepted, rejected or only submitted",
    "accepted_again": "accepted more than once; the first time counts",
    "finished_again": "finished more than once without being re-opened; the first time counts",
    "no_end": "accepted, and no event that ends it",
    "end_before_start": "ended before it was accepted",
    "event_after_end": "worked on after it had ended",
    "undated": "accepted without a due date",
    "ends_by_attribute": "ended by an attribute of the case, for lack of an event that says so",
    "case_missing": "has rows, but none in the case file",
    "case_twice": "stands in the case file twice with different values; one of them was taken",
    "case_unusable": "has attributes of which at least one cannot be read; the events of its rows were taken",
    "id_reused": "an id came again with other content",
}
"""The kinds that an import report may count, each per dossier (`id_reused` per event)."""
_ENDS = ("finished", "returned")
_OTHER_ENDS = frozenset({"withdrawn", "stopped", "rejected"})
END_TYPES = frozenset(f"dossier.{v}" for v in (*_ENDS, *_OTHER_ENDS))
_WORK = frozenset(
    {
        "step_started",
        "step_completed",
        "supplement_requested",
        "supplement_received",
        "payment_requested",
        "due_date_moved",
        "transferred",
    }
)


_Ends = tuple[Millis | None, ...]
_NO_ENDS: _Ends = (None, None, None)


class _Case:
    """The instants that decide the findings of one dossier; None where nothing was said."""

    __slots__ = (
        "acceptances",
        "accepted",
        "by_attribute",
        "dated",
        "ends",
        "finishes",
        "last_ends",
        "other",
        "reopened",
        "types",
        "work",
    )

    def __init__(self) -> None:
        self.accepted: Millis | None = None
        self.ends = self.last_ends = _NO_ENDS
        self.acceptances = self.finishes = 0
        self.work: Millis | None = None
        self.reopened = self.dated = self.by_attribute = self.other = False
        self.types: frozenset[str] = frozenset()

    def end(self) -> Millis | None:
        """The end of the dossier as the fold takes it: first finished, else returned, else given up; after a
        re-opening the last of them."""
        chosen = self.last_ends if self.reopened else self.ends
        return next((e for e in chosen if e is not None), None)


class Cases:
    """Watches the events of a run. `types_of` serves rules that fire only where an event is missing."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}
        # Dossiers share the few sets of types that there are: a set each would be most of their memory.
        self._grown: dict[tuple[frozenset[str], str], frozenset[str]] = {}

    def note(self, event: Event, *, by_attribute: bool = False) -> None:
        """One more event, in any order; `by_attribute` when it came from the case and not from a row."""
        if event.kind != "dossier":
            return
        case = self._cases.get(event.subject)
        if case is None:
            case = self._cases[event.subject] = _Case()
        verb, at, data = event.type.partition(".")[2], event.occurred_at, event.data
        if event.type not in case.types:
            case.types = self._with(case.types, event.type)
        case.finishes += verb == "finished"
        if verb == "accepted":
            case.acceptances += 1
            case.accepted = at if case.accepted is None else min(case.accepted, at)
        elif isinstance(data, Snapshot):
            case.other = True
            _note_snapshot(case, data)
        elif event.type in END_TYPES:
            slot = _ENDS.index(verb) if verb in _ENDS else 2
            _note_end(case, slot, at)
            case.by_attribute = case.by_attribute or by_attribute
        elif verb in _WORK:
            case.work = at if case.work is None else max(case.work, at)
        elif verb == "reopened":
            case.reopened = True
        if verb == "submitted":
            case.other = True
        if isinstance(data, DueMove) or (isinstance(data, Intake) and data.due_at is not None):
            case.dated = True

    def types_of(self, subject: str) -> frozenset[str]:
        """The event types that the dossier has so far."""
        case = self._cases.get(subject)
        return case.types if case else frozenset()

    def _with(self, types: frozenset[str], one: str) -> frozenset[str]:
        grown = self._grown.get((types, one))
        if grown is None:
            grown = self._grown[(types, one)] = types | {one}
        return grown

    def __len__(self) -> int:
        return len(self._cases)

    def findings(self) -> Counter[str]:
        """How many dossiers show each kind."""
        counts: Counter[str] = Counter()
        for case in self._cases.values():
            end = case.end()
            counts["ends_by_attribute"] += case.by_attribute
            counts["accepted_again"] += case.acceptances > 1
            counts["finished_again"] += case.finishes > 1 and not case.reopened
            if case.accepted is None:
                counts["no_start"] += not case.other and "dossier.rejected" not in case.types
                continue
            counts["undated"] += not case.dated
            if end is None:
                counts["no_end"] += 1
                continue
            counts["end_before_start"] += end < case.accepted
            counts["event_after_end"] += case.work is not None and case.work > end
        return +counts


def _note_end(case: _Case, slot: int, at: Millis) -> None:
    first, last = case.ends[slot], case.last_ends[slot]
    case.ends = _put(case.ends, slot, at if first is None else min(first, at))
    case.last_ends = _put(case.last_ends, slot, at if last is None else max(last, at))


def _put(ends: _Ends, slot: int, at: Millis) -> _Ends:
    return (*ends[:slot], at, *ends[slot + 1 :])


def _note_snapshot(case: _Case, data: Snapshot) -> None:
    """A whole record says at once what events say one by one."""
    if data.accepted_at is not None:
        case.accepted = int(data.accepted_at.timestamp() * 1000)
    case.dated = case.dated or data.due_at is not None
    for slot, end in enumerate((data.finished_at, data.returned_at)):
        if end is not None:
            _note_end(case, slot, int(end.timestamp() * 1000))
