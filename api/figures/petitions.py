"""Petitions in the index (domain.md §5 E): counted one by one, since they are few, now or as known then at any
instant, inside a day too."""

from collections.abc import Iterable, Iterator

from api.figures.context import FigureContext, Question
from api.figures.replayed import petitions_since
from domain.expressions import Number
from domain.fold import UNKNOWN_UNIT
from domain.indicator_sets import PETITION_QUANTITIES
from domain.instants import Millis
from domain.petition import Petition
from sinks.queries import reference

Counts = dict[str, int]


class PetitionCounts:
    """The quantities `pet:…` of any set of units, from one statement for all of them."""

    def __init__(self, ctx: FigureContext, q: Question) -> None:
        self._by_unit: dict[str, Counts] = {}
        for _, unit, petition in petitions_of(ctx, q):
            counts = self._by_unit.setdefault(unit, {})
            for name in counted(petition, q.start, q.until):
                counts[name] = counts.get(name, 0) + 1

    def units(self) -> frozenset[str]:
        """The units that any petition stands under."""
        return frozenset(self._by_unit)

    def of(self, units: Iterable[str] | None) -> dict[str, Number | None]:
        """The counts of these units together; None for all."""
        chosen = self._by_unit.values() if units is None else [self._by_unit.get(u, {}) for u in set(units)]
        return {f"pet:{name}": sum(c.get(name, 0) for c in chosen) for name in PETITION_QUANTITIES}


def counted(petition: Petition, start: Millis, until: Millis) -> list[str]:
    """Which quantities one petition counts in: late when answered after its due instant, or open beyond it just
    before `until`; without a due instant never; unhappy when disliked or raised again."""
    received, due = petition.received_at, petition.due_at
    if received is None or received >= until:
        return []
    answered = None if petition.answered_at is None else max(received, petition.answered_at)
    if answered is not None and answered >= until:
        answered = None
    late = due is not None and (until - 1 if answered is None else answered) > due
    bases = ["received"] if received >= start else []
    bases += ["hand"] if answered is None or answered >= start else []
    bases += ["answered"] if answered is not None and answered >= start else []
    held = ["all", *([] if late else ["in_time"]), *([] if late or petition.unhappy else ["content"])]
    return [f"{basis}_{what}" for basis in bases for what in held]


def petitions_of(ctx: FigureContext, q: Question) -> Iterator[tuple[str, str, Petition]]:
    """(code, unit, petition) of all that a question may count, and those of the rest of its last day. As known
    then: of those that nothing was told of since as they stand, the others replayed."""
    then = None if q.known_at is None else petitions_since(ctx, q.known_at)
    changed = frozenset(() if then is None else then.changed)
    end = ctx.zone.midnight(ctx.zone.day(q.until - 1) + 1)
    rows = ctx.standing(
        ("petitions between", q.start, end), lambda: reference.petitions_between(ctx.everything, q.start, end)
    )
    for row in rows:
        if row["petition"] not in changed:
            known = {n: row[n] for n in ("received_at", "due_at", "answered_at", "unhappy")}
            yield row["petition"], row["unit"], Petition(**known)
    if then is not None and q.known_at is not None:
        for code in then.changed:
            petition = then.known(code, q.known_at)
            yield code, petition.unit or UNKNOWN_UNIT, petition
