"""What holds, or will hold, for a petition (A12) and for a procedure (A17): intervals, as those of dossiers are.

A petition has four limits (domain.md §6). To refuse it and to ask for more are rights that end: of them only the
last day is told. To answer it and to publish the answer are duties: their lateness is an episode of its own.
That the petitioner was asked for more does not stop the clock of the answer: no text says that it does.
"""

from collections.abc import Iterator

from domain.calendar import WorkingCalendar
from domain.conditions import FAR, Condition, Interval, condition, cut, in_order
from domain.facts import Facts, effective
from domain.instants import Millis, Zone
from domain.petition import Petition
from domain.reference import Reference


def petition_conditions(p: Petition, reference: Reference) -> tuple[Condition, ...]:
    """The A12 of a petition, in a fixed order; none where its receipt is not known."""
    if p.received_at is None:
        return ()
    calendar, version = reference.calendar_at(p.received_at)
    return tuple(sorted(_of_petition(p, reference, calendar, version), key=in_order))


def _of_petition(
    p: Petition, reference: Reference, calendar: WorkingCalendar, version: str
) -> Iterator[Condition]:
    rules, zone = reference.thresholds, reference.zone
    warning = rules.petition_warning_working_days

    def told(limit: str, window: Interval, due: Millis, *, duty: bool) -> Iterator[Condition]:
        soon = cut((_warned_from(due, warning, calendar, zone), due + 1), window)
        late = cut((due + 1, FAR), window) if duty else None
        for stage, piece in (("near", soon), ("late", late)):
            if piece is not None:
                evidence = {"limit": limit, "stage": stage}
                yield condition("A12", piece, (limit, stage, window[0], due), due, version, evidence)

    received, over = p.waits[0].start, _or_far(p.waits[0].end)
    asked = min((max(received, t) for t in p.asked), default=FAR)
    for limit, n in (
        ("refuse", rules.petition_refusal_working_days),
        ("supplement", rules.petition_supplement_working_days),
    ):
        if n:
            due = calendar.add_working_days(received, n)
            yield from told(limit, (received, min(over, asked)), due, duty=False)
    for n, wait in enumerate(p.waits):
        computed = calendar.add_working_days(wait.start, rules.petition_resolution_working_days)
        due = computed if p.due_at is None else p.due_at
        yield from told("resolve", (wait.start, _or_far(wait.end)), due, duty=True)
        days = rules.petition_publication_working_days if rules.petition_publication_told else 0
        if wait.end is not None and not wait.refused and days:
            again = p.waits[n + 1].start if n + 1 < len(p.waits) else FAR
            until = min([again, *(t for t in p.published if t >= wait.end)])
            due = calendar.add_working_days(wait.end, days)
            yield from told("publish", (wait.end, until), due, duty=True)


def procedure_conditions(facts: Facts, reference: Reference) -> tuple[Condition, ...]:
    """A17: a procedure that was announced and is not publicised, two working days before the limit of five and on
    until it is. Days are compared with days, as the index does (PUBLIC_UPDATE_ON_TIME): the limit is the last
    millisecond of the fifth working day after the announcement."""
    announced = {f.occurred_at for f in effective(facts)[0] if f.type == "procedure.announced"}
    if not announced:
        return ()
    zone, rules = reference.zone, reference.thresholds
    publicised = [f.occurred_at for f in effective(facts)[0] if f.type == "procedure.publicised"]
    found = []
    for at in sorted(announced):
        calendar, version = reference.calendar_at(at)
        day = zone.day(at)
        due = zone.midnight(calendar.next_working_day(day, rules.publicising_working_days) + 1) - 1
        begins = _warned_from(due, rules.publicising_warning_working_days, calendar, zone)
        until = min((t for t in publicised if zone.day(t) >= day), default=FAR)
        piece = cut((begins, FAR), (at, until))
        if piece is not None:
            found.append(condition("A17", piece, (at,), due, version, {"announced": at}))
    return tuple(sorted(found, key=in_order))


def _or_far(at: Millis | None) -> Millis:
    return FAR if at is None else at


def _warned_from(due: Millis, days: int, calendar: WorkingCalendar, zone: Zone) -> Millis:
    """00:00 of the n-th working day before the day of a limit (as A01)."""
    return zone.midnight(calendar.previous_working_day(zone.day(due), days))
