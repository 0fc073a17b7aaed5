"""Our figures beside those that the national portal published, each difference taken apart by cause."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from api.figures import cursors
from api.figures.context import FigureContext, NotFound, Question, ask, heading
from api.figures.presumed import Presumed, class_of, in_question, portal_reading
from api.figures.quantities import from_totals
from api.figures.rows import summary
from api.figures.sums import judged
from api.figures.totals import Grain
from domain.errors import InvalidInput
from domain.event_data import PortalFigures
from domain.indicator_sets import choose_set
from domain.instants import Millis, day_date, to_millis
from domain.portal_figures import Published, of_figures
from domain.reconciliation import CAUSES, NAMES, OPENABLE, SUPPOSED, CauseCode, Figures, explain, verdict_of
from domain.timeline import decode_timeline
from domain.verdicts import judge_before
from sinks.queries import dossiers, reported
from sinks.queries.dossiers import Timed

EVENT = "unit.portal_figures_received"


def reconciliation(
    ctx: FigureContext,
    unit: str,
    period: str,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
    receipt: str | None = None,
) -> dict[str, Any]:
    """Every published figure of a unit and period against ours. Of several receipts the last known one counts, or
    the one named by `receipt`. Without any, `cannot_tell` and the reason."""
    q = ask(ctx, unit, period, as_of, known_at, set_name)
    found = receipts(ctx, q)
    chosen = _chosen(found, receipt)
    whole = {
        **heading(ctx, q),
        "verdict": "cannot_tell",
        "reason": None,
        "receipt": None,
        "receipts": [{k: v for k, v in r.items() if k not in ("rows", "cut", "period")} for r in found],
        "units": _units_with_receipts(ctx, q),
        "causes": [],
        "differences": [],
        "not_in_set": [],
    }
    if chosen is None:
        return {**whole, "reason": f"the portal's figures of {unit} for {q.period.label} have not been received"}
    rows: Mapping[str, Published] = chosen["rows"]
    steps = Presumed(ctx, q, chosen["cut"], _portal_set(ctx, q), rows).steps()
    differences = explain(steps.ours, steps.steps, rows)
    return {
        **whole,
        "verdict": verdict_of(differences),
        "receipt": chosen["id"],
        "causes": [
            {
                "code": p.cause,
                "name": NAMES[p.cause][0],
                "name_en": NAMES[p.cause][1],
                "basis": "supposed" if p.cause in SUPPOSED else "fact",
                "applied": p.applied,
                "told": p.told,
                "dossiers": p.dossiers,
                "rule": p.rule,
                "opens": p.cause in OPENABLE,
            }
            for p in steps.presumptions
        ],
        "differences": [_line(q, d, steps.ours) for d in differences],
        "not_in_set": [metric for metric in rows if metric not in steps.ours],
    }


def _line(q: Question, difference: Any, ours: Figures) -> dict[str, Any]:
    indicator = q.indicator_set.indicator(difference.metric)
    group = next((g for g in q.indicator_set.groups if g.metric == difference.metric), None)
    told: dict[str, Any] = msgspec.to_builtins(difference)
    told["causes"] = {a["cause"]: a["amount"] for a in told["causes"]}
    name = indicator.name if indicator is not None else (group.name if group is not None else "")
    if group is not None and difference.comparable:
        unknown = [i.code for i in q.indicator_set.members(group.code) if ours[i.code].unknown]
        told["reason"] = f"our figure is not known and counts 0 here: {', '.join(unknown)}" if unknown else None
    return {"metric": told.pop("metric"), "name": name, **told}


def receipts(ctx: FigureContext, q: Question) -> list[dict[str, Any]]:
    """The receipts of a unit's figures for a period as known, the oldest first; `rows` by metric, `cut` the
    instant up to which the portal had counted where somebody said so or the day of publication tells it."""
    found = []
    for row in reported.receipts(ctx.everything, EVENT, [q.unit], q.known_at):
        data = _decoded(row["data"])
        if data is None or data.period != q.period.label:
            continue
        told = None if data.until is None else to_millis(data.until)
        cut = told if told is not None else min(row["occurred_at"], q.period.end_ms)
        found.append(
            {
                "id": row["id"],
                "published_at": ctx.text(row["occurred_at"]),
                "known_at": ctx.text(row["known_at"]),
                "until": ctx.text(told),
                "document": data.document,
                "recorded_by": data.recorded_by,
                "log": [row["partition"], row["offset"], row["index"]],
                "metrics": len(of_figures(data.figures)),
                "period": data.period,
                "cut": cut,
                "rows": of_figures(data.figures),
            }
        )
    return found


def _decoded(text: str) -> PortalFigures | None:
    """The event's data; None for what the log holds but the fold refused."""
    try:
        return msgspec.json.decode(text, type=PortalFigures)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None


