"""The watcher: computed once for all, at most once a second, and never silent about a failure."""

import asyncio
from typing import Any

import pytest

from dashboards.board.watch import AGED_S, SPACING_S, Snapshot, Watcher
from domain.errors import Unavailable


class FakeSource:
    """Counts its computations; `place` is moved by the test."""

    zone: Any = None
    root = "H44"

    def __init__(self) -> None:
        self.at: object = 0
        self.computed = 0
        self.failing = False

    def place(self) -> object:
        return self.at

    def live(self) -> Any:
        self.computed += 1
        if self.failing:
            raise Unavailable("the store does not answer")
        return f"figures {self.computed}"

    def unit(self, code: str) -> Any:
        self.computed += 1
        return code

    def dossier(self, code: str) -> Any:
        return code


class Clock:
    """Seconds that stand still until they are moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_computed_twice_for_the_same_place(source: FakeSource, clock: Clock) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        first = await watcher.refresh()
        clock.now += 5 * SPACING_S
        assert await watcher.refresh() is first
        assert source.computed == 1

    asyncio.run(scene())


def test_a_change_waits_until_a_second_has_passed_and_then_reaches_every_listener(
    source: FakeSource, clock: Clock
) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        seen: list[Snapshot] = []
        for _ in range(3):
            watcher.listen(seen.append)
        await watcher.refresh()
        source.at = 1
        clock.now += SPACING_S / 2
        await watcher.refresh()
        assert source.computed == 1
        clock.now += SPACING_S
        await watcher.refresh()
        assert source.computed == 2
        assert [str(s.live) for s in seen[-3:]] == ["figures 2"] * 3

    asyncio.run(scene())


def test_time_alone_asks_for_new_figures(source: FakeSource, clock: Clock) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        await watcher.refresh()
        clock.now += AGED_S
        await watcher.refresh()
        assert source.computed == 2

    asyncio.run(scene())


def test_many_at_once_share_one_computation(source: FakeSource, clock: Clock) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        await asyncio.gather(*(watcher.refresh() for _ in range(20)))
        found = await asyncio.gather(*(watcher.detail("unit", "H44.1", source.unit) for _ in range(20)))
        assert set(found) == {"H44.1"}
        assert source.computed == 2

    asyncio.run(scene())


def test_a_failure_keeps_the_last_figures_beside_its_reason_and_ends_by_itself(
    source: FakeSource, clock: Clock
) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        await watcher.refresh()
        source.failing, source.at = True, 1
        clock.now += SPACING_S
        failed = await watcher.refresh()
        assert (str(failed.live), failed.failure) == ("figures 1", "the store does not answer")
        source.failing = False
        clock.now += SPACING_S
        assert (await watcher.refresh()).failure is None

    asyncio.run(scene())


def test_a_listener_that_breaks_or_leaves_disturbs_nobody(source: FakeSource, clock: Clock) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        seen: list[Snapshot] = []

        def broken(_: Snapshot) -> None:
            raise RuntimeError("gone")

        watcher.listen(broken)
        leave = watcher.listen(seen.append)
        await watcher.refresh()
        assert len(seen) == 1
        leave()
        source.at = 1
        clock.now += SPACING_S
        await watcher.refresh()
        assert len(seen) == 1

    asyncio.run(scene())


def test_a_question_that_fails_is_asked_anew(source: FakeSource, clock: Clock) -> None:
    async def scene() -> None:
        watcher = Watcher(source, clock)
        answers = iter((Unavailable("away"), "there"))

        def read(_: str) -> str:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        with pytest.raises(Unavailable):
            await watcher.detail("unit", "H44.1", read)
        assert await watcher.detail("unit", "H44.1", read) == "there"

    asyncio.run(scene())
