"""As shown: a scorecard, a list or a dossier as known at an instant, and as of it or of another (`as_of`)."""

from typing import Any

from api.audit import answers
from api.audit.answers import LISTED, answer
from api.figures.context import FigureContext
from api.figures.dossiers import dossier
from api.figures.rows import STATES
from api.figures.scorecards import scorecard
from domain.errors import InvalidInput
from domain.instants import Millis
from domain.timeline import decode_timeline
from domain.verdicts import judge_before
from sinks.queries import dossiers


def scorecard_shown(
    ctx: FigureContext,
    unit: str,
    period: str,
    at: Millis,
    set_name: str | None = None,
    as_of: Millis | None = None,
) -> dict[str, Any]:
    """The scorecard of a unit as the board showed it then."""
    card = scorecard(ctx, unit, period, at if as_of is None else as_of, at, set_name)
    return _shown(ctx, at, {"indicators": len(card["indicators"])}, card, card["versions"], as_of, unit=unit)


def list_shown(
    ctx: FigureContext, unit: str, state: str, at: Millis, as_of: Millis | None = None
) -> dict[str, Any]:
    """The dossiers of a unit in one of the five states then, by the hour, the most late first; at most 200 are
    listed, all are counted."""
    if state not in STATES:
        raise InvalidInput(f"state is one of {', '.join(STATES)}, not '{state[:40]}'")
    known, moment = ctx.known(at), at if as_of is None else as_of
    assert known is not None
    ctx.units_of(unit)  # NotFound where the unit is not the caller's to see
    units = ctx.visible if unit == ctx.root else ctx.tree_at(known, moment).subtree(unit)
    if units is not None and ctx.visible is not None:
        units &= ctx.visible
    reader = ctx.everything.within(units)
    counted = dict.fromkeys((*STATES, "dossiers"), 0)
    rows: list[tuple[int, str, dict[str, Any]]] = []
    for d in dossiers.known(reader, known):
        found, verdict = judge_before(decode_timeline(d.timeline), "766", moment, ctx.zone)
        counted["dossiers"] += 1
        if found in counted:
            counted[found] += 1
        if found == state and verdict is not None:
            late_by = verdict.late_by // 1000
            facts = {"unit": d.unit, "due_at": ctx.text(verdict.due)}
            known_late = None if verdict.due is None else late_by
            rows.append((-late_by, d.code, {"dossier_code": d.code, **facts, "late_by_seconds": known_late}))
    rows.sort(key=lambda r: r[:2])
    more = {"unit": unit, "state": state, "left_out": max(0, len(rows) - LISTED)}
    return _shown(ctx, at, counted, [row for _, _, row in rows[:LISTED]], {}, as_of, **more)


def dossier_shown(ctx: FigureContext, code: str, at: Millis, as_of: Millis | None = None) -> dict[str, Any] | None:
    """A dossier as it stood; None where there was none to be seen."""
    found = dossier(ctx, code, at if as_of is None else as_of, at)
    return None if found is None else _shown(ctx, at, {"dossiers": 1}, found, {}, as_of, dossier_code=code)


def _shown(
    ctx: FigureContext,
    at: Millis,
    checked: dict[str, int],
    shown: Any,
    versions: dict[str, str],
    as_of: Millis | None,
    **more: Any,
) -> dict[str, Any]:
    heading = {
        "at": ctx.text(at),
        "as_of": ctx.text(at if as_of is None else as_of),
        "versions": versions,
        **ctx.position(),
    }
    return answer("as-shown", answers.verdict(False), checked, [], heading, shown=shown, **more)
