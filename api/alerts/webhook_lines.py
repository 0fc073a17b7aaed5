"""What waits for each subscriber to webhooks and what is under way: portions, attempts, what stands in the log.

A portion is recorded as intended in one write, sent by the subscriber's own few threads, and recorded as notified
together with the next portion's intention: a subscriber who hangs delays nobody else, and 100,000 at once are some
dozens of writes.
"""

import heapq
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ALL_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from api.alerts.delivery import body_of, delivery_key, key_of, list_of
from api.alerts.private import Webhook
from api.alerts.service import alert_item
from api.pool import StorePool
from domain.errors import Gs766Error
from domain.instants import Millis, Zone
from sinks.queries import alerts as rows_of
from sinks.queries import live
from sinks.queries.reader import Reader

log = logging.getLogger(__name__)
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 300.0
THREADS = 4
"""Messages under way to one subscriber at once."""
WINDOW = 200
"""Alerts recorded as intended and not yet answered, for a subscriber who takes one a message: what a `kill -9`
makes go out again, marked."""
STALE_S = 60.0
"""What waited for longer is told only if it still holds."""
Act = tuple[str, str, dict[str, Any]]
"""(verb, alert id, data)."""
Write = Callable[[Sequence[Act]], None]
"""Writes acts to the alert log; returns when all are acknowledged."""
Send = Callable[[Webhook, str, bytes], str | None]
Row = tuple[Any, ...]


@dataclass(slots=True)
class Delivery:
    """One alert on its way to one subscriber; `retried`: an earlier attempt may have arrived."""

    key: str
    row: Row
    attempt: int = 0
    retried: bool = False
    since: float = field(default_factory=time.monotonic)
    """When it was lined up."""


