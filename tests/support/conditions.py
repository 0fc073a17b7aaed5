"""Conditions as people write them: events in a few words, intervals as local texts of 2026."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.conditions import Condition
from domain.duty_conditions import petition_conditions, procedure_conditions
from domain.events import Event, make_event
from domain.facts import Facts, fact_of, merge
from domain.fold import fold_dossier
from domain.instants import Millis, Zone, format_rfc3339, parse_rfc3339
from domain.petition import replay_petition
from domain.reference import Reference

ZONE = Zone("Asia/Ho_Chi_Minh")
Said = tuple[str, str] | tuple[str, str, dict[str, Any]]
"""(verb, '08-14 17:00', data); times in data likewise."""
Shown = list[tuple[str, str | None]]
"""[start, until) of each, in order; None: until something happens."""


def ms(text: str) -> Millis:
    """'08-14 17:00' of 2026 in the province's time."""
    day, clock = text.split()
    return parse_rfc3339(f"2026-{day}T{clock if clock.count(':') == 2 else clock + ':00'}+07:00")


def text_of(at: Millis) -> str:
    """The same back, seconds only where there are any."""
    local: datetime = ZONE.local(at)
    shown = local.strftime("%m-%d %H:%M:%S.%f")[:-3]
    assert local.year == 2026
    return shown.removesuffix(":00.000")


def events(kind: str, said: Sequence[Said], subject: str = "S") -> list[Event]:
    """The events of one subject."""
    found = []
    for n, (verb, at, *more) in enumerate(said):
        data = dict(more[0]) if more else {}
        for name in ("due_at", "to", "due_after", "effective_at"):
            if name in data:
                data[name] = format_rfc3339(ms(data[name]))
        found.append(make_event(f"{kind}.{verb}", subject, ms(at), data, source="/test", id=f"{subject}/{n}"))
    return found


def reference(rules: dict[str, Any] | None = None) -> Reference:
    """The default calendar and these thresholds."""
    if not rules:
        return Reference({}, ZONE)
    event = make_event(
        "alert_rules.published", "default", ms("01-01 00:00"), {"document": rules}, source="/ref", id="rules"
    )
    return Reference({("alert_rules", "default"): (fact_of(event),)}, ZONE)


def conditions(subject_kind: str, said: Sequence[Said], rules: dict[str, Any] | None = None) -> list[Condition]:
    """All conditions of one subject."""
    facts: Facts = merge((), map(fact_of, events(subject_kind, said)))
    under = reference(rules)
    if subject_kind == "dossier":
        return [*fold_dossier(facts, under).conditions]
    if subject_kind == "petition":
        return [*petition_conditions(replay_petition(facts), under)]
    return [*procedure_conditions(facts, under)]


def shown(found: Sequence[Condition], kind: str) -> Shown:
    """The intervals of one kind."""
    return [
        (text_of(c.start), None if c.until is None else text_of(c.until))
        for c in sorted(found, key=lambda c: (c.start, c.until or 0))
        if c.kind == kind
    ]


def holding(found: Sequence[Condition], kind: str, at: Millis) -> int:
    """How many of a kind hold at an instant."""
    return sum(c.kind == kind and c.start <= at and (c.until is None or at < c.until) for c in found)
