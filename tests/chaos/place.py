"""The stack under test: `gs766 up` on the machine of `machine`, with a second worker when it is wanted."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]

from ops.lifeline import dies_with_me
from tests.chaos.machine import Machine
from tests.support.stack import ROOT, RunningStack
from tests.support.waiting import until

START = 180.0
"""Seconds that the first start may take: nothing fails yet."""
CLOCK = "2026-09-01T00:00:00+07:00"
SECOND = """
import json, pathlib, sys
from domain.instants import zone
from eventlog.config import KafkaConfig
from stream.runner import worker_config
from stream.worker import run
given = json.loads(sys.argv.pop())
run(worker_config(KafkaConfig(given["bootstrap"]), pathlib.Path(given["folder"]), zone("Asia/Ho_Chi_Minh"), 1, 4))
"""


class Place(RunningStack):
    """A stack whose machine can fail."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder / "machine")
        super().__init__(folder / "data", "--clock", CLOCK, environ=self.machine.environment)
        self.second: subprocess.Popen[bytes] | None = None

    def begin(self) -> "Place":
        """Mounts the disks and starts."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.machine.mount(self.data)
        self.machine.prepare_network()
        self.start(START)
        return self

    def end(self) -> None:
        """Ends everything that runs here."""
        self.leave(signal.SIGKILL)
        self.stop()

    def pid_of(self, part: str) -> int:
        """The process that does a part's work: Java for the broker."""
        found = self.second.pid if part == "second worker" and self.second else self.pid(part)
        if part == "broker":
            for child in psutil.Process(found).children():
                return int(child.pid)
        return found

    def send_signal(self, part: str, number: int) -> int:
        """Signals a part's process; the process id that got it."""
        found: int = until(lambda: self.pid_of(part), f"{part} to run")
        with suppress(ProcessLookupError):
            os.kill(found, number)
        return found

    # --- a second worker, on state of its own as on another machine ---

    def join(self) -> None:
        """Starts a second worker in the same group."""
        given = {"bootstrap": self.stack.kafka, "folder": str(self.data / "second")}
        with (self.data / "logs" / "second.log").open("ab") as log:
            self.second = subprocess.Popen(
                [sys.executable, "-c", SECOND, json.dumps(given)],
                env=self.environ,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                preexec_fn=dies_with_me(),
            )

    def leave(self, number: int = signal.SIGTERM) -> None:
        """Ends the second worker."""
        process, self.second = self.second, None
        if process is not None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            process.wait(60)

    def second_has_partitions(self) -> bool:
        """Whether the group gave it any: its state is open then."""
        return any((self.data / "second" / "g1").glob("p*/data.mdb"))

    # --- how it is ---

    def health(self) -> dict[str, Any]:
        """The health answer; {} while the API does not answer."""
        try:
            with self.http() as client:
                client.timeout = httpx.Timeout(10)
                found: dict[str, Any] = client.get("/v1/health").json()
                return found
        except (httpx.HTTPError, AssertionError, ValueError):
            return {}

    def reaches(self, ends: dict[int, int]) -> bool:
        """Whether everything below these ends is queryable."""
        complete = self.health().get("complete_to") or []
        return len(complete) == len(ends) and all(complete[p] + 1 >= end for p, end in ends.items())
