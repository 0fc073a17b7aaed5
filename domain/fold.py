"""From a subject's facts to everything that is emitted about it: the fold, whole and pure.

The live path, a rebuild, `reconcile` and the tests call these functions and no others.
"""

import msgspec
from msgspec import Struct

from domain.bookings import Booking, Recall, book
from domain.conditions import Condition, conditions_of
from domain.dossier import State, replay
from domain.facts import Facts, effective
from domain.instants import Day, Millis, Zone
from domain.measures import ATTRIBUTES, FAMILIES, INDEX, suffix
from domain.procedures import procedure_key
from domain.reference import Reference
from domain.rows import DocumentRow, DossierRow
from domain.timeline import Timeline, timeline_of
from domain.verdicts import judge

RULES_VERSION = 3
"""Raised with every change of what the fold emits; part of the fingerprint of a generation."""
UNKNOWN_UNIT = "?"
"""Stands for the unit of a dossier that none of its events named; belongs to the root only."""

DayBookings = tuple[tuple[Day, tuple[tuple[int, int], ...]], ...]
"""Per day, the non-zero (measure index, value) pairs, both in ascending order."""
_LATE_OPEN = tuple(INDEX[f"late_open_{suffix(f)}"] for f in FAMILIES)


class Folded(Struct, frozen=True, kw_only=True):
    """What one dossier's facts come to."""

    state: State
    timeline: Timeline
    due_basis: str
    entries: tuple[Booking, ...]
    by_day: DayBookings
    recalls: tuple[Recall, ...]
    conditions: tuple[Condition, ...]
    events: int
    source_differs: bool = False
    """Whether the source's own verdict on an ended dossier is neither the index's nor form II.06a's."""

    @property
    def dimensions(self) -> tuple[str, str, str]:
        """(unit, procedure, channel) of the current row: all bookings stand under them."""
        s = self.state
        return (s.unit or UNKNOWN_UNIT, procedure_key(s.procedure or ""), s.channel or "")

    @property
    def findings(self) -> tuple[tuple[str, str], ...]:
        """(kind, id of the event that shows it), in order of kind."""
        found = list(self.state.notes)
        if self.timeline.stays and not self.timeline.dues:
            found.append(("undated", ""))
        if self.source_differs:
            found.append(("source_verdict_differs", ""))
        return tuple(sorted(found))


def fold_dossier(facts: Facts, reference: Reference) -> Folded:
    """State, timeline, bookings and conditions of a dossier, from its facts in canonical order."""
    state = replay(facts)
    zone = reference.zone
    computed = None
    result_due = True
    if state.accepted_at is not None:
        result_due = reference.returns_document(state.procedure, state.accepted_at)
        if not (state.dues and state.dues[0].at <= state.accepted_at) and state.stated_original is None:
            computed = reference.computed_due(state.procedure, state.accepted_at)
    timeline = timeline_of(state, computed[0] if computed else None, result_due=result_due)
    booked = book(timeline, zone)
    basis = computed[1] if computed else ("source" if timeline.dues else "none")
    return Folded(
        state=state,
        timeline=timeline,
        due_basis=basis,
        entries=booked.entries,
        by_day=by_day(booked.entries, zone),
        recalls=booked.recalls,
        conditions=conditions_of(state, timeline, reference),
        events=len(facts),
        source_differs=_source_differs(state, timeline, zone),
    )


def _source_differs(state: State, timeline: Timeline, zone: Zone) -> bool:
    """Compares late or not, of a dossier that has ended; hour and date are both the law's, so either may agree."""
    said = state.snapshot.source_verdict if state.snapshot is not None else None
    stay = timeline.stays[-1] if timeline.stays else None
    if said is None or stay is None or stay.end is None or not timeline.dues:
        return False
    ours = {judge(timeline, family, stay.end, stay.how, zone).late for family in ("766", "06a")}
    return (said == "late") not in ours


def by_day(entries: tuple[Booking, ...], zone: Zone) -> DayBookings:
    """Entries summed per day; pairs that cancel out inside a day vanish."""
    days: dict[Day, dict[int, int]] = {}
    for at, measure, value in entries:
        cell = days.setdefault(zone.day(at), {})
        cell[measure] = cell.get(measure, 0) + value
    kept = ((day, tuple(sorted((m, v) for m, v in cell.items() if v))) for day, cell in sorted(days.items()))
    return tuple((day, cell) for day, cell in kept if cell)


def dossier_row(code: str, folded: Folded, version: int, known_at: Millis) -> DossierRow:
    """The row of a dossier at the log record that changed it."""
    s, tl = folded.state, folded.timeline
    unit, procedure, channel = folded.dimensions
    last = tl.stays[-1] if tl.stays else None
    held = tl.held()
    return DossierRow(
        dossier_code=code,
        version=version,
        known_at=known_at,
        unit=unit,
        receiving_unit=s.receiving_unit or "",
        procedure=procedure,
        channel=channel,
        applicant_kind=s.applicant_kind or "",
        service_level=s.service_level or "",
        status=s.status,
        submitted_at=s.submitted_at,
        accepted_at=s.accepted_at,
        due_at=tl.dues[-1].due if tl.dues else None,
        due_at_original=tl.original,
        due_basis=folded.due_basis,
        finished_at=s.segments[-1].finished,
        returned_at=s.segments[-1].returned,
        ended_at=last.end if last else None,
        end_kind=last.how if last else "",
        supplements=len(tl.supplements),
        paused=any(p.done is None for p in (*tl.supplements, *tl.payments)),
        apology_at=tl.apologies[0] if tl.apologies else None,
        moves=len(s.moves),
        step=s.step or "",
        office=s.office or "",
        last_step_at=s.last_step_at,
        last_fact_at=max([s.last_fact_at or 0, *(at for at, _, _ in folded.entries if last and last.end == at)]),
        events=folded.events,
        attributes=sum(1 << n for n, a in enumerate(ATTRIBUTES) if a in held),
        unhappy=tl.unhappy,
        is_open=last is not None and last.end is None,
        late_from=_late_from(folded.entries, last is not None and last.end is None),
        booking_days=tuple(day for day, _ in folded.by_day),
        findings=tuple(kind for kind, _ in folded.findings),
        timeline=tl.encode(),
    )


def _late_from(entries: tuple[Booking, ...], is_open: bool) -> tuple[Millis | None, ...]:
    """Per family, the start of the stretch of open-and-late that has no end; None when there is none."""
    if not is_open:
        return (None,) * len(FAMILIES)
    found: list[Millis | None] = []
    for measure in _LATE_OPEN:
        jumps = sorted((at, value) for at, m, value in entries if m == measure)
        found.append(jumps[-1][0] if jumps and jumps[-1][1] > 0 else None)
    return tuple(found)


def document_row(kind: str, subject: str, facts: Facts, version: int, known_at: Millis) -> DocumentRow:
    """The row of a procedure, unit or published document: its effective facts, in canonical order."""
    history = [[f.type, f.occurred_at, f.id, msgspec.Raw(f.body)] for f in effective(facts)[0]]
    return DocumentRow(kind, subject, version, known_at, msgspec.json.encode(history).decode())


def fingerprint(zone: Zone, log_id: str) -> str:
    """What a generation's rows depend on besides the log: a change of it requires a rebuild."""
    return f"log={log_id};rules={RULES_VERSION};zone={zone.name}"
