"""A figure opened for a stranger: its dossiers, or a commitment to all of them and a sample that nobody chose.

Every dossier's share of numerator and denominator is worked out by the functions that made the figure. The shares
stand in a tree whose nodes hold hashes and sums (`sinks/sealing/offline`): its root is the commitment, its sums
are the figure, and which dossiers are shown follows from the root and the newest checkpoint.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from api.audit import last_year
from api.audit.changes import shares
from api.audit.counted import Counted, counted, figure_of
from api.figures.context import FigureContext, Question, ask, heading
from api.figures.quantities import TOLD, told
from api.figures.reconciliation import receipts
from api.figures.scorecards import scorecard
from api.problems import NotFound
from domain.errors import InvalidInput, Unavailable
from domain.expressions import Expression, Largest, Name, names
from domain.seals import Signed
from sinks.queries import dossiers
from sinks.queries.dossiers import Timed
from sinks.sealing.offline import verify_bundle

SAMPLE = 200
"""So many dossiers a bundle holds with all their events: about 3 MB."""
MOST = 300_000
"""Dossiers in hand beyond which a figure is not opened in one bundle: a smaller unit or a shorter period is."""
_TRIES = 3


Subjects = list[tuple[str, str]]
"""(kind, subject) of those whose events a bundle must show."""


def committed(
    ctx: FigureContext,
    signed: Signed,
    code: str,
    unit: str,
    period: str,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any], Subjects]:
    """(what a figure's bundle says, the heading, whose events it shows). The figure is that of the scorecard
    exactly: InvalidInput where it counts several kinds of things, or too many; Unavailable where it moves while it
    is opened."""
    q = ask(ctx, unit, period, ctx.now_ms if as_of is None else as_of, known_at, set_name)
    indicator = q.indicator_set.indicator(code)
    if indicator is None:
        raise NotFound(f"the set {q.indicator_set.name} has no indicator {code[:64]}")
    said = figure_of(ctx, q, indicator)
    basis, figure = said["basis"], q.indicator_set.figure(indicator)
    for _ in range(_TRIES):
        card = scorecard(ctx, unit, period, q.as_of, q.known_at, q.indicator_set.name)
        row = next(r for r in card["indicators"] if r["code"] == code)
        if row["numerator"] is None or row["denominator"] is None:
            raise InvalidInput(f"{code} is unknown here, so there is nothing to open: {row['reason']}")
        rows = _dossiers(ctx, q, code) if basis == "dossiers" else counted(ctx, q, said)
        sums = sum(r.up for r in rows), sum(r.down for r in rows)
        documents = _documents(ctx, q, figure.denominator, sums[1])
        if documents and not documents["denominator"] and figure.fallback is not None:
            year = last_year.bounds(ctx, q)
            if year is not None:
                rows = last_year.rows(ctx, q, said, year) if rows == [] and not year["told"] else rows
                sums = sums[0], sum(r.down for r in rows)
                documents |= last_year.denominator(year, sums[1])
        if (row["numerator"] or 0, row["denominator"] or 0) == (sums[0], documents.get("denominator", sums[1])):
            opened = _opened(rows, sums, signed, "timeline" if basis == "dossiers" else "told") | documents
            subjects = [one for shown in opened["rows"] for one in rows[shown["at"]].subjects]
            subjects += [("unit", unit)] if documents else []
            return said | opened, heading(ctx, q), list(dict.fromkeys(subjects))
    if q.known_at is None and not any(map(_told, (figure.numerator, figure.denominator))):
        raise Unavailable(f"{code} moves while it is opened: ask again, or as known at an instant (known_at)")
    raise InvalidInput(f"{code} rests on more than dossiers and what documents tell of them")


def _documents(ctx: FigureContext, q: Question, denominator: Expression, counted: int) -> dict[str, Any]:
    """What the verifier is told of a denominator that documents may tell: which may, before when, what it comes to
    with our count in the portal's place where the portal told nothing; {} where none may."""
    parts = denominator.of if isinstance(denominator, Largest) else (denominator,)
    largest = [part.name for part in parts if isinstance(part, Name) and _told(part)]
    if not largest or len(largest) < len(parts):
        return {}
    before = {"accepted_per_portal": counted} | told(ctx, q, q.unit, q.period.label)
    known = [value for name in largest if (value := before.get(name)) is not None]
    whole = max(known, default=0)
    asked = {"largest": largest, "period": q.period.label, "before": ctx.now_ms}
    return {
        "counted_denominator": counted,
        "denominator": int(whole) if whole == int(whole) else whole,
        "documents": asked,
    }


def received(
    ctx: FigureContext, code: str, unit: str, period: str, known_at: str | int | None = None
) -> tuple[dict[str, Any], dict[str, Any], Subjects]:
    """The same of what the national portal showed of an indicator: the last receipt of that unit and period."""
    q = ask(ctx, unit, period, None, known_at)
    found = receipts(ctx, q)
    row = found[-1]["rows"].get(code) if found else None
    if row is None:
        raise NotFound(f"the portal's {code[:64]} of {unit} in {q.period.label} was not received")
    said = {"basis": "portal", "indicator": code, "unit": unit, "period": q.period.label, "known_at": q.known_at}
    said |= {name: getattr(row, name) for name in ("numerator", "denominator", "score", "max")}
    return {**said, "receipt": found[-1]["log"], "refused": []}, heading(ctx, q), [("unit", unit)]


def _told(part: Expression) -> bool:
    """Whether a document's figure may stand in place of our count."""
    return any(name in TOLD.values() for name in names(part))


def _dossiers(ctx: FigureContext, q: Question, code: str) -> list[Counted]:
    """The dossiers that add anything, in order of code."""
    return [
        Counted(d.code, msgspec.json.decode(d.timeline), up, down, (("dossier", d.code),))
        for d, (up, down) in _shares(ctx, q, code)
    ]


def _shares(ctx: FigureContext, q: Question, code: str) -> Iterator[tuple[Timed, tuple[int, int]]]:
    for looked_at, d in enumerate(sorted(_known_then(ctx, q)) if q.known_at is not None else _now(ctx, q)):
        if looked_at >= MOST:
            raise InvalidInput(f"more than {MOST} dossiers: choose a smaller unit or a shorter period")
        up, down = shares(ctx, q, d, None).get(code, (0, 0))
        if (up, down) != (0, 0):
            yield d, (int(up), int(down))


def _now(ctx: FigureContext, q: Question) -> Iterator[Timed]:
    where = dossiers.in_hand(q.start, q.until, by_last_end=q.family != "06a-stopped-open")
    for page in dossiers.pages(ctx.reader(q.unit), where):
        yield from page


def _known_then(ctx: FigureContext, q: Question) -> Iterator[Timed]:
    assert q.known_at is not None
    reader = ctx.reader(q.unit)
    if q.unit != ctx.root:
        units = ctx.tree_at(q.known_at, q.as_of).subtree(q.unit)
        reader = ctx.everything.within(units if ctx.visible is None else units & ctx.visible)
    yield from dossiers.known(reader, q.known_at)


def _opened(rows: list[Counted], sums: tuple[int, int], signed: Signed, name: str) -> dict[str, Any]:
    leaves = [(verify_bundle.row_hash([r.code, r.up, r.down, r.told]), r.up, r.down) for r in rows]
    levels = verify_bundle.sum_levels(leaves)
    root = levels[-1][0][0].hex() if leaves else verify_bundle.sha256(b"").hex()
    chosen = verify_bundle.drawn(root, signed.hash, len(rows), SAMPLE)
    shown = []
    for at in chosen:
        r = rows[at]
        one = {"at": at, "code": r.code, "n": r.up, "d": r.down, name: r.told}
        shown.append(one if len(chosen) == len(rows) else one | {"path": verify_bundle.sum_path(levels, at)})
    numbers = {"numerator": sums[0], "denominator": sums[1], "count": len(rows), "sample": SAMPLE}
    return {**numbers, "root": root, "rows": shown}
