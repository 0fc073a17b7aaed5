"""`python -m ops.part NAME`: one part of the stack as a process; what a container runs, too.

Exit codes: `ops/exits.py`. A part says `ready` on stdout when others may rely on it, logs to stderr, and ends
in order on SIGTERM.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from domain.errors import Gs766Error, InvalidInput
from ops import exits
from ops.lifeline import follow_parent
from ops.settings import Settings, load

LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"
LOG_TIME = "%Y-%m-%d %H:%M:%S"

Run = Callable[[Settings, Mapping[str, str]], int]
log = logging.getLogger("ops.part")


def say_ready(**words: Any) -> None:
    """Tells the supervisor that this part is ready, and where it listens."""
    print(" ".join(["ready", *(f"{name}={value}" for name, value in words.items())]), flush=True)


def _broker(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.kafka_local import LocalBroker
    from ops.room import wait_for_room

    stop = _stop_event()
    broker = LocalBroker(settings.data, environ=environ)
    if not wait_for_room(broker.folder, stop, log.error):
        return exits.HOLDS
    bootstrap = broker.start()
    try:
        say_ready(bootstrap=bootstrap)
        while not stop.wait(0.2):
            if not broker.alive():
                log.error("Kafka ended by itself; see %s", broker.log_file)
                return exits.FAILS
    finally:
        broker.stop()
    return exits.HOLDS


def _store(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.configs import VISITORS
    from ops.ports import is_free
    from ops.stack_file import read_ports, store_passwords
    from sinks.embedded.__main__ import main

    del environ
    ports = read_ports(settings.data)
    arguments = ["--path", str(settings.folder("clickhouse"))]
    arguments += ["--passwords-file", str(store_passwords(settings))]
    arguments += ["--visitors", str(settings.folder("run") / VISITORS)]
    for option, name in (("--port", "store"), ("--http-port", "store_http")):
        port = ports.get(name, 0)
        arguments += [option, str(port if port and is_free("127.0.0.1", port) else 0)]
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the engine's own threads may outlive the interpreter's end and crash it


def _migrate(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.preparation import prepare

    del environ
    prepare(settings)
    return exits.HOLDS


def _writer(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.configs import writer_config
    from sinks.writer import run

    del environ
    config = writer_config(settings)
    stop = _stop_event()
    say_ready()
    run(config, stop)
    return exits.HOLDS


def _worker(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.addresses import store_target
    from ops.configs import worker_config
    from ops.preparation import check_rules
    from ops.switching import settle
    from stream.worker import run

    del environ
    settle(settings)
    config = worker_config(settings)
    check_rules(store_target(settings, "reader"), config)
    say_ready()
    # Faust's worker reads the process's arguments; ours are not meant for it.
    sys.argv[1:] = []
    run(config)
    return exits.HOLDS


def _api(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.web import serve

    del environ
    return serve(settings, on_ready=lambda address: say_ready(address=address))


def _notifier(settings: Settings, environ: Mapping[str, str]) -> int:
    from api.notifier import run
    from ops.configs import notifier_config

    del environ
    config = notifier_config(settings)
    say_ready()
    run(config)
    return exits.HOLDS


def _sealer(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.configs import seal_config
    from sinks.sealing.sealer import run

    del environ
    config = seal_config(settings)
    stop = _stop_event()
    say_ready()
    run(config, stop)
    return exits.HOLDS


def _demo(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.demo import run

    del environ
    return run(settings, _stop_event(), say_ready)


def _watch(settings: Settings, environ: Mapping[str, str]) -> int:
    from ops.watching import run

    del environ
    return run(settings, _stop_event(), say_ready)


RUN: Mapping[str, Run] = {
    "broker": _broker,
    "store": _store,
    "migrate": _migrate,
    "writer": _writer,
    "worker": _worker,
    "api": _api,
    "notifier": _notifier,
    "sealer": _sealer,
    "watch": _watch,
    "demo": _demo,
}


def run_part(name: str, environ: Mapping[str, str], data: Path | None = None) -> int:
    """Runs one part until it ends; returns its exit code. Errors for people are one line in the log."""
    follow_parent(environ)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, datefmt=LOG_TIME, stream=sys.stderr, force=True)
    # A refused connection is news once, not at every attempt: our own lines say what it means.
    for noisy in ("kafka", "aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        if name not in RUN:
            raise InvalidInput(f"'{name}' is not a part: the parts are {', '.join(RUN)}")
        return RUN[name](load(environ, data), environ)
    except Gs766Error as error:
        log.error("%s", error)
        return exits.part_exit_code(error)
    except KeyboardInterrupt:
        return 130
    except Exception:
        log.exception("the part %s ended by an unexpected error", name)
        return exits.FAILS


def _stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def main() -> None:
    """The process's entry."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    code = run_part(name, dict(os.environ))
    logging.shutdown()
    sys.stdout.flush()
    sys.exit(code)


if __name__ == "__main__":
    main()
