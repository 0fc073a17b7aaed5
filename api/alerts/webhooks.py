"""Alerts to webhooks: each to each subscriber once, in bounded portions, the record before and after.

What began or became known is read behind a cursor; whole again only where the cursor says nothing (a start,
another generation, other subscribers, silences or silent feeds, a clock that stepped, every ten minutes). What
somebody silenced waits for the end of the silence, and is sent then if it still holds. What by then lies beyond
the horizon and was never begun (an outage, a silence, a silent feed of days) is told in one digest, and is
`suppressed` (`api.alerts.owed`): nothing vanishes unsaid. A portion is recorded as intended in one write, sent by
the subscriber's own few threads, and recorded as notified together with the next portion's intention: a subscriber
who hangs delays nobody else, and 100,000 at once are some dozens of writes. Reading and sending are two threads: a
store that is slow to answer holds back no delivery.
"""

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ALL_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from api.alerts.delivery import body_of, delivery_key, key_of, list_of
from api.alerts.owed import BEYOND, Owed, digest_body, known_hooks
from api.alerts.private import PrivateStore, Webhook
from api.alerts.service import alert_item, inhibiting
from api.figures.context import FigureContext
from api.figures.kept import Kept
from api.messaging.acts import Silences
from api.messaging.rounds import known_to
from api.pool import StorePool
from domain.alerts import KINDS, horizon_start
from domain.calendar import WorkingCalendar
from domain.errors import Gs766Error
from domain.instants import Millis, Zone
from sinks.positions import ALERTS, COMPLETE, EVENTS, RECORDS
from sinks.queries import alerts as rows_of
from sinks.queries import live
from sinks.queries.reader import Reader

log = logging.getLogger(__name__)
MEMORY_MS = 14 * 86_400_000
"""How far back deliveries are looked up at the start: beyond any horizon, the longest holidays included."""
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 300.0
THREADS = 4
"""Messages under way to one subscriber at once."""
WINDOW = 200
"""Alerts recorded as intended and not yet answered, for a subscriber who takes one a message: what a `kill -9`
makes go out again, marked."""
ROUND_S = 0.5
TROUBLE_ATTEMPTS = 8
"""About four minutes of trying."""
WHOLE_MS = 600_000
KNOWN_MS = 5_000
STEP_MS = 3_600_000
OWED_MS = 10_000
"""How often is noted up to when each subscriber was told."""
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


@dataclass(frozen=True, slots=True)
class _Found:
    """What one reading brought: rows to be told, rows beyond the horizon, and up to when everything was read."""

    rows: list[Row]
    beyond: list[Row]


@dataclass(frozen=True, slots=True)
class _Known:
    """What several rounds share: when it was asked, and where the alert log and the generation stood then."""

    at: Millis
    acts: int
    place: int
    silent: Mapping[str, str]
    calendar: WorkingCalendar
    horizon_hours: int


