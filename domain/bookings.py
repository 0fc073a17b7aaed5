"""How a dossier is booked: (instant, measure, +n) entries whose sums over days give every figure.

Exactly measures.md, "Bookings", whose rules were checked against brute force. Future jumps are booked already:
no midnight job, and forecasts come free.
"""

from typing import NamedTuple

from msgspec import Struct

from domain.instants import HORIZON, Millis, Zone
from domain.measures import ATTRIBUTES, FAMILIES, INDEX, suffix
from domain.timeline import Stay, Timeline
from domain.verdicts import judge

Booking = tuple[Millis, int, int]
"""(instant, index of the measure, +1 or −1)."""
Jumps = tuple[tuple[Millis, int], ...]
"""(instant, ±1) where 'open and late' changes, in order of time."""


class Recall(Struct, frozen=True, array_like=True, gc=False):
    """A re-opening: 'distinct dossiers in hand' is not additive, so each is kept as a row.

    Masks have bit n set for `FAMILIES[n]` / `ATTRIBUTES[n]`. `stopped_open` tells the stay rule.
    """

    out_at: Millis
    in_at: Millis
    stopped_open: bool
    ok: int
    early: int
    undated: bool
    unhappy: bool
    attributes: int


class Booked(NamedTuple):
    """All entries of one dossier, its re-openings, and the jumps of open-and-late under 766."""

    entries: tuple[Booking, ...]
    recalls: tuple[Recall, ...]
    jumps: Jumps


_LATE_OPEN = tuple(INDEX[f"late_open_{suffix(f)}"] for f in FAMILIES)
_LATE_UNHAPPY = tuple(INDEX[f"late_unhappy_{suffix(f)}"] for f in FAMILIES)
_LEFT_OK = tuple(INDEX[f"left_ok_{suffix(f)}"] for f in FAMILIES)
_LEFT_GOOD = tuple(INDEX[f"left_good_{suffix(f)}"] for f in FAMILIES)
_LEFT_EARLY = {FAMILIES.index(f): INDEX[f"left_early_{suffix(f)}"] for f in ("06a", "06a-stopped-open")}
_ATTRIBUTE = {a: tuple(INDEX[f"{m}_{a}"] for m in ("acc", "end", "entered", "left")) for a in ATTRIBUTES}
_STOPPED_OPEN = FAMILIES.index("06a-stopped-open")


def book(tl: Timeline, zone: Zone) -> Booked:
    """All bookings of a timeline; a dossier that was never accepted has none."""
    if not tl.stays:
        return Booked((), (), ())
    entries: list[Booking] = []
    recalls: list[Recall] = []
    held = tl.held()
    entries.append((tl.stays[0].start, INDEX["accepted"], 1))
    _book_stays(tl, tl.stays, False, held, entries, recalls, zone)
    _book_stays(tl, tl.stays_for("06a-stopped-open"), True, held, entries, recalls, zone)
    _book_attributes(tl, held, entries)
    jumps = _book_jumps(tl, entries, zone)
    return Booked(tuple(entries), tuple(recalls), jumps)


def _book_stays(
    tl: Timeline,
    stays: tuple[Stay, ...],
    stopped_open: bool,
    held: frozenset[str],
    entries: list[Booking],
    recalls: list[Recall],
    zone: Zone,
) -> None:
    rule = "_stopped_open" if stopped_open else ""
    entered, left, unhappy = (INDEX[f"{m}{rule}"] for m in ("entered", "left", "open_unhappy"))
    families = (_STOPPED_OPEN,) if stopped_open else tuple(n for n in range(len(FAMILIES)) if n != _STOPPED_OPEN)
    mask = sum(1 << n for n, a in enumerate(ATTRIBUTES) if a in held)
    for n, stay in enumerate(stays):
        entries.append((stay.start, entered, 1))
        if tl.unhappy:
            entries.append((stay.start, unhappy, 1))
        if stay.end is None:
            continue
        entries.append((stay.end, left, 1))
        if tl.unhappy:
            entries.append((stay.end, unhappy, -1))
        ok, early, undated = _book_end(tl, stay, families, entries, zone)
        if undated and not stopped_open:
            entries.append((stay.end, INDEX["left_undated"], 1))
        if n + 1 < len(stays):
            recalls.append(
                Recall(stay.end, stays[n + 1].start, stopped_open, ok, early, undated, tl.unhappy, mask)
            )


