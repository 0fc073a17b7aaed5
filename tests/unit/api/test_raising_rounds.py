"""How often a kind is judged: as its rule wants, but what takes long not all the time."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from api.figures.context import FigureContext
from api.raising.runner import Raising, Standing
from domain.instants import Millis, Zone
from domain.raised import Raised
from sinks.queries import alerts as rows_of
from sinks.queries import live

NOW: Millis = 1_800_000_000_000


class Always:
    """A rule that wants to be judged at every round."""

    kinds = ("A03",)

    def __init__(self) -> None:
        self.judged: list[Millis] = []

    def due(self, _ctx: FigureContext, _last: Millis | None) -> bool:
        return True

    def judge(self, ctx: FigureContext, _standing: Standing) -> Iterable[Raised]:
        self.judged.append(ctx.now_ms)
        return ()


class Pool:
    """No store is asked."""

    @contextmanager
    def client(self) -> Iterator[Any]:
        yield None


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, [0, 2, 4, 6, 8, 10, 12]), (0.5, [0, 6, 12])])
def test_what_takes_half_a_second_is_judged_every_five(
    monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: list[int]
) -> None:
    monkeypatch.setattr(live, "active_generation", lambda _: (1, "log"))
    monkeypatch.setattr(live, "positions", lambda _: [])
    monkeypatch.setattr(rows_of, "raised", lambda *_: [])
    spent = iter(n * seconds for n in range(100))
    monkeypatch.setattr(time, "thread_time", lambda: next(spent))
    rule = Always()
    raising = Raising(Pool(), lambda _: None, Zone(), "H44", [rule])  # type: ignore[arg-type]
    raising.recall(NOW)
    for second in range(0, 14, 2):
        raising.tick(NOW + 1000 * second)
    assert [(at - NOW) // 1000 for at in rule.judged] == rounds
