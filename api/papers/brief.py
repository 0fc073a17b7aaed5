"""The morning brief: one page in six fixed parts, always in the same order (users.md §C).

Numbers stand beside those of the same hour on the working day before. Proposals are proposals: they say what
would help and name no cause.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from api.figures.scorecards import scorecard
from api.papers.questions import PaperQuestion
from api.papers.standing import StandingContext
from domain.bookings import late_open_jumps
from domain.instants import Day, Millis, day_date, parse_rfc3339
from domain.timeline import Timeline, decode_timeline
from domain.verdicts import judge_before, paused, stay_at
from sinks.queries import at_positions
from sinks.queries.at_positions import Held

TOP = 5
"""Units listed in any part: the brief is one page."""
OUTPUT_DAYS = 20
"""Working days over which the usual daily output is averaged."""
AHEAD_DAYS = 5
CRUNCH = 1.5
"""Times the usual output from which a day is a crunch."""
_ACCEPTANCE_HOURS = 8


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number now and at the same hour of the working day before."""

    now: int
    before: int


class DueDay(msgspec.Struct, frozen=True, kw_only=True):
    """A working day ahead (days off before it included): open dossiers due by then, and whether that is much."""

    day: str
    due: int
    crunch: bool


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What would help, and the number on this page that says so: `due_today`, `letters` (last day of Mẫu 04),
    `overdue`, or an `indicator`; `name` is the unit with the most, or the indicator."""

    kind: str
    count: int = 0
    name: str = ""
    most: int = 0
    rate: float | None = None
    lost: float | None = None


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The six parts. `units` hold (name, number) pairs."""

    day: str
    compared_with: str
    score: dict[str, Any]
    score_before: dict[str, Any] | None
    weakest: tuple[dict[str, Any], ...]
    due_today: Number
    overdue: Number
    without_apology: Number
    waiting: Number
    waiting_too_long: int
    overdue_units: tuple[tuple[str, int], ...]
    proposals: tuple[Proposal, ...]
    unacknowledged: tuple[tuple[str, int], ...]
    unacknowledged_total: int
    broken_promises: tuple[tuple[str, int], ...]
    broken_total: int
    usual_output: float
    ahead: tuple[DueDay, ...]
    undated: int
    findings: int
    dead_letters: int
    silent_units: tuple[str, ...]
    silent_total: int


class _Counts:
    """What one walk over the dossiers in hand finds."""

    def __init__(self) -> None:
        self.due_today = [0, 0]
        self.overdue = [0, 0]
        self.without_apology = [0, 0]
        self.due_today_units: Counter[str] = Counter()
        self.overdue_units: Counter[str] = Counter()
        self.late: list[tuple[str, str, Millis]] = []
        self.last_letter_day = 0
        self.due_days: Counter[Day] = Counter()
        self.done = 0
        self.undated = 0
        self.findings = 0
        self.accepted_units: set[str] = set()


