"""What the planner rests on, from the store: the rules in force, units and their names, alerts that hold."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from api.figures.context import FigureContext
from domain.alerts import KINDS, horizon_start
from domain.errors import InvalidInput
from domain.fold import UNKNOWN_UNIT
from domain.instants import Millis, day_date
from domain.message import Recipient
from domain.messages.rules import MessageRules, decode_rules, default_rules
from domain.messages.values import Alert, Province
from domain.messages.wording import numbers_of
from domain.reference import AlertThresholds
from sinks.positions import EVENTS
from sinks.queries import messages as rows_of

BUILT_IN = "built-in"


def rules_in_force(ctx: FigureContext, at: Millis, known_at: Millis | None = None) -> tuple[MessageRules, str]:
    """The rules valid on the day of an instant, and the version that says which: of several documents the one that
    began last, of equal beginnings the one said last. One that cannot be used (the intake refuses such) is passed
    over. As known now, or before an instant."""
    today = day_date(ctx.zone.day(at))
    found: list[tuple[date, Millis, str, MessageRules]] = []
    for history in ctx.histories("message_rules", known_at).values():
        for _, said_at, event_id, data in history:
            with suppress(InvalidInput, ValueError, KeyError, TypeError):
                rules = decode_rules(data["document"])
                first = date.fromisoformat((rules.valid_from or "0001-01-01")[:10])
                last = date.fromisoformat((rules.valid_to or "9999-12-31")[:10])
                if first <= today <= last:
                    found.append((first, said_at, event_id, rules))
    if not found:
        return default_rules(), BUILT_IN
    _, _, event_id, rules = max(found, key=lambda one: one[:3])
    return rules, f"{rules.name}/{rules.version} ({event_id})"


def thresholds_in_force(ctx: FigureContext) -> tuple[AlertThresholds, str]:
    """When alerts begin, and the version of the document that says so."""
    return ctx.reference.thresholds, ctx.reference.thresholds_version


def province_of(
    ctx: FigureContext, rules: MessageRules, recipients: Sequence[Recipient], data_to: Millis | None
) -> Province:
    """The units, their names and the calendar, beside rules and recipients."""
    units = ctx.tree.units
    above: dict[str, tuple[str, ...]] = {}
    for code in units:
        chain: list[str] = []
        here: str | None = code
        while here is not None and here not in chain:
            chain.append(here)
            one = units.get(here)
            here = None if one is None else one.merged_into or one.parent
        above[code] = tuple(chain)
    names = {code: unit.name for code, unit in units.items()}
    # What stands under no unit (a procedure, say) is the root's, whether or not a dossier ever stood so.
    above.setdefault(UNKNOWN_UNIT, (UNKNOWN_UNIT, *above[ctx.root]))
    names[UNKNOWN_UNIT] = names[ctx.root]
    t = ctx.reference.thresholds
    told = tuple(recipients)
    calendar = ctx.calendar(ctx.now_ms)
    return Province(rules, calendar, told, above, names, data_to, numbers_of(t), t.horizon_hours)


def holding(
    ctx: FigureContext,
    rules: MessageRules,
    only: Collection[str] | None = None,
    told_to: Millis | None = None,
) -> tuple[Alert, ...]:
    """All alerts that hold now of the kinds that anybody is told of, or only of some of these. `told_to`: as of
    `Rounds`."""
    now = ctx.now_ms
    horizon = horizon_start(now, ctx.calendar(now), ctx.reference.thresholds.horizon_hours)
    kinds = [kind for kind in routed_kinds(rules) if only is None or kind in only]
    missed = told_to if told_to is not None and told_to < horizon else None
    rows = rows_of.holding(ctx.everything, EVENTS, now, horizon, kinds, missed)
    return tuple(_held(row, fresh=row[-1] == 2, missed=row[-1] == 1) for row in rows)


def routed_kinds(rules: MessageRules) -> list[str]:
    """Kinds with a route, those that mute others, and those that say whether something is due today."""
    wanted = {route.kind for route in rules.routes} | {one.by for one in rules.inhibitions} | {"A01", "A03", "A04"}
    return sorted(wanted & set(KINDS))


def _held(row: Sequence[Any], *, fresh: bool, missed: bool) -> Alert:
    id_, kind, subject, unit, start, until, due, known, worse, _ = row
    level = KINDS[kind].level_of(start, due, worse)
    return Alert(id_, kind, level, subject, unit, start, due, known, fresh, until, missed)


def alert_of(row: Sequence[Any], *, fresh: bool) -> Alert:
    """An alert from a row of `sinks.queries.alerts`."""
    id_, kind, subject, _, unit, _, start, until, due, evidence, known, *_ = row
    level = KINDS[kind].level_of(start, due, evidence)
    return Alert(id_, kind, level, subject, unit, start, due, known, fresh, until)
