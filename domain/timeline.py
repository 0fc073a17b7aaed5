"""A dossier's timeline: all dated facts that a verdict at any instant needs, in one canonical encoding.

Built from the state and the reference documents; stored with every row, so that any past instant can be
judged by the same functions that made the bookings (measures.md, "Timeline of a dossier").
"""

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

import msgspec
from msgspec import Struct

from domain.dossier import Due, Pause, State
from domain.instants import Millis
from domain.measures import ATTRIBUTES


class Stay(Struct, frozen=True, array_like=True, gc=False):
    """One presence in hand, [start, end): `how` it ended ('finished', 'withdrawn' …), '' while open."""

    start: Millis
    end: Millis | None = None
    how: str = ""


class Timeline(Struct, frozen=True, array_like=True, gc=False):
    """`stopped_open` are the stays under the reading in which 'stopped' is no end; None when the same.
    `attributes` give the first instant at which each held."""

    stays: tuple[Stay, ...] = ()
    stopped_open: tuple[Stay, ...] | None = None
    supplements: tuple[Pause, ...] = ()
    payments: tuple[Pause, ...] = ()
    dues: tuple[Due, ...] = ()
    original: Millis | None = None
    attributes: tuple[tuple[str, Millis], ...] = ()
    result_due: bool = True
    unhappy: bool = False
    apologies: tuple[Millis, ...] = ()

    def stays_for(self, family: str) -> tuple[Stay, ...]:
        """The stays under a rule family."""
        if family == "06a-stopped-open" and self.stopped_open is not None:
            return self.stopped_open
        return self.stays

    def due_at(self, t: Millis) -> Millis | None:
        """The due date in force at an instant: the last one said at or before it."""
        dues = self.dues
        if len(dues) == 1:
            return dues[0].due if dues[0].at <= t else None
        n = bisect_right(dues, t, key=lambda x: x.at)
        return dues[n - 1].due if n else None

    def held(self) -> frozenset[str]:
        """The attributes that the dossier has, as known now, under the names of `measures.ATTRIBUTES`."""
        return _held(tuple([name for name, _ in self.attributes]), self.result_due)

    def attribute_mask(self) -> int:
        """The same as a mask: bit n set for `ATTRIBUTES[n]`."""
        return _mask(tuple([name for name, _ in self.attributes]), self.result_due)

    def as_if_ended(self, moment: Millis) -> "Timeline":
        """The timeline if nothing happened from an instant on: what was open then stays open."""

        def pauses(found: tuple[Pause, ...]) -> tuple[Pause, ...]:
            kept = (p for p in found if p.start < moment)
            return tuple(p if p.done is None or p.done < moment else Pause(p.start) for p in kept)

        def stays(found: tuple[Stay, ...]) -> tuple[Stay, ...]:
            kept = (s for s in found if s.start < moment)
            return tuple(s if s.end is None or s.end < moment else Stay(s.start) for s in kept)

        return msgspec.structs.replace(
            self,
            stays=stays(self.stays),
            stopped_open=None if self.stopped_open is None else stays(self.stopped_open),
            supplements=pauses(self.supplements),
            payments=pauses(self.payments),
            dues=tuple(x for x in self.dues if x.at < moment),
        )

    def encode(self) -> str:
        """The canonical text kept in the store."""
        return _encode(self).decode()


@lru_cache(maxsize=8_192)
def _held(attributes: tuple[str, ...], result_due: bool) -> frozenset[str]:
    names = set(attributes)
    if result_due:
        names.add("result_due")
    else:
        names.discard("result")
    if "component" in names and ("result" in names or not result_due):
        names.add("digitised")
    if "paid_online" in names and "payable" not in names:
        names.discard("paid_online")
    return frozenset(names)


@lru_cache(maxsize=8_192)
def _mask(attributes: tuple[str, ...], result_due: bool) -> int:
    held = _held(attributes, result_due)
    return sum(1 << n for n, name in enumerate(ATTRIBUTES) if name in held)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Timeline).decode


def decode_timeline(text: str | bytes) -> Timeline:
    """The timeline of a stored row."""
    return _decode(text)


ComputeDue = Callable[[str | None, Millis], Millis | None]
"""From a procedure and the instant of acceptance, the due date by the procedure's limit, or None."""


def timeline_of(state: State, computed_due: Millis | None, *, result_due: bool) -> Timeline:
    """The timeline of a state. `computed_due` is the due date by the procedure's limit, used from acceptance
    on where no source stated one by then (domain.md §4: compute it only where it is missing)."""
    stays = _stays(state, stopped_ends=True)
    stopped = any(how == "stopped" for segment in state.segments if segment.others for _, how in segment.others)
    open_stays = _stays(state, stopped_ends=False) if stopped else stays
    dues = state.dues if len(state.dues) < 2 else tuple(sorted(state.dues, key=lambda x: x.at))
    accepted = state.accepted_at
    if accepted is not None and not (dues and dues[0].at <= accepted):
        fallback = state.stated_original if state.stated_original is not None else computed_due
        if fallback is not None:
            dues = (Due(accepted, fallback), *dues)
    attributes = tuple(sorted(state.firsts))
    if state.channel == "online" and accepted is not None:
        attributes = (*attributes, ("online", accepted))
    return Timeline(
        stays=stays,
        stopped_open=None if open_stays == stays else open_stays,
        supplements=state.supplements,
        payments=state.payments,
        dues=dues,
        original=dues[0].due if dues else None,
        attributes=attributes,
        result_due=result_due,
        unhappy=state.disliked or state.complained,
        apologies=state.apologies,
    )


def _stays(state: State, *, stopped_ends: bool) -> tuple[Stay, ...]:
    """Segments as stays: an end before the start is clamped to it (a finding tells), a segment without an
    end under this reading runs on into the next one."""
    if state.accepted_at is None:
        return ()
    if len(state.segments) == 1:
        only = state.segments[0].end(stopped_ends=stopped_ends)
        if only is None:
            return (Stay(state.accepted_at),)
        return (Stay(state.accepted_at, max(state.accepted_at, only[0]), only[1]),)
    stays: list[Stay] = []
    start: Millis | None = state.accepted_at
    for n, segment in enumerate(state.segments):
        if n and start is None and segment.start is not None:
            start = max(segment.start, stays[-1].end or segment.start)
        end = segment.end(stopped_ends=stopped_ends)
        if start is None:
            continue
        if end is not None:
            stays.append(Stay(start, max(start, end[0]), end[1]))
            start = None
        elif n == len(state.segments) - 1:
            stays.append(Stay(start))
    return tuple(stays)
