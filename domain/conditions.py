"""What holds, or will hold, for a dossier: alert conditions as intervals, future instants included.

No timers: a condition holds at `now` when `start ≤ now < until`. Kinds and wording are those of users.md §B;
which kinds belong to the fold is decisions 22. An episode is named by the fact that opened it, so that human
acts re-attach after a rebuild.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter

import msgspec
from msgspec import Struct

from domain.bookings import Jumps
from domain.calendar import WorkingCalendar
from domain.dossier import Pause, State
from domain.instants import HORIZON, Day, Millis, Zone
from domain.limits import MS_HOUR
from domain.reference import AlertThresholds, Reference
from domain.timeline import Stay, Timeline
from domain.verdicts import judge

FAR: Millis = 1 << 52
"""Later than any instant: stands for 'never' inside interval arithmetic."""
Interval = tuple[Millis, Millis]


class Condition(Struct, frozen=True, array_like=True, gc=False):
    """One condition of one subject: `until` None means until something happens. `evidence` is JSON."""

    kind: str
    episode: str
    start: Millis
    until: Millis | None
    due_at: Millis | None
    evidence: str


def conditions_of(
    state: State,
    tl: Timeline,
    jumps: Jumps,
    reference: Reference,
    before: "tuple[State, tuple[Condition, ...]] | None" = None,
) -> tuple[Condition, ...]:
    """All conditions of a dossier, past ones included, in a fixed order; `jumps` are those under 766.

    `before` is an earlier state of the dossier under the same documents with its conditions: kinds that depend on
    nothing that has changed since are taken over from it.
    """
    work = _work(state, tl, jumps, reference)
    if work is None:
        return ()
    found: list[Condition] = []
    kept = () if before is None else _kept(before[0], state)
    if before is not None and kept:
        found += [c for c in before[1] if c.kind in kept]
    if "A07" not in kept:
        _waiting(work, found)
    if tl.stays:
        _near_due(work, found)
        _late(work, found)
        _forgotten(work, found)
    _moved(work, found)
    _paused(work, found)
    if "A11" not in kept:
        _not_on_the_portal(work, found)
    found.sort(key=in_order)
    return tuple(found)


def conditions_after_step(
    state: State, tl: Timeline, reference: Reference, before: tuple[Condition, ...], old: State
) -> tuple[Condition, ...]:
    """`conditions_of` where nothing but the last step and what the portal has changed since `before`, the
    conditions of `old`: only A08 and A11 are worked out."""
    new: list[Condition] = []
    work = _work(state, tl, (), reference)
    gone = set()
    handed_out = reference.thresholds.returned_told and returned(old) != returned(state)
    if old.last_step_at != state.last_step_at or old.office != state.office or handed_out:
        gone.add("A08")
        if work is not None:
            _forgotten(work, new)
    if old.syncing is not state.syncing and old.syncing != state.syncing:
        gone.add("A11")
        if work is not None:
            _not_on_the_portal(work, new)
    kept = [c for c in before if c.kind not in gone]
    if not new and len(kept) == len(before):
        return before
    kept += new
    kept.sort(key=in_order)
    return tuple(kept)


def _kept(old: State, new: State) -> tuple[str, ...]:
    """The kinds that depend on nothing that changed, whatever became of the timeline."""
    if old.accepted_at != new.accepted_at or old.submitted_at != new.submitted_at:
        return ()
    synced = ("A11",) if old.syncing is new.syncing or old.syncing == new.syncing else ()
    return ("A07", *synced) if old.rejected_at == new.rejected_at and old.channel == new.channel else synced


def same_conditions(old: Timeline, new: Timeline) -> bool:
    """Whether two timelines agree in all that conditions depend on: attributes do not count."""
    return (
        old.stays == new.stays
        and old.dues == new.dues
        and old.supplements == new.supplements
        and old.payments == new.payments
        and old.apologies == new.apologies
    )


in_order = attrgetter("kind", "start", "episode")
"""The fixed order of a subject's conditions, to sort by."""


def _work(state: State, tl: Timeline, jumps: Jumps, reference: Reference) -> "_Work | None":
    at = state.accepted_at if state.accepted_at is not None else state.submitted_at
    if at is None:
        return None
    calendar, version = reference.calendar_at(at)
    pauses = tl.supplements or tl.payments
    if (tl.supplements and tl.payments) or len(pauses) > 1:
        pauses = tuple(sorted((*tl.supplements, *tl.payments), key=lambda p: p.start))
    return _Work(state, tl, jumps, calendar, reference.zone, reference.thresholds, version, pauses)


