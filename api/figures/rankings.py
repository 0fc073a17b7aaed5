"""The league table: units of one kind and about one size apart, ranked 1-2-2-4 (users.md §C, §F).

A unit with too few dossiers, or without a group of the index, is listed and not ranked: its rate says nothing yet.
"""

from collections.abc import Iterable
from statistics import median
from typing import Any, Literal

from api.figures.context import FigureContext, Question, ask, heading
from api.figures.quantities import Quantities
from api.figures.scorecards import card_of
from domain.errors import InvalidInput

By = Literal["portal", "rebased"]
TOO_FEW = "chưa đủ số liệu"
_MONTH_MS = 30 * 86_400_000
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
) -> dict[str, Any]:
    """The units under a unit (default the root) in groups by kind and size; equal totals as shown, to two
    decimals, share a rank and the next rank is left out. `by` chooses which of the two totals ranks."""
    if by not in ("portal", "rebased"):
        raise InvalidInput(f"'{by}' is no total to rank by: choose portal or rebased")
    q = ask(ctx, unit or ctx.root, period, as_of, known_at, set_name)
    known = Quantities(ctx, q)
    rows = [
        _row(ctx, q, code, known, by)
        for code in sorted(known.tree.subtree(q.unit) - {q.unit})
        if _listed(known, q, code, kind) and (ctx.visible is None or code in ctx.visible)
    ]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["kind"] or "other", row["size"]), []).append(row)
    sizes = [name for name, _ in _bounds(q)]
    ordered = sorted(groups.items(), key=lambda g: (g[0][0], sizes.index(g[0][1])))
    return {
        **heading(ctx, q),
        "by": by,
        "fewest": q.indicator_set.ranked_from,
        "groups": [{"kind": kind, "size": size, **_ranked(found)} for (kind, size), found in ordered],
    }


def ranks(totals: Iterable[float]) -> list[int]:
    """Ranks 1-2-2-4 of totals, the highest first, compared as they are shown."""
    shown = [round(total, 2) for total in totals]
    return [1 + sum(other > own for other in shown) for own in shown]


def _listed(known: Quantities, q: Question, code: str, kind: str | None) -> bool:
    """Units that stand at the period's end and answer for themselves: offices under a commune are part of it."""
    node = known.tree.units[code]
    if node.closed_at is not None and node.closed_at < q.until:
        return False
    if kind is not None:
        return node.kind == kind
    return node.kind in ("department", "commune") or (node.parent == q.unit and node.registered)


def _row(ctx: FigureContext, q: Question, code: str, known: Quantities, by: By) -> Row:
    card = card_of(ctx, q, code, known)
    received = card["volumes"].get("received")
    missing = [g["code"] for g in card["groups"] if g["points"] is None]
    total = card["total_portal"] if by == "portal" else card["total_rebased"]
    reason = None
    if received is None or received < q.indicator_set.ranked_from:
        reason = TOO_FEW
    elif total is None or (missing and by == "portal"):
        reason = f"không phát sinh nhóm {', '.join(missing)}"
    return {
        "unit": code,
        "name": card["name"],
        "kind": card["kind"],
        "size": _size(q, received or 0),
        "rank": None,
        "reason": reason,
        "received": received,
        "total_portal": card["total_portal"],
        "total_rebased": card["total_rebased"],
        "max_applicable": card["max_applicable"],
        "band": card["band"],
        "groups": {g["code"]: g["points"] for g in card["groups"]},
        "_total": total,
    }


def _bounds(q: Question) -> list[tuple[str, float]]:
    """Sizes by name, with the dossiers in hand from which each begins in a period of this length."""
    months = max(1.0, (q.period.end_ms - q.start) / _MONTH_MS)
    limits = [0, *q.indicator_set.peer_sizes]
    return [
        (f"{low}–{high - 1}" if high is not None else f"≥ {low}", low * months)
        for low, high in zip(limits, [*limits[1:], None], strict=True)
    ]


def _size(q: Question, received: float) -> str:
    return next(name for name, low in reversed(_bounds(q)) if received >= low)


def _ranked(rows: list[Row]) -> dict[str, Any]:
    ranked = [row for row in rows if row["reason"] is None]
    for row, rank in zip(ranked, ranks(row["_total"] for row in ranked), strict=True):
        row["rank"] = rank
    middle = median(row["_total"] for row in ranked) if ranked else None
    ordered = sorted(rows, key=lambda r: (r["rank"] is None, r["rank"] or 0, r["unit"]))
    return {"median": middle, "units": [{k: v for k, v in row.items() if k != "_total"} for row in ordered]}
