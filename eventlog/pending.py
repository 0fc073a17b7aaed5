"""Events on their way into the log: whose they are, which record they go into, what the caller is told."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from domain.blocks import Grouper
from eventlog.spool import Spooled


@dataclass(frozen=True, slots=True, order=True)
class Coordinates:
    """Where an event stands in the log: the record, and its place in the block."""

    partition: int
    offset: int
    index: int


class Call:
    """One `append`: as many answers as events, complete when the last has come."""

    __slots__ = ("answers", "future", "missing")

    def __init__(self, count: int) -> None:
        self.answers: list[Coordinates | None] = [None] * count
        self.missing = count
        self.future: Future[list[Coordinates | None]] = Future()

    def answer(self, place: int, coordinates: Coordinates | None) -> None:
        self.answers[place] = coordinates
        self.missing -= 1
        if self.missing == 0 and not self.future.done():
            self.future.set_result(self.answers)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Item(NamedTuple):
    """One event on its way: for whom, its place among the caller's events, and where it goes."""

    call: Call
    place: int
    subject: bytes
    event: bytes
    route: tuple[str, int, str, str]  # topic, partition, origin, key_id


@dataclass(frozen=True, slots=True)
class PendingBlock:
    """A record and the events in it; `number` is its place in the order of arrival."""

    number: int
    record: Spooled
    items: Sequence[Item]


def blocks(items: Iterable[Item], number: int) -> Iterator[PendingBlock]:
    """The blocks of some events, by route, each route in order of arrival; numbered from `number` on."""
    routes: dict[tuple[str, int, str, str], list[Item]] = {}
    for item in items:
        routes.setdefault(item.route, []).append(item)
    for (topic, partition, origin, key_id), same in routes.items():
        grouper = Grouper()
        full = [block for item in same for block in grouper.add(partition, item.event)]
        at = 0
        for block in (*full, *grouper.drain()):
            part = same[at : at + len(block.events)]
            at += len(part)
            key = part[0].subject if len(part) == 1 else None
            record = Spooled(topic, partition, key, block.encode(), origin, key_id, len(part))
            yield PendingBlock(number, record, part)
            number += 1