class _Work(Struct, frozen=True, gc=False):
    state: State
    tl: Timeline
    jumps: Jumps
    calendar: WorkingCalendar
    zone: Zone
    rules: AlertThresholds
    version: str
    pauses: tuple[Pause, ...]
    """Supplements and payments, by their beginning."""

    def make(
        self, kind: str, interval: Interval, opened_by: str, due: Millis | None, evidence: str | None = None
    ) -> Condition:
        """A condition; `opened_by` is the `repr` of the facts that opened it."""
        start, until = interval
        said = _bare(self.version) if evidence is None else evidence
        return Condition(kind, _episode(kind, opened_by), start, None if until >= FAR else until, due, said)

    def say(self, **evidence: object) -> str:
        """Evidence, with the calendar's version behind it."""
        return _encode({**evidence, "calendar": self.version}).decode()


def _episode(kind: str, opened_by: str) -> str:
    return blake2b(f"('{kind}', {opened_by})".encode(), digest_size=8).hexdigest()


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
        _episode(kind, repr(opened_by)),
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


@lru_cache(maxsize=20_000)
def _before(calendar: WorkingCalendar, zone: Zone, day: Day, soon: int, letter: int) -> tuple[Millis, ...]:
    """Of a due day: from when A01 holds, and the first and the last end of the day of A02."""
    last = calendar.previous_working_day(day, letter)
    return zone.midnight(calendar.previous_working_day(day, soon)), zone.midnight(last), zone.midnight(last + 1)


def _near_due(w: _Work, found: list[Condition]) -> None:
    """A01: due within three working days. A02: the last day for an apology, the working day before."""
    days = w.rules.due_soon_working_days, w.rules.apology_working_days
    for stay, due, window in _due_windows(w.tl):
        soon, first, last = _before(w.calendar, w.zone, w.zone.day(due), *days)
        if w.tl.apologies:
            last = min(last, *w.tl.apologies)
        for kind, told in (("A01", cut((soon, due + 1), window)), ("A02", cut((first, last), window))):
            if told is None:
                continue
            for piece in without(told, w.pauses) if w.pauses else (told,):
                opened_by = f"({stay.start}, {due}, {_resumed_at(w.pauses, piece[0])})"
                found.append(w.make(kind, piece, opened_by, due))


def _late(w: _Work, found: list[Condition]) -> None:
    """A04: the stretches of open and late by the portal's rule. A05: late without an apology, from when it was
    late first, open or at its end (one finished at the first late millisecond, or out of a pause that was never
    answered, never was open and late); finishing does not clear the duty."""
    starts = [at for at, value in w.jumps if value > 0]
    ends = [at for at, value in w.jumps if value < 0]
    for n, start in enumerate(starts):
        until = ends[n] if n < len(ends) else FAR
        due = w.tl.due_at(start)
        said = w.say(late_by_date=judge(w.tl, "06a", start, None, w.zone).late)
        found.append(w.make("A04", (start, until), f"({start}, {due})", due, said))
    first = _late_first(w, starts[0] if starts else FAR)
    if first < FAR:
        apology = min(w.tl.apologies, default=FAR)
        if first < apology:
            due = w.tl.due_at(first)
            found.append(w.make("A05", (first, apology), f"({first}, {due})", due))


def _late_first(w: _Work, open_late: Millis) -> Millis:
    """The first instant of being late: when open (as given), or an end before that; FAR for never."""
    for stay in w.tl.stays:
        if stay.end is None or stay.end >= open_late:
            break
        if judge(w.tl, "766", stay.end, stay.how, w.zone).late:
            return stay.end
    return open_late


def _moved(w: _Work, found: list[Condition]) -> None:
    """A06: a second re-appointment; it holds until the room decides."""
    if len(w.state.moves) >= 2:
        at = w.state.moves[1]
        said = w.say(moves=len(w.state.moves))
        found.append(w.make("A06", (at, FAR), f"({at},)", w.tl.due_at(at), said))


