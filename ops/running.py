"""A stack for the length of a command: the one that runs already, or one started for it and ended after it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from domain.errors import Unavailable
from ops.lifeline import following_me
from ops.settings import Settings
from ops.stack_file import read_stack

PARTS = "broker,store,migrate,writer"
NEEDED = ("migrate", "writer")
"""With these up, so are the log and the store, its own or others'."""
_UP = ("ready", "done")
START_SECONDS = 120.0


@contextmanager
def running_stack(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Where nothing runs on the data folder, its log, store and writer run inside the block.

    The worker is not needed, and may be the one that refuses to start: a rebuild folds by itself. Unavailable
    (exit 4) when there is no data folder, or they do not start.
    """
    stack = read_stack(settings.data)
    if stack is None and not settings.data.is_dir():
        raise Unavailable(f"there is no data folder {settings.data}: start a stack with `gs766 up` first")
    child = None
    if stack is None:
        say("nothing runs on this data folder: starting its log and store for the length of this command")
        command = [sys.executable, "-m", "ops.cli", "up", "--data", str(settings.data), "--only", PARTS]
        child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=following_me(os.environ),
            start_new_session=True,  # Ctrl-C is ours to pass on, once: a second one would kill the parts
        )
    try:
        _until_ready(settings, child)
        yield
    finally:
        if child is not None:
            child.terminate()
            child.wait()


def _until_ready(settings: Settings, child: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        stack = read_stack(settings.data)
        if stack is not None and all(p in stack.parts and stack.parts[p].state in _UP for p in NEEDED):
            return
        if child is not None and child.poll() is not None:
            break
        time.sleep(0.1)
    raise Unavailable(f"the stack on {settings.data} does not become ready: see {settings.data}/logs")
