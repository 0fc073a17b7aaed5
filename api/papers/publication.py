"""The monthly publication: what a unit tells its citizens, with nothing on it that points at a person.

Counts below five by procedure are not shown; codes are masked; what was published before is listed and never
replaced.
"""

from collections import Counter
from typing import Any

import msgspec

from api.figures.procedures import all_described
from api.figures.scorecards import scorecard
from api.papers.ii06a import JudgedDossier, is_early, judged
from api.papers.questions import PaperQuestion
from api.papers.standing import StandingContext
from domain.instants import day_date

SMALL = 5
"""Counts by procedure below this are shown as '<5': few people stand behind them."""
LISTED = 60
"""Apologies listed one by one at most; the rest is counted."""
_COLUMNS = ("received", "done", "late")


class ProcedureLine(msgspec.Struct, frozen=True, kw_only=True):
    """One procedure; the cells are texts, already masked."""

    name: str
    received: str
    done: str
    late: str


class ApologyLine(msgspec.Struct, frozen=True, kw_only=True):
    """One dossier that owes an apology, or had one: a masked code and dates."""

    code: str
    unit: str
    due: str
    sent: str | None


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier publication of the same period: `changed` are (what, then, now)."""

    code: str
    issued: str
    changed: tuple[tuple[str, str, str], ...] | None


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page; `indicators` are (group, name, numerator, denominator, rate, points, max, note)."""

    volumes: dict[str, int]
    score: dict[str, Any]
    indicators: tuple[dict[str, Any], ...]
    procedures: tuple[ProcedureLine, ...]
    apologies_due: int
    apologies_sent: int
    apologies: tuple[ApologyLine, ...]
    petitions: dict[str, int]
    corrections: tuple[Correction, ...] = ()


def publication(ctx: StandingContext, q: PaperQuestion) -> Publication:
    """The publication of a unit's period, without its corrections (`papers.issued` adds them)."""
    card = scorecard(ctx, q.unit, q.period.label, q.as_of, ctx.known_ms, q.indicator_set.name)
    volumes = Counter[str]()
    by_procedure: dict[str, Counter[str]] = {}
    owed: list[JudgedDossier] = []
    for one in judged(ctx, q):
        counts = by_procedure.setdefault(one.held.procedure, Counter())
        for name in _facts(ctx, q, one):
            volumes[name] += 1
            if name in _COLUMNS:
                counts[name] += 1
        if one.verdict.late:
            owed.append(one)
    sent = [o for o in owed if any(at < q.until for at in o.tl.apologies)]
    names = {code: p.name or code for code, p in all_described(ctx, q.until).items()}
    return Publication(
        volumes={name: volumes[name] for name in _VOLUMES},
        score={n: card[n] for n in ("total_portal", "total_rebased", "max_applicable", "band", "groups")},
        indicators=tuple(
            {
                n: row[n]
                for n in ("code", "name", "group", "numerator", "denominator", "rate", "points", "max", "applies")
            }
            for row in card["indicators"]
        ),
        procedures=masked({names.get(code, code) or "(chưa rõ)": c for code, c in by_procedure.items()}),
        apologies_due=len(owed),
        apologies_sent=len(sent),
        apologies=tuple(_apology(ctx, q, o) for o in sorted(owed, key=_order)[:LISTED]),
        petitions=petitions_of(ctx, q),
    )


_VOLUMES = (
    "received", "carried", "online", "direct", "done", "early", "on_time", "late", "open", "open_late", "undated"
)  # fmt: skip


def _facts(ctx: StandingContext, q: PaperQuestion, one: JudgedDossier) -> list[str]:
    """The columns in which a dossier counts; 'late' are the finished ones, by the day."""
    carried = any(s.start < q.start and (s.end is None or s.end >= q.start) for s in one.tl.stays)
    found = ["received", "carried" if carried else ("online" if one.held.channel == "online" else "direct")]
    due = one.verdict.due
    if one.how:
        early = is_early(ctx, one.how, one.verdict)
        found += ["done", "late" if one.verdict.late else ("early" if early else "on_time")]
    else:
        found += ["open", "open_late"] if one.verdict.late else ["open"]
    if due is None:
        found.append("undated")
    return found


