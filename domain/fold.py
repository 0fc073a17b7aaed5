"""From a subject's facts to everything that is emitted about it: the fold, whole and pure.

The live path, a rebuild, `reconcile` and the tests call these functions and no others.
"""

import msgspec
from msgspec import Struct

from domain.bookings import Recall
from domain.conditions import Condition, conditions_after_step, conditions_of, same_conditions
from domain.daily import Daily, DayBookings, daily
from domain.dossier import State, replay
from domain.facts import Facts, effective
from domain.instants import Millis, Zone
from domain.procedures import procedure_key
from domain.reference import Reference
from domain.rows import DocumentRow, DossierRow
from domain.timeline import Timeline, timeline_of
from domain.verdicts import judge

RULES_VERSION = 9
"""Raised with every change of what the fold emits; part of the fingerprint of a generation."""
UNKNOWN_UNIT = "?"
"""Stands for the unit of a dossier that none of its events named; belongs to the root only."""


class Folded(Struct, frozen=True, array_like=True, gc=False):
    """What one dossier's facts come to; kept between its events, so that the next one need not begin anew."""

    state: State
    events: int
    timeline: Timeline
    due_basis: str
    days: Daily
    conditions: tuple[Condition, ...]
    source_differs: bool = False
    """Whether the source's own verdict on an ended dossier is neither the index's nor form II.06a's."""

    @property
    def dimensions(self) -> tuple[str, str, str]:
        """(unit, procedure, channel) of the current row: all bookings stand under them."""
        s = self.state
        return (s.unit or UNKNOWN_UNIT, procedure_key(s.procedure or ""), s.channel or "")

    @property
    def by_day(self) -> DayBookings:
        """All bookings, summed per day."""
        return self.days.by_day

    @property
    def recalls(self) -> tuple[Recall, ...]:
        """Its re-openings."""
        return self.days.recalls

    @property
    def findings(self) -> tuple[tuple[str, str], ...]:
        """(kind, id of the event that shows it), in order of kind."""
        found = self.state.notes
        if self.timeline.stays and not self.timeline.dues:
            found = (*found, ("undated", ""))
        if self.source_differs:
            found = (*found, ("source_verdict_differs", ""))
        return tuple(sorted(found)) if len(found) > 1 else found


def fold_dossier(facts: Facts, reference: Reference) -> Folded:
    """State, timeline, bookings and conditions of a dossier, from all its facts in canonical order."""
    return judged(replay(facts), len(facts), reference)


def judged(state: State, events: int, reference: Reference, before: Folded | None = None) -> Folded:
    """All that follows from a state under the reference documents.

    `before` is the same dossier a few facts earlier under the same documents: what does not depend on what those
    facts changed is taken over from it; the result is the same without it.
    """
    if before is not None and _same_timeline(before.state, state):
        timeline, basis, days = before.timeline, before.due_basis, before.days
    else:
        timeline, basis = _timeline(state, reference)
        if before is not None and timeline == before.timeline:
            timeline, days = before.timeline, before.days
        else:
            days = daily(timeline, reference.zone)
    conditions = _conditions(state, timeline, days, reference, before)
    differs = _source_differs(state, timeline, reference.zone)
    return Folded(state, events, timeline, basis, days, conditions, differs)


def _source_differs(state: State, timeline: Timeline, zone: Zone) -> bool:
    """Compares late or not, of a dossier that has ended; hour and date are both the law's, so either may agree."""
    said = state.snapshot.source_verdict if state.snapshot is not None else None
    stay = timeline.stays[-1] if timeline.stays else None
    if said is None or stay is None or stay.end is None or not timeline.dues:
        return False
    ours = {judge(timeline, family, stay.end, stay.how, zone).late for family in ("766", "06a")}
    return (said == "late") not in ours


