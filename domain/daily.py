"""What a timeline is booked as, summed per day: what cells, rows and conditions need of the bookings.

`book` and `by_day` define it. Most dossiers have one stay, one due date and at most one supplement: their days are
put together from prepared parts instead (`_plain`), several times faster and equal (tested).
"""

from functools import lru_cache

from msgspec import Struct

from domain.bookings import Booking, Jumps, Recall, book
from domain.dossier import Pause
from domain.instants import HORIZON, Day, Millis, Zone
from domain.measures import ATTRIBUTES, FAMILIES, INDEX, suffix
from domain.timeline import Timeline

DayCell = tuple[tuple[int, int], ...]
"""The non-zero (measure index, value) pairs of a day, in ascending order."""
DayBookings = tuple[tuple[Day, DayCell], ...]
"""In ascending order of the days; no empty ones."""
LateFrom = tuple[Millis | None, ...]
"""Per family, the start of the stretch of open-and-late that has no end; None when there is none."""
_BY_TIME = ("766", "766-shift", "orig")
_BY_DATE = ("06a", "06a-stopped-open")
_LATE_OPEN = tuple(INDEX[f"late_open_{suffix(f)}"] for f in FAMILIES)
_NEVER: LateFrom = (None,) * len(FAMILIES)
assert (*_BY_TIME, *_BY_DATE) == FAMILIES


class Daily(Struct, frozen=True, array_like=True, gc=False):
    """`jumps` are those of open-and-late under 766."""

    by_day: DayBookings = ()
    late_from: LateFrom = _NEVER
    recalls: tuple[Recall, ...] = ()
    jumps: Jumps = ()


def daily(tl: Timeline, zone: Zone) -> Daily:
    """The bookings of a timeline per day."""
    if not tl.stays:
        return Daily()
    dues = tl.dues
    if (
        len(tl.stays) == 1
        and len(dues) == 1
        and dues[0].due is not None
        and dues[0].at <= tl.stays[0].start
        and tl.stopped_open is None
        and (not tl.supplements or _single(tl.supplements))
    ):
        return _plain(tl, dues[0].due, zone)
    return by_definition(tl, zone)


def _single(supplements: tuple[Pause, ...]) -> bool:
    """Whether there is one supplement, credited alike by all families."""
    pause = supplements[0]
    return len(supplements) == 1 and not pause.shifted and (pause.done is None or pause.done >= pause.start)


def by_definition(tl: Timeline, zone: Zone) -> Daily:
    """The same for any timeline, booking by booking."""
    booked = book(tl, zone)
    is_open = bool(tl.stays) and tl.stays[-1].end is None
    late_from = _late_from(booked.entries) if is_open else _NEVER
    return Daily(by_day(booked.entries, zone), late_from, booked.recalls, booked.jumps)


def by_day(entries: tuple[Booking, ...], zone: Zone) -> DayBookings:
    """Entries summed per day; pairs that cancel out inside a day vanish."""
    instants: dict[Millis, dict[int, int]] = {}
    days: dict[Day, dict[int, int]] = {}
    for at, measure, value in entries:
        cell = instants.get(at)
        if cell is None:
            cell = instants[at] = days.setdefault(zone.day(at), {})
        cell[measure] = cell.get(measure, 0) + value
    kept = ((day, tuple(sorted((m, v) for m, v in cell.items() if v))) for day, cell in sorted(days.items()))
    return tuple((day, cell) for day, cell in kept if cell)


def _late_from(entries: tuple[Booking, ...]) -> LateFrom:
    found: list[Millis | None] = []
    for measure in _LATE_OPEN:
        jumps = sorted((at, value) for at, m, value in entries if m == measure)
        found.append(jumps[-1][0] if jumps and jumps[-1][1] > 0 else None)
    return tuple(found)


# ---- one stay, one due date known from its start on, at most one supplement


def _plain(tl: Timeline, due: Millis, zone: Zone) -> Daily:
    stay = tl.stays[0]
    start, end, unhappy = stay.start, stay.end, tl.unhappy
    held = tl.held()
    due_day = zone.day(due)
    by_time = _late_by_time(tl.supplements, start, end, due)
    by_date = _late_by_date(tl, start, end, zone.midnight(due_day + 1))
    parts: list[tuple[Day, DayCell]] = [(zone.day(start), _start(held, unhappy))]
    if by_time is not None:
        parts.append((zone.day(by_time), _late(_BY_TIME, 1, unhappy)))
    for late, until in by_date:
        parts.append((zone.day(late), _late(_BY_DATE, 1, unhappy)))
        if until is not None and until != end:
            parts.append((zone.day(until), _late(_BY_DATE, -1, unhappy)))
    last = by_date[-1] if by_date else None
    if end is None:
        on = last[0] if last is not None and last[1] is None else None
        jumps = () if by_time is None else ((by_time, 1),)
        return Daily(_days(parts), (by_time, by_time, by_time, on, on), (), jumps)
    end_day = zone.day(end)
    given_up = stay.how == "withdrawn"
    ok_by_date = given_up or end_day <= due_day
    early = end_day < due_day and not given_up
    credit = sum(p.done - p.start for p in tl.supplements if p.done is not None and p.done <= end)
    was_late, was_late_by_date = by_time is not None, last is not None and last[1] == end
    ok = end - credit <= due
    parts.append((end_day, _end(held, unhappy, ok, ok_by_date, early, was_late, was_late_by_date)))
    return Daily(_days(parts), _NEVER, (), () if by_time is None else ((by_time, 1), (end, -1)))


