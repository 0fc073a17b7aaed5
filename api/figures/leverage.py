"""Leverage of a unit: its scorecard read as points lost, actions and ways; and what waiting costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.figures.context import FigureContext, Question, ask, heading
from api.figures.lists import state_totals
from api.figures.scorecards import scorecard
from domain.actions import ACTIONS
from domain.errors import InvalidInput
from domain.indicator_sets import IndicatorSet
from domain.instants import Millis, day_date
from domain.leverage import Leverage
from domain.leverage import leverage as levers
from domain.periods import parse_period
from domain.scoring import IndicatorScore
from domain.timeline import decode_timeline
from domain.verdicts import judge_before
from domain.what_if import Change, parse_changes
from domain.what_if import what_if as changed
from sinks.queries import dossiers

INHERITED = "lấy theo số liệu của tỉnh, đơn vị không tự thay đổi được"


def leverage(
    ctx: FigureContext,
    unit: str,
    period: str,
    as_of: str | int | None = None,
    known_at: str | int | None = None,
    set_name: str | None = None,
    what_if: Sequence[str] = (),
    costs: Sequence[str] = (),
) -> dict[str, Any]:
    """Points lost, what one action is worth, the cheapest ways to the next band, the carry-over of the month's
    end; with `what_if` (`CODE=numerator/denominator`) the totals that would follow. `costs` (`action=number`)
    weigh actions; 1 each unless told."""
    q = ask(ctx, unit, period, as_of, known_at, set_name)
    changes, prices = parse_changes(what_if), parse_costs(costs)
    card = scorecard(ctx, unit, period, as_of, known_at, set_name)
    kind = ctx.tree.units[unit].kind
    inherited = {
        i.code: INHERITED for i in q.indicator_set.indicators if unit != ctx.root and kind in i.inherited_by
    }
    rows = [msgspec.convert(row, IndicatorScore) for row in card["indicators"]]
    return {
        **heading(ctx, q),
        "name": card["name"],
        **answer(q.indicator_set, rows, prices, inherited, changes),
        "carry_over": None if q.known_at is not None else carry_over(ctx, q),
    }


def answer(
    indicator_set: IndicatorSet,
    rows: Sequence[IndicatorScore],
    costs: Mapping[str, float],
    beyond: Mapping[str, str],
    changes: Mapping[str, Change],
) -> dict[str, Any]:
    """The part of the answer that needs figures only; a table without any store gives the same."""
    found: Leverage = levers(indicator_set, rows, costs, beyond)
    told: dict[str, Any] = msgspec.to_builtins(found)
    told["what_if"] = msgspec.to_builtins(changed(indicator_set, rows, changes)) if changes else None
    return told


def parse_costs(texts: Sequence[str]) -> dict[str, float]:
    """`action=number` each; InvalidInput shows what is none, or an action that nobody knows."""
    known = {a.code for a in ACTIONS}
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            cost = float(number)
        except ValueError:
            cost = 0.0
        if not 0 < cost < 1e12:
            raise InvalidInput(f"'{text[:100]}' is not ACTION=cost with a cost above 0, such as late_petition=20")
        if name.strip() not in known:
            raise InvalidInput(f"there is no action '{name[:64]}': known are {', '.join(sorted(known))}")
        found[name.strip()] = cost
    return found


def carry_over(ctx: FigureContext, q: Question) -> dict[str, Any]:
    """What can still be saved in the calendar month of the question's end, and what is carried over late.

    Nothing is taken to happen from the question's end on, even where the log already tells what did. An open
    dossier that passes its due date costs points in this month; one still open at month's end is
    counted late again in the next (`cost_next_month`, at most, and at this month's denominator). Over a year to
    date it counts once.
    """
    month = parse_period(f"{day_date(ctx.zone.day(q.until - 1)):%Y-%m}", ctx.zone, q.until)
    tomorrow = ctx.zone.midnight(ctx.zone.day(q.until - 1) + 1)
    late, today, end = _open_late(ctx, q, (q.until, tomorrow, month.end_ms))
    here = scorecard(ctx, q.unit, month.label, q.until, None, q.indicator_set.name)
    rows = [msgspec.convert(row, IndicatorScore) for row in here["indicators"]]
    worth = {w.action: w for w in levers(q.indicator_set, rows).actions}
    each = worth["late_dossier"].loss if "late_dossier" in worth else None

    def cost(n: int) -> float | None:
        return None if each is None else n * each

    return {
        "month": month.label,
        "ends_at": ctx.text(month.end_ms),
        "points_each": each,
        "late_open": late,
        "saveable_today": max(0, today - late),
        "saveable_today_points": cost(max(0, today - late)),
        "saveable_this_month": max(0, end - late),
        "saveable_this_month_points": cost(max(0, end - late)),
        "carried_late": end,
        "cost_next_month": cost(end),
        "text": f"Cứu được hôm nay: {max(0, today - late)}. "
        f"Nếu không xử lý: {end} hồ sơ sẽ bị tính trễ sang tháng sau.",
    }


def _open_late(ctx: FigureContext, q: Question, instants: Sequence[Millis]) -> tuple[int, ...]:
    """How many will be open and late at each of these instants if nothing happens from the question's end on: the
    sums, put right for the dossiers of which something later is told already."""
    reader, family = ctx.reader(q.unit), q.family
    found = [state_totals(ctx, reader, at, family)["open_late"] for at in instants]
    for d in dossiers.said_after(reader, q.until):
        told = decode_timeline(d.timeline)
        without = told.as_if_ended(q.until)
        for n, at in enumerate(instants):
            found[n] -= judge_before(told, family, at, ctx.zone)[0] == "open_late"
            found[n] += judge_before(without, family, at, ctx.zone)[0] == "open_late"
    return tuple(found)
