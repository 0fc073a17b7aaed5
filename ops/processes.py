"""Work on several partitions at once, in processes of its own: Python folds on one core a process.

Used where partitions are independent and long: the fold of a rebuild, the comparison of `reconcile`. At most one
process a core and never more than `MOST`, because each holds an open state of its own.
"""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from domain.errors import Unavailable
from ops.lifeline import PARENT, follow_parent

MOST = 4
FEW = 200
"""Log records that are read faster than processes are started for them; one holds some hundred events at most."""
Hear = Callable[..., None]
"""What is told of the progress, in the words of the work; called in this process, by another thread."""
Work = Callable[[int, Hear, Callable[[], bool]], Any]
"""`(partition, tell, stopped)`: a function of a module, or a `partial` of one, so that it can be sent."""
R = TypeVar("R")
_told: Any = None
_stopped: Any = None


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processes_for(records: int) -> int | None:
    """How many processes so many log records are worth: one, or as many as there are cores."""
    return 1 if records <= FEW else None


def each_partition(
    work: Callable[[int, Hear, Callable[[], bool]], R],
    partitions: Sequence[int],
    hear: Hear,
    processes: int | None = None,
) -> list[R]:
    """The results of `work` for all partitions, in their order; on one core, one after the other right here.

    When one fails, those that have not begun are left out, those under way are asked to stop, and its error is
    raised. Unavailable when a process is killed.
    """
    count = min(len(partitions), MOST, processes or cores())
    if count <= 1:
        return [work(partition, hear, _never) for partition in partitions]
    context = multiprocessing.get_context("spawn")
    told, stopped = context.SimpleQueue(), context.Event()
    with (
        _hearing(told, hear),
        ProcessPoolExecutor(count, context, _begin, (told, stopped, os.getpid())) as pool,
    ):
        futures = [pool.submit(_run, work, partition) for partition in partitions]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((f for f in futures if f.done() and f.exception()), None)
            return [f.result() for f in ([failed] if failed else futures)]
        except BrokenProcessPool as error:
            raise Unavailable("a process was killed in its work (by lack of memory?): run it again") from error
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _never() -> bool:
    return False


@contextmanager
def _hearing(told: Any, hear: Hear) -> Iterator[None]:
    """Passes on what the processes tell, until the block ends."""

    def listen() -> None:
        while (words := told.get()) is not None:
            hear(*words)

    listener = threading.Thread(target=listen, name="progress", daemon=True)
    listener.start()
    try:
        yield
    finally:
        told.put(None)
        listener.join(5)


def _begin(told: Any, stopped: Any, parent: int) -> None:
    """In the new process: it ends with its parent, and is silent when both are interrupted."""
    global _told, _stopped
    _told, _stopped = told, stopped
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    follow_parent({PARENT: str(parent)})
    gc.freeze()


def _run(work: Work, partition: int) -> Any:
    return work(partition, lambda *words: _told.put(words), _stopped.is_set)
