"""What holds, or will hold, for a dossier: alert conditions as intervals, future instants included.

No timers: a condition holds at `now` when `start ≤ now < until`. Kinds and wording are those of users.md §B;
which kinds belong to the fold is decisions 22. An episode is named by the fact that opened it, so that human
acts re-attach after a rebuild.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec
from msgspec import Struct

from domain.bookings import Jumps
from domain.calendar import WorkingCalendar
from domain.dossier import Pause, State
from domain.instants import HORIZON, Millis, Zone
from domain.limits import MS_HOUR
from domain.reference import AlertThresholds, Reference
from domain.timeline import Stay, Timeline
from domain.verdicts import judge

FAR: Millis = 1 << 52
"""Later than any instant: stands for 'never' inside interval arithmetic."""
Interval = tuple[Millis, Millis]


class Condition(Struct, frozen=True, array_like=True):
    """One condition of one subject: `until` None means until something happens. `evidence` is JSON."""

    kind: str
    episode: str
    start: Millis
    until: Millis | None
    due_at: Millis | None
    evidence: str


def conditions_of(state: State, tl: Timeline, jumps: Jumps, reference: Reference) -> tuple[Condition, ...]:
    """All conditions of a dossier, past ones included, in a fixed order; `jumps` are those under 766."""
    work = _work(state, tl, jumps, reference)
    if work is None:
        return ()
    found = (*_waiting(work), *_near_due(work), *_late(work), *_moved(work), *_paused(work), *_of_a_step(work))
    return tuple(sorted(found, key=in_order))


def conditions_after_step(
    state: State, tl: Timeline, reference: Reference, before: tuple[Condition, ...]
) -> tuple[Condition, ...]:
    """`conditions_of` where nothing but the last step and what the portal has changed since `before`: only A08 and
    A11 are worked out."""
    work = _work(state, tl, (), reference)
    new = () if work is None else tuple(_of_a_step(work))
    kept = [c for c in before if c.kind not in _OF_A_STEP]
    return tuple(sorted((*kept, *new), key=in_order))


def same_conditions(old: Timeline, new: Timeline) -> bool:
    """Whether two timelines agree in all that conditions depend on: attributes do not count."""
    return (
        old.stays == new.stays
        and old.dues == new.dues
        and old.supplements == new.supplements
        and old.payments == new.payments
        and old.apologies == new.apologies
    )


def in_order(c: Condition) -> tuple[str, Millis, str]:
    """The fixed order of a subject's conditions."""
    return (c.kind, c.start, c.episode)


def _work(state: State, tl: Timeline, jumps: Jumps, reference: Reference) -> "_Work | None":
    at = state.accepted_at if state.accepted_at is not None else state.submitted_at
    if at is None:
        return None
    calendar, version = reference.calendar_at(at)
    return _Work(state, tl, jumps, calendar, reference.zone, reference.thresholds, version)


class _Work(Struct, frozen=True):
    state: State
    tl: Timeline
    jumps: Jumps
    calendar: WorkingCalendar
    zone: Zone
    rules: AlertThresholds
    version: str

    def make(
        self, kind: str, interval: Interval, opened_by: tuple[object, ...], due: Millis | None, **evidence: object
    ) -> Condition:
        return condition(kind, interval, opened_by, due, self.version, evidence)


def condition(
    kind: str,
    interval: Interval,
    opened_by: tuple[object, ...],
    due: Millis | None,
    calendar: str,
    evidence: Mapping[str, object],
) -> Condition:
    """A condition with its episode, which names the facts that opened it; `calendar` is the calendar's version."""
    start, until = interval
    return Condition(
        kind,
        hashlib.blake2b(repr((kind, opened_by)).encode(), digest_size=8).hexdigest(),
        start,
        None if until >= FAR else until,
        due,
        _encode({**evidence, "calendar": calendar}).decode() if evidence else _bare(calendar),
    )


_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=256)
def _bare(version: str) -> str:
    """The evidence of a condition that has none but the calendar."""
    return _encode({"calendar": version}).decode()


def _due_windows(tl: Timeline) -> Iterator[tuple[Stay, Millis, Interval]]:
    """For each stay and each due date in force during it: the window in which it was."""
    for stay in tl.stays:
        for n, x in enumerate(tl.dues):
            if x.due is None:
                continue
            until = tl.dues[n + 1].at if n + 1 < len(tl.dues) else FAR
            start, end = max(stay.start, x.at), min(stay.end if stay.end is not None else FAR, until)
            if start < end:
                yield stay, x.due, (start, end)


def _near_due(w: _Work) -> Iterator[Condition]:
    """A01: due within three working days. A02: the last day for an apology, the working day before."""
    pauses = (*w.tl.supplements, *w.tl.payments)
    apology = min(w.tl.apologies, default=FAR)
    for stay, due, window in _due_windows(w.tl):
        day = w.zone.day(due)
        soon = w.zone.midnight(w.calendar.previous_working_day(day, w.rules.due_soon_working_days))
        for piece in without(cut((soon, due + 1), window), pauses):
            yield w.make("A01", piece, (stay.start, due, _resumed_at(pauses, piece[0])), due)
        last = w.calendar.previous_working_day(day, w.rules.apology_working_days)
        letter = (w.zone.midnight(last), min(w.zone.midnight(last + 1), apology))
        for piece in without(cut(letter, window), pauses):
            yield w.make("A02", piece, (stay.start, due, _resumed_at(pauses, piece[0])), due)