@dataclass(slots=True)
class Line:
    """What waits for one subscriber, and what is under way."""

    hook: Webhook
    pool: ThreadPoolExecutor
    waiting: deque[Delivery] = field(default_factory=deque)
    later: list[tuple[float, int, Delivery]] = field(default_factory=list)
    """To be tried again: (when, a running number, delivery), a heap."""
    running: dict[Future[str | None], list[Delivery]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    """Of all the above."""
    digest: tuple[str, Future[str | None]] | None = None
    """Under way: its key, and the post."""
    digest_after: float = 0.0
    digest_tries: int = 0


class Lines:
    """A line for each subscriber. One thread changes it, others may look."""

    def __init__(self, pool: StorePool, write: Write, province: Zone, send: Send) -> None:
        self._pool, self._write, self._zone, self._send = pool, write, province, send
        self.done: set[str] = set()
        """Keys of what was told, or left to a digest."""
        self.intended: set[str] = set()
        """Keys of what was begun."""
        self._lines: dict[str, Line] = {}
        self._number = 0
        self._unsaid: list[Act] = []
        """Arrived, and not yet recorded so."""

    def __getitem__(self, hook: str) -> Line:
        return self._lines[hook]

    def __iter__(self) -> Iterator[Line]:
        return iter(list(self._lines.values()))

    def keep(self, hooks: Sequence[Webhook]) -> None:
        """A line for each of these, and for nobody else."""
        for gone in set(self._lines) - {hook.id for hook in hooks}:
            self._lines.pop(gone).pool.shutdown(wait=False, cancel_futures=True)
        for hook in hooks:
            if hook.id not in self._lines:
                self._lines[hook.id] = Line(hook, ThreadPoolExecutor(THREADS, f"webhook-{hook.id}"))

    def is_new(self, hook: Webhook, row: Row) -> bool:
        """Whether a subscriber was not told of an alert yet."""
        return delivery_key(row[0], hook.id) not in self.done

    def queue(self, line: Line, row: Row) -> None:
        """Lines up an alert, if it is new."""
        key = delivery_key(row[0], line.hook.id)
        if key not in self.done and key not in line.keys:
            line.keys.add(key)
            line.waiting.append(Delivery(key, row, retried=key in self.intended))

    def pump(self, now: Millis, until: float) -> int:
        """Sends until an instant of the monotonic clock; returns how many alerts were confirmed."""
        confirmed = 0
        while True:
            self._start(now)
            running = [future for line in self._lines.values() for future in line.running]
            if running:
                wait(running, 0.02, ALL_COMPLETED)
            confirmed += self._settle()
            if not running or time.monotonic() >= until:
                return confirmed

    def _start(self, now: Millis) -> None:
        """Fills the windows: everything that is about to go out is recorded as intended, in one write with what
        has arrived."""
        portions = [(line, portion) for line in self._lines.values() if (portion := self._portion(line, now))]
        acts = []
        for line, portion in portions:
            acts += [_act("notify_intended", line.hook, d) for d in portion if d.key not in self.intended]
        if acts or self._unsaid:
            try:
                self._write([*self._unsaid, *acts])
            except BaseException:
                for line, portion in portions:
                    line.waiting.extendleft(reversed(portion))
                raise
            self._unsaid = []
            self.intended.update(data["key"] for _, _, data in acts)
        for line, portion in portions:
            size = line.hook.batch
            for n in range(0, len(portion), size):
                self._submit(line, portion[n : n + size], now)

    def _portion(self, line: Line, now: Millis) -> list[Delivery]:
        size = line.hook.batch
        room = max(WINDOW, 2 * THREADS * size) - sum(map(len, line.running.values()))
        again: list[Delivery] = []
        while line.later and line.later[0][0] <= time.monotonic() and len(again) < room:
            again.append(heapq.heappop(line.later)[2])
        stale = time.monotonic() - STALE_S
        while line.waiting and line.waiting[0].since < stale and len(again) < room:
            again.append(line.waiting.popleft())
        portion = self._still(line, again, now)
        while line.waiting and len(portion) < room:
            portion.append(line.waiting.popleft())
        return portion

    def _still(self, line: Line, again: list[Delivery], now: Millis) -> list[Delivery]:
        """Of those to be tried again, or that waited for long, the ones that hold yet: what has cleared meanwhile
        needs no telling, and what was begun is said to be dropped."""
        if not again:
            return []
        try:
            with self._pool.client() as client:
                active = live.active_generation(client)
                reader = Reader(client, active[0] if active else 0)
                holding = rows_of.still(reader, [(d.row[1], d.row[2], d.row[3]) for d in again], now)
        except BaseException:
            for delivery in again:
                self._again(line, delivery, 1.0)
            raise
        for delivery in again:
            if delivery.row[0] not in holding:
                line.keys.discard(delivery.key)
                if delivery.key in self.intended:
                    self._unsaid.append(left_out(line.hook, delivery, "cleared"))
        return [d for d in again if d.row[0] in holding]

    def _submit(self, line: Line, some: list[Delivery], now: Millis) -> None:
        for delivery in some:
            delivery.attempt += 1
        attempt = max(d.attempt for d in some)
        told = [(alert_item(d.row, self._zone, now), d.key, d.retried or d.attempt > 1) for d in some]
        if line.hook.batch == 1:
            body = body_of(told[0][0], attempt=attempt, retried=told[0][2])
        else:
            body = list_of(told, attempt=attempt)
        key = key_of([d.key for d in some])
        line.running[line.pool.submit(self._send, line.hook, key, body)] = some

    def _settle(self) -> int:
        """Notes what arrived, to be recorded with what goes out next, and puts back what did not."""
        acts: list[Act] = []
        for line in self._lines.values():
            for future in [f for f in line.running if f.done()]:
                some = line.running.pop(future)
                reason = outcome(future)
                if reason is None:
                    acts += [_act("notified", line.hook, d) for d in some]
                    self.done.update(d.key for d in some)
                    line.keys.difference_update(d.key for d in some)
                    continue
                pause = pause_after(some[0].attempt)
                for delivery in some:
                    self._again(line, delivery, pause)
                log.warning(
                    "webhook %s did not take %d alerts: %s; again in %.0f s",
                    line.hook.id,
                    len(some),
                    reason,
                    pause,
                )
        self._unsaid.extend(acts)
        return len(acts)

    def _again(self, line: Line, delivery: Delivery, pause: float) -> None:
        self._number += 1
        heapq.heappush(line.later, (time.monotonic() + pause, self._number, delivery))

    def close(self) -> None:
        """Lets running deliveries end, and records what arrived."""
        for line in self:
            line.pool.shutdown(wait=True, cancel_futures=True)
        self._settle()
        try:
            if self._unsaid:
                self._write(self._unsaid)
        except Gs766Error as error:
            log.warning("%d deliveries are not recorded and go out again, marked: %s", len(self._unsaid), error)


def pause_after(attempt: int) -> float:
    """Seconds before the next attempt; capped before the power grows beyond any float."""
    return min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempt - 1, 30))


def outcome(future: Future[str | None]) -> str | None:
    """What came of a post that is over: None where it was taken, else why not."""
    if future.cancelled():
        return "not begun: the notifier ends"
    error = future.exception()
    return future.result() if error is None else f"{type(error).__name__}: {error}"


def _act(verb: str, hook: Webhook, delivery: Delivery) -> Act:
    alert, kind, subject, _, unit = delivery.row[:5]
    data: Mapping[str, Any] = {
        "kind": kind,
        "about": subject,
        "unit": unit,
        "channel": f"webhook:{hook.id}",
        "key": delivery.key,
        "actor": "notifier",
    }
    return verb, alert, {name: value for name, value in data.items() if value != ""}


def left_out(hook: Webhook, delivery: Delivery, reason: str, digest: str = "") -> Act:
    """That a subscriber is not told of one alert, and why."""
    _, alert, data = _act("suppressed", hook, delivery)
    more = {"reason": reason, **({"evidence": {"digest": digest}} if digest else {})}
    return "suppressed", alert, {**data, **more}
