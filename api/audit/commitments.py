"""A figure opened for a stranger: its dossiers, or a commitment to all of them and a sample that nobody chose.

Every dossier's share of numerator and denominator is worked out by the functions that made the figure. The shares
stand in a tree whose nodes hold hashes and sums (`sinks/sealing/offline`): its root is the commitment, its sums
are the figure, and which dossiers are shown follows from the root and the newest checkpoint.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from api.audit.changes import shares
from api.figures.context import FigureContext, Question, ask, heading
from api.figures.indicators import own_part
from api.figures.scorecards import scorecard
from api.problems import NotFound
from domain.errors import InvalidInput, Unavailable
from domain.expressions import Expression, Largest, Name, names
from domain.indicator_sets import Indicator
from domain.seals import Signed
from sinks.queries import dossiers
from sinks.queries.dossiers import Timed
from sinks.sealing.offline import verify_bundle

SAMPLE = 200
"""So many dossiers a bundle holds with all their events: about 3 MB."""
MOST = 300_000
"""Dossiers in hand beyond which a figure is not opened in one bundle: a smaller unit or a shorter period is."""
_TRIES = 3
_PAGE = 5_000
_NO_DOSSIER: list[Any] = [[], None, [], [], [], None, [], True, False]


def committed(
    ctx: FigureContext,
    signed: Signed,
    code: str,
    unit: str,
    period: str,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what a figure's bundle says, the heading). The figure is that of the scorecard exactly: InvalidInput where
    it counts more than dossiers, or too many; Unavailable where it moves while it is opened."""
    q = ask(ctx, unit, period, ctx.now_ms if as_of is None else as_of, known_at, set_name)
    indicator = q.indicator_set.indicator(code)
    if indicator is None:
        raise NotFound(f"the set {q.indicator_set.name} has no indicator {code[:64]}")
    parts = _parts(q, indicator)
    for _ in range(_TRIES):
        card = scorecard(ctx, unit, period, q.as_of, q.known_at, q.indicator_set.name)
        row = next(r for r in card["indicators"] if r["code"] == code)
        if row["numerator"] is None or row["denominator"] is None:
            raise InvalidInput(f"{code} is unknown here, so there is nothing to open: {row['reason']}")
        rows = [(d, *pair) for d, pair in _shares(ctx, q, code)]
        sums = sum(r[1] for r in rows), sum(r[2] for r in rows)
        if sums == (row["numerator"] or 0, row["denominator"] or 0):
            bounds = {"start": q.start, "until": q.until, "family": q.family, "known_at": q.known_at}
            offset = {"utc_offset_ms": int(ctx.zone.local(q.until).utcoffset().total_seconds() * 1000)}  # type: ignore[union-attr]
            said = {"indicator": code, "unit": unit, "parts": parts, **bounds, **offset}
            return said | _opened(rows, sums, signed), heading(ctx, q)
    figure = q.indicator_set.figure(indicator)
    if q.known_at is None and not any(map(_told, (figure.numerator, figure.denominator))):
        raise Unavailable(f"{code} moves while it is opened: ask again, or as known at an instant (known_at)")
    raise InvalidInput(f"{code} rests on more than dossiers here: what documents told counts before our count")


def _told(part: Expression) -> bool:
    """Whether a document's figure may stand in place of our count."""
    return any(name.startswith("fact:") or name == "accepted_per_portal" for name in names(part))


def _parts(q: Question, indicator: Indicator) -> dict[str, list[tuple[int, str]]]:
    """Numerator and denominator as signed quantities that the verifier counts by itself."""
    figure = q.indicator_set.figure(indicator)
    known = verify_bundle.quantities(_NO_DOSSIER, 0, 1, q.family, 0)
    found = {
        name: list(_terms(own_part(part)))
        for name, part in (("numerator", figure.numerator), ("denominator", figure.denominator))
    }
    other = [name for terms in found.values() for _, name in terms if name not in known]
    if other:
        raise InvalidInput(f"{indicator.code} counts {other[0]}, which is not a sum over dossiers")
    return found


def _terms(part: Expression, sign: int = 1) -> Iterator[tuple[int, str]]:
    if isinstance(part, Name):
        yield sign, part.name
    elif isinstance(part, Largest):
        raise InvalidInput("a figure that takes the larger of two counts is not a sum over dossiers")
    else:
        for inner, term in part.terms:
            yield from _terms(term, sign * inner)


def _shares(ctx: FigureContext, q: Question, code: str) -> Iterator[tuple[Timed, tuple[int, int]]]:
    """The dossiers that add anything, in order of code."""
    for looked_at, d in enumerate(sorted(_known_then(ctx, q)) if q.known_at is not None else _now(ctx, q)):
        if looked_at >= MOST:
            raise InvalidInput(f"more than {MOST} dossiers: choose a smaller unit or a shorter period")
        up, down = shares(ctx, q, d, None).get(code, (0, 0))
        if (up, down) != (0, 0):
            yield d, (int(up), int(down))


def _now(ctx: FigureContext, q: Question) -> Iterator[Timed]:
    where, after = dossiers.in_hand(q.start, q.until, by_last_end=q.family != "06a-stopped-open"), ""
    while True:
        page = dossiers.page(ctx.reader(q.unit), where, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].code


def _known_then(ctx: FigureContext, q: Question) -> Iterator[Timed]:
    assert q.known_at is not None
    reader = ctx.reader(q.unit)
    if q.unit != ctx.root:
        units = ctx.tree_at(q.known_at, q.as_of).subtree(q.unit)
        reader = ctx.everything.within(units if ctx.visible is None else units & ctx.visible)
    yield from dossiers.known(reader, q.known_at)


def _opened(rows: list[tuple[Timed, int, int]], sums: tuple[int, int], signed: Signed) -> dict[str, Any]:
    timelines = [msgspec.json.decode(d.timeline) for d, _, _ in rows]
    leaves = [
        (verify_bundle.row_hash([d.code, up, down, timeline]), up, down)
        for (d, up, down), timeline in zip(rows, timelines, strict=True)
    ]
    levels = verify_bundle.sum_levels(leaves)
    root = levels[-1][0][0].hex() if leaves else verify_bundle.sha256(b"").hex()
    chosen = verify_bundle.drawn(root, signed.hash, len(rows), SAMPLE)
    shown = []
    for at in chosen:
        d, up, down = rows[at]
        one = {"at": at, "code": d.code, "n": up, "d": down, "timeline": timelines[at]}
        shown.append(one if len(chosen) == len(rows) else one | {"path": verify_bundle.sum_path(levels, at)})
    numbers = {"numerator": sums[0], "denominator": sums[1], "count": len(rows), "sample": SAMPLE}
    return {**numbers, "root": root, "rows": shown}
