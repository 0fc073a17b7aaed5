"""The live stream: resuming misses nothing, others' units are not told, the slow are dropped."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.feed import Moments, _of_act, _of_condition
from api.stream import Change, Hub, Moment, notices
from api.vector import Vector, parse_vector
from domain.errors import InvalidInput


def change(partition: int, offset: int, code: str = "D", unit: str = "H44.1", log: Any = "events") -> Change:
    event: Any = "alert" if log == "acts" else "dossier"
    return Change(event=event, log=log, partition=partition, offset=offset, unit=unit, data={"code": code})


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


async def read(stream: AsyncIterator[bytes], count: int) -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    while len(found) < count:
        lines = (await anext(stream)).decode().strip().split("\n")
        parts = dict(line.split(": ", 1) for line in lines)
        found.append((parts["event"], parts["id"], json.loads(parts["data"])))
    return found


def everything(_: str) -> bool:
    return True


def test_a_client_begins_at_the_present_and_is_told_what_changes(bench: Any) -> None:
    async def scenario() -> None:
        feed, hub = bench.feed, Hub(bench.feed)
        await hub.step(0.0)
        stream = hub.subscribe(None, everything)
        ((first, place, _),) = await read(stream, 1)
        assert (first, place) == ("ready", "1:10.20:5")
        feed.told, feed.vector = [change(0, 11), change(0, 12, "E")], Vector(1, (12, 20), 5)
        await hub.step(5.0)
        assert [(e, i) for e, i, _ in await read(stream, 3)] == [
            ("dossier", "1:11.20:5"), ("dossier", "1:12.20:5"), ("figures", "1:12.20:5"),
        ]  # fmt: skip

    run(scenario)


def test_from_any_id_on_the_rest_comes_and_nothing_is_missed(bench: Any) -> None:
    async def scenario() -> None:
        feed, hub = bench.feed, Hub(bench.feed)
        feed.told = [change(0, 9, "a"), change(0, 10, "b"), change(0, 10, "c"), change(1, 20, "d"),
                     change(0, 5, "e", log="acts")]  # fmt: skip
        await hub.step(0.0)
        whole = await read(hub.subscribe(Vector(1, (8, 19), 4), everything), 6)
        assert [data.get("code") for _, _, data in whole[:5]] == ["a", "b", "c", "d", "e"]
        for n in range(5):
            stream = hub.subscribe(parse_vector(whole[n][1]), everything)
            seen = {data["code"] for _, _, data in whole[: n + 1]}
            while (found := (await read(stream, 1))[0])[0] != "ready":
                seen.add(found[2]["code"])
            assert seen == {"a", "b", "c", "d", "e"}

    run(scenario)


@pytest.mark.parametrize("place", [Vector(2, (8, 19), 4), Vector(1, (8, 19, 1), 4), Vector(1, (99, 19), 4)])
def test_a_place_that_cannot_be_resumed_is_a_reset(bench: Any, place: Vector) -> None:
    async def scenario() -> None:
        hub = Hub(bench.feed)
        await hub.step(0.0)
        assert [e for e, _, _ in await read(hub.subscribe(place, everything), 2)] == ["reset", "ready"]

    run(scenario)


def test_too_much_to_tell_one_by_one_is_a_reset(bench: Any) -> None:
    async def scenario() -> None:
        bench.feed.too_many = True
        hub = Hub(bench.feed)
        await hub.step(0.0)
        events = await read(hub.subscribe(Vector(1, (1, 1), 1), everything), 2)
        assert [e for e, _, _ in events] == ["reset", "ready"]

    run(scenario)


def test_a_new_generation_tells_everybody_to_read_anew(bench: Any) -> None:
    async def scenario() -> None:
        hub = Hub(bench.feed)
        await hub.step(0.0)
        stream = hub.subscribe(None, everything)
        await read(stream, 1)
        bench.feed.vector = Vector(2, (3, 3), 5)
        await hub.step(5.0)
        ((event, place, _),) = await read(stream, 1)
        assert (event, place) == ("reset", "2:3.3:5")

    run(scenario)


def test_others_units_and_provincial_acts_are_not_told(bench: Any) -> None:
    async def scenario() -> None:
        feed, hub = bench.feed, Hub(bench.feed)
        await hub.step(0.0)
        stream = hub.subscribe(None, lambda unit: unit == "H44.1", all_units=False)
        await read(stream, 1)
        feed.told = [change(0, 11, "other", "H44.2"), change(0, 12, "mine"), change(0, 6, "act", "", "acts")]
        feed.vector = Vector(1, (12, 20), 6)
        await hub.step(5.0)
        found = await read(stream, 2)
        assert [e for e, _, _ in found] == ["dossier", "figures"]
        assert found[0][2]["code"] == "mine"

    run(scenario)


def test_a_display_hears_of_figures_and_never_of_dossiers(bench: Any) -> None:
    async def scenario() -> None:
        feed, hub = bench.feed, Hub(bench.feed)
        await hub.step(0.0)
        stream = hub.subscribe(None, everything, dossiers=False)
        await read(stream, 1)
        feed.told, feed.vector = [change(0, 11)], Vector(1, (11, 20), 5)
        await hub.step(5.0)
        assert [e for e, _, _ in await read(stream, 1)] == ["figures"]

    run(scenario)


def test_ticks_come_at_most_once_a_second_and_none_is_lost(bench: Any) -> None:
    async def scenario() -> None:
        hub = Hub(bench.feed)
        await hub.step(0.0)
        stream = hub.subscribe(None, everything)
        await read(stream, 1)
        for n in range(1, 9):
            bench.feed.vector = Vector(1, (10 + n, 20), 5)
            await hub.step(10 + n * 0.2)
        await hub.step(20.0)
        ticks = await read(stream, 3)
        assert [place for _, place, _ in ticks] == ["1:11.20:5", "1:16.20:5", "1:18.20:5"]

    run(scenario)


def test_a_client_that_does_not_keep_up_is_dropped(bench: Any) -> None:
    async def scenario() -> None:
        feed, hub = bench.feed, Hub(bench.feed, queue=3)
        await hub.step(0.0)
        stream = hub.subscribe(None, everything)
        await read(stream, 1)
        feed.told, feed.vector = [change(0, n) for n in range(11, 30)], Vector(1, (29, 20), 5)
        await hub.step(5.0)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        assert (hub.clients, hub.dropped) == (0, 1)

    run(scenario)


def test_a_quiet_stream_beats_and_a_revoked_key_ends_it(bench: Any) -> None:
    async def scenario() -> None:
        hub = Hub(bench.feed)
        await hub.step(0.0)
        allowed = [True, False]
        stream = hub.subscribe(None, everything, heartbeat_s=0.001, still_allowed=lambda: allowed.pop(0))
        assert [e for e, _, _ in await read(stream, 2)] == ["ready", "heartbeat"]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(scenario)


vectors = st.builds(
    Vector,
    st.integers(0, 10**6),
    st.lists(st.integers(-1, 10**15), min_size=1, max_size=8).map(tuple),
    st.integers(-1, 10**15),
)


@given(vectors)
def test_a_place_is_its_text(vector: Vector) -> None:
    assert parse_vector(str(vector)) == vector
    assert vector.covers(vector)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_cleanly(text: str) -> None:
    with suppress(InvalidInput):
        assert str(parse_vector(text))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), max_size=20), st.integers(0, 20))
def test_resuming_after_any_notice_repeats_or_goes_on_but_never_skips(
    spots: list[tuple[int, int]], cut: int
) -> None:
    changes = [change(p, o, str(n)) for n, (p, o) in enumerate(spots)]
    told = notices(changes, Vector(1, (-1, -1, -1)), Moment(Vector(1, (6, 6, 6)), 0, 0))
    place = parse_vector(told[:cut][-1].id) if told[:cut] else Vector(1, (-1, -1, -1))
    left = [c for c in changes if c.offset > place.events[c.partition]]
    heard = {n.data for n in told[:cut]} | {n.data for n in notices(left, place, Moment(place, 0, 0))}
    assert heard == {n.data for n in told}


def test_a_wrong_place_is_an_error_before_the_stream_begins(local: TestClient) -> None:
    answer = local.get("/v1/stream", headers={"Last-Event-ID": "yesterday"})
    assert answer.status_code == 422


def test_requests_know_of_a_moment_before_any_client_hears_of_it(bench: Any) -> None:
    async def scenario() -> None:
        moments = Moments(lambda: Moment(Vector(1, (0, 0)), 0, 0), lambda: 0)
        assert moments.current().vector == Vector(1, (0, 0))
        hub = Hub(bench.feed, on_moment=moments.learn)
        await hub.step(0.0)
        await read(hub.subscribe(None, everything), 1)
        assert moments.current().vector == bench.feed.vector

    run(scenario)


def test_what_the_notifier_raised_is_streamed_with_the_members_of_a_condition() -> None:
    start = "2026-08-14T06:30:00.000Z"
    found = _of_act(7, "alert.raised", "0" * 24, "H44.1", "A03", "D1", "e", start, "")
    assert (found.event, found.log, found.offset, found.unit) == ("alert", "acts", 7, "H44.1")
    condition = _of_condition(0, "A04", "D1", "e", "H44.1", 7, 0, None)
    assert set(condition.data) <= set(found.data)
    assert (found.data["subject"], found.data["from"], found.data["until"]) == ("D1", start, None)
    assert "episode" not in _of_act(7, "alert.acknowledged", "0" * 24, "H44.1", "A03", "D1", "", "", "").data