def _waiting(w: _Work, found: list[Condition]) -> None:
    """A07: an online filing whose 8 working hours for acceptance are nearly used up; that they are wholly is an
    episode of its own."""
    s = w.state
    if s.submitted_at is None or s.channel != "online":
        return
    start = w.calendar.roll_forward(s.submitted_at)
    warned = (w.rules.acceptance_hours - w.rules.acceptance_warning_hours) * MS_HOUR
    answered = min((t for t in (s.accepted_at, s.rejected_at) if t is not None), default=FAR)
    begins = w.calendar.add_working_ms(start, warned)
    if begins < min(answered, HORIZON):
        limit = min(w.calendar.add_working_ms(start, w.rules.acceptance_hours * MS_HOUR), HORIZON)
        if begins <= limit:
            near = (begins, min(answered, limit + 1))
            found.append(w.make("A07", near, f"({s.submitted_at},)", limit))
        if limit + 1 < answered:
            late = (limit + 1, answered)
            found.append(w.make("A07", late, f"({s.submitted_at}, 'late')", limit))


def _forgotten(w: _Work, found: list[Condition]) -> None:
    """A08: open, not paused, and no step for five working days or half the limit, whichever is less; or finished
    and not returned for five, where the sources tell of it at all."""
    if not w.tl.stays:
        return
    if w.tl.stays[-1].end is not None:
        if w.rules.returned_told:
            _not_returned(w, found)
        return
    last = max(w.tl.stays[-1].start, w.state.last_step_at or 0)
    for p in w.pauses:
        if p.done is None:
            return
        last = max(last, p.done)
    begins = w.calendar.add_working_days(last, w.rules.forgotten_working_days)
    due = w.tl.due_at(last)
    if due is not None and w.rules.forgotten_share_of_limit:
        whole = w.calendar.working_ms_between(w.tl.stays[-1].start, due)
        if whole > 0:
            part = int(whole * w.rules.forgotten_share_of_limit)
            begins = min(begins, w.calendar.add_working_ms(last, max(part, 1)))
    said = f'{{"last_step":{last},"office":{_office(w.state.office, w.version)}'
    found.append(w.make("A08", (begins, FAR), f"({last},)", due, said))


def _not_returned(w: _Work, found: list[Condition]) -> None:
    finished = returned(w.state)
    if finished is None or w.tl.stays[-1].how != "finished":
        return
    at, back = finished
    begins = w.calendar.add_working_days(at, w.rules.returned_working_days)
    if back is None or begins < back:
        said = w.say(finished=at)
        found.append(w.make("A08", (begins, FAR if back is None else back), f"('returned', {at})", None, said))


def returned(state: State) -> tuple[Millis, Millis | None] | None:
    """When the last stay was finished, and when its result was handed out; None where it is not finished."""
    last = state.segments[-1] if state.segments else None
    return None if last is None or last.finished is None else (last.finished, last.returned)


@lru_cache(maxsize=4_096)
def _office(office: str | None, version: str) -> str:
    """The end of A08's evidence."""
    return f'{_encode(office).decode()},"calendar":{_encode(version).decode()}}}'


def _not_on_the_portal(w: _Work, found: list[Condition]) -> None:
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
            said = w.say(changed=gap.since, refused=gap.refused)
            found.append(w.make("A11", (begins, until), f"({gap.since},)", limit, said))


def _paused(w: _Work, found: list[Condition]) -> None:
    """A09: a pause that lasts too long, and any supplement after the first, from its first instant. It is
    over when the dossier goes on: that it is late by the portal's rule from then on is A04."""
    if not w.pauses:
        return
    end = next((s.end for s in reversed(w.tl.stays)), None)
    ended = FAR if end is None else end
    limits = (
        ("supplement", w.tl.supplements, w.rules.supplement_working_days),
        ("payment", w.tl.payments, w.rules.payment_working_days),
    )
    for what, pauses, days in limits:
        for pause in pauses:
            begins = w.calendar.add_working_days(pause.start, days)
            until = min(ended, FAR if pause.done is None else pause.done)
            if begins < until:
                opened_by = f"('{what}', {pause.start})"
                due = w.tl.due_at(pause.start)
                found.append(w.make("A09", (begins, until), opened_by, due, w.say(pause=what)))
    for again in w.tl.supplements[1:]:
        until = min(ended, FAR if again.done is None else again.done)
        if again.start < until:
            said = w.say(pause="second_supplement")
            due = w.tl.due_at(again.start)
            found.append(w.make("A09", (again.start, until), f"('second', {again.start})", due, said))


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