def _book_end(
    tl: Timeline, stay: Stay, families: tuple[int, ...], entries: list[Booking], zone: Zone
) -> tuple[int, int, bool]:
    """Books an end under its families; returns the masks of on-time and early families, and undated."""
    end = stay.end
    assert end is not None
    ok = early = 0
    undated = False
    for n in families:
        verdict = judge(tl, FAMILIES[n], end, stay.how, zone)
        undated = undated or verdict.due is None
        if verdict.late:
            continue
        ok |= 1 << n
        entries.append((end, _LEFT_OK[n], 1))
        if not tl.unhappy:
            entries.append((end, _LEFT_GOOD[n], 1))
        can_be_early = n in _LEFT_EARLY and stay.how != "withdrawn" and verdict.due is not None
        if can_be_early and verdict.due is not None and zone.day(end) < zone.day(verdict.due):
            early |= 1 << n
            entries.append((end, _LEFT_EARLY[n], 1))
    return ok, early, undated


def _book_attributes(tl: Timeline, held: frozenset[str], entries: list[Booking]) -> None:
    last = tl.stays[-1].end
    if "fee_synced" in held:
        entries.append((tl.stays[0].start, INDEX["acc_fee_synced"], 1))
    for name in held:
        measures = _ATTRIBUTE.get(name)
        if measures is None:
            continue
        accepted, ended, entered, left = measures
        entries.append((tl.stays[0].start, accepted, 1))
        if last is not None:
            entries.append((last, ended, 1))
        for stay in tl.stays:
            entries.append((stay.start, entered, 1))
            if stay.end is not None:
                entries.append((stay.end, left, 1))


def _book_jumps(tl: Timeline, entries: list[Booking], zone: Zone) -> Jumps:
    """The jumps of open ∧ late per family, and of open ∧ undated; returns those under 766. Families that cannot
    differ on this timeline are judged once."""
    like_766 = set()
    if not any(p.shifted for p in tl.supplements):
        like_766.add("766-shift")
    if len(tl.dues) <= 1:
        like_766.add("orig")
    by_family: list[Jumps] = []
    for n, family in enumerate(FAMILIES):
        if family in like_766:
            jumps = by_family[0]
        elif family == "06a-stopped-open" and tl.stopped_open is None:
            jumps = by_family[FAMILIES.index("06a")]
        else:
            jumps = late_open_jumps(tl, family, zone)
        by_family.append(jumps)
        for at, value in jumps:
            entries.append((at, _LATE_OPEN[n], value))
            if tl.unhappy:
                entries.append((at, _LATE_UNHAPPY[n], value))
    if any(x.due is None for x in tl.dues) or not tl.dues or tl.dues[0].at > tl.stays[0].start:
        for at, value in _undated_jumps(tl):
            entries.append((at, INDEX["undated"], value))
    return by_family[0]


def late_open_jumps(tl: Timeline, family: str, zone: Zone) -> Jumps:
    """(instant, ±1) where 'open and late' changes under a family, in order of time.

    The function is right-continuous; it can change only at an in, out, request, receipt, due statement, one
    millisecond after a due date (with or without the credit of one supplement), or at midnight after a due day.
    What would happen after HORIZON is left out.
    """
    stays = tl.stays_for(family)
    by_date = family.startswith("06a")
    candidates: set[Millis] = set()
    for stay in stays:
        candidates.add(stay.start)
        if stay.end is not None:
            candidates.add(stay.end)
    for pause in (*tl.supplements, *tl.payments) if by_date else tl.supplements:
        candidates.add(pause.start)
        if pause.done is not None:
            candidates.add(pause.done)
    for x in tl.dues:
        candidates.add(x.at)
        if x.due is None:
            continue
        if by_date:
            candidates.add(zone.midnight(zone.day(x.due) + 1))
            continue
        candidates.add(x.due + 1)
        for pause in tl.supplements:
            if pause.done is not None:
                candidates.add(x.due + (pause.done - pause.start) + 1)
    jumps: list[tuple[Millis, int]] = []
    was = False
    for t in sorted(c for c in candidates if c < HORIZON):
        now = is_open(stays, t) and judge(tl, family, t, None, zone).late
        if now != was:
            jumps.append((t, 1 if now else -1))
            was = now
    return tuple(jumps)


def _undated_jumps(tl: Timeline) -> tuple[tuple[Millis, int], ...]:
    candidates = {s.start for s in tl.stays} | {s.end for s in tl.stays if s.end is not None}
    candidates |= {x.at for x in tl.dues}
    jumps: list[tuple[Millis, int]] = []
    was = False
    for t in sorted(candidates):
        now = is_open(tl.stays, t) and tl.due_at(t) is None
        if now != was:
            jumps.append((t, 1 if now else -1))
            was = now
    return tuple(jumps)


def is_open(stays: tuple[Stay, ...], t: Millis) -> bool:
    """Whether a stay covers the instant: [start, end)."""
    for s in stays:  # noqa: SIM110 - asked most of all, and half the cost without a generator
        if s.start <= t and (s.end is None or t < s.end):
            return True
    return False
