"""The local Kafka broker: Apache Kafka from its published jars, installed once, started on loopback.

The jars go into a cache folder that all data folders share; ports, configuration, log file and data live
in `<data>/kafka`. The broker ends with the process that started it.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template
from typing import IO

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from domain.errors import Refused, Unavailable
from ops.kafka_classes import ClassArchive
from ops.kafka_jars import FILES, Say, cache_folder, install, require_java, say_to_stderr
from ops.lifeline import dies_with_me

# Measured on two cores: these take 0.3 s off the start; the compiler's first tier is enough for a broker
# that mostly moves bytes.
JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
START_SECONDS = 60.0
STOP_SECONDS = 20.0

# --- ports ------------------------------------------------------------------------------------------------


def _free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _two_free_ports() -> tuple[int, int]:
    with socket.socket() as a, socket.socket() as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        return a.getsockname()[1], b.getsockname()[1]


# --- the broker -------------------------------------------------------------------------------------------


class LocalBroker:
    """One broker over one data folder.

    `start` returns when the broker answers a metadata request, `stop` when it has ended. Start it from a
    thread that lives as long as the broker should: the kernel ends the broker with that thread.
    """

    def __init__(
        self,
        data: Path,
        *,
        environ: Mapping[str, str],
        heap: str = "512m",
        say: Say = say_to_stderr,
    ) -> None:
        self.folder = data / "kafka"
        self.log_file = self.folder / "broker.log"
        self._environ = dict(environ)
        self._heap = heap
        self._say = say
        self._ports: tuple[int, int] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._classes: ClassArchive | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients; known after `start`."""
        if self._ports is None:
            raise Unavailable("the local Kafka has not been started")
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        if self._process is None:
            raise Unavailable("the local Kafka is not running")
        return self._process.pid

    def alive(self) -> bool:
        """Whether the broker's process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Installs, formats (first time), starts and waits; returns the bootstrap address.

        Raises Refused when another process runs this data folder, Unavailable when Java, Maven or the
        broker do not come up.
        """
        if self.alive():
            return self.bootstrap
        java = require_java(self._environ, self._say)
        jars = install(cache_folder(self._environ), self._environ, self._say)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._ports = self._choose_ports()
            self._classes = ClassArchive(java, jars)
            base = [f"-Xmx{self._heap}", *JVM, *LOGGING, "-cp", f"{jars}/*"]
            config = self._write_config()
            self._format([java, *self._classes.reading(), *base], config)
            self._launch([java, *self._classes.options(), *base, "kafka.Kafka", str(config)])
            self._wait_ready()
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when the broker has not ended after 20 s; harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._classes is not None:
            self._classes.keep(None if process is None else process.returncode)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def pause(self) -> None:
        """Freezes the broker (SIGSTOP): it holds its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a frozen broker go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _take_lock(self) -> None:
        file = (self.folder / "lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise Refused(
                f"another process runs Kafka in {self.folder}: stop it first, or name another --data folder"
            ) from error
        self._lock = file

    def _choose_ports(self) -> tuple[int, int]:
        """The ports of the first start, again; others only when something else has taken them."""
        path = self.folder / "ports.json"
        if path.exists():
            stored = json.loads(path.read_text())
            ports = (int(stored["broker"]), int(stored["controller"]))
            if all(_free(port) for port in ports):
                return ports
            self._say(f"port {ports[0]} or {ports[1]} is taken: Kafka gets other ports")
        ports = _two_free_ports()
        path.write_text(json.dumps({"broker": ports[0], "controller": ports[1]}) + "\n")
        return ports

    def _write_config(self) -> Path:
        assert self._ports is not None
        template = Template((FILES / "server.properties").read_text())
        logs = str((self.folder / "log").resolve())
        text = template.substitute(broker_port=self._ports[0], controller_port=self._ports[1], logs=logs)
        path = self.folder / "server.properties"
        path.write_text(text)
        return path

    def _format(self, base: list[str], config: Path) -> None:
        """Gives an empty data folder its cluster id; an already formatted one is left alone."""
        if (self.folder / "log" / "meta.properties").exists():
            return
        cluster = uuid.uuid4().hex[:22]
        command = [*base, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config), "--standalone"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise Unavailable(f"Kafka could not prepare {self.folder}: {lines[-1] if lines else 'no message'}")

    def _launch(self, command: list[str]) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dies_with_me(),
            )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.alive():
                raise Unavailable(f"Kafka ended at once; {self.log_file} ends with: {self._last_line()}")
            if self._answers():
                return
            time.sleep(0.02)
        raise Unavailable(f"Kafka did not answer within {START_SECONDS:.0f} s; see {self.log_file}")

    def _answers(self) -> bool:
        assert self._ports is not None
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self._ports[0]), 1).close()
            with suppress(KafkaError):
                admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=5000)
                try:
                    return bool(admin.describe_cluster()["brokers"])
                finally:
                    admin.close()
        return False

    def _last_line(self) -> str:
        lines = self.log_file.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing"


@contextmanager
def local_broker(data: Path, *, environ: Mapping[str, str], heap: str = "512m") -> Iterator[LocalBroker]:
    """A broker for the length of a block of code (tests, one-off tools)."""
    broker = LocalBroker(data, environ=environ, heap=heap)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
