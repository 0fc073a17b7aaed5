"""A partition that is taken away while its state is being opened leaves nothing locked."""

import asyncio
import threading
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
