"""Where checkpoints fall while much is taken between two signatures: one for so many events, signed together.

A signature costs a tenth of a millisecond; what forces files to disk, asks the holders and publishes costs tens of
them, and is done once for all marks.
"""

from collections.abc import Sequence
from typing import NamedTuple

from domain.instants import Day
from domain.seals import Close, TreeHead
from sinks.sealing.leaves import Portion
from sinks.sealing.state import PartitionKey, SealState


class Mark(NamedTuple):
    """What one checkpoint is to tell: all trees as they were, and the days closed since the mark before."""

    heads: tuple[TreeHead, ...]
    closes: tuple[Close, ...]

    def covers(self, heads: Sequence[TreeHead]) -> bool:
        """Whether its trees have got as far as these."""
        sizes = {(h.log, h.partition): h.size for h in self.heads}
        return all(sizes.get((h.log, h.partition), 0) >= h.size for h in heads)


class Marks:
    """Takes records into the state and marks it before more than `every` events have come since the last mark. A
    record with more events than that is a mark's worth by itself."""

    def __init__(self, state: SealState, every: int) -> None:
        self._state = state
        self._every = every
        self._since = 0
        self._closes_told = 0
        self._marks: list[Mark] = []

    @property
    def due(self) -> bool:
        """Whether there are as many events as one checkpoint tells of at most."""
        return bool(self._marks) or self._since >= self._every

    def take(self, key: PartitionKey, portion: Portion, closing: Day) -> None:
        """As `SealState.take_made`."""
        begun = 0
        for number, made in enumerate(portion.made):
            if self._since and self._since + len(made.leaves) > self._every:
                self._put(key, portion, begun, number, closing)
                begun = number
                self._marks.append(self._mark())
            self._since += len(made.leaves)
        self._put(key, portion, begun, len(portion.made), closing)

    def _put(self, key: PartitionKey, portion: Portion, begun: int, end: int, closing: Day) -> None:
        if begun < end:
            self._state.take_made(key, portion._replace(made=portion.made[begun:end]), closing)

    def _mark(self) -> Mark:
        closes = self._state.closes[self._closes_told :]
        self._closes_told += len(closes)
        self._since = 0
        return Mark(self._state.heads(), closes)

    def all(self) -> list[Mark]:
        """The marks since the last signature, and one over all that was taken; they are forgotten here."""
        found = [*self._marks, self._mark()]
        self._marks, self._closes_told = [], 0
        return found


def beyond(marks: Sequence[Mark], sealed: Sequence[TreeHead]) -> list[Mark]:
    """The marks that continue what is sealed already (a folder sealed anew comes by old places again), with
    the closes of those left out."""
    left = [mark for mark in marks if mark.covers(sealed)]
    early = tuple(c for mark in marks[: len(marks) - len(left)] for c in mark.closes)
    return [mark._replace(closes=early + mark.closes) if n == 0 else mark for n, mark in enumerate(left)]
