"""The switch from one generation to the next without a gap: the next one is folded live before it answers.

A *follower* in the rebuild's process keeps folding the new generation. For the switch the old worker is ended, the
new generation is let past where the old one stands, and one row of the journal makes it answer. The worker that
the supervisor starts meanwhile waits for that, asks for the partitions one by one, and the follower lets go of
each. Killed at any point, the journal says which generation answers, and a worker starts on that one.
"""

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from domain.errors import Gs766Error, Refused, Unavailable
from domain.instants import Millis
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from ops.addresses import store_target
from ops.deeds import note_deed
from ops.generation import Generations, read_generations, write_generations
from ops.settings import Settings
from ops.stack_file import read_stack
from sinks import generations as journal
from sinks.clickhouse import connect
from sinks.positions import CHANGES, complete_to, read_positions
from stream.driver import emitting
from stream.runner import PartitionRunner, WorkerConfig
from stream.state import is_free, is_wanted

log = logging.getLogger(__name__)
IDLE_S = 0.02
SWITCH_S = 60.0
HAND_OVER_S = 120.0


class Follower:
    """Folds a generation live on a thread of its own, until it is closed or a worker has every partition."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._end = threading.Event()
        self._level = threading.Event()
        self._handing = threading.Event()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def __enter__(self) -> "Follower":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def check(self) -> None:
        """Raises what ended it, if anything did."""
        if self._error is not None:
            raise self._error

    def catch_up(self) -> None:
        """Returns when it has reached the log's end once; from then on it is as live as a worker is."""
        while not self._level.wait(IDLE_S):
            self.check()

    def hand_over(self, seconds: float) -> bool:
        """Lets go of each partition when a worker asks for it; whether all were taken in that time."""
        self._handing.set()
        self._over.wait(seconds)
        self.check()
        return self._over.is_set()

    def _run(self) -> None:
        runners: dict[int, PartitionRunner] = {}
        try:
            with emitting(self._config.kafka) as emit:
                for partition in range(self._config.partitions):
                    runners[partition] = PartitionRunner(self._config, partition, emit)
                while runners and not self._end.is_set():
                    if not sum([self._step(runners, partition) for partition in list(runners)]):
                        self._level.set()
                        self._end.wait(IDLE_S)
            self._over.set()
        except BaseException as error:
            self._error = error
        finally:
            for runner in runners.values():
                runner.close()
            self._over.set()

    def _step(self, runners: dict[int, PartitionRunner], partition: int) -> int:
        runner = runners[partition]
        if self._handing.is_set() and is_wanted(self._config.folder(partition)):
            del runners[partition]
            runner.close()
            return 1
        done = runner.catch_up_slice(runner.end_offset())
        if runner.fault:
            raise Refused(f"the new generation stops: {runner.fault}")
        return done


def switch(settings: Settings, client: Any, config: WorkerConfig, old: WorkerConfig, follower: Follower) -> None:
    """Makes the followed generation the one that answers, at positions that are not before the old one's.

    Unavailable, with nothing switched, when the old worker does not end or the new rows do not arrive in a minute.
    """
    with _held(settings.data):
        end_worker(settings)
        _until(
            lambda: all(is_free(old.folder(p)) for p in range(old.partitions)),
            "a worker still holds the old generation's state",
            follower,
        )
        ends = _change_ends(config.kafka)
        _until(lambda: _written(client, ends), "the store's writer does not catch up", follower)
        standing = complete_to(client, old.generation)
        _until(
            lambda: _is_level(standing, complete_to(client, config.generation)),
            "the new generation does not catch up with the old one",
            follower,
        )
        journal.activate(client, config.generation, _now())
        write_generations(settings.data, Generations(config.generation))
    note_deed(settings, "generation_switched", str(config.generation), before=old.generation)


def end_worker(settings: Settings) -> bool:
    """Asks the stack's worker to end, for the supervisor to start it anew; whether one runs that will be."""
    stack = read_stack(settings.data)
    worker = stack.parts.get("worker") if stack else None
    if worker is None:
        return False
    if worker.pid:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGTERM)
    return worker.state != "refused"


def settle(settings: Settings) -> None:
    """Before a worker starts: waits while a switch is under way, then notes which generation the store says
    answers. A store that cannot be asked leaves the note as it is."""
    _wait_for_switch(settings.data)
    try:
        with connect(store_target(settings, "writer")) as client:
            active = journal.active_generation(client)
    except Gs766Error as error:
        log.warning("the store cannot say which generation answers (%s): going by generation.json", error)
        return
    if active is not None and active > read_generations(settings.data).active:
        write_generations(settings.data, Generations(active))


@contextmanager
def one_rebuild(data: Path) -> Iterator[None]:
    """Holds the data folder for one rebuild; Refused while another one runs."""
    with _lock(data, "rebuild.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused("a rebuild of this data folder is under way: wait for its end") from error
        yield


@contextmanager
def _held(data: Path) -> Iterator[None]:
    with _lock(data, "switch.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _wait_for_switch(data: Path) -> None:
    with _lock(data, "switch.lock") as file:
        fcntl.flock(file, fcntl.LOCK_SH)


def _lock(data: Path, name: str) -> Any:
    folder = data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / name).open("a")


def _change_ends(kafka: KafkaConfig) -> dict[int, int]:
    with LogReader(kafka, kafka.changes) as reader:
        return reader.end_offsets()


def _written(client: Any, ends: Mapping[int, int]) -> bool:
    rows, _ = read_positions(client)
    held = {row.partition: row.offset for row in rows if row.name == CHANGES}
    return all(held.get(p, 0) >= end for p, end in ends.items())


def _is_level(standing: Mapping[int, int], found: Mapping[int, int]) -> bool:
    return all(found.get(p, -1) >= offset for p, offset in standing.items())


def _until(reached: Callable[[], bool], why_not: str, follower: Follower) -> None:
    deadline = time.monotonic() + SWITCH_S
    while not reached():
        follower.check()
        if time.monotonic() > deadline:
            raise Unavailable(f"nothing was switched: {why_not}; see gs766 status, then run gs766 rebuild again")
        time.sleep(IDLE_S)


def _now() -> Millis:
    return time.time_ns() // 1_000_000
