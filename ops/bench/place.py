"""Where measurements run: brokers and whole stacks in temporary folders, ended with the measurement.

Nothing here ever touches a data folder that somebody else made: what is measured writes events.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]

from domain.errors import Unavailable
from eventlog.config import KafkaConfig
from ops.kafka_local import LocalBroker
from ops.lifeline import following_me
from ops.settings import Settings, load
from ops.stack_file import DEVELOPMENT_KEY, Stack, read_secret, read_stack

START_SECONDS = 180.0
STOP_SECONDS = 60.0
_OF_THE_CALLER = "GS766_"
_KEPT = frozenset({"GS766_CACHE"})


def plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of an installation: a measurement must not reach into one."""
    return {k: v for k, v in environ.items() if not k.startswith(_OF_THE_CALLER) or k in _KEPT}


@contextmanager
def scratch(label: str) -> Iterator[Path]:
    """A temporary folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"gs766-bench-{label}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def bare_broker(data: Path, environ: Mapping[str, str]) -> Iterator[KafkaConfig]:
    """A broker alone on a data folder."""
    broker = LocalBroker(data, environ=plain_environment(environ), say=lambda _: None)
    bootstrap = broker.start()
    try:
        yield KafkaConfig(bootstrap)
    finally:
        broker.stop()


@dataclass(slots=True)
class BenchStack:
    """A whole stack as `gs766 up` runs it, and how to reach it."""

    data: Path
    environ: Mapping[str, str]
    options: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> float:
        """Starts it; returns the seconds until every part was ready. Unavailable when it does not come up."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ops.cli", "up", "--data", str(self.data), *self.options]
        # The outside copy of the seals goes with the folder: nobody wants to keep a measurement's.
        environment = {**plain_environment(self.environ), "XDG_STATE_HOME": str(self.data / "outside")}
        begun = time.monotonic()
        with (self.data / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).resolve().parents[2],
                env=following_me(environment),
                start_new_session=True,
            )
        while time.monotonic() - begun < START_SECONDS:
            stack = read_stack(self.data)
            if stack is not None and stack.pid == self.process.pid and stack.ready:
                return time.monotonic() - begun
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        said = (self.data / "up.log").read_text()[-2000:]
        self.stop()
        raise Unavailable(f"the stack to be measured did not start: {said}")

    def stop(self) -> float:
        """Ends it as Ctrl-C does; returns the seconds that took."""
        begun = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        return time.monotonic() - begun

    @property
    def settings(self) -> Settings:
        """The settings of its data folder."""
        return load(plain_environment(self.environ), self.data)

    @property
    def stack(self) -> Stack:
        """Its addresses and processes."""
        return stack_on(self.data)

    @property
    def kafka(self) -> KafkaConfig:
        """Its broker."""
        return KafkaConfig(self.stack.kafka)

    def http(self) -> httpx.Client:
        """A client of its API with the development key."""
        return http_on(self.data)

    def rss(self) -> dict[str, float]:
        """MB of resident memory by part, the broker's Java process included."""
        found = {name: sum(p.memory_info().rss for p in family) / 1e6 for name, family in self._families()}
        found["supervisor"] = psutil.Process(self.stack.pid).memory_info().rss / 1e6
        return found

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time that each part has used so far."""
        return {name: sum(sum(p.cpu_times()[:2]) for p in family) for name, family in self._families()}

    def _families(self) -> Iterator[tuple[str, list[Any]]]:
        """The processes of each running part."""
        for name, state in self.stack.parts.items():
            with suppress(psutil.NoSuchProcess):
                if state.pid:
                    top = psutil.Process(state.pid)
                    yield name, [top, *top.children(recursive=True)]


@contextmanager
def running(data: Path, environ: Mapping[str, str], *options: str) -> Iterator[BenchStack]:
    """A whole stack for the length of a block."""
    stack = BenchStack(data, environ, options)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def stack_on(data: Path) -> Stack:
    """The stack that runs on a data folder; Unavailable when none does."""
    found = read_stack(data)
    if found is None:
        raise Unavailable(f"nothing runs on {data}: start it with `gs766 up --data {data}`")
    return found


def http_on(data: Path) -> httpx.Client:
    """A client of the API of a running stack, with its development key, past any proxy of the environment."""
    key = (read_secret(data, DEVELOPMENT_KEY) or {}).get("key", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=stack_on(data).api, headers=headers, timeout=60, trust_env=False)
