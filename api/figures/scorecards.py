"""A unit's scorecard: all indicators, points, groups, both totals (shape of design §6, decisions 28)."""

from collections.abc import Mapping
from typing import Any

from api.figures.context import FigureContext, Question, ask, heading
from api.figures.quantities import Quantities, unknown_reason
from domain.expressions import Number
from domain.indicator_sets import UnitKind
from domain.scoring import score


def scorecard(
    ctx: FigureContext,
    unit: str,
    period: str,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
    children: bool = False,
) -> dict[str, Any]:
    """The scorecard of a unit with its subtree; `children` adds those of the units directly under it."""
    q = ask(ctx, unit, period, as_of, known_at, set_name)
    known = Quantities(ctx, q)
    card = card_of(ctx, q, unit, known)
    if children:
        card["children"] = [card_of(ctx, q, child, known) for child in known.tree.children.get(unit, ())]
    return card


def card_of(ctx: FigureContext, q: Question, unit: str, known: Quantities) -> dict[str, Any]:
    """One unit's card from the quantities of a question."""
    found = known.of(unit)
    node = known.tree.units.get(unit) or ctx.tree.units[unit]
    kind: UnitKind | None = node.kind  # type: ignore[assignment]
    scored = score(q.indicator_set, found, kind, None if unit == ctx.root else known.province())
    rows = []
    for row in scored.indicators:
        indicator = q.indicator_set.indicator(row.code)
        assert indicator is not None
        rows.append(
            {
                "code": row.code,
                "name": indicator.name,
                "group": row.group,
                "numerator": row.numerator,
                "denominator": row.denominator,
                "rate": row.rate,
                "points": row.points,
                "max": row.max,
                "applies": row.applies,
                "reason": _reason(q, row.code, row.numerator, row.denominator, found),
            }
        )
    return {
        **heading(ctx, q),
        "unit": unit,
        "name": node.name,
        "kind": node.kind,
        "total_portal": scored.total_portal,
        "total_rebased": scored.total_rebased,
        "max_applicable": scored.max_applicable,
        "band": scored.band,
        "groups": [
            {"code": g.code, "name": d.name, "points": g.points, "max": g.max}
            for g, d in zip(scored.groups, q.indicator_set.groups, strict=True)
        ],
        "indicators": rows,
        "volumes": volumes(found),
        "undated": undated(found),
        "children": [],
    }


def _reason(
    q: Question,
    code: str,
    numerator: Number | None,
    denominator: Number | None,
    found: Mapping[str, Number | None],
) -> str | None:
    indicator = q.indicator_set.indicator(code)
    assert indicator is not None
    if numerator is None or denominator is None:
        return unknown_reason(q.indicator_set, indicator, dict(found))
    return "nothing of the kind in the period" if denominator == 0 else None


def volumes(found: Mapping[str, Number | None]) -> dict[str, Number | None]:
    """The quantities of group B, from which its rate comes."""
    listed = "received carried accepted accepted_online done done_ok done_late done_early open open_late satisfied"
    return {name: found[name] for name in listed.split() if name in found}


def undated(found: Mapping[str, Number | None]) -> int | None:
    """Dossiers in hand in the period without any due date: on time in B, and shown. None under rules that do not
    tell them apart (06a with stops left open)."""
    if "undated_open" not in found:
        return None
    return int(found["undated_open"] or 0) + int(found["undated_done"] or 0)