def _timeline(state: State, reference: Reference) -> tuple[Timeline, str]:
    """The timeline, and what its due date is based on."""
    computed = None
    result_due = True
    if state.accepted_at is not None:
        result_due = reference.returns_document(state.procedure, state.accepted_at)
        if not (state.dues and state.dues[0].at <= state.accepted_at) and state.stated_original is None:
            computed = reference.computed_due(state.procedure, state.accepted_at)
    timeline = timeline_of(state, computed[0] if computed else None, result_due=result_due)
    return timeline, computed[1] if computed else ("source" if timeline.dues else "none")


def _same_timeline(a: State, b: State) -> bool:
    """Whether nothing changed that a timeline depends on. What `evolve` left alone is the very same object, so
    that looking is cheap; unequal objects of equal value only cost time."""
    return (
        a.segments is b.segments
        and a.firsts is b.firsts
        and a.dues is b.dues
        and a.supplements is b.supplements
        and a.payments is b.payments
        and a.apologies is b.apologies
        and a.accepted_at == b.accepted_at
        and a.procedure == b.procedure
        and a.channel == b.channel
        and a.disliked == b.disliked
        and a.complained == b.complained
        and a.stated_original == b.stated_original
    )


def _conditions(
    state: State, timeline: Timeline, days: Daily, reference: Reference, before: Folded | None
) -> tuple[Condition, ...]:
    if before is None:
        return conditions_of(state, timeline, days.jumps, reference)
    old = before.state
    if not (
        (timeline is before.timeline or same_conditions(before.timeline, timeline))
        and old.accepted_at == state.accepted_at
        and old.submitted_at == state.submitted_at
        and old.rejected_at == state.rejected_at
        and old.channel == state.channel
        and old.moves == state.moves
    ):
        return conditions_of(state, timeline, days.jumps, reference, (old, before.conditions))
    return conditions_after_step(state, timeline, reference, before.conditions, old)


def dossier_row(code: str, folded: Folded, version: int, known_at: Millis) -> DossierRow:
    """The row of a dossier at the log record that changed it."""
    s, tl, days = folded.state, folded.timeline, folded.days
    unit, procedure, channel = folded.dimensions
    segment, paused = s.segments[-1], False
    for pause in (*tl.supplements, *tl.payments) if tl.supplements or tl.payments else ():
        paused = paused or pause.done is None
    last = tl.stays[-1] if tl.stays else None
    ended_at = last.end if last else None
    findings = folded.findings
    return DossierRow(
        code,
        version,
        known_at,
        unit,
        s.receiving_unit or "",
        procedure,
        channel,
        s.applicant_kind or "",
        s.service_level or "",
        s.status,
        s.submitted_at,
        s.accepted_at,
        tl.dues[-1].due if tl.dues else None,
        tl.original,
        folded.due_basis,
        segment.finished,
        segment.returned,
        ended_at,
        last.how if last else "",
        len(tl.supplements),
        paused,
        tl.apologies[0] if tl.apologies else None,
        len(s.moves),
        s.step or "",
        s.office or "",
        s.last_step_at,
        max(s.last_fact_at or 0, ended_at or 0),
        folded.events,
        tl.attribute_mask(),
        tl.unhappy,
        last is not None and ended_at is None,
        days.late_from,
        tuple([day for day, _ in days.by_day]),
        tuple([kind for kind, _ in findings]) if findings else (),
        tl.encode(),
    )


def document_row(kind: str, subject: str, facts: Facts, version: int, known_at: Millis) -> DocumentRow:
    """The row of a procedure, unit or published document: its effective facts, in canonical order."""
    history = [[f.type, f.occurred_at, f.id, msgspec.Raw(f.body)] for f in effective(facts)[0]]
    return DocumentRow(kind, subject, version, known_at, msgspec.json.encode(history).decode())


def fingerprint(zone: Zone, log_id: str) -> str:
    """What a generation's rows depend on besides the log: a change of it requires a rebuild."""
    return f"log={log_id};rules={RULES_VERSION};zone={zone.name}"
