"""A whole stack as a user starts it, in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from domain.errors import Gs766Error
from domain.events import Event, encode_event
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.reader import LogReader
from ops.lifeline import following_me
from ops.rebuilding import store_client
from ops.settings import load
from ops.stack_file import Stack, read_stack
from sinks.generations import active_generation
from sinks.queries.derived import DERIVED_TABLES, read_rows
from tests.support.ready_store import store_with_schema
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
Rows = dict[str, set[tuple[Any, ...]]]


class RunningStack:
    """`gs766 up` on a data folder; commands and HTTP against it."""

    def __init__(
        self, data: Path, *options: str, environ: Mapping[str, str] | None = None, bare: bool = False
    ) -> None:
        """`bare`: it makes all tables itself, as on a user's machine, instead of beginning with them."""
        self.bare = bare
        self.data = data
        self.options = options
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 60) -> "RunningStack":
        """Starts it and waits until every part is ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        if not self.bare and not (self.data / "clickhouse").exists():
            shutil.copytree(store_with_schema(), self.data / "clickhouse", symlinks=True)
        with (self.data / "up.log").open("ab") as log:
            command = [
                sys.executable,
                "-m",
                "ops.cli",
                "up",
                "--data",
                str(self.data),
                "--port",
                "0",
                *self.options,
            ]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=following_me(self.environ))
        try:
            until(self._is_ready, "the stack to be ready", seconds)
        except BaseException:
            self.stop()
            raise
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.data / "up.log").read_text()
        stack = read_stack(self.data)
        return stack is not None and stack.ready

    def stop(self, number: int = signal.SIGINT) -> None:
        """Ends it as Ctrl-C does, and waits."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    @property
    def stack(self) -> Stack:
        """Its addresses and processes."""
        found = read_stack(self.data)
        assert found is not None
        return found

    def pid(self, part: str) -> int:
        """The process of a part."""
        return self.stack.parts[part].pid

    def kill_part(self, part: str) -> None:
        """`kill -9`, then waits until the supervisor has started it anew."""
        old = self.pid(part)
        os.kill(old, signal.SIGKILL)
        until(lambda: self.pid(part) not in (0, old), f"{part} to be started again")

    def run(self, *arguments: str, check: Sequence[int] = (0,), seconds: float = 240) -> str:
        """A command's output; fails when its exit code is another than expected."""
        command = [sys.executable, "-m", "ops.cli", *arguments, "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, env=self.environ, text=True, timeout=seconds)
        assert done.returncode in check, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str, check: Sequence[int] = (0,), seconds: float = 240) -> Any:
        """A command's `--json` answer."""
        return json.loads(self.run(*arguments, "--json", check=check, seconds=seconds))

    @property
    def key(self) -> str:
        """The development key."""
        found: str = json.loads((self.data / "secrets" / "development.json").read_text())["key"]
        return found

    def http(self) -> httpx.Client:
        """A client with the development key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        # Reading the machine's certificates would take longer than most requests; nothing here is asked by TLS.
        return httpx.Client(base_url=self.stack.api, headers=headers, timeout=30, verify=False)

    def post(self, events: Sequence[bytes]) -> list[dict[str, Any]]:
        """Sends encoded events by HTTP; every one must be accepted."""
        with self.http() as client:
            answer = client.post(
                "/v1/events", content=b"\n".join(events), headers={"Content-Type": "application/x-ndjson"}
            )
        assert answer.status_code == 202, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def load(self, events: Sequence[Event]) -> None:
        """Imports events as history, past the HTTP intake."""
        self.load_encoded([(event.subject, encode_event(event)) for event in events])

    def load_encoded(self, events: Iterable[tuple[str, bytes]]) -> None:
        """The same with (subject, encoded event)."""
        kafka = KafkaConfig(self.stack.kafka)
        with BulkWriter(kafka, kafka.events, 4) as writer:
            for subject, event in events:
                writer.add(subject, event)
            writer.flush()

    def settle(self, seconds: float = 60) -> None:
        """Waits until everything that is in the log now is queryable. What health says of the log's ends may be a
        moment old: Kafka itself is asked."""
        ends = until(self.ends, "Kafka to answer", 60)

        def done() -> bool:
            with self.http() as client:
                complete = client.get("/v1/health").json().get("complete_to") or []
            return len(complete) == len(ends) and all(complete[p] + 1 >= end for p, end in ends.items())

        until(done, "the log to be queryable", seconds)

    def ends(self) -> dict[int, int] | None:
        """The log's ends now; None while Kafka does not answer."""
        kafka = KafkaConfig(self.stack.kafka)
        try:
            with LogReader(kafka, kafka.events) as reader:
                return reader.end_offsets()
        except Gs766Error:
            return None

    def rows(self, *, leave_out: Sequence[str] = ()) -> Rows:
        """Every derived row of the active generation, as a user of SQL would see it."""
        with store_client(load({**self.environ}, self.data)) as client:
            generation = active_generation(client)
            assert generation is not None
            return {
                table.name: {row for p in range(4) for row in read_rows(client, table, generation, p)}
                for table in DERIVED_TABLES
                if table.name not in leave_out
            }

    def tamper(self, *statements: str) -> None:
        """Changes the store by hand, as the writer user."""
        with store_client(load({**self.environ}, self.data)) as client:
            for statement in statements:
                client.execute(statement)