class Webhooks:
    """One round is `tick(now)`; the outside world comes in by arguments."""

    def __init__(
        self, pool: StorePool, private: PrivateStore, write: Write, province: Zone, root: str, send: Send
    ) -> None:
        self._pool, self._private, self._write, self._send = pool, private, write, send
        self._zone, self._root = province, root
        self._kept, self._silences = Kept(), Silences()
        self._done: set[str] = set()
        self._intended: set[str] = set()
        self._lines: dict[str, Line] = {}
        self._found: deque[_Found] = deque()
        """Read, and not yet lined up: what passes from one thread to the other."""
        self._recalled = threading.Event()
        self._known: _Known | None = None
        self._seen: rows_of.Seen | None = None
        self._whole: tuple[Any, ...] = ()
        self._whole_at: Millis = 0
        self._number = 0
        self._unsaid: list[Act] = []
        """Arrived, and not yet recorded so."""
        self._owed = Owed(private.path)
        self._told_to = self._owed.told_to()
        self._waiting = self._owed.waiting()
        """Digests that have not arrived."""
        self._read_to: Millis | None = None
        """Up to when everything was read that no silence keeps back; None: something is kept back, or unread."""
        self._kept_back = False
        self._noted_at: Millis = 0
        self._now: Millis = 0

    def recall(self, now: Millis) -> None:
        """Reads back what was sent before; call it when the store holds the whole alert log."""
        with self._pool.client() as client:
            since = min(now - MEMORY_MS, *self._told_to.values(), now)
            for key, event_type in rows_of.deliveries(client, since):
                (self._intended if event_type == "alert.notify_intended" else self._done).add(key)
        self._recalled.set()

    def tick(self, now: Millis) -> int:
        """Takes up what is new, sends for at most half a second, and returns how many alerts were confirmed."""
        self.read(now)
        return self.send(now)

    def read(self, now: Millis) -> None:
        """Reads what began or became known since the last time."""
        hooks = self._private.webhooks()
        if hooks:
            self._take_up(now, hooks)

    def send(self, now: Millis) -> int:
        """Sends what was read for at most half a second; returns how many alerts were confirmed. Nothing leaves
        before what was sent earlier is known."""
        if not self._recalled.wait(ROUND_S):
            return 0
        self._now = now
        hooks = self._hooks()
        read_to = self._read_to
        while self._found:
            found = self._found[0]
            for hook in hooks:
                self._line_up(hook, found, now)
            self._found.popleft()
        confirmed = self._pump(now, time.monotonic() + ROUND_S)
        self._digests(hooks, now)
        self._note_told(hooks, now, read_to)
        return confirmed

    def _line_up(self, hook: Webhook, found: _Found, now: Millis) -> None:
        """What lies beyond the horizon goes out as it was begun, or else into a digest."""
        line = self._lines[hook.id]
        for row in found.rows:
            if _wanted(hook, row):
                self._queue(line, row)
        told_to = self._told_to.get(hook.id, now)
        left = []
        for row in found.beyond:
            if not _wanted(hook, row) or max(row[6], row[10]) < told_to or not self._is_new(hook, row):
                continue
            if delivery_key(row[0], hook.id) in self._intended:
                self._queue(line, row)
            elif delivery_key(row[0], hook.id) not in line.keys:
                left.append(row)
        if left:
            digest = self._owed.add(hook.id, left, now)
            acts = [_left_out(hook, Delivery(delivery_key(row[0], hook.id), row), BEYOND, digest) for row in left]
            self._waiting = self._owed.waiting()
            self._write(acts)
            self._done.update(data["key"] for _, _, data in acts)
            log.warning("webhook %s: %d alerts lay beyond the horizon and go into a digest", hook.id, len(left))

    def _digests(self, hooks: Sequence[Webhook], now: Millis) -> None:
        """Posts the digests that wait, the oldest first, one at a time to each subscriber."""
        for hook in hooks if self._waiting else ():
            line = self._lines[hook.id]
            self._settle_digest(line, now)
            one = next((one for one in self._waiting if one.webhook == hook.id), None)
            if one is not None and line.digest is None and time.monotonic() >= line.digest_after:
                self._owed.posting(one.key)
                self._waiting = self._owed.waiting()
                line.digest_tries += 1
                line.digest = one.key, line.pool.submit(self._send, hook, one.key, digest_body(one))

    def _settle_digest(self, line: Line, now: Millis) -> None:
        if line.digest is None or not line.digest[1].done():
            return
        key, reason = line.digest[0], _outcome(line.digest[1])
        line.digest = None
        if reason is None:
            line.digest_tries = 0
            self._owed.arrived(key, now)
            self._waiting = self._owed.waiting()
            return
        line.digest_after = time.monotonic() + _pause(line.digest_tries)
        log.warning("webhook %s did not take a digest: %s", line.hook.id, reason)

    def _note_told(self, hooks: Sequence[Webhook], now: Millis, read_to: Millis | None) -> None:
        """Up to when each subscriber was told everything: only what nothing waits for, in the lines or behind a
        silence."""
        if 0 <= now - self._noted_at < OWED_MS:
            return
        self._noted_at = now
        for hook in hooks:
            waiting = len(self._lines[hook.id].keys)
            told_to = self._told_to.get(hook.id, now)
            if read_to is not None and not waiting and not self._found:
                told_to = max(told_to, read_to)
            self._owed.put(hook.id, told_to, waiting)
            self._told_to[hook.id] = told_to

    def close(self) -> None:
        """Lets running deliveries end, and records what arrived."""
        for line in self._lines.values():
            line.pool.shutdown(wait=True, cancel_futures=True)
            self._settle_digest(line, self._now)
        self._settle()
        try:
            if self._unsaid:
                self._write(self._unsaid)
        except Gs766Error as error:
            log.warning("%d deliveries are not recorded and go out again, marked: %s", len(self._unsaid), error)

    @property
    def failing(self) -> int:
        """Deliveries that did not arrive at the first attempt and wait for another."""
        return sum(len(line.later) for line in self._lines.values())

    @property
    def backlog(self) -> int:
        """Alerts that were read and not yet begun to be sent."""
        read = sum(len(found.rows) for found in list(self._found))
        return read + sum(len(line.waiting) for line in list(self._lines.values()))

    def troubles(self) -> dict[str, str]:
        """Subscribers who have not taken a message at several attempts: the notifier fails them."""
        stuck = {
            line.hook.id: len(line.later)
            for line in list(self._lines.values())
            if any(delivery.attempt >= TROUBLE_ATTEMPTS for _, _, delivery in list(line.later))
        }
        said = ", ".join(f"webhook {name}: {count} alerts wait" for name, count in sorted(stuck.items()))
        return {"notifier": said} if said else {}

    def _hooks(self) -> tuple[Webhook, ...]:
        hooks = self._private.webhooks()
        for gone in set(self._lines) - {hook.id for hook in hooks}:
            self._lines.pop(gone).pool.shutdown(wait=False, cancel_futures=True)
        for hook in hooks:
            if hook.id not in self._lines:
                self._lines[hook.id] = Line(hook, ThreadPoolExecutor(THREADS, f"webhook-{hook.id}"))
        return hooks

    def _take_up(self, now: Millis, hooks: Sequence[Webhook]) -> None:
        with self._pool.client() as client:
            active = live.active_generation(client)
            if active is None:
                return
            ctx = FigureContext(client, active[0], self._zone, self._root, now, kept=self._kept)
            positions = live.positions(client)
            place = _place(positions, active[0], now)
            known = self._known = self._what_is_known(ctx, place)
            silenced = self._silences.in_force(now)
            since = self._since(now, (active[0], hooks, tuple(sorted(known.silent)), silenced))
            horizon = horizon_start(now, known.calendar, known.horizon_hours)
            kinds = _kinds(hooks)
            told_to = min(known_hooks(hooks, self._told_to, now, self._owed).values())
            if since:
                found = rows_of.to_send(ctx.everything, EVENTS, now, horizon, kinds, since)
            else:
                found = rows_of.keys_to_send(ctx.everything, EVENTS, now, min(horizon, told_to), kinds)
            new = [row for row in found if any(_wanted(h, row) and self._is_new(h, row) for h in hooks)]
            rows = [
                row
                for row in new
                if row[0] not in silenced and inhibiting(row[1], row[4], known.silent, self._root) is None
            ]
            beyond: list[Row] = []
            if not since:
                self._kept_back = False
                told = {row[0] for row in rows}
                if rows and told_to < horizon:
                    told = {row[0] for row in rows_of.keys_to_send(ctx.everything, EVENTS, now, horizon, kinds)}
                whole = rows_of.holding_of(ctx.everything, [row[1:4] for row in rows], now)
                rows, beyond = [r for r in whole if r[0] in told], [r for r in whole if r[0] not in told]
        self._kept_back = self._kept_back or len(rows) + len(beyond) < len(new)
        if rows or beyond:
            self._found.append(_Found(rows, beyond))
        self._read_to = None if self._kept_back else known_to(positions, active[0], now)
        self._seen = place

    def _what_is_known(self, ctx: FigureContext, place: rows_of.Seen) -> "_Known":
        """Silent feeds and silences stand in the alert log: they are asked for when it has moved on, and with the
        calendar every few seconds."""
        last, now = self._known, ctx.now_ms
        if last and last.acts == place.acts and last.place == ctx.generation and 0 <= now - last.at < KNOWN_MS:
            return last
        self._silences.read(ctx.client, now)
        silent = rows_of.silent(ctx.everything, now)
        hours = ctx.reference.thresholds.horizon_hours
        return _Known(now, place.acts, ctx.generation, silent, ctx.calendar(now), hours)

    def _is_new(self, hook: Webhook, row: Row) -> bool:
        return delivery_key(row[0], hook.id) not in self._done

    def _since(self, now: Millis, whole: tuple[Any, ...]) -> rows_of.Seen | None:
        """The cursor, or None where everything has to be read again."""
        seen = self._seen
        stepped = seen is None or not seen.at <= now < seen.at + STEP_MS
        if stepped or whole != self._whole or now - self._whole_at >= WHOLE_MS:
            self._whole, self._whole_at = whole, now
            return None
        return seen

    def _queue(self, line: Line, row: Row) -> None:
        key = delivery_key(row[0], line.hook.id)
        if key not in self._done and key not in line.keys:
            line.keys.add(key)
            line.waiting.append(Delivery(key, row, retried=key in self._intended))

    def _pump(self, now: Millis, until: float) -> int:
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
            acts += [_act("notify_intended", line.hook, d) for d in portion if d.key not in self._intended]
        if acts or self._unsaid:
            try:
                self._write([*self._unsaid, *acts])
            except BaseException:
                for line, portion in portions:
                    line.waiting.extendleft(reversed(portion))
                raise
            self._unsaid = []
            self._intended.update(data["key"] for _, _, data in acts)
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
                if delivery.key in self._intended:
                    self._unsaid.append(_left_out(line.hook, delivery, "cleared"))
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
                reason = _outcome(future)
                if reason is None:
                    acts += [_act("notified", line.hook, d) for d in some]
                    self._done.update(d.key for d in some)
                    line.keys.difference_update(d.key for d in some)
                    continue
                pause = _pause(some[0].attempt)
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


