"""Petitions of a span: so many late and so many disliked as wanted, exactly, since there are only few of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis, format_rfc3339
from producers.simulator.happening import HOUR, Happening
from producers.simulator.proportions import Proportions

LIMIT = 15
"""Working days in which a petition is to be answered."""
_TRIES = 200
Fate = Literal["late", "disliked", "content"]


@dataclass(frozen=True, slots=True)
class Span:
    """The days, both included, and their bounds; `before`: whether petitions of earlier days are still in hand."""

    first: Day
    last: Day
    start: Millis
    end: Millis
    before: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A petition before it is about anything: received on a day, answered some working days later."""

    day: Day
    at: Millis
    due: Millis
    answered: Millis
    disliked: bool


def plan_petitions(rng: Random, cal: WorkingCalendar, count: int, p: Proportions, span: Span) -> list[Planned]:
    """All petitions in hand in a span, each with a fate that shows within it where the span is long enough."""
    in_time, content = p.rate("PETITION_PROCESSING_ON_TIME"), p.rate("PETITION_HANDLING_SATISFACTION")
    late = round(count * (1 - in_time))
    disliked = round(count * (1 - content)) - late
    fates: list[Fate] = ["late" for _ in range(late)]
    fates += ["disliked" for _ in range(disliked)]
    fates += ["content" for _ in range(count - late - disliked)]
    reach = 40 if span.before else 0
    days = [d for d in range(span.first - reach, span.last + 1) if cal.is_working_day(d)] or [span.first]
    return [_planned(rng, cal, fate, p, days, span) for fate in fates]


def _planned(
    rng: Random, cal: WorkingCalendar, fate: Fate, p: Proportions, days: list[Day], span: Span
) -> Planned:
    """Drawn until it shows what it is to show; the last one drawn where no day allows that."""
    for _ in range(_TRIES):
        day = rng.choice(days)
        at = cal.end_of_working_day(day) - rng.randrange(1, HOUR)
        due = cal.add_working_days(at, LIMIT)
        after = rng.randint(LIMIT + 1, 2 * LIMIT) if fate == "late" else rng.randint(1, LIMIT - 1)
        answered = cal.add_working_days(at, after)
        if answered < span.start:
            continue
        shown = {"late": due, "disliked": answered + HOUR, "content": at}[fate]
        if shown < span.end:
            break
    disliked = fate == "disliked" or (fate == "late" and rng.random() < p.petitions.disliked_though_late)
    return Planned(day, at, due, answered, disliked)


def petition_events(
    rng: Random, p: Proportions, planned: Planned, code: str, unit: str, dossier: str | None
) -> Iterator[Happening]:
    """What happens to a petition; about a dossier, that dossier is complained about."""
    data: dict[str, Any] = {
        "about": "rule" if rng.random() < p.petitions.about_rule else "staff",
        "unit": unit,
        "due_at": format_rfc3339(planned.due),
    }
    if dossier:
        data["dossier"] = dossier
    yield Happening(planned.at, "petition.received", code, data)
    if dossier:
        yield Happening(planned.at, "dossier.complained", dossier, {"petition": code})
    yield Happening(planned.answered, "petition.answered", code, {})
    if planned.disliked:
        yield Happening(planned.answered + HOUR, "petition.disliked", code, {})
