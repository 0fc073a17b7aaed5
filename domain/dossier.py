"""A dossier's state: the fold of its facts. `evolve` is one step, `replay` the whole; both are pure.

Rules of domain.md §3–4 and the end of a stay as the national portal computes it (§5, "On time (B)").
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain import event_data as d
from domain.events import decode_data
from domain.facts import Fact, Facts, effective
from domain.instants import Millis, to_millis
from domain.syncing import CHANGES, NOTHING_TOLD, Syncing, answered, changed


class Segment(Struct, frozen=True, array_like=True, gc=False):
    """What was said between acceptance (or a re-opening) and the next re-opening.

    `others` are withdrawn, stopped and rejected after acceptance, in canonical order, and an end that a whole
    record states without its date. `by_snapshot`: the re-opening was seen by comparing whole records.
    """

    start: Millis | None = None
    finished: Millis | None = None
    returned: Millis | None = None
    others: tuple[tuple[Millis, str], ...] = ()
    by_snapshot: bool = False

    @property
    def over(self) -> bool:
        """Whether anything ended this stay."""
        return self.finished is not None or self.returned is not None or bool(self.others)

    def end(self, *, stopped_ends: bool = True) -> tuple[Millis, str] | None:
        """(instant, how) of the end of this stay: the first `finished`, else `returned`, else the first
        of withdrawn, stopped and rejected; None while it is open. Unclamped."""
        if self.finished is not None:
            return self.finished, "finished"
        if self.returned is not None:
            return self.returned, "returned"
        for at, how in self.others:
            if stopped_ends or how != "stopped":
                return at, how
        return None


class Pause(Struct, frozen=True, array_like=True, gc=False):
    """A supplement or a fee wait: requested, done (None while outstanding), and whether the due date was
    moved on return (a province that shifts it would be credited twice)."""

    start: Millis
    done: Millis | None = None
    shifted: bool = False


class Due(Struct, frozen=True, array_like=True, gc=False):
    """From `at` on, this due date is in force (None: none known)."""

    at: Millis
    due: Millis | None


class State(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """All that is known of a dossier, as a value; kept between its events. `firsts` maps an attribute to the first
    instant it held; `notes` are structural findings (kind, event id), the first of each kind."""

    status: str = "submitted"
    submitted_at: Millis | None = None
    accepted_at: Millis | None = None
    rejected_at: Millis | None = None
    procedure: str | None = None
    unit: str | None = None
    receiving_unit: str | None = None
    channel: str | None = None
    applicant_kind: str | None = None
    service_level: str | None = None
    segments: tuple[Segment, ...] = (Segment(),)
    supplements: tuple[Pause, ...] = ()
    payments: tuple[Pause, ...] = ()
    dues: tuple[Due, ...] = ()
    stated_original: Millis | None = None
    moves: tuple[Millis, ...] = ()
    apologies: tuple[Millis, ...] = ()
    step: str | None = None
    office: str | None = None
    last_step_at: Millis | None = None
    last_fact_at: Millis | None = None
    firsts: tuple[tuple[str, Millis], ...] = ()
    disliked: bool = False
    complained: bool = False
    snapshot: d.Snapshot | None = None
    notes: tuple[tuple[str, str], ...] = ()
    syncing: Syncing = NOTHING_TOLD

    def first(self, name: str) -> Millis | None:
        """The first instant at which an attribute held, or None."""
        for key, at in self.firsts:
            if key == name:
                return at
        return None


EMPTY = State()
Handler = Callable[[State, Fact, Any], State]
_HANDLERS: dict[str, Handler] = {}
_WORK = frozenset(
    f"dossier.{verb}"
    for verb in (
        "step_started",
        "step_completed",
        "supplement_requested",
        "supplement_received",
        "payment_requested",
        "due_date_moved",
        "transferred",
    )
)
"""Work that has no place after an end; papers, ratings and synchronisation follow an end lawfully."""


def replay(facts: Facts) -> State:
    """The state of a whole set of facts in canonical order."""
    kept, lost = effective(facts)
    state = EMPTY
    for fact in kept:
        state = evolve(state, fact)
    if lost:
        state = _note(state, "id_reused", lost[0])
    return state


def evolve(state: State, fact: Fact, data: d.Data | None = None) -> State:
    """One more fact, later in canonical order than all before it; `data` is its body, if decoded already."""
    said, at = fact.type, fact.occurred_at
    if said in _WORK and state.segments[-1].over:
        state = _note(state, "event_after_end", fact)
    before = state
    handler = _HANDLERS.get(said)
    if handler is not None:
        state = handler(state, fact, decode_data(said, fact.body) if data is None else data)
    if state.syncing.open is None and (said in CHANGES or _says_more(state, before)):
        syncing = changed(state.syncing, at)
        if syncing is not state.syncing:
            return replace(state, last_fact_at=at, syncing=syncing)
    return state if state.last_fact_at == at else replace(state, last_fact_at=at)


def _says_more(state: State, before: State) -> bool:
    """Whether a whole record came that is not what was known already."""
    return state.snapshot is not before.snapshot and state.snapshot != before.snapshot


def _on(*verbs: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for verb in verbs:
            _HANDLERS[f"dossier.{verb}"] = handler
        return handler

    return register


def _note(state: State, kind: str, fact: Fact) -> State:
    if any(k == kind for k, _ in state.notes):
        return state
    return replace(state, notes=(*state.notes, (kind, fact.id)))


def _mark(state: State, at: Millis, **held: bool) -> State:
    """Records the first instant of each attribute that holds."""
    known = state.firsts
    new = [(name, at) for name, value in held.items() if value and all(name != k for k, _ in known)]
    return replace(state, firsts=(*known, *new)) if new else state


def _segment(state: State, **changes: Any) -> State:
    return replace(state, segments=(*state.segments[:-1], replace(state.segments[-1], **changes)))


def _identify(state: State, data: d.Intake | d.Snapshot) -> State:
    """Who and what: the last value said, in canonical order, counts."""
    named = {name: value for name in _NAMED if (value := getattr(data, name)) is not None}
    return replace(state, **named) if named else state


_NAMED = ("procedure", "unit", "receiving_unit", "channel", "applicant_kind", "service_level")


def _due(state: State, at: Millis, due: Millis | None) -> State:
    if due is None or (state.dues and state.dues[-1].due == due):
        return state
    return replace(state, dues=(*state.dues, Due(at, due)))


def _ms(t: Any) -> Millis | None:
    return None if t is None else to_millis(t)


@_on("submitted")
def _submitted(state: State, fact: Fact, data: d.Intake) -> State:
    state = _due(_identify(state, data), fact.occurred_at, _ms(data.due_at))
    return state if state.submitted_at is not None else replace(state, submitted_at=fact.occurred_at)


@_on("accepted")
def _accepted(state: State, fact: Fact, data: d.Intake) -> State:
    state = _due(_identify(state, data), fact.occurred_at, _ms(data.due_at))
    if state.accepted_at is not None:
        return _note(state, "accepted_again", fact)
    first = state.segments[0]
    if first.end() is not None:
        state = _note(state, "end_before_start", fact)
    status = state.status if first.end() is not None else "accepted"
    segments = (replace(first, start=fact.occurred_at), *state.segments[1:])
    return replace(state, accepted_at=fact.occurred_at, status=status, segments=segments)


@_on("rejected")
def _rejected(state: State, fact: Fact, data: d.Intake) -> State:
    state = _identify(state, data)
    if state.rejected_at is None:
        state = replace(state, rejected_at=fact.occurred_at)
    return _other_end(state, fact, "rejected")


@_on("withdrawn", "stopped")
def _given_up(state: State, fact: Fact, _data: d.Reason) -> State:
    return _other_end(state, fact, fact.type.removeprefix("dossier."))


def _other_end(state: State, fact: Fact, how: str) -> State:
    """Withdrawn, stopped, rejected: an end only of what had been accepted (domain.md §5)."""
    last = state.segments[-1]
    if last.end() is None or last.finished is None:
        state = replace(state, status=how)
    if state.accepted_at is None:
        return state
    return _segment(state, others=(*last.others, (fact.occurred_at, how)))


@_on("finished")
def _finished(state: State, fact: Fact, data: d.End) -> State:
    state = _results(state, fact.occurred_at, data.result_files)
    if state.segments[-1].finished is not None:
        return _note(state, "finished_again", fact)
    last = replace(state.segments[-1], finished=fact.occurred_at)
    return replace(state, segments=(*state.segments[:-1], last), status="finished", last_fact_at=fact.occurred_at)


@_on("returned")
def _returned(state: State, fact: Fact, data: d.End) -> State:
    state = _results(state, fact.occurred_at, data.result_files)
    if state.segments[-1].returned is None:
        state = _segment(state, returned=fact.occurred_at)
    return replace(state, status="returned")


def _results(state: State, at: Millis, files: tuple[d.ResultFile, ...]) -> State:
    return _mark(state, at, result=any(f.electronic for f in files))


@_on("reopened")
def _reopened(state: State, fact: Fact, _data: d.Reason) -> State:
    if state.accepted_at is None or not state.segments[-1].over:
        return _note(state, "reopened_without_end", fact)
    return replace(state, segments=(*state.segments, Segment(fact.occurred_at)), status="processing")


@_on("transferred")
def _transferred(state: State, _fact: Fact, data: d.Transfer) -> State:
    return replace(state, unit=data.unit)


@_on("step_started", "step_completed")
def _step(state: State, fact: Fact, data: d.Step) -> State:
    status = "processing" if state.status == "accepted" else state.status
    return replace(
        state,
        status=status,
        step=data.step or state.step,
        office=data.office or state.office,
        last_step_at=fact.occurred_at,
        last_fact_at=fact.occurred_at,
    )


@_on("supplement_requested")
def _supplement_requested(state: State, fact: Fact, data: d.Supplement) -> State:
    if state.supplements:
        state = _note(state, "second_supplement", fact)
    state = _due(state, fact.occurred_at, _ms(data.due_after))
    supplements = (*state.supplements, Pause(fact.occurred_at))
    return replace(_paused(state, "supplement_requested"), supplements=supplements)


@_on("supplement_received")
def _supplement_received(state: State, fact: Fact, data: d.Supplement) -> State:
    if not any(p.done is None for p in state.supplements):
        return _note(state, "supplement_received_unrequested", fact)
    due = _ms(data.due_after)
    before = state.dues[-1].due if state.dues else None
    shifted = due is not None and before is not None and due > before
    state = _due(state, fact.occurred_at, due)
    return replace(
        _resumed(state, "supplement_requested"),
        supplements=tuple(
            p if p.done is not None else Pause(p.start, fact.occurred_at, shifted) for p in state.supplements
        ),
    )


@_on("payment_requested")
def _payment_requested(state: State, fact: Fact, data: d.Payment) -> State:
    state = _mark(state, fact.occurred_at, payable=any(data.amounts))
    return replace(_paused(state, "payment_requested"), payments=(*state.payments, Pause(fact.occurred_at)))


@_on("fee_paid")
def _fee_paid(state: State, fact: Fact, data: d.Payment) -> State:
    state = _mark(
        state,
        fact.occurred_at,
        payable=any(data.amounts),
        paid=True,
        paid_online=data.gateway in ("national_portal", "local_gateway"),
    )
    return replace(
        _resumed(state, "payment_requested"),
        payments=tuple(p if p.done is not None else Pause(p.start, fact.occurred_at) for p in state.payments),
    )


def _paused(state: State, status: str) -> State:
    return state if state.segments[-1].over else replace(state, status=status)


def _resumed(state: State, status: str) -> State:
    return replace(state, status="processing") if state.status == status else state


@_on("due_date_moved")
def _due_moved(state: State, fact: Fact, data: d.DueMove) -> State:
    before = state.dues[-1].due if state.dues else None
    if before is None and data.from_ is not None:
        before = to_millis(data.from_)
        state = replace(state, stated_original=before)
    if state.segments[-1].over:
        state = _note(state, "due_moved_after_end", fact)
    elif before is not None and fact.occurred_at > before:
        state = _note(state, "due_moved_after_due", fact)
    if state.moves:
        state = _note(state, "due_moved_twice", fact)
    state = replace(state, moves=(*state.moves, fact.occurred_at))
    return _due(state, fact.occurred_at, to_millis(data.to))


@_on("apology_sent")
def _apology(state: State, fact: Fact, _data: d.Apology) -> State:
    due = state.dues[-1].due if state.dues else None
    if due is not None and fact.occurred_at > due:
        state = _note(state, "apology_after_due", fact)
    return replace(state, apologies=(*state.apologies, fact.occurred_at))


@_on("components_recorded")
def _components(state: State, fact: Fact, data: d.Components) -> State:
    return _papers(state, fact.occurred_at, data.components, result_to_store=data.result_to_store)


def _papers(state: State, at: Millis, parts: tuple[d.Component, ...], *, result_to_store: bool) -> State:
    return _mark(
        state,
        at,
        component=any(c.digitised for c in parts),
        reused=any(c.reused or c.replaced_by is not None for c in parts),
        store=result_to_store or any(c.from_store for c in parts),
    )


@_on("identity_verified")
def _identity(state: State, fact: Fact, data: d.Identity) -> State:
    return _mark(state, fact.occurred_at, citizen_data=data.vneid or data.population_data)


@_on("synced")
def _synced(state: State, fact: Fact, data: d.Sync) -> State:
    """What was synchronised holds the fee only where one was known by then: the portal published procedures
    whose fees were paid online and of which no synchronised dossier showed any."""
    fee = data.accepted and state.first("payable") is not None
    state = replace(state, syncing=answered(state.syncing, fact.occurred_at, accepted=data.accepted))
    return _mark(state, fact.occurred_at, synced=data.accepted, refused=not data.accepted, fee_synced=fee)


@_on("rated")
def _rated(state: State, _fact: Fact, data: d.Rating) -> State:
    return replace(state, disliked=data.rating == "dislike")


@_on("complained")
def _complained(state: State, _fact: Fact, _data: d.Complaint) -> State:
    return replace(state, complained=True)


import domain.snapshots  # noqa: E402, F401 - registers the handler of whole records, which has a file of its own