def _pause(attempt: int) -> float:
    """Seconds before the next attempt; capped before the power grows beyond any float."""
    return min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempt - 1, 30))


def _outcome(future: Future[str | None]) -> str | None:
    if future.cancelled():
        return "not begun: the notifier ends"
    error = future.exception()
    return future.result() if error is None else f"{type(error).__name__}: {error}"


def _place(positions: Sequence[Row], generation: int, now: Millis) -> rows_of.Seen:
    """How far the store is: read before the rows, so that nothing falls between two rounds."""
    complete = {r[2]: r[5] for r in positions if r[0] == COMPLETE and r[3] == generation}
    acts = max((r[4] - 1 for r in positions if r[0] == RECORDS and r[1] == ALERTS), default=-1)
    return rows_of.Seen(now, complete, acts)


def _kinds(hooks: Sequence[Webhook]) -> list[str]:
    return sorted(KINDS if any(not hook.kinds for hook in hooks) else {k for hook in hooks for k in hook.kinds})


def _wanted(hook: Webhook, row: Row) -> bool:
    kind, unit = row[1], row[4]
    below = not hook.unit or unit == hook.unit or unit.startswith(hook.unit + ".")
    return below and (not hook.kinds or kind in hook.kinds)


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


def _left_out(hook: Webhook, delivery: Delivery, reason: str, digest: str = "") -> Act:
    """That a subscriber is not told of one alert, and why."""
    _, alert, data = _act("suppressed", hook, delivery)
    more = {"reason": reason, **({"evidence": {"digest": digest}} if digest else {})}
    return "suppressed", alert, {**data, **more}
