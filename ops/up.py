"""What `gs766 up` and `gs766 down` do around the supervisor: lock, port, key, words for the person."""

import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import Unavailable
from domain.instants import to_millis
from ops.commands.shell import say
from ops.demo_place import check_kind
from ops.lifeline import follow_parent
from ops.parts import chosen_parts
from ops.ports import with_free_port
from ops.settings import Settings, record
from ops.stack_file import (
    DEVELOPMENT_KEY,
    Stack,
    last_stack,
    read_secret,
    read_stack,
    store_passwords,
    write_secret,
)
from ops.supervisor import GRACE_SECONDS, Supervisor, is_held, only_stack

DOWN_SECONDS = 3 * GRACE_SECONDS


def run_stack(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    demo: bool = False,
) -> int:
    """Runs the stack until it is stopped; returns the exit code. Refused when one runs there already."""
    follow_parent(environ)
    settings = replace(settings, demo=demo)
    parts = chosen_parts(settings, only, without, demo)
    with only_stack(settings.data):
        check_kind(settings, to_millis(datetime.now(UTC)))
        record(settings)
        if demo and settings.clock == "wall":
            settings = replace(settings, clock="log")
        wait_for_leftovers(settings.data)
        settings, changed = with_free_port(settings)
        if changed:
            say(changed)
        if not settings.clickhouse.host:
            store_passwords(settings)
        key = development_key(settings.data)
        say(f"starting {', '.join(part.name for part in parts)} on {settings.data}")
        begun = time.monotonic()

        def tell(stack: Stack) -> None:
            say(f"ready after {time.monotonic() - begun:.1f} s; Ctrl-C stops everything")
            if stack.api:
                print(f"board            {stack.api}/\ndevelopment key  {key}", flush=True)

        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        stack = Stack(pid=os.getpid(), started_at=started_at, clock=settings.clock)
        if settings.kafka.bootstrap:
            stack = replace(stack, kafka=settings.kafka.bootstrap)
        supervisor = Supervisor(settings, parts, environ, say=say, on_ready=tell, stack=stack)
        code = supervisor.run()
    say("stopped")
    return code


def stop_stack(data: Path) -> bool:
    """Stops the stack that holds the data folder and waits; False when there is none.

    Raises Unavailable when it does not end; its parts are then killed by the kernel with it.
    """
    if not is_held(data):
        return False
    stack = read_stack(data)
    if stack is None:
        raise Unavailable(f"the stack on {data} is starting or ending at this moment: try again")
    os.kill(stack.pid, signal.SIGTERM)
    if _ends_within(data, DOWN_SECONDS):
        return True
    os.kill(stack.pid, signal.SIGKILL)
    if _ends_within(data, 5):
        return True
    raise Unavailable(f"process {stack.pid} does not end: look at {data / 'logs'}")


def wait_for_leftovers(data: Path) -> None:
    """Lets the parts of a supervisor that was killed end in order: the folders that they hold are needed."""
    stack = last_stack(data)
    pids = [state.pid for state in stack.parts.values() if state.pid] if stack else []
    deadline = time.monotonic() + GRACE_SECONDS
    told = False
    while left := [pid for pid in pids if _is_part(pid)]:
        if not told:
            say(f"waiting for {len(left)} parts of an earlier start to end")
            told = True
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _is_part(pid: int) -> bool:
    """Whether that process is a part still at work; an ended one that nobody has buried has no command line."""
    try:
        return b"ops.part" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def development_key(data: Path) -> str:
    """The key with every scope for the machine's owner; made at the first start."""
    import secrets

    stored = read_secret(data, DEVELOPMENT_KEY)
    if stored is None:
        stored = {"key": "gs766_" + secrets.token_urlsafe(32)}
        write_secret(data, DEVELOPMENT_KEY, stored)
    return str(stored["key"])


def _ends_within(data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_held(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
