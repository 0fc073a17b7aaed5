"""Form II.06a/VPCP/KSTT: per field or unit, received = done + in process, compared by dates (domain.md §6).

Each dossier in hand during the period is judged once, from its timeline as it stood, by the rule of the form; the
lists name the dossiers behind the late columns, those on which the form and the index disagree, and those
without any due date.
"""

from collections.abc import Iterable

import msgspec

from api.figures.procedures import Procedure, all_described
from api.figures.rows import late_working_days
from api.papers.questions import PaperQuestion, text_day
from api.papers.standing import StandingContext
from domain.errors import InvalidInput
from domain.instants import Millis
from domain.timeline import Timeline, decode_timeline
from domain.verdicts import Judgement, judge_before, stay_at
from sinks.queries import at_positions
from sinks.queries.at_positions import Held

UNKNOWN_FIELD = "(chưa rõ lĩnh vực)"
BY = ("unit", "field")


class Line(msgspec.Struct, kw_only=True):
    """One row of the form in its thirteen columns, and what the wider local form adds. All are counts.

    The totals are sums that the workbook computes: (3) = (4) + (5) + (6), (7) = (8) + (9) + (10),
    (11) = (12) + (13), and (3) = (7) + (11).
    """

    key: str
    name: str
    online: int = 0
    direct: int = 0
    carried: int = 0
    early: int = 0
    on_time: int = 0
    late: int = 0
    open_in_time: int = 0
    open_late: int = 0
    unknown_channel: int = 0
    late_with_apology: int = 0
    open_late_with_apology: int = 0
    outside: int = 0
    payable: int = 0
    paid_online: int = 0
    withdrawn: int = 0
    stopped: int = 0
    paused: int = 0
    undated: int = 0
    waiting: int = 0

    @property
    def received(self) -> int:
        """(3)."""
        return self.online + self.direct + self.carried

    @property
    def done(self) -> int:
        """(7)."""
        return self.early + self.on_time + self.late

    @property
    def in_process(self) -> int:
        """(11)."""
        return self.open_in_time + self.open_late