def _chosen(found: list[dict[str, Any]], receipt: str | None) -> dict[str, Any] | None:
    if receipt is None:
        return found[-1] if found else None
    for one in found:
        if one["id"] == receipt:
            return one
    raise NotFound(f"there is no receipt {receipt[:64]} of that unit and period")


def _units_with_receipts(ctx: FigureContext, q: Question) -> list[str]:
    """The units at or below this one whose figures of the period were received."""
    units = sorted(ctx.tree.subtree(q.unit))
    rows = reported.receipts(ctx.everything, EVENT, units, q.known_at)
    told = ((row["subject"], _decoded(row["data"])) for row in rows)
    return sorted({unit for unit, data in told if data is not None and data.period == q.period.label})


def _portal_set(ctx: FigureContext, q: Question) -> Any:
    """The index that the portal presumably used: the one valid at the period's end, whatever was asked for."""
    return choose_set(ctx.known_sets, day_date(ctx.zone.day(q.until - 1)), None)


def reconciliation_dossiers(
    ctx: FigureContext,
    unit: str,
    period: str,
    cause: CauseCode,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """The dossiers behind a cause, in order of code: those that the portal presumably counts in another way."""
    if cause not in OPENABLE:
        raise InvalidInput(f"no dossiers stand behind {cause}: open {', '.join(OPENABLE)}")
    mark = cursors.decode(cursor, after=str, as_of=int)
    q = ask(ctx, unit, period, mark.get("as_of", as_of), known_at, set_name)
    received = _chosen(receipts(ctx, q), None)
    cut = q.until if received is None or not q.start < received["cut"] < q.until else received["cut"]
    after, picked = str(mark.get("after", "")), []
    for d in in_question(ctx, q, q.until, after=after):
        if d.code > after and _behind(ctx, q, cause, d, cut):
            picked.append(d)
            if len(picked) > limit and q.known_at is None:
                break
    picked.sort(key=lambda d: d.code)
    kept = picked[:limit]
    return {
        **heading(ctx, q),
        "cause": cause,
        "dossiers": _lines(ctx, q, kept),
        "next": cursors.encode(after=kept[-1].code, as_of=q.as_of) if len(picked) > limit else None,
    }


def _behind(ctx: FigureContext, q: Question, cause: CauseCode, d: Timed, cut: Millis) -> bool:
    """Whether a dossier is counted in another way because of a cause."""
    tl = decode_timeline(d.timeline)
    if not tl.stays or tl.stays[0].start >= q.until:
        return False
    if cause in ("not_synced", "refused", "undated"):
        # Judged by itself: an undated dossier that is not synced either stands under both.
        alone = class_of(tl) == cause if cause != "undated" else all(x.due is None for x in tl.dues)
        return alone and _weight(ctx, q, d.timeline) is not None
    if cause == "period_cut":
        return cut != q.until and _weight(ctx, q, d.timeline) != _weight(ctx, replace(q, until=cut), d.timeline)
    if cause == "hour_or_date":
        other = msgspec.structs.replace(q.indicator_set, rules=portal_reading(q.indicator_set.rules))
        return _weight(ctx, q, d.timeline) != _weight(ctx, replace(q, indicator_set=other), d.timeline)
    if not tl.supplements:
        return False
    bare = msgspec.structs.replace(tl, supplements=()).encode()
    return _weight(ctx, q, d.timeline) != _weight(ctx, q, bare)


_WEIGHED = ("received", "accepted", "done_ok", "open", "open_late", "satisfied")


def _weight(ctx: FigureContext, q: Question, timeline: str) -> tuple[int, ...] | None:
    """What a dossier counts in a question; None when nothing."""
    known = from_totals(judged(ctx, timeline, Grain(q.start, q.until, q.family)), q.family)
    found = tuple(int(known[name] or 0) for name in _WEIGHED)
    return found if any(found) else None


def _lines(ctx: FigureContext, q: Question, kept: list[Timed]) -> list[dict[str, Any]]:
    rows = {
        row["dossier_code"]: row for row in dossiers.dossiers(ctx.reader(), [d.code for d in kept], q.known_at)
    }
    listed = []
    for d in kept:
        if d.code in rows:
            state, verdict = judge_before(decode_timeline(d.timeline), q.family, q.until, ctx.zone)
            listed.append(summary(ctx, rows[d.code], state, verdict, q.until))
    return listed


__all__ = ["CAUSES", "reconciliation", "reconciliation_dossiers"]
