"""One supervised process: started in its own session, its output kept in a log file and watched line by line."""

import logging
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue

from ops.lifeline import following_me

LOG_BYTES = 10 * 1024 * 1024
LOGS_KEPT = 3
_READY = re.compile(r"ready\b((?: +\w+=\S+)*) *$")
_LEVEL = re.compile(r"^\S+ \S+ (?:WARNING|ERROR|CRITICAL)\b")
_TO_A_PERSON = "gs766: "


@dataclass(frozen=True, slots=True)
class Ready:
    """A part said that it is ready, with what others must know (ports, addresses)."""

    name: str
    pid: int
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spoke:
    """A line that a person should see."""

    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A part's process ended; `code` is its exit code, negative for a signal."""

    name: str
    pid: int
    code: int
    last_line: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants the stack to stop; `at_once` when they asked a second time."""

    at_once: bool = False


News = Ready | Spoke | Ended | StopAsked


@dataclass(slots=True)
class Child:
    """A running process of a part. Start it from a thread that outlives it: the kernel may end it with that."""

    name: str
    process: subprocess.Popen[bytes]
    last_line: str = field(default="")

    @property
    def pid(self) -> int:
        """The process id, which is its group's too."""
        return self.process.pid

    def ask_to_end(self) -> None:
        """SIGTERM to the process, which ends what it started itself."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def start_child(
    name: str, command: Sequence[str], environ: Mapping[str, str], log_file: Path, news: "SimpleQueue[News]"
) -> Child:
    """Starts a part; what it says and how it ends arrives in `news`."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**following_me(environ), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    child = Child(name, process)
    reader = threading.Thread(target=_read, args=(child, log_file, news), name=f"log-{name}", daemon=True)
    reader.start()
    threading.Thread(target=_wait, args=(child, reader, news), name=f"wait-{name}", daemon=True).start()
    return child


def is_warning(line: str) -> bool:
    """Whether a line of a part's output is for the console: a warning or worse, or words to a person."""
    return line.startswith(_TO_A_PERSON) or bool(_LEVEL.match(line))


def ready_words(line: str) -> dict[str, str] | None:
    """The words of a `ready` line, None for any other line."""
    found = _READY.match(line)
    return dict(word.split("=", 1) for word in found.group(1).split()) if found else None


def _read(child: Child, log_file: Path, news: "SimpleQueue[News]") -> None:
    handler = RotatingFileHandler(log_file, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8")
    stream = child.process.stdout
    assert stream is not None
    with stream:
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            handler.emit(logging.makeLogRecord({"msg": line}))
            words = ready_words(line)
            if words is not None:
                news.put(Ready(child.name, child.pid, words))
            elif line.strip():
                child.last_line = line
                if is_warning(line):
                    news.put(Spoke(child.name, line.removeprefix(_TO_A_PERSON)))
    handler.close()


def _wait(child: Child, reader: threading.Thread, news: "SimpleQueue[News]") -> None:
    code = child.process.wait()
    reader.join(2)  # a grandchild may hold the pipe open; the end of the part itself is what counts
    news.put(Ended(child.name, child.pid, code, child.last_line))
