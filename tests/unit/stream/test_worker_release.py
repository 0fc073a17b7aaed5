"""A partition that is taken away leaves nothing locked, and nothing closed that is in use."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import stream.worker
from domain.instants import zone
from eventlog.config import KafkaConfig
from stream.runner import WorkerConfig
from stream.worker import Assigned, Worker
from tests.support.waiting import until


class SlowRunner:
    """A state that takes its time to open, and the lock that it holds."""

    begun = threading.Event()
    go_on = threading.Event()
    opened = 0
    held = 0

    def __init__(self, *_: Any) -> None:
        SlowRunner.begun.set()
        assert SlowRunner.go_on.wait(30)
        SlowRunner.opened += 1
        SlowRunner.held += 1

    def close(self) -> None:
        SlowRunner.held -= 1


def test_a_state_that_opens_after_its_partition_was_taken_away_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Woken from a long stop, a worker gets and loses partitions quickly; it then locked itself out."""
    monkeypatch.setattr(stream.worker, "PartitionRunner", SlowRunner)

    async def rebalance_twice() -> None:
        worker = Worker(WorkerConfig(KafkaConfig("127.0.0.1:1"), tmp_path, zone("Asia/Ho_Chi_Minh"), 1, "log"))
        place = worker.assigned[0] = Assigned()
        place.task = asyncio.create_task(worker._follow(0, place))
        await asyncio.to_thread(SlowRunner.begun.wait, 30)
        await worker.release([0])
        SlowRunner.go_on.set()
        await asyncio.to_thread(until, lambda: SlowRunner.opened, "the state to be open")
        await asyncio.to_thread(until, lambda: not SlowRunner.held, "the state to be closed")

    asyncio.run(rebalance_twice())


class BusyRunner:
    """An open state in the middle of a slice."""

    def __init__(self, *_: Any) -> None:
        self.in_slice, self.go_on, self.closed = threading.Event(), threading.Event(), threading.Event()

    def end_offset(self) -> int:
        return 1

    def catch_up_slice(self, _: int) -> int:
        self.in_slice.set()
        assert self.go_on.wait(30)
        return 1

    def close(self) -> None:
        self.closed.set()


def test_a_state_is_closed_even_where_no_thread_is_free_for_it_when_its_partition_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken away at the end of a slice, the close was cancelled while it waited for a thread: locked for ever."""
    runner, go_on = BusyRunner(), threading.Event()
    monkeypatch.setattr(stream.worker, "PartitionRunner", lambda *_: runner)

    async def take_away() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        worker = Worker(WorkerConfig(KafkaConfig("127.0.0.1:1"), tmp_path, zone("Asia/Ho_Chi_Minh"), 1, "log"))
        place = worker.assigned[0] = Assigned()
        place.task = asyncio.create_task(worker._follow(0, place))
        while not runner.in_slice.is_set():
            await asyncio.sleep(0)
        busy = loop.run_in_executor(None, go_on.wait, 30)
        releasing = asyncio.create_task(worker.release([0]))
        await asyncio.sleep(0)
        runner.go_on.set()
        while place.runner is not None:  # the slice has ended, and the close waits behind what is busy
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        go_on.set()
        await releasing
        await busy
        assert runner.closed.is_set()

    asyncio.run(take_away())


def test_a_cancelled_fold_is_waited_for(tmp_path: Path) -> None:
    """Faust cancels its agents in a rebalance: the state was then closed while a thread still wrote to it."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def fold() -> None:
        begun.set()
        assert go_on.wait(30)
        done.set()

    async def cancel_it() -> None:
        worker = Worker(WorkerConfig(KafkaConfig("127.0.0.1:1"), tmp_path, zone("Asia/Ho_Chi_Minh"), 1, "log"))
        agent = asyncio.create_task(worker._in_thread(fold))
        await asyncio.to_thread(begun.wait, 30)
        agent.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not agent.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await agent
        assert done.is_set()

    asyncio.run(cancel_it())