def masked(counts: dict[str, Counter[str]]) -> tuple[ProcedureLine, ...]:
    """Rows in order of volume. A count from 1 to 4 is '<5'; where only one cell of a column would be hidden, the
    next smallest is hidden too ('ẩn'), or the column's known total would give it away."""
    order = sorted(counts, key=lambda name: (-counts[name]["received"], name))
    cells = {name: {c: str(counts[name][c]) for c in _COLUMNS} for name in order}
    for column in _COLUMNS:
        small = [name for name in order if 0 < counts[name][column] < SMALL]
        for name in small:
            cells[name][column] = f"<{SMALL}"
        if len(small) == 1:
            shown = [name for name in order if counts[name][column] >= SMALL]
            if shown:
                cells[min(shown, key=lambda name: (counts[name][column], name))][column] = "ẩn"
    return tuple(ProcedureLine(name=name, **cells[name]) for name in order)


def mask_code(code: str) -> str:
    """A code of which only the last four signs are shown: the holder knows it, nobody else finds it."""
    return "•" * max(4, len(code) - 4) + code[-4:] if len(code) > 8 else "••••" + code[-2:]


def _order(one: JudgedDossier) -> tuple[int, str]:
    return (one.verdict.due or 0, one.held.code)


def _apology(ctx: StandingContext, q: PaperQuestion, one: JudgedDossier) -> ApologyLine:
    sent = min((at for at in one.tl.apologies if at < q.until), default=None)
    node = ctx.tree.units.get(one.held.unit)

    def day(ms: int | None) -> str | None:
        return None if ms is None else f"{day_date(ctx.zone.day(ms)):%d/%m/%Y}"

    return ApologyLine(
        code=mask_code(one.held.code),
        unit=node.name if node is not None else one.held.unit,
        due=day(one.verdict.due) or "",
        sent=day(sent),
    )


def petitions_of(ctx: StandingContext, q: PaperQuestion) -> dict[str, int]:
    """Petitions in hand during the period, each in one of: answered in time, answered late, open in time, open
    late; `disliked` or raised again among them."""
    units = ctx.units_of(q.unit)
    found = dict.fromkeys(
        ("received", "carried", "answered_on_time", "answered_late", "open", "open_late", "unhappy"), 0
    )
    for p in ctx.petitions:
        if p.received_at is None or p.received_at >= q.until or (units is not None and p.unit not in units):
            continue
        answered = p.answered_at if p.answered_at is not None and p.answered_at < q.until else None
        if answered is not None and answered < q.start:
            continue
        found["received"] += 1
        found["carried"] += p.received_at < q.start
        found["unhappy"] += p.unhappy
        end = q.until - 1 if answered is None else answered
        late = p.due_at is not None and end > p.due_at
        if answered is None:
            found["open_late" if late else "open"] += 1
        else:
            found["answered_late" if late else "answered_on_time"] += 1
    return found


def differences(then: Publication, now: Publication) -> tuple[tuple[str, str, str], ...]:
    """What a later publication says otherwise, as (what, then, now)."""
    found = [
        (name, str(then.volumes[name]), str(value))
        for name, value in now.volumes.items()
        if then.volumes.get(name) != value
    ]
    for name in ("total_portal", "total_rebased"):
        before, after = (_points(p.score[name]) for p in (then, now))
        if before != after:
            found.append((name, before, after))
    for name in ("apologies_due", "apologies_sent"):
        if getattr(then, name) != getattr(now, name):
            found.append((name, str(getattr(then, name)), str(getattr(now, name))))
    found += [
        (f"petitions_{name}", str(then.petitions[name]), str(value))
        for name, value in now.petitions.items()
        if then.petitions.get(name) != value
    ]
    return tuple(found)


def _points(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
