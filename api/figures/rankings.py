"""The league table's figures: the units under a unit, scored and put in their places by `domain.ranking`."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal, get_args

from api.figures.context import FigureContext, Question, ask, heading
from api.figures.quantities import Quantities
from api.figures.scorecards import card_of
from domain.errors import InvalidInput
from domain.fold import UNKNOWN_UNIT
from domain.ranking import KINDS, MONTH_MS, Contender, PeerTable, peer_tables

By = Literal["portal", "rebased"]
Row = dict[str, Any]


def rankings(
    ctx: FigureContext,
    period: str,
    unit: str | None = None,
    kind: str | None = None,
    by: By = "portal",
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
    sizes: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """The units under a unit (default the root) in groups by kind and size; equal totals as shown, to two
    decimals, share a rank and the next rank is left out. `by` chooses which of the two totals ranks; `sizes` are
    bounds by kind that replace the set's `peer_sizes`."""
    if by not in get_args(By):
        raise InvalidInput(f"'{by[:40]}' is no total to rank by: choose portal or rebased")
    q = ask(ctx, unit or ctx.root, period, as_of, known_at, set_name)
    known = Quantities(ctx, q)
    rows = {
        code: _row(ctx, q, code, known)
        for code in sorted(known.tree.subtree(q.unit) - {q.unit, UNKNOWN_UNIT})
        if _listed(known, q, code, kind) and (ctx.visible is None or code in ctx.visible)
    }
    fewest = q.indicator_set.ranked_from
    bounds = {k: tuple(q.indicator_set.peer_sizes) for k in KINDS} | dict(sizes or {})
    contenders = [_contender(row, by) for row in rows.values()]
    tables = peer_tables(contenders, fewest, bounds, (q.until - q.start) / MONTH_MS)
    return {
        **heading(ctx, q),
        "by": by,
        "fewest": fewest,
        "groups": [_group(table, rows, by) for table in tables],
    }


def _listed(known: Quantities, q: Question, code: str, kind: str | None) -> bool:
    """Units that stand at the period's end and answer for themselves: offices under a commune are part of it."""
    node = known.tree.units[code]
    if node.closed_at is not None and node.closed_at < q.until:
        return False
    if kind is not None:
        return node.kind == kind
    return node.kind in ("department", "commune") or (node.parent == q.unit and node.registered)


def _row(ctx: FigureContext, q: Question, code: str, known: Quantities) -> Row:
    card = card_of(ctx, q, code, known)
    volumes = card["volumes"]
    return {
        "unit": code,
        "name": card["name"],
        "kind": card["kind"],
        "received": volumes.get("received"),
        "late": None if "done_late" not in volumes else (volumes["done_late"] or 0) + (volumes["open_late"] or 0),
        "total_portal": card["total_portal"],
        "total_rebased": card["total_rebased"],
        "max_applicable": card["max_applicable"],
        "band": card["band"],
        "groups": {g["code"]: g["points"] for g in card["groups"]},
    }


def _contender(row: Row, by: By) -> Contender:
    return Contender(row["unit"], row["kind"], row["received"] or 0, row[f"total_{by}"], row["groups"])


def _group(table: PeerTable, rows: Mapping[str, Row], by: By) -> dict[str, Any]:
    ranked = [rows[p.code][f"total_{by}"] for p in table.places if p.rank is not None]
    placed = [{**rows[p.code], "size": table.size, "rank": p.rank, "reason": p.reason} for p in table.places]
    return {
        "kind": table.kind,
        "size": table.size,
        "lower": table.lower,
        "upper": table.upper,
        "median": median(ranked) if ranked else None,
        "units": placed,
    }
