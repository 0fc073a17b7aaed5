"""The notifier: one process that judges what holds at `now` on the wall clock and tells subscribers, once each.

It is a short list of steps (`_steps`), each going round on a thread of its own. What is to be sent is derived;
that it was meant to be sent and was sent are acts in the alert log, written before and after, under a key that is
the same after any restart or rebuild. After a `kill -9` between the two, the message goes out once more, marked.
"""

import fcntl
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from api.alerts.channels import Channels
from api.alerts.delivery import post
from api.alerts.private import PrivateStore
from api.alerts.vacancies import Reachable, Vacancies
from api.alerts.webhook_lines import Act
from api.alerts.webhook_lines import Write as WriteActs
from api.alerts.webhooks import Webhooks
from api.config import StoreConfig
from api.messaging.rounds import Rounds
from api.messaging.sending import Messages
from api.pool import StorePool, open_pool
from api.raising.health import red_parts
from api.raising.rules import rules
from api.raising.runner import SOURCE, Raising
from domain import event_data as d
from domain.errors import Gs766Error, Unavailable
from domain.events import encode_made
from domain.instants import Millis, zone
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from eventlog.writer import LogWriter, WriterSettings
from sinks.positions import ALERTS, RECORDS
from sinks.queries import live

log = logging.getLogger(__name__)
RAISING_MS = 2_000
MESSAGES_MS = 2_000
DELIVERIES_MS = 100
LINGER_MS = 2
"""Of the alert log's writer: a portion of acts is written whole, there is nothing to wait for."""
PORTION = 5_000
"""Acts a write at most: some megabytes."""
BACKLOG, YIELDING_MS = 2_000, 30_000
"""While so many alerts wait for webhooks, messages to people, which have minutes, wait: for so long at most. Both
would take the interpreter from each other."""


@dataclass(frozen=True, slots=True)
class NotifierConfig:
    """What the notifier needs. It sends only when `clock` is `wall`; `lock` keeps it the only one."""

    kafka: KafkaConfig
    store: StoreConfig
    private: Path
    lock: Path
    zone: str
    root: str
    clock: str = "wall"
    delivery: Path | None = None
    """How messages leave (`alerts.delivery_settings`)."""
    tick_ms: int = 500
    api: Callable[[], str | None] = lambda: None
    """Where the API is now, whose health A19 tells; None: not known."""
    api_key: str = field(default="", repr=False)
    """A key that may read, where the API does not run on this machine."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the notifier does again and again: what it has to remember first, a round, and its end."""

    name: str
    every_ms: int
    recall: Callable[[Millis], None]
    tick: Callable[[Millis], object]
    close: Callable[[], None] = lambda: None


def act_writer(writer: LogWriter, topic: str, now: Callable[[], Millis]) -> WriteActs:
    """Acts as events of the alert log, many in one write; an id is made of what the act says, so that a repeat is
    the same act. Returns when all are acknowledged."""

    def write(acts: Sequence[Act]) -> None:
        at = now()
        pairs = []
        for verb, alert, data in acts:
            id_ = f"{verb}/{data['key']}"
            said = d.Act(**data)
            encoded = encode_made(f"alert.{verb}", alert, at, said, source=SOURCE, id=id_, recorded_at=at)
            pairs.append((alert, encoded))
        _append(writer, topic, pairs)

    return write


def _append(writer: LogWriter, topic: str, pairs: Sequence[tuple[str, bytes]]) -> None:
    for n in range(0, len(pairs), PORTION):
        writer.append(pairs[n : n + PORTION], topic=topic, partition=0)


def _wall() -> Millis:
    return time.time_ns() // 1_000_000


def run(config: NotifierConfig, stop: threading.Event | None = None) -> None:
    """Runs until `stop` (left out: until SIGTERM or SIGINT). On another clock than `wall` it only waits:
    nothing may ever be sent from there."""
    stop = _on_signals() if stop is None else stop
    if config.clock != "wall":
        stop.wait()
        return
    with _lease(config.lock) as lease, _writer(config) as writer, httpx.Client() as http:
        del lease
        pool = open_pool(config.store)
        steps = _steps(config, pool, writer, http)
        try:
            if _until_held(config, pool, stop):
                _run(steps, stop)
        finally:
            for step in steps:
                step.close()
            pool.close()


