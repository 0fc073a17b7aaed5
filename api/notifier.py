"""The notifier: one process that judges conditions at `now` on the wall clock and tells subscribers, once each.

What is to be sent is derived; that it was meant to be sent and was sent are acts in the alert log, written
before and after, under a key that is the same after any restart or rebuild. After a `kill -9` between the two,
the message goes out once more and says so.
"""

import fcntl
import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from api.alerts.delivery import body_of, delivery_key, post
from api.alerts.private import PrivateStore, Webhook
from api.alerts.service import alert_item
from api.config import StoreConfig
from api.figures.context import FigureContext
from api.pool import StorePool, open_pool
from domain.alerts import KINDS, horizon_start
from domain.errors import Gs766Error, Unavailable
from domain.events import encode_event, make_event
from domain.instants import Millis, Zone, zone
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from eventlog.writer import LogWriter, WriterSettings
from sinks.positions import ALERTS, EVENTS, RECORDS
from sinks.queries import alerts as rows_of
from sinks.queries import live

log = logging.getLogger(__name__)
SOURCE = "/gs766/notifier"
MEMORY_MS = 14 * 86_400_000
"""How far back deliveries are looked up at the start: beyond any horizon, the longest holidays included."""
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 300.0


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
    tick_ms: int = 500


@dataclass(slots=True)
class Pending:
    """A delivery under way: when to try (again), how often it was tried, and whether it may have arrived."""

    due: float
    item: dict[str, Any]
    hook: Webhook
    attempt: int = 0
    retried: bool = False
    running: Future[str | None] | None = None


@dataclass(slots=True)
class Book:
    """Deliveries by key: done ones, and those meant but not yet confirmed."""

    done: set[str] = field(default_factory=set)
    intended: set[str] = field(default_factory=set)
    pending: dict[str, Pending] = field(default_factory=dict)


Act = Callable[[str, str, dict[str, Any]], None]
"""(verb, alert id, data): writes an act to the alert log, returns when it is acknowledged."""


class Notifier:
    """One round is `tick(now)`; the outside world comes in by arguments."""

    def __init__(
        self,
        pool: StorePool,
        private: PrivateStore,
        act: Act,
        province: Zone,
        root: str,
        send: Callable[[Webhook, str, bytes], str | None],
    ) -> None:
        self._pool, self._private, self._act, self._send = pool, private, act, send
        self._zone, self._root = province, root
        self._workers = ThreadPoolExecutor(8, "webhook")
        self.book: Book | None = None

    def recall(self, now: Millis) -> None:
        """Reads back what was sent before; call it when the store holds the whole alert log."""
        book = Book()
        with self._pool.client() as client:
            for key, event_type in rows_of.deliveries(client, now - MEMORY_MS):
                (book.done if event_type == "alert.notified" else book.intended).add(key)
        self.book = book

    def tick(self, now: Millis) -> int:
        """Starts and finishes deliveries; returns how many messages were confirmed in this round."""
        hooks = self._private.webhooks()
        if hooks:
            for item in self._to_send(now):
                for hook in hooks:
                    if _wanted(hook, item):
                        self._consider(hook, item)
        return self._settle()

    def close(self) -> None:
        """Lets running deliveries end."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _to_send(self, now: Millis) -> Sequence[dict[str, Any]]:
        with self._pool.client() as client:
            active = live.active_generation(client)
            if active is None:
                return ()
            ctx = FigureContext(client, active[0], self._zone, self._root, now)
            horizon = horizon_start(now, ctx.calendar(now))
            found = rows_of.to_send(ctx.everything, EVENTS, now, horizon, sorted(KINDS))
            return [alert_item(row, ctx.zone, now) for row in found]

    def _consider(self, hook: Webhook, item: dict[str, Any]) -> None:
        assert self.book is not None, "recall() comes first"
        book, key = self.book, delivery_key(item["id"], hook.id)
        if key in book.done:
            return
        pending = book.pending.get(key)
        if pending is None:
            pending = book.pending[key] = Pending(0.0, item, hook, retried=key in book.intended)
        if pending.running is not None or time.monotonic() < pending.due:
            return
        if key not in book.intended:
            self._act("notify_intended", item["id"], self._data(item, hook, key))
            book.intended.add(key)
        pending.attempt += 1
        body = body_of(item, attempt=pending.attempt, retried=pending.retried or pending.attempt > 1)
        pending.running = self._workers.submit(self._send, hook, key, body)

    def _settle(self) -> int:
        assert self.book is not None
        confirmed = 0
        for key, pending in list(self.book.pending.items()):
            if pending.running is None or not pending.running.done():
                continue
            reason = pending.running.result()
            pending.running = None
            item, hook = pending.item, pending.hook
            if reason is None:
                self._act("notified", item["id"], self._data(item, hook, key))
                self.book.done.add(key)
                del self.book.pending[key]
                confirmed += 1
                continue
            wait = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (pending.attempt - 1))
            pending.due = time.monotonic() + wait
            log.warning("webhook %s did not take %s: %s; again in %.0f s", hook.id, item["id"], reason, wait)
        return confirmed

    def _data(self, item: dict[str, Any], hook: Webhook, key: str) -> dict[str, Any]:
        return {
            "kind": item["kind"],
            "about": item["subject"],
            "unit": item["unit"],
            "channel": f"webhook:{hook.id}",
            "key": key,
            "actor": "notifier",
        }


def _wanted(hook: Webhook, item: dict[str, Any]) -> bool:
    below = not hook.unit or item["unit"] == hook.unit or item["unit"].startswith(hook.unit + ".")
    return below and (not hook.kinds or item["kind"] in hook.kinds)


def act_writer(writer: LogWriter, topic: str, now: Callable[[], Millis]) -> Act:
    """Acts as events of the alert log; the id is made of what they say, so that a repeat is the same act."""

    def act(verb: str, alert: str, data: dict[str, Any]) -> None:
        at = now()
        event = make_event(
            f"alert.{verb}", alert, at, data, source=SOURCE, id=f"{verb}/{data['key']}", recorded_at=at
        )
        writer.append([(alert, encode_event(event))], topic=topic, partition=0)

    return act


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
        notifier = Notifier(
            pool,
            PrivateStore(config.private),
            act_writer(writer, config.kafka.alerts, _wall),
            zone(config.zone),
            config.root,
            lambda hook, key, body: post(http, hook, key, body),
        )
        try:
            _until_recalled(config, pool, notifier, stop)
            while not stop.wait(config.tick_ms / 1000):
                _guarded(lambda: notifier.tick(_wall()))
        finally:
            notifier.close()
            pool.close()


def _until_recalled(config: NotifierConfig, pool: StorePool, notifier: Notifier, stop: threading.Event) -> None:
    """Waits until the store holds the alert log up to its present end: what was sent must be known first."""
    end: int | None = None
    while not stop.is_set() and notifier.book is None:
        try:
            if end is None:
                with LogReader(config.kafka, config.kafka.alerts) as reader:
                    end = reader.end_offsets([0])[0]
            with pool.client() as client:
                held = live.positions(client)
            if max((r[4] for r in held if r[:2] == (RECORDS, ALERTS)), default=0) >= end:
                notifier.recall(_wall())
                return
        except Gs766Error as error:
            log.warning("waiting: %s", error)
        stop.wait(config.tick_ms / 1000)


def _on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _guarded(step: Callable[[], object]) -> None:
    try:
        step()
    except Gs766Error as error:
        log.warning("this round failed and is repeated: %s", error)


def _writer(config: NotifierConfig) -> LogWriter:
    return LogWriter(WriterSettings(config.kafka, config.kafka.alerts, 1))


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
