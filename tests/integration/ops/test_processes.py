"""Partitions worked on in processes of their own: all results in order, errors passed on, progress heard."""

import os
from collections.abc import Callable
from functools import partial

import pytest

from domain.errors import Refused, Unavailable
from ops.processes import each_partition


def squared(partition: int, hear: Callable[..., None], _stopped: Callable[[], bool]) -> int:
    hear(partition, "done")
    return partition**2


def refused(at: int, partition: int, _hear: Callable[..., None], _stopped: Callable[[], bool]) -> int:
    if partition == at:
        raise Refused("another log")
    return partition


def killed(partition: int, _hear: Callable[..., None], _stopped: Callable[[], bool]) -> None:
    os._exit(partition)


def test_results_come_in_order_and_all_progress_is_heard() -> None:
    heard: list[tuple[int, str]] = []
    found = each_partition(squared, range(5), lambda n, word: heard.append((n, word)), processes=2)
    assert found == [0, 1, 4, 9, 16]
    assert sorted(heard) == [(n, "done") for n in range(5)]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_one_is_raised_as_it_was(processes: int) -> None:
    with pytest.raises(Refused, match="another log"):
        each_partition(partial(refused, 1), range(4), print, processes)


def test_a_killed_process_is_named_and_nothing_hangs() -> None:
    with pytest.raises(Unavailable, match="killed"):
        each_partition(killed, range(1, 3), print, processes=2)
