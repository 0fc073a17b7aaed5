"""What a peer is told and what it answers: one JSON document each way, so that environments need not agree."""

import sys
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from domain.instants import DEFAULT_ZONE, zone
from stream.partition import FoldConfig


class Job(Struct, frozen=True, kw_only=True):
    """The log to fold, where state and output go, and the end offset of each partition."""

    bootstrap: str
    events: str
    output: str
    folder: str
    log_id: str
    partitions: int
    ends: dict[int, int]

    def fold(self, partition: int) -> FoldConfig:
        """What the fold of a partition depends on."""
        where = zone(DEFAULT_ZONE)
        return FoldConfig(partition, self.partitions, where, 1, self.log_id, f"bench {self.log_id}")


class Answer(Struct, frozen=True):
    """Seconds by the clock and by processor time, from the first record to the last acknowledgement and commit,
    and MB of state on disk."""

    seconds: float
    cpu: float
    state_mb: float


class Stopwatch:
    """Starts with the first record: joining a group is not folding."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None

    def start(self) -> None:
        """Starts it once."""
        if self._begun is None:
            self._begun = (time.perf_counter(), time.process_time())

    def answer(self, folder: Path) -> Answer:
        """What has been used since; processor time includes the threads of Kafka's client and the store."""
        wall, cpu = self._begun or (time.perf_counter(), time.process_time())
        size = sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file()) / 1e6
        return Answer(time.perf_counter() - wall, time.process_time() - cpu, size)


def read_job() -> Job:
    """The job from standard input."""
    return msgspec.json.decode(sys.stdin.buffer.read(), type=Job)


def tell(answer: Answer) -> None:
    """The answer, as the last line of standard output."""
    sys.stdout.write("\n" + msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()
