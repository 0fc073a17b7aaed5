"""How the writer is, in a small file that `/v1/health` reads even when the store does not answer."""

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from sinks.positions import Fault

_BEAT_SECONDS = 1.0


class WriterHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content. Red: `state` is not `running`, `faults` is not empty, or `at` (epoch ms, renewed every
    second) is old. `retrying` maps a topic to the error because of which its batch is tried again."""

    state: Literal["starting", "running", "retrying", "stopped", "refused"]
    at: int
    pid: int
    error: str = ""
    retrying: dict[str, str] = {}
    faults: tuple[str, ...] = ()
    written: dict[str, int] = {}
    """Records written since the start, by topic."""


def read_health(path: Path) -> WriterHealth | None:
    """What the writer last said; None when it never ran here or the file cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=WriterHealth)
    except (OSError, msgspec.DecodeError):
        return None


class Health:
    """Collects what happens and writes the file: at once when the state changes, else every second."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._final: Literal["stopped", "refused"] | None = None
        self._started = False
        self._error = ""
        self._retrying: dict[str, str] = {}
        self._faults: tuple[str, ...] = ()
        self._written: dict[str, int] = {}
        self._said = float("-inf")
        with self._lock:
            self._say()

    def beat(self) -> None:
        """Says that the process lives."""
        with self._lock:
            if time.monotonic() - self._said >= _BEAT_SECONDS:
                self._say()

    def ready(self) -> None:
        """Everything was checked; batches are being written from now on."""
        with self._lock:
            self._started = True
            self._say()

    def retrying(self, what: str, error: str) -> None:
        """A step failed and is tried again."""
        with self._lock:
            self._retrying[what] = error
            self._say()

    def well(self, what: str) -> None:
        """A step succeeded."""
        with self._lock:
            if self._retrying.pop(what, None) is not None:
                self._say()

    def wrote(self, what: str, records: int) -> None:
        """A batch is in the store."""
        with self._lock:
            self._written[what] = self._written.get(what, 0) + records

    def faults(self, faults: Iterable[Fault]) -> None:
        """Generations stopped."""
        told = [
            f"generation {f.generation}, partition {f.partition}, offset {f.offset}: {f.reason}" for f in faults
        ]
        if told:
            with self._lock:
                self._faults = (*self._faults, *told)
                self._say()

    def refused(self, error: str) -> None:
        """The process ends because a person must decide."""
        with self._lock:
            self._final, self._error = "refused", error
            self._say()

    def stopped(self) -> None:
        """The process ends in order."""
        with self._lock:
            self._final = "stopped"
            self._say()

    def _state(self) -> Literal["starting", "running", "retrying", "stopped", "refused"]:
        if self._final is not None:
            return self._final
        if self._retrying:
            return "retrying"
        return "running" if self._started else "starting"

    def _say(self) -> None:
        self._said = time.monotonic()
        if self._path is None:
            return
        health = WriterHealth(
            state=self._state(),
            at=time.time_ns() // 1_000_000,
            pid=os.getpid(),
            error=self._error,
            retrying=dict(self._retrying),
            faults=self._faults,
            written=dict(self._written),
        )
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(health))
        fresh.replace(self._path)