def _late(w: _Work) -> Iterator[Condition]:
    """A04: the stretches of open and late by the portal's rule. A05: late without an apology, from when it was
    late first, open or at its end (one finished at the first late millisecond, or out of a pause that was never
    answered, never was open and late); finishing does not clear the duty."""
    starts = [at for at, value in w.jumps if value > 0]
    ends = [at for at, value in w.jumps if value < 0]
    for n, start in enumerate(starts):
        until = ends[n] if n < len(ends) else FAR
        due = w.tl.due_at(start)
        by_date = judge(w.tl, "06a", start, None, w.zone).late
        yield w.make("A04", (start, until), (start, due), due, late_by_date=by_date)
    first, apology = _late_first(w, min(starts, default=FAR)), min(w.tl.apologies, default=FAR)
    if first < apology:
        due = w.tl.due_at(first)
        yield w.make("A05", (first, apology), (first, due), due)


def _late_first(w: _Work, open_late: Millis) -> Millis:
    """The first instant of being late: when open (as given), or an end before that; FAR for never."""
    for stay in w.tl.stays:
        if stay.end is None or stay.end >= open_late:
            break
        if judge(w.tl, "766", stay.end, stay.how, w.zone).late:
            return stay.end
    return open_late


def _moved(w: _Work) -> Iterator[Condition]:
    """A06: a second re-appointment; it holds until the room decides."""
    if len(w.state.moves) >= 2:
        at = w.state.moves[1]
        yield w.make("A06", (at, FAR), (at,), w.tl.due_at(at), moves=len(w.state.moves))


def _waiting(w: _Work) -> Iterator[Condition]:
    """A07: an online filing whose 8 working hours for acceptance are nearly, or wholly, used up."""
    s = w.state
    if s.submitted_at is None or s.channel != "online":
        return
    start = w.calendar.roll_forward(s.submitted_at)
    warned = (w.rules.acceptance_hours - w.rules.acceptance_warning_hours) * MS_HOUR
    answered = min((t for t in (s.accepted_at, s.rejected_at) if t is not None), default=FAR)
    begins = w.calendar.add_working_ms(start, warned)
    if begins < min(answered, HORIZON):
        limit = w.calendar.add_working_ms(start, w.rules.acceptance_hours * MS_HOUR)
        yield w.make("A07", (begins, answered), (s.submitted_at,), min(limit, HORIZON))


def _forgotten(w: _Work) -> Iterator[Condition]:
    """A08: open, not paused, and no step for five working days."""
    if not w.tl.stays or w.tl.stays[-1].end is not None:
        return
    pauses = (*w.tl.supplements, *w.tl.payments)
    if any(p.done is None for p in pauses):
        return
    last = max([w.tl.stays[-1].start, w.state.last_step_at or 0, *(p.done or 0 for p in pauses)])
    begins = w.calendar.add_working_days(w.calendar.roll_forward(last), w.rules.forgotten_working_days)
    yield w.make("A08", (begins, FAR), (last,), w.tl.due_at(last), last_step=last, office=w.state.office)


def _not_on_the_portal(w: _Work) -> Iterator[Condition]:
    """A11: refused by the portal, or a change that did not arrive there within a working day; clears when the
    portal accepts. By default only of dossiers of which some synchronisation was told: others come from a source
    that tells of none, and unknown is not 'not synced'."""
    syncing, rules = w.state.syncing, w.rules
    if rules.requires_sync and not syncing.told:
        return
    gaps = syncing.past if syncing.open is None else (*syncing.past, syncing.open)
    for gap in gaps:
        limit = w.calendar.add_working_days(gap.since, rules.sync_working_days)
        begins = limit if gap.refused is None else min(limit, gap.refused)
        until = FAR if gap.done is None else gap.done
        if begins < until:
            yield w.make("A11", (begins, until), (gap.since,), limit, changed=gap.since, refused=gap.refused)


_OF_A_STEP = frozenset({"A08", "A11"})


def _of_a_step(w: _Work) -> Iterator[Condition]:
    """The kinds that a step or a synchronisation changes, which leave the timeline as it is."""
    yield from _forgotten(w)
    yield from _not_on_the_portal(w)


def _paused(w: _Work) -> Iterator[Condition]:
    """A09: a pause that lasts too long, and a second supplement (late by the portal's rule)."""
    end = next((s.end for s in reversed(w.tl.stays)), None)
    ended = FAR if end is None else end
    limits = (
        ("supplement", w.tl.supplements, w.rules.supplement_working_days),
        ("payment", w.tl.payments, w.rules.payment_working_days),
    )
    for what, pauses, days in limits:
        for pause in pauses:
            begins = w.calendar.add_working_days(w.calendar.roll_forward(pause.start), days)
            until = min(ended, FAR if pause.done is None else pause.done)
            if begins < until:
                yield w.make("A09", (begins, until), (what, pause.start), w.tl.due_at(pause.start), pause=what)
    if len(w.tl.supplements) >= 2:
        second = w.tl.supplements[1].start
        if second < ended:
            yield w.make(
                "A09", (second, ended), ("second", second), w.tl.due_at(second), pause="second_supplement"
            )


def without(piece: Interval | None, pauses: Iterable[Pause]) -> Iterator[Interval]:
    """An interval with the pauses taken out, piece by piece."""
    if piece is None:
        return
    start, end = piece
    for pause in sorted(pauses, key=lambda p: p.start):
        done = FAR if pause.done is None else pause.done
        if done <= start or pause.start >= end:
            continue
        if start < pause.start:
            yield start, pause.start
        start = done
    if start < end:
        yield start, end


def cut(a: Interval, b: Interval) -> Interval | None:
    """What two intervals have in common."""
    start, end = max(a[0], b[0]), min(a[1], b[1])
    return (start, end) if start < end else None


def _resumed_at(pauses: Iterable[Pause], start: Millis) -> Millis | None:
    """The end of a pause that opened this piece: part of the episode's name."""
    return start if any(p.done == start for p in pauses) else None
