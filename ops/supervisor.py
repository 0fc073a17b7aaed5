"""Runs the parts of a stack: ordered start, restart with backoff, one view of their logs, a clean end.

Everything happens on the thread that calls `run`; other threads only put news into its queue.
"""

import fcntl
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from domain.errors import Refused
from ops import exits
from ops.child import Child, Ended, News, Ready, Spoke, StopAsked, start_child
from ops.configs import FAULTS
from ops.parts import Part, dependents, unmet
from ops.settings import Settings
from ops.stack_file import PartState, Stack, forget_stack, read_ports, read_stack, write_ports, write_stack

GRACE_SECONDS = 25.0
"""How long a part may take to end in order: the broker allows Kafka 20 s."""
STEADY_SECONDS = 60.0
LONGEST_PAUSE = 30.0
FIRST_TRIES = 5
_LOG_HEAD = re.compile(r"^\S+ \S+ [A-Z]+ \S+: ")


def pause_before_restart(failures: int) -> float:
    """Seconds to wait after the n-th failure in a row: 0.5, 1, 2, 4 … 30."""
    return min(LONGEST_PAUSE, 0.25 * (1 << min(failures, 10)))


@contextmanager
def only_stack(data: Path) -> Iterator[None]:
    """Holds the data folder for one stack; Refused when another one runs on it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stack = read_stack(data)
            where = f" (process {stack.pid}, {stack.api or 'starting'})" if stack else ""
            raise Refused(
                f"a stack already runs on {data}{where}: stop it with `gs766 down --data {data}`"
            ) from error
        yield


def is_held(data: Path) -> bool:
    """Whether a stack holds the data folder."""
    path = data / "run" / "lock"
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _nothing(_: Stack) -> None:
    """Where nobody waits for readiness."""


def part_command(name: str) -> list[str]:
    """How this installation runs a part."""
    return [sys.executable, "-m", "ops.part", name]


@dataclass(slots=True)
class _Slot:
    """What the supervisor remembers of one part."""

    part: Part
    state: PartState = field(default_factory=PartState)
    child: Child | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float | None = None
    kill_at: float | None = None


class Supervisor:
    """One stack over one data folder. `run` blocks until the stack has ended and returns the exit code.

    `on_ready` is called once, when every part is ready. `say` gets lines for a person.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Sequence[Part],
        environ: Mapping[str, str],
        *,
        say: Callable[[str], None],
        on_ready: Callable[[Stack], None] = _nothing,
        command: Callable[[str], Sequence[str]] = part_command,
        stack: Stack | None = None,
    ) -> None:
        self._settings = settings
        self._table = tuple(parts)
        self._slots = {part.name: _Slot(part) for part in parts}
        self._environ = {**environ, **settings.to_environment()}
        self._say = say
        self._on_ready = on_ready
        self._command = command
        self._stack = stack or Stack(pid=os.getpid(), clock=settings.clock)
        self._news: SimpleQueue[News] = SimpleQueue()
        self._stopping = False
        self._code = exits.HOLDS

    def run(self) -> int:
        """Starts, supervises, stops."""
        (self._settings.data / "logs").mkdir(parents=True, exist_ok=True)
        previous = self._listen_to_signals()
        try:
            self._publish()
            while not self._over():
                if not self._stopping:
                    self._start_what_can()
                self._handle(self._next())
                self._keep_times()
        finally:
            for slot in self._slots.values():
                if slot.child is not None:
                    slot.child.kill()
            forget_stack(self._settings.data)
            for number, handler in previous.items():
                signal.signal(number, handler)
        return self._code

    def stop(self, at_once: bool = False) -> None:
        """Asks the stack to end; may be called from a signal handler or another thread."""
        self._news.put(StopAsked(at_once))

    # --- starting ---

    def _start_what_can(self) -> None:
        met = [name for name, slot in self._slots.items() if slot.state.state in ("ready", "done")]
        now = time.monotonic()
        for slot in self._slots.values():
            waits = slot.state.state == "waiting" and not unmet(slot.part, self._table, met)
            due = slot.state.state == "backoff" and slot.again_at is not None and slot.again_at <= now
            if waits or due:
                self._start(slot)

    def _start(self, slot: _Slot) -> None:
        name = slot.part.name
        self._fault_file(name).unlink(missing_ok=True)
        log_file = self._settings.data / "logs" / f"{name}.log"
        slot.child = start_child(name, self._command(name), self._environ, log_file, self._news)
        slot.started = time.monotonic()
        self._set(slot, state="starting", pid=slot.child.pid)

    # --- news ---

    def _next(self) -> News | None:
        times = [t for slot in self._slots.values() for t in (slot.again_at, slot.kill_at) if t is not None]
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        try:
            return self._news.get(timeout=timeout)
        except Empty:
            return None

    def _handle(self, news: News | None) -> None:
        if isinstance(news, Ready):
            self._ready(news)
        elif isinstance(news, Spoke):
            self._say(f"{news.name}: {news.line}")
        elif isinstance(news, Ended):
            self._ended(news)
        elif isinstance(news, StopAsked):
            self._begin_stop(news.at_once)

    def _ready(self, news: Ready) -> None:
        slot = self._slots[news.name]
        if slot.child is None or slot.child.pid != news.pid or self._stopping:
            return
        self._stack = _with_addresses(self._stack, news.name, news.words)
        if news.name == "store":
            ports = {"store": self._stack.store_port, "store_http": self._stack.store_http_port}
            write_ports(self._settings.data, {**read_ports(self._settings.data), **ports})
        if not slot.part.once:
            self._set(slot, state="ready")
        self._announce()

    def _announce(self) -> None:
        """Tells once that everything is ready."""
        states = [slot.state.state for slot in self._slots.values()]
        if not self._stack.ready and all(state in ("ready", "done") for state in states):
            self._stack = replace(self._stack, ready=True)
            self._publish()
            self._on_ready(self._stack)

    def _ended(self, news: Ended) -> None:
        slot = self._slots[news.name]
        slot.child, slot.kill_at = None, None
        if self._stopping:
            self._set(slot, state="stopped", pid=0)
            self._stop_what_can()
        elif slot.part.once and news.code == 0:
            self._set(slot, state="done", pid=0)
            self._announce()
            if all(s.state.state == "done" for s in self._slots.values()):
                self._begin_stop(False)
        else:
            self._failed(slot, news)

    def _failed(self, slot: _Slot, news: Ended) -> None:
        steady = time.monotonic() - slot.started > STEADY_SECONDS
        slot.failures = 1 if steady else slot.failures + 1
        log_file = self._settings.data / "logs" / f"{news.name}.log"
        ended = f"{news.name} ended ({_how(news.code)}): {_words(news.last_line)}"
        if not self._stack.ready and slot.part.vital and _hopeless(news.code, slot.failures):
            self._say(f"{ended}; the whole log: {log_file}")
            self._code = news.code if news.code in (exits.BAD_INPUT, exits.UNREACHABLE) else exits.FAILS
            self._set(slot, state="refused", pid=0, last_line=news.last_line)
            self._begin_stop(False)
        elif news.code == exits.REFUSED:
            self._say(f"{ended}; it stays stopped until a person has looked; the whole log: {log_file}")
            self._leave_fault(news.name, _words(news.last_line))
            self._set(slot, state="refused", pid=0, last_line=news.last_line)
        else:
            pause = pause_before_restart(slot.failures)
            slot.again_at = time.monotonic() + pause
            self._say(f"{ended}; starting it again in {pause:g} s; the whole log: {log_file}")
            self._set(slot, state="backoff", pid=0, restarts=slot.state.restarts + 1, last_line=news.last_line)

    def _fault_file(self, name: str) -> Path:
        return self._settings.data / "run" / FAULTS / f"{name}.txt"

    def _leave_fault(self, name: str, why: str) -> None:
        """Lets health be red and say why."""
        path = self._fault_file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(why + "\n", encoding="utf-8")

    # --- stopping ---

    def _begin_stop(self, at_once: bool) -> None:
        first, self._stopping = not self._stopping, True
        for slot in self._slots.values():
            slot.again_at = None
            if at_once and slot.child is not None:
                slot.child.kill()
        if first:
            self._stop_what_can()

    def _stop_what_can(self) -> None:
        """Ends every part that no running part needs; the others follow when those have ended."""
        running = {name for name, slot in self._slots.items() if slot.child is not None}
        for name in running:
            slot = self._slots[name]
            if slot.kill_at is None and not running.intersection(dependents(name, self._table)):
                assert slot.child is not None
                slot.kill_at = time.monotonic() + GRACE_SECONDS
                slot.child.ask_to_end()
                self._set(slot, state="stopping")

    def _keep_times(self) -> None:
        now = time.monotonic()
        for slot in self._slots.values():
            if slot.child is not None and slot.kill_at is not None and slot.kill_at <= now:
                self._say(f"{slot.part.name} did not end in {GRACE_SECONDS:.0f} s and was killed")
                slot.child.kill()
                slot.kill_at = now + GRACE_SECONDS

    def _over(self) -> bool:
        return self._stopping and all(slot.child is None for slot in self._slots.values())

    def _listen_to_signals(self) -> dict[int, Any]:
        asked = False

        def ask(number: int, frame: object) -> None:
            nonlocal asked
            del number, frame
            self._news.put(StopAsked(at_once=asked))
            asked = True

        return {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    # --- what others see ---

    def _set(
        self,
        slot: _Slot,
        *,
        state: str,
        pid: int | None = None,
        restarts: int | None = None,
        last_line: str = "",
    ) -> None:
        old = slot.state
        slot.state = PartState(
            old.pid if pid is None else pid, state, old.restarts if restarts is None else restarts, last_line
        )
        if state != "backoff":
            slot.again_at = None
        self._publish()

    def _publish(self) -> None:
        states = {name: slot.state for name, slot in self._slots.items()}
        self._stack = replace(self._stack, parts=states)
        write_stack(self._settings.data, self._stack)


def _with_addresses(stack: Stack, name: str, words: Mapping[str, str]) -> Stack:
    """The stack with what a part said about where it listens."""
    if name == "broker" and "bootstrap" in words:
        return replace(stack, kafka=words["bootstrap"])
    if name == "store" and "native" in words:
        ports = int(words["native"]), int(words.get("http", "0"))
        return replace(stack, store_host="127.0.0.1", store_port=ports[0], store_http_port=ports[1])
    if name == "api" and "address" in words:
        return replace(stack, api=words["address"])
    return stack


def _hopeless(code: int, failures: int) -> bool:
    return code in (exits.BAD_INPUT, exits.UNREACHABLE, exits.REFUSED) or failures >= FIRST_TRIES


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


def _words(line: str) -> str:
    return _LOG_HEAD.sub("", line).removeprefix("gs766: ") or "it said nothing"
