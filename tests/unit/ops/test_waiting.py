"""Rules of waiting for what was imported."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.errors import Unavailable
from ops.waiting import wait_until_queryable

GREEN = {"faults": {"status": "green", "reasons": []}}


def answers(*found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from found


def test_it_returns_when_all_partitions_have_reached_their_ends() -> None:
    left: list[int] = []
    found = answers(
        {"complete_to": [-1, 4], "parts": GREEN},
        {"complete_to": [8, 9], "parts": GREEN},
        {"complete_to": [9, 9], "parts": GREEN},
    )
    wait_until_queryable(lambda: next(found), {0: 10, 1: 5}, left.append, lambda _: None)
    assert left == [10, 1, 0]


def test_nothing_appended_is_nothing_to_wait_for() -> None:
    wait_until_queryable(lambda: {"complete_to": []}, {}, lambda _: None, lambda _: None)


def test_a_fault_ends_the_waiting_with_its_reason() -> None:
    red = {"complete_to": [1], "parts": {"faults": {"status": "red", "reasons": ["a hole at 7"]}}}
    with pytest.raises(Unavailable, match="a hole at 7"):
        wait_until_queryable(lambda: red, {0: 9}, lambda _: None, lambda _: None)
