"""A subject as its own events tell it, up to an instant: what no row keeps. The fold over the log's bytes."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from api.figures.context import FigureContext
from domain.blocks import split_block
from domain.errors import InvalidEvent
from domain.events import decode_event
from domain.facts import Fact, fact_of, merge
from domain.fold import Folded, fold_dossier
from domain.instants import Millis
from domain.petition import Petition, replay_petition
from sinks.queries import log, reference
from sinks.queries.reader import Reader
from sinks.queries.reference import known_since


def known_facts(
    ctx: FigureContext, kind: str, subjects: Sequence[str], known_at: Millis | None = None
) -> dict[str, list[tuple[Millis, Fact]]]:
    """By subject, its events as the fold took them, each with the instant at which it became known."""
    found: dict[str, list[tuple[Millis, Fact]]] = {}
    blocks: dict[tuple[int, int], tuple[bytes, ...]] = {}
    for e in log.raw_events(ctx.everything, subjects, kind, known_at):
        place = e.partition, e.offset
        if place not in blocks:
            blocks[place] = split_block(e.value)
        with suppress(InvalidEvent):  # a dead letter: the fold did not take it either
            fact = fact_of(decode_event(blocks[place][e.place]))
            found.setdefault(e.subject, []).append((e.known_at, fact))
    return found


def dossier_before(ctx: FigureContext, code: str, until: Millis, known_at: Millis | None) -> Folded | None:
    """A dossier from its facts before `until`; None where the store holds none of its events."""
    found = known_facts(ctx, "dossier", [code], known_at).get(code)
    if not found:
        return None
    facts = merge((), (fact for _, fact in found))
    return fold_dossier(tuple(f for f in facts if f.occurred_at < until), ctx.reference)


class Petitions:
    """Petitions as they were known at instants from `since` on; only what changed since is replayed. Made by
    `petitions_since`."""

    def __init__(self, ctx: FigureContext, since: Millis) -> None:
        self.changed = tuple(p["petition"] for p in reference.petitions(ctx.everything, known_since(since)))
        self._facts = known_facts(ctx, "petition", self.changed) if self.changed else {}

    def known(self, code: str, at: Millis) -> Petition:
        """One of those that changed."""
        return replay_petition(merge((), (fact for known_at, fact in self._facts.get(code, ()) if known_at < at)))

    def near(self, reader: Reader, low: Millis, high: Millis, known_at: Millis) -> Iterator[Petition]:
        """All that may be booked in [low, high), as known before an instant."""
        changed = frozenset(self.changed)
        for row in reference.petitions_within(reader, low - 1, high):
            if row["petition"] not in changed:
                names = ("unit", "received_at", "due_at", "answered_at", "unhappy")
                yield Petition(**{name: row[name] for name in names})
        for code in self.changed:
            yield self.known(code, known_at)


def petitions_since(ctx: FigureContext, since: Millis) -> Petitions:
    """The same ones for all questions while the log stands where it stands."""
    return ctx.standing(("petitions since", since), lambda: Petitions(ctx, since))