def _late_by_time(supplements: tuple[Pause, ...], start: Millis, end: Millis | None, due: Millis) -> Millis | None:
    """From when it is open and late by 766 (and stays so): a supplement asked for by then moves that on by as long
    as it took, and while nothing came it never comes to that."""
    late = due + 1
    if supplements and supplements[0].start <= due:
        pause = supplements[0]
        if pause.done is None:
            return None
        late += pause.done - pause.start
    late = max(start, late)
    return late if late < HORIZON and (end is None or late < end) else None


def _late_by_date(
    tl: Timeline, start: Millis, end: Millis | None, late: Millis
) -> tuple[tuple[Millis, Millis | None], ...]:
    """The stretches of open and late by II.06a: what follows the due day without the pauses."""
    late = max(start, late)
    if late >= HORIZON or (end is not None and late >= end):
        return ()
    if not (tl.supplements or tl.payments):
        return ((late, end),)
    found: list[tuple[Millis, Millis | None]] = []
    for pause in sorted((*tl.supplements, *tl.payments), key=_beginning):
        if pause.done is not None and pause.done <= max(late, pause.start):
            continue
        if end is not None and pause.start >= end:
            break
        if late < pause.start:
            found.append((late, pause.start))
        if pause.done is None or (end is not None and pause.done >= end):
            return tuple(found)
        late = pause.done
    return (*found, (late, end))


def _beginning(pause: Pause) -> Millis:
    return pause.start


def _days(parts: list[tuple[Day, DayCell]]) -> DayBookings:
    """Parts of the same day put together."""
    days: dict[Day, DayCell] = {}
    for day, cell in parts:
        days[day] = _sum(days[day], cell) if day in days else cell
    return tuple(sorted((day, cell) for day, cell in days.items() if cell))


@lru_cache(maxsize=10_000)
def _sum(a: DayCell, b: DayCell) -> DayCell:
    cell = dict(a)
    for measure, value in b:
        cell[measure] = cell.get(measure, 0) + value
    return tuple(sorted((m, v) for m, v in cell.items() if v))


def _cell(names: list[tuple[str, int]]) -> DayCell:
    return tuple(sorted((INDEX[name], value) for name, value in names))


def _attributes(held: frozenset[str], *measures: str) -> list[tuple[str, int]]:
    return [(f"{measure}_{name}", 1) for name in ATTRIBUTES if name in held for measure in measures]


@lru_cache(maxsize=4_096)
def _start(held: frozenset[str], unhappy: bool) -> DayCell:
    names = [("accepted", 1), ("entered", 1), ("entered_stopped_open", 1)]
    if unhappy:
        names += [("open_unhappy", 1), ("open_unhappy_stopped_open", 1)]
    if "fee_synced" in held:
        names.append(("acc_fee_synced", 1))
    return _cell(names + _attributes(held, "acc", "entered"))


@lru_cache(maxsize=16)
def _late(families: tuple[str, ...], value: int, unhappy: bool) -> DayCell:
    measures = ("late_open", "late_unhappy") if unhappy else ("late_open",)
    return _cell([(f"{m}_{suffix(f)}", value) for m in measures for f in families])


@lru_cache(maxsize=16_384)
def _end(
    held: frozenset[str],
    unhappy: bool,
    ok: bool,
    ok_by_date: bool,
    early: bool,
    was_late: bool,
    was_late_by_date: bool,
) -> DayCell:
    names = [("left", 1), ("left_stopped_open", 1), *_attributes(held, "end", "left")]
    if unhappy:
        names += [("open_unhappy", -1), ("open_unhappy_stopped_open", -1)]
    on_time = (_BY_TIME if ok else ()) + (_BY_DATE if ok_by_date else ())
    for measure in ("left_ok",) if unhappy else ("left_ok", "left_good"):
        names += [(f"{measure}_{suffix(f)}", 1) for f in on_time]
    if early:
        names += [(f"left_early_{suffix(f)}", 1) for f in _BY_DATE]
    cell = _cell(names)
    if was_late:
        cell = _sum(cell, _late(_BY_TIME, -1, unhappy))
    return _sum(cell, _late(_BY_DATE, -1, unhappy)) if was_late_by_date else cell
