"""A question's surroundings at a place in the log: the figures' context, bound to what was known there.

A place is an instant of knowledge together with the offsets that it comes to. Scorecards are asked as known at the
instant; lists read dossiers by their versions, petitions and documents folded again from their events, up to the
offsets. So what was issued is found again after later events and after a rebuild, and a log in which the instant
comes to other offsets than it did (stamps that went backwards) is noticed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from api.figures.context import FigureContext
from api.figures.kept import Known
from domain.blocks import split_block
from domain.errors import InvalidEvent, NewerEvent
from domain.events import decode_event
from domain.facts import Fact, Facts, effective, fact_of, merge
from domain.fold import UNKNOWN_UNIT
from domain.instants import Millis
from domain.petition import replay_petition
from sinks.queries import at_positions
from sinks.queries.at_positions import Held, Positions

_KINDS = ("unit", "procedure", "calendar", "indicator_set", "alert_rules", "target", "report")


class PetitionHeld(msgspec.Struct, frozen=True):
    """A petition as it stood."""

    code: str
    unit: str
    about: str
    received_at: Millis | None
    due_at: Millis | None
    answered_at: Millis | None
    unhappy: bool


@dataclass(frozen=True)
class StandingContext(FigureContext):
    """`FigureContext` at positions (`at`) that are all that was known before `known_ms`; `acts_to` is the last
    offset of the alert log."""

    at: Positions = field(default_factory=dict)
    known_ms: Millis = 0
    acts_to: int = -1

    @cached_property
    def documents(self) -> Known:
        """Documents and units as they stood."""
        seen = tuple(at_positions.units_seen(self.everything, self.at))
        return Known(self._texts, seen, self.zone, self.root)

    @cached_property
    def _texts(self) -> list[tuple[str, str, str]]:
        """Documents as they stood: read where nothing later touched them, else folded again."""
        found: dict[tuple[str, str], str] = {}
        for kind, subject, history in at_positions.settled(self.everything, self.at, _KINDS):
            if len(history) > len(found.get((kind, subject), "")):
                found[kind, subject] = history
        touched = at_positions.unsettled(self.everything, self.at, _KINDS)
        for kind in _KINDS:
            names = [subject for of, subject in touched if of == kind]
            for subject, facts in self.facts(kind, names).items():
                history = [[f.type, f.occurred_at, f.id, msgspec.Raw(f.body)] for f in effective(facts)[0]]
                text = msgspec.json.encode(history).decode()
                if len(text) > len(found.get((kind, subject), "")):
                    found[kind, subject] = text
        return sorted((kind, subject, text) for (kind, subject), text in found.items())

    def facts(self, kind: str, subjects: Sequence[str]) -> dict[str, Facts]:
        """The facts of these subjects within the positions, from the records themselves."""
        wanted, found = frozenset(subjects), dict[str, list[Fact]]()
        for _, _, value in at_positions.records_of(self.everything, kind, subjects, self.at):
            for subject, fact in _events(value, kind):
                if subject in wanted:
                    found.setdefault(subject, []).append(fact)
        return {subject: merge((), facts) for subject, facts in found.items()}

    @cached_property
    def petitions(self) -> tuple[PetitionHeld, ...]:
        """All petitions as they stood, in order of their codes."""
        kept, later = at_positions.petitions(self.everything, self.at)
        found = [PetitionHeld(*row) for row in kept]
        for code, facts in self.facts("petition", later).items():
            p = replay_petition(facts)
            unit = p.unit or UNKNOWN_UNIT
            found.append(PetitionHeld(code, unit, p.about, p.received_at, p.due_at, p.answered_at, p.unhappy))
        return tuple(sorted(found, key=lambda p: p.code))

    def held(self, unit: str, start: Millis | None, until: Millis, *, by_last_end: bool = True) -> Iterator[Held]:
        """Every dossier of a unit's subtree in hand during [start, until), as it stood."""
        return at_positions.held(self.reader(unit), self.at, start, until, by_last_end=by_last_end)


def _events(value: str, kind: str) -> Iterator[tuple[str, Fact]]:
    """The events of one kind in a record; what is no event is a dead letter elsewhere and counts nowhere."""
    try:
        elements = split_block(value.encode())
    except InvalidEvent:
        return
    for element in elements:
        try:
            event = decode_event(element)
        except (InvalidEvent, NewerEvent):
            continue
        if event.kind == kind:
            yield event.subject, fact_of(event)


class Place(msgspec.Struct, frozen=True):
    """A place in both logs: everything known before `known_at`, which ends at `positions`; `acts_to` is the last
    offset of the alert log."""

    known_at: Millis
    positions: dict[int, int]
    acts_to: int = -1


def place_now(ctx: FigureContext, complete: Positions, acts_to: int) -> Place:
    """The latest place that the rows have reached in every partition: where one lags, what came after the first
    record that it lacks is not known yet. NotKnownYet for an empty log."""
    before = at_positions.known_everywhere(ctx.everything, complete)
    known = ctx.known(ctx.now_ms if before is None else before)
    assert known is not None
    return Place(known, at_positions.at_instant(ctx.everything, known), acts_to)


def place_then(ctx: FigureContext, known_at: Millis, now: Place) -> Place:
    """The place at an instant of knowledge; one after `now` is `now`."""
    known = ctx.known(min(known_at, now.known_at))
    assert known is not None
    return Place(known, at_positions.at_instant(ctx.everything, known), now.acts_to)


def standing(ctx: FigureContext, place: Place, now: Millis) -> StandingContext:
    """The context of a paper, at a place; the caller's units stay in force."""
    members: dict[str, Any] = {
        name: getattr(ctx, name) for name in ("client", "generation", "zone", "root", "scope", "sets")
    }
    return StandingContext(
        **members,
        now=now,
        complete_to=dict(place.positions),
        at=dict(place.positions),
        known_ms=place.known_at,
        acts_to=place.acts_to,
    )


def unscoped(ctx: StandingContext) -> StandingContext:
    """The same without the caller's limits: what a paper says of its unit does not depend on who asks; the
    caller has checked that the unit may be seen."""
    return replace(ctx, scope=None)