def _steps(config: NotifierConfig, pool: StorePool, writer: LogWriter, http: httpx.Client) -> tuple[Step, ...]:
    """What the notifier does, each on a thread of its own: none waits for another."""
    topic, province = config.kafka.alerts, zone(config.zone)
    hooks = Webhooks(
        pool,
        PrivateStore(config.private),
        act_writer(writer, topic, _wall),
        province,
        config.root,
        lambda hook, key, body: post(http, hook, key, body),
    )
    channels = Channels.open(config.private, config.delivery)
    people = Messages(
        pool,
        Reachable.open(config.private, config.delivery),
        channels,
        lambda pairs: _append(writer, topic, pairs),
        province,
        config.root,
        Rounds(config.private),
        Vacancies(config.private).put,
    )

    def close() -> None:
        people.close()
        channels.close()

    def red() -> Mapping[str, str]:
        own = {**hooks.troubles(), **people.troubles(), **raising.troubles()}
        return red_parts(http, config.api, lambda: own, config.api_key)

    raising = Raising(pool, lambda pairs: _append(writer, topic, pairs), province, config.root, rules(red))

    return (
        Step("webhooks", config.tick_ms, hooks.recall, hooks.read),
        Step("deliveries to webhooks", DELIVERIES_MS, _nothing, hooks.send, hooks.close),
        Step("raising", RAISING_MS, raising.recall, raising.tick),
        Step("messages", MESSAGES_MS, people.recall, yielding(lambda: hooks.backlog, people.tick), close),
    )


def yielding(backlog: Callable[[], int], tick: Callable[[Millis], object]) -> Callable[[Millis], object]:
    """The same rounds, but none while there is a backlog of something more urgent, for a while at most."""
    since: Millis | None = None

    def round_(now: Millis) -> object:
        nonlocal since
        if backlog() <= BACKLOG:
            since = None
        elif since is None or now < since:
            since = now
        return None if since is not None and now - since < YIELDING_MS else tick(now)

    return round_


def _run(steps: Sequence[Step], stop: threading.Event) -> None:
    threads = [threading.Thread(target=_repeat, args=(step, stop), name=step.name) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _repeat(step: Step, stop: threading.Event) -> None:
    """One step round after round until `stop`, what it must remember first; a round that fails is repeated."""
    recalled = False
    while not stop.is_set():
        try:
            if not recalled:
                step.recall(_wall())
                recalled = True
            step.tick(_wall())
        except Gs766Error as error:
            log.warning("a round of the %s failed and is repeated: %s", step.name, error)
        except Exception:
            # A defect in one step must not take the others with it; the log has the place.
            log.exception("a round of the %s failed", step.name)
        stop.wait(step.every_ms / 1000)


def _until_held(config: NotifierConfig, pool: StorePool, stop: threading.Event) -> bool:
    """Waits until the store holds the alert log up to its present end: what was sent must be known first."""
    end: int | None = None
    while not stop.is_set():
        try:
            if end is None:
                with LogReader(config.kafka, config.kafka.alerts) as reader:
                    end = reader.end_offsets([0])[0]
            with pool.client() as client:
                held = live.positions(client)
            if max((r[4] for r in held if r[:2] == (RECORDS, ALERTS)), default=0) >= end:
                return True
        except Gs766Error as error:
            log.warning("waiting: %s", error)
        stop.wait(config.tick_ms / 1000)
    return False


def _nothing(_: Millis) -> None:
    """Nothing to remember: another step does."""


def _on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _writer(config: NotifierConfig) -> LogWriter:
    return LogWriter(WriterSettings(config.kafka, config.kafka.alerts, 1, linger_ms=LINGER_MS))


def _lease(path: Path) -> IO[str]:
    """An exclusive lock for the life of the process; Unavailable when another notifier runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise Unavailable(f"another notifier holds {path}: only one may send") from error
    return held