def brief(ctx: StandingContext, q: PaperQuestion) -> Brief:
    """The brief of a unit for the day that `as_of` falls on; the period of its question is the month so far."""
    now = q.as_of
    calendar = ctx.calendar(now)
    day = ctx.zone.day(now)
    before_day = calendar.previous_working_day(day, 1)
    before = ctx.zone.midnight(before_day) + (now - ctx.zone.midnight(day))
    card = scorecard(ctx, q.unit, q.period.label, q.until, ctx.known_ms, q.indicator_set.name)
    earlier = None
    if before > q.start:
        earlier = scorecard(ctx, q.unit, q.period.label, before, ctx.known_ms, q.indicator_set.name)
    counts = _walk(ctx, q.unit, day, (now, before))
    waiting = list(at_positions.waiting(ctx.reader(q.unit), ctx.at, now))
    waiting_before = sum(1 for _ in at_positions.waiting(ctx.reader(q.unit), ctx.at, before))
    silent = [name for code, name in _offices(ctx, q.unit) if code not in counts.accepted_units]
    unanswered, broken = _unanswered(ctx, counts.late, now)
    weakest = _weakest(card)
    return Brief(
        day=f"{day_date(day):%d/%m/%Y}",
        compared_with=f"{day_date(before_day):%d/%m/%Y}",
        score=_score(card),
        score_before=None if earlier is None else _score(earlier),
        weakest=weakest,
        due_today=_number(counts.due_today),
        overdue=_number(counts.overdue),
        without_apology=_number(counts.without_apology),
        waiting=Number(now=len(waiting), before=waiting_before),
        waiting_too_long=sum(_too_long(ctx, w, now) for w in waiting),
        overdue_units=_top(ctx, counts.overdue_units),
        proposals=_proposals(ctx, counts, weakest),
        unacknowledged=_top(ctx, unanswered),
        unacknowledged_total=sum(unanswered.values()),
        broken_promises=_top(ctx, broken),
        broken_total=sum(broken.values()),
        usual_output=counts.done / OUTPUT_DAYS,
        ahead=_ahead(ctx, counts, day),
        undated=counts.undated,
        findings=counts.findings,
        dead_letters=at_positions.dead_letters(ctx.everything, ctx.at),
        silent_units=tuple(silent[:TOP]),
        silent_total=len(silent),
    )


def _walk(ctx: StandingContext, unit: str, day: Day, instants: tuple[Millis, Millis]) -> _Counts:
    calendar = ctx.calendar(instants[0])
    start = ctx.zone.midnight(calendar.previous_working_day(day, OUTPUT_DAYS))
    letter_day = calendar.next_working_day(day, 1)
    counts = _Counts()
    for held in ctx.held(unit, start, instants[0]):
        tl = decode_timeline(held.timeline)
        stay = stay_at(tl.stays, instants[0] - 1)
        if stay is None:
            continue
        if held.accepted_at is not None and held.accepted_at >= start:
            counts.accepted_units.add(held.unit)
        counts.done += stay.end is not None and start <= stay.end < instants[0]
        for n, instant in enumerate(instants):
            _count_open(ctx, counts, n, held, tl, instant)
        if stay.end is None or stay.end >= instants[0]:
            due = tl.due_at(instants[0] - 1)
            counts.undated += due is None
            counts.findings += len([f for f in held.findings if f != "undated"])
            if due is not None and due >= instants[0]:
                counts.due_days[ctx.zone.day(due)] += 1
                sent = any(at < instants[0] for at in tl.apologies)
                on_letter_day = ctx.zone.day(due) == letter_day
                counts.last_letter_day += on_letter_day and not sent and not paused(tl, instants[0] - 1)
    return counts


def _count_open(ctx: StandingContext, counts: _Counts, n: int, held: Held, tl: Timeline, instant: Millis) -> None:
    stay = stay_at(tl.stays, instant - 1)
    if stay is None or (stay.end is not None and stay.end < instant):
        return
    state, verdict = judge_before(tl, "766", instant, ctx.zone)
    tomorrow = ctx.zone.midnight(ctx.zone.day(instant) + 1)
    due = None if verdict is None else verdict.due
    if due is not None and instant <= due < tomorrow:
        counts.due_today[n] += 1
        counts.due_today_units[held.unit] += n == 0
    if state == "open_late":
        counts.overdue[n] += 1
        if n == 0:
            counts.overdue_units[held.unit] += 1
            began = [at for at, value in late_open_jumps(tl, "766", ctx.zone) if value > 0 and at < instant]
            counts.late.append((held.code, held.unit, began[-1] if began else instant))
        counts.without_apology[n] += not any(at < instant for at in tl.apologies)


def _offices(ctx: StandingContext, unit: str) -> list[tuple[str, str]]:
    """The departments and communes under a unit, by code: from these dossiers are expected."""
    found = []
    for code in sorted(ctx.tree.subtree(unit)):
        node = ctx.tree.units[code]
        if node.kind in ("department", "commune") and node.closed_at is None:
            found.append((code, node.name))
    return found


