"""Alerts to webhooks: each to each subscriber once, in bounded portions, the record before and after.

What began or became known is read behind a cursor (`webhook_reading`) and lined up for each subscriber
(`webhook_lines`). What somebody silenced is sent after the silence if it still holds. What by then lies beyond
the horizon and was never begun (an outage, a silence, a silent feed of days) is told in one digest, and is
`suppressed` (`api.alerts.owed`): nothing vanishes unsaid. Reading and sending are two threads: a store that is
slow to answer holds back no delivery.
"""

import logging
import threading
import time
from collections.abc import Sequence

from api.alerts.delivery import delivery_key
from api.alerts.owed import BEYOND, Owed, digest_body
from api.alerts.private import PrivateStore, Webhook
from api.alerts.webhook_lines import (
    Delivery,
    Line,
    Lines,
    Send,
    Write,
    left_out,
    outcome,
    pause_after,
)
from api.alerts.webhook_reading import Found, Reading, wanted
from api.pool import StorePool
from domain.instants import Millis, Zone
from sinks.queries import alerts as rows_of

log = logging.getLogger(__name__)
MEMORY_MS = 14 * 86_400_000
"""How far back deliveries are looked up at the start: beyond any horizon, the longest holidays included."""
ROUND_S = 0.5
TROUBLE_ATTEMPTS = 8
"""About four minutes of trying."""
OWED_MS = 10_000
"""How often is noted up to when each subscriber was told."""


class Webhooks:
    """One round is `tick(now)`; the outside world comes in by arguments."""

    def __init__(
        self, pool: StorePool, private: PrivateStore, write: Write, province: Zone, root: str, send: Send
    ) -> None:
        self._pool, self._private, self._write, self._send = pool, private, write, send
        self._root = root
        self._lines = Lines(pool, write, province, send)
        self._recalled = threading.Event()
        self._owed = Owed(private.path)
        self._reading = Reading(pool, province, root, self._owed)
        self._waiting = self._owed.waiting()
        """Digests that have not arrived."""
        self._noted_at: Millis = 0
        self._now: Millis = 0

    def recall(self, now: Millis) -> None:
        """Reads back what was sent before; call it when the store holds the whole alert log."""
        with self._pool.client() as client:
            since = min(now - MEMORY_MS, *self._reading.told_to.values(), now)
            for key, event_type in rows_of.deliveries(client, since):
                (self._lines.intended if event_type == "alert.notify_intended" else self._lines.done).add(key)
        self._recalled.set()

    def tick(self, now: Millis) -> int:
        """Takes up what is new, sends for at most half a second, and returns how many alerts were confirmed."""
        self.read(now)
        return self.send(now)

    def read(self, now: Millis) -> None:
        """Reads what began or became known since the last time."""
        hooks = self._private.webhooks()
        if hooks:
            self._reading.read(now, hooks, self._lines.is_new)

    def send(self, now: Millis) -> int:
        """Sends what was read for at most half a second; returns how many alerts were confirmed. Nothing leaves
        before what was sent earlier is known."""
        if not self._recalled.wait(ROUND_S):
            return 0
        self._now = now
        hooks = self._private.webhooks()
        self._lines.keep(hooks)
        read_to, read = self._reading.read_to, self._reading.found
        while read:
            for hook in hooks:
                self._line_up(hook, read[0], now)
            read.popleft()
        confirmed = self._lines.pump(now, time.monotonic() + ROUND_S)
        self._digests(hooks, now)
        self._note_told(hooks, now, read_to)
        return confirmed

    def _line_up(self, hook: Webhook, found: Found, now: Millis) -> None:
        """What lies beyond the horizon goes out as it was begun, or else into a digest."""
        line = self._lines[hook.id]
        for row in found.rows:
            if wanted(hook, row, self._root):
                self._lines.queue(line, row)
        told_to = self._reading.told_to.get(hook.id, now)
        left = []
        for row in found.beyond:
            if (
                not wanted(hook, row, self._root)
                or max(row[6], row[10]) < told_to
                or not self._lines.is_new(hook, row)
            ):
                continue
            if delivery_key(row[0], hook.id) in self._lines.intended:
                self._lines.queue(line, row)
            elif delivery_key(row[0], hook.id) not in line.keys:
                left.append(row)
        if left:
            digest = self._owed.add(hook.id, left, now)
            acts = [left_out(hook, Delivery(delivery_key(row[0], hook.id), row), BEYOND, digest) for row in left]
            self._waiting = self._owed.waiting()
            self._write(acts)
            self._lines.done.update(data["key"] for _, _, data in acts)
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
        key, reason = line.digest[0], outcome(line.digest[1])
        line.digest = None
        if reason is None:
            line.digest_tries = 0
            self._owed.arrived(key, now)
            self._waiting = self._owed.waiting()
            return
        line.digest_after = time.monotonic() + pause_after(line.digest_tries)
        log.warning("webhook %s did not take a digest: %s", line.hook.id, reason)

    def _note_told(self, hooks: Sequence[Webhook], now: Millis, read_to: Millis | None) -> None:
        """Up to when each subscriber was told everything: only what nothing waits for, in the lines or behind a
        silence."""
        if 0 <= now - self._noted_at < OWED_MS:
            return
        self._noted_at = now
        for hook in hooks:
            waiting = len(self._lines[hook.id].keys)
            told_to = self._reading.told_to.get(hook.id, now)
            if read_to is not None and not waiting and not self._reading.found:
                told_to = max(told_to, read_to)
            self._owed.put(hook.id, told_to, waiting)
            self._reading.told_to[hook.id] = told_to

    def close(self) -> None:
        """Lets running deliveries end, and records what arrived."""
        self._lines.close()
        for line in self._lines:
            self._settle_digest(line, self._now)

    @property
    def failing(self) -> int:
        """Deliveries that did not arrive at the first attempt and wait for another."""
        return sum(len(line.later) for line in self._lines)

    @property
    def backlog(self) -> int:
        """Alerts that were read and not yet begun to be sent."""
        read = sum(len(found.rows) for found in list(self._reading.found))
        return read + sum(len(line.waiting) for line in self._lines)

    def troubles(self) -> dict[str, str]:
        """Subscribers who have not taken a message at several attempts: the notifier fails them."""
        stuck = {
            line.hook.id: len(line.later)
            for line in self._lines
            if any(delivery.attempt >= TROUBLE_ATTEMPTS for _, _, delivery in list(line.later))
        }
        said = ", ".join(f"webhook {name}: {count} alerts wait" for name, count in sorted(stuck.items()))
        return {"notifier": said} if said else {}