class DossierLine(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier on one of the lists; times as they are read on paper."""

    code: str
    name: str
    procedure: str
    accepted: str | None
    due: str | None
    due_original: str | None
    ended: str | None
    state: str
    late_days: int | None
    apology: str | None
    by_date: str
    by_time: str
    reason: str


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The whole workbook's content."""

    by: str
    lines: tuple[Line, ...]
    overdue: tuple[DossierLine, ...]
    disagree: tuple[DossierLine, ...]
    undated: tuple[DossierLine, ...]


class JudgedDossier(msgspec.Struct, frozen=True):
    """One dossier in hand: its verdicts by the form and by the index before the end of the period."""

    held: Held
    tl: Timeline
    state: str
    verdict: Judgement
    how: str
    other_state: str
    other: Judgement | None


def form(ctx: StandingContext, q: PaperQuestion) -> Form:
    """The form of a unit with its subtree. `by` is an option: unit (default) or field; `stopped=open` keeps
    stopped dossiers in process (domain.md [?])."""
    by = q.options.get("by", "unit")
    if by not in BY:
        raise InvalidInput(f"by is one of {', '.join(BY)}, not '{by[:40]}'")
    described = all_described(ctx, q.until)
    lines: dict[str, Line] = {}

    def line(held: Held) -> Line:
        key, name = _key(ctx, q, by, held, described)
        return lines.setdefault(key, Line(key=key, name=name))

    lists: tuple[list[JudgedDossier], ...] = ([], [], [])
    for one in judged(ctx, q):
        _count(line(one.held), one, q, ctx)
        if one.verdict.late:
            lists[0].append(one)
        if one.verdict.late != (one.other is not None and one.other.late):
            lists[1].append(one)
        if one.verdict.due is None:
            lists[2].append(one)
    for held in at_positions.waiting(ctx.reader(q.unit), ctx.at, q.until):
        line(held).waiting += 1
    named = {code: p.name or code for code, p in described.items()}
    overdue, disagree, undated = (_listed(ctx, q, named, found) for found in lists)
    ordered = tuple(sorted(lines.values(), key=lambda x: (x.key == "", x.key)))
    return Form(by=by, lines=ordered, overdue=overdue, disagree=disagree, undated=undated)


def judged(ctx: StandingContext, q: PaperQuestion) -> Iterable[JudgedDossier]:
    """Every dossier in hand during the period, once; the later of several stays decides (measures.md)."""
    family = family_of(q)
    for held in ctx.held(q.unit, q.start, q.until, by_last_end=family == "06a"):
        tl = decode_timeline(held.timeline)
        stay = stay_at(tl.stays_for(family), q.until - 1)
        if stay is None or (stay.end is not None and stay.end < q.start):
            continue
        state, verdict = judge_before(tl, family, q.until, ctx.zone)
        other_state, other = judge_before(tl, "766", q.until, ctx.zone)
        assert verdict is not None
        ended = stay.end is not None and stay.end < q.until
        yield JudgedDossier(held, tl, state, verdict, stay.how if ended else "", other_state, other)


def family_of(q: PaperQuestion) -> str:
    """The rule family of the form: whether 'stopped' ends a dossier is a setting."""
    stopped = q.options.get("stopped", "end")
    if stopped not in ("end", "open"):
        raise InvalidInput(f"stopped is end or open, not '{stopped[:40]}'")
    return "06a" if stopped == "end" else "06a-stopped-open"


def is_early(ctx: StandingContext, how: str, verdict: Judgement) -> bool:
    """Before the due day; a withdrawn or undated dossier is 'đúng hạn', never 'trước hạn'."""
    due = verdict.due
    return due is not None and how != "withdrawn" and ctx.zone.day(verdict.end) < ctx.zone.day(due)


def _key(
    ctx: StandingContext, q: PaperQuestion, by: str, held: Held, described: dict[str, Procedure]
) -> tuple[str, str]:
    if by == "field":
        known = described.get(held.procedure)
        field = known.field if known is not None and known.field else ""
        return field, field or UNKNOWN_FIELD
    code = _child(ctx, q.unit, held.unit)
    node = ctx.tree.units.get(code)
    return code, node.name if node is not None else code


def _child(ctx: StandingContext, top: str, unit: str) -> str:
    """The unit directly under `top` whose subtree holds a dossier's unit; `top` itself for its own."""
    here = unit
    for _ in range(20):  # deeper than any administration
        node = ctx.tree.units.get(here)
        if here == top or node is None or node.parent is None:
            return here
        if node.parent == top:
            return here
        here = node.parent
    return unit


def _count(line: Line, one: JudgedDossier, q: PaperQuestion, ctx: StandingContext) -> None:
    family = family_of(q)
    stays = one.tl.stays_for(family)
    carried = any(s.start < q.start and (s.end is None or s.end >= q.start) for s in stays)
    if carried:
        line.carried += 1
    elif one.held.channel == "online":
        line.online += 1
    else:
        line.direct += 1
        line.unknown_channel += one.held.channel == ""
    apology = any(at < q.until for at in one.tl.apologies)
    if one.how:
        if one.verdict.late:
            line.late += 1
            line.late_with_apology += apology
        elif is_early(ctx, one.how, one.verdict):
            line.early += 1
        else:
            line.on_time += 1
    elif one.verdict.late:
        line.open_late += 1
        line.open_late_with_apology += apology
    else:
        line.open_in_time += 1
        line.paused += one.verdict.reason == "paused"
    attributes = one.tl.held()
    line.outside += bool(one.held.receiving_unit) and one.held.receiving_unit != one.held.unit
    line.payable += "payable" in attributes
    line.paid_online += "paid_online" in attributes
    line.withdrawn += one.how == "withdrawn"
    line.stopped += stopped_by(one.tl, q.until)
    line.undated += one.verdict.due is None


def stopped_by(tl: Timeline, until: Millis) -> bool:
    """Whether the dossier stands stopped before an instant, whichever way the form counts that."""
    stay = stay_at(tl.stays, until - 1)
    return stay is not None and stay.how == "stopped" and stay.end is not None and stay.end < until


def _listed(
    ctx: StandingContext, q: PaperQuestion, named: dict[str, str], found: list[JudgedDossier]
) -> tuple[DossierLine, ...]:
    return tuple(_dossier(ctx, q, named, one) for one in sorted(found, key=lambda x: (x.held.unit, x.held.code)))


def _dossier(ctx: StandingContext, q: PaperQuestion, named: dict[str, str], one: JudgedDossier) -> DossierLine:
    node = ctx.tree.units.get(one.held.unit)
    apologies = [at for at in one.tl.apologies if at < q.until]
    worse = one.verdict if one.verdict.late else one.other
    return DossierLine(
        code=one.held.code,
        name=node.name if node is not None else one.held.unit,
        procedure=named.get(one.held.procedure, one.held.procedure),
        accepted=text_day(ctx, one.held.accepted_at),
        due=text_day(ctx, one.verdict.due),
        due_original=text_day(ctx, one.tl.original),
        ended=text_day(ctx, one.verdict.end) if one.how else None,
        state=one.state,
        late_days=late_working_days(ctx, worse) if worse is not None and worse.late else None,
        apology=text_day(ctx, apologies[0]) if apologies else None,
        by_date=one.state,
        by_time=one.other_state,
        reason=one.other.reason if one.other is not None else "",
    )
