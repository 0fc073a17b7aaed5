"""Processes that end with whoever started them, whatever ends that one; and commands that clean up when ended.

A request to end (SIGTERM, SIGHUP) unwinds a command as Ctrl-C does, so that its `finally` blocks run. What SIGKILL
leaves no time for is left to the kernel, which tells children that their parent is gone (Linux only).
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

PARENT = "GS766_PARENT"
"""The variable that tells a part, or a whole stack, whose end is its own end too: see `follow_parent`."""
_PR_SET_PDEATHSIG = 1


def following_me(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child that is to end with this process.

    Start it from a thread that outlives it: for the kernel a parent has ended when that thread has.
    """
    return {**environ, PARENT: str(os.getpid())}


def follow_parent(environ: Mapping[str, str]) -> None:
    """Lets this process get SIGTERM when the one that started it ends, even when that is killed.

    Without GS766_PARENT (a container, a person) there is nobody to follow.
    """
    if not environ.get(PARENT) or not _linux():
        return
    _ask_kernel()
    if os.getppid() != int(environ[PARENT]):
        os._exit(1)


def dies_with_me() -> Callable[[], None] | None:
    """What a child runs before a program that is not ours (`preexec_fn`), so that the kernel ends it with us."""
    if not _linux():
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


@contextmanager
def unwound_by_signals() -> Iterator[None]:
    """Inside the block SIGTERM and SIGHUP raise SystemExit(128 + number) instead of ending the process at once.

    A signal that somebody else handles, or that is ignored (nohup), is left alone; only a main thread can listen.
    """

    def end(number: int, frame: object) -> None:
        del frame
        raise SystemExit(128 + number)

    previous = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                previous[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _ask_kernel() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _linux() -> bool:
    return sys.platform.startswith("linux")