def _too_long(ctx: StandingContext, held: Held, now: Millis) -> bool:
    """Whether an online filing has waited longer than the eight working hours that it may."""
    if held.channel != "online" or held.submitted_at is None:
        return False
    worked = ctx.calendar(held.submitted_at).working_ms_between(held.submitted_at, now)
    return worked > _ACCEPTANCE_HOURS * 3_600_000


def _unanswered(
    ctx: StandingContext, late: Sequence[tuple[str, str, Millis]], now: Millis
) -> tuple[Counter[str], Counter[str]]:
    """Per unit, of the late dossiers (code, unit, late since): those that nobody has acknowledged for a working
    day, and those whose promised date has gone by."""
    since = ctx.zone.midnight(ctx.calendar(now).previous_working_day(ctx.zone.day(now), 1))
    acknowledged: dict[str, bool] = {}
    promised: dict[str, Millis] = {}
    for alert, act, _, until in at_positions.acts(ctx.everything, ctx.acts_to, now):
        verb = str(act).removeprefix("alert.")
        if verb in ("acknowledged", "unacknowledged"):
            acknowledged[alert] = verb == "acknowledged"
        elif verb == "promised" and until:
            promised[alert] = parse_rfc3339(until)
    about = at_positions.dossiers_of_alerts(ctx.everything, [*acknowledged, *promised])
    answered = {about[alert] for alert, holds in acknowledged.items() if holds and alert in about}
    overdue = {about[alert] for alert, until in promised.items() if until < now and alert in about}
    return (
        Counter(unit for code, unit, began in late if began < since and code not in answered),
        Counter(unit for code, unit, _ in late if code in overdue),
    )


def _weakest(card: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The three indicators that lose most points, of those that applied."""
    lost = [
        {"code": r["code"], "name": r["name"], "rate": r["rate"], "lost": r["max"] - r["points"], "max": r["max"]}
        for r in card["indicators"]
        if r["points"] is not None and r["rate"] is not None and r["max"] - r["points"] > 1e-9
    ]
    return tuple(sorted(lost, key=lambda r: (-r["lost"], r["code"]))[:3])


def _proposals(ctx: StandingContext, counts: _Counts, weakest: tuple[dict[str, Any], ...]) -> tuple[Proposal, ...]:
    """Three proposals at most, each from a number on this page."""
    found = []
    if counts.due_today[0]:
        name, most = _top(ctx, counts.due_today_units)[0]
        found.append(Proposal(kind="due_today", count=counts.due_today[0], name=name, most=most))
    if counts.last_letter_day:
        found.append(Proposal(kind="letters", count=counts.last_letter_day))
    if counts.overdue[0]:
        name, most = _top(ctx, counts.overdue_units)[0]
        found.append(Proposal(kind="overdue", count=counts.overdue[0], name=name, most=most))
    for row in weakest:
        found.append(Proposal(kind="indicator", name=row["name"], rate=row["rate"], lost=row["lost"]))
    return tuple(found[:3])


def _ahead(ctx: StandingContext, counts: _Counts, day: Day) -> tuple[DueDay, ...]:
    calendar = ctx.calendar(ctx.zone.midnight(day))
    usual = counts.done / OUTPUT_DAYS
    found = []
    last = day - 1
    for n in range(AHEAD_DAYS):
        here = calendar.next_working_day(day - 1, n + 1)
        due = sum(v for d, v in counts.due_days.items() if last < d <= here)
        much = usual > 0 and due > CRUNCH * usual
        found.append(DueDay(day=f"{day_date(here):%d/%m}", due=due, crunch=much))
        last = here
    return tuple(found)


def _top(ctx: StandingContext, counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    listed = sorted(((c, n) for c, n in counts.items() if n), key=lambda x: (-x[1], x[0]))[:TOP]
    units = ctx.tree.units
    return tuple((units[code].name if code in units else code, n) for code, n in listed)


def _number(pair: list[int]) -> Number:
    return Number(now=pair[0], before=pair[1])


def _score(card: dict[str, Any]) -> dict[str, Any]:
    return {n: card[n] for n in ("period", "total_portal", "total_rebased", "band", "groups")}
