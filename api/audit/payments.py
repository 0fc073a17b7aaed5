"""What is told of payments, by unit, for the finding that all of a unit's are flagged as online."""

from collections import defaultdict

from domain.instants import Millis
from domain.patterns import Paid, Told, payment_of

SHOWN = 10
"""Payments shown of a unit whose every payment is online."""


class Payments:
    """What is told of payments, by unit: counts, and the newest few as evidence."""

    def __init__(self) -> None:
        self.counts: dict[str, Paid] = {}
        self._newest: dict[str, list[tuple[str, Told]]] = defaultdict(list)

    def add(self, unit: str, code: str, told: tuple[Told, ...], start: Millis, until: Millis) -> None:
        """One dossier; a payment outside the period is left out."""
        found = payment_of(told)
        if found is None or not start <= found[0].at < until:
            return
        paid, online = found
        before = self.counts.get(unit, Paid())
        self.counts[unit] = Paid(before.online + online, before.paid + 1)
        if online:
            self._newest[unit] = sorted([*self._newest[unit], (code, paid)], key=lambda n: (n[1].at, n[0]))[
                -SHOWN:
            ]

    def of(self, units: frozenset[str]) -> Paid:
        """The counts of these units together."""
        mine = [self.counts[u] for u in units if u in self.counts]
        return Paid(sum(p.online for p in mine), sum(p.paid for p in mine))

    def newest(self, units: frozenset[str]) -> list[tuple[str, Told]]:
        """The newest online payments of these units with their dossiers."""
        found = [one for u in units for one in self._newest.get(u, ())]
        return sorted(found, key=lambda n: (n[1].at, n[0]))[-SHOWN:]
