"""Reference lists: units, findings, indicator sets."""

from typing import Any

from api.figures import cursors
from api.figures.context import FigureContext
from domain.indicator_documents import packaged_sets
from sinks.queries import reference


def units(ctx: FigureContext) -> list[dict[str, Any]]:
    """The units that may be seen, registered or only seen in dossiers, in order of code."""
    visible = ctx.visible
    return [
        {
            "code": u.code,
            "name": u.name,
            "kind": u.kind,
            "parent": u.parent,
            "registered": u.registered,
            "seen": u.seen,
            "merged_into": u.merged_into,
            "closed_at": ctx.text(u.closed_at),
            "children": len(ctx.tree.children.get(u.code, ())),
        }
        for u in sorted(ctx.tree.units.values(), key=lambda u: u.code)
        if visible is None or u.code in visible
    ]


def findings(
    ctx: FigureContext,
    unit: str | None = None,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Findings that hold: things to look into, never verdicts on people; `counts` over all kinds."""
    reader = ctx.reader(unit)
    mark = cursors.decode(cursor, kind=str, subject=str)
    rows = reference.findings(reader, kind, None, (mark.get("kind", ""), mark.get("subject", "")), limit + 1)
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return {
        "unit": unit or ctx.root,
        "counts": reference.finding_counts(reader),
        "findings": [
            {
                "kind": f["kind"],
                "dossier_code": f["subject"],
                "unit": f["unit"],
                "known_at": ctx.text(f["known_at"]),
                "evidence": f["evidence"],
            }
            for f in page
        ],
        "next": cursors.encode(kind=last["kind"], subject=last["subject"]) if last else None,
        **ctx.position(),
    }


def indicator_sets(ctx: FigureContext | None = None) -> list[dict[str, Any]]:
    """The indicator sets: the packaged ones, and with a context those published in the log too."""
    listed = packaged_sets() if ctx is None else ctx.known_sets
    return [
        {
            "name": s.name,
            "version": s.version,
            "title": s.title,
            "title_en": s.title_en,
            "valid_from": s.valid_from.isoformat() if s.valid_from else None,
            "valid_to": s.valid_to.isoformat() if s.valid_to else None,
            "rules": s.family,
            "attribute_basis": s.attribute_basis,
            "petition_basis": s.petition_basis,
            "settings": {
                "supplement_credit": s.supplement_credit,
                "payment_wait": s.payment_wait,
                "stopped": s.stopped,
                "reopened": s.reopened,
                "required_parts": list(s.required_parts),
                "ranked_from": s.ranked_from,
                "peer_sizes": list(s.peer_sizes),
            },
            "total": s.total,
            "bands": [{"code": b.code, "name": b.name, "at_least": b.at_least} for b in s.bands],
            "groups": [
                {"code": g.code, "name": g.name, "name_en": g.name_en, "metric": g.metric} for g in s.groups
            ],
            "indicators": [
                {
                    "code": i.code,
                    "group": i.group,
                    "name": i.name,
                    "name_en": i.name_en,
                    "max": i.max,
                    "full_marks_at": i.full_marks_at,
                    "numerator": i.numerator,
                    "denominator": i.denominator,
                    "denominator_when_empty": i.denominator_when_empty,
                    "when_empty": i.when_empty,
                    "when_unknown": i.when_unknown,
                    "basis": i.basis,
                    "unit_kinds": list(i.unit_kinds),
                    "inherited_by": list(i.inherited_by),
                    "note": i.note,
                }
                for i in s.indicators
            ],
        }
        for s in listed
    ]
