"""Recorded acts of the API itself: who read a dossier, which keys were made. They stand in the alert log.

A read is recorded without making the reader wait; what could not be written is counted and shown by health.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Literal, Protocol

from api.access import Principal
from api.keys import KEY_SOURCE, KeyStore
from domain.errors import Gs766Error
from domain.events import Event, encode_event, make_event
from domain.instants import Millis
from eventlog.pending import Coordinates
from eventlog.writer import WriterState

Verb = Literal["dossier_read", "exported"]
SAME_READ_MS = 60_000
_REMEMBERED = 10_000


class Log(Protocol):
    """The part of LogWriter that the API uses."""

    def submit(
        self,
        events: Iterable[tuple[str, bytes]],
        *,
        key_id: str = "",
        topic: str | None = None,
        partition: int | None = None,
    ) -> Future[list[Coordinates | None]]:
        """Accepts (subject, encoded event) pairs; the future holds their coordinates, None while spooled."""

    def submit_broadcast(
        self, subject: str, event: bytes, *, key_id: str = ""
    ) -> Future[list[Coordinates | None]]:
        """The same event to every partition."""

    def state(self) -> WriterState:
        """What health shows."""

    def close(self) -> None:
        """Sends what is left."""


class Acts:
    """Writes acts to the alert log."""

    def __init__(self, log: Log, topic: str, keys: KeyStore) -> None:
        self._log = log
        self._topic = topic
        self._keys = keys
        self._mutex = threading.Lock()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self.failures = 0

    def record(
        self,
        verb: Verb,
        subject: str,
        principal: Principal,
        now: Millis,
        *,
        unit: str | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        """Records an act; the same one by the same key within a minute counts once."""
        minute = now // SAME_READ_MS
        text = "\0".join((verb, subject, principal.key_id, str(minute)))
        act_id = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        if not self._first(act_id):
            return
        data: dict[str, Any] = {"actor": principal.key_id, "key": principal.key_id}
        if unit:
            data["unit"] = unit
        if evidence:
            data["evidence"] = dict(evidence)
        event = make_event(f"system.{verb}", subject, now, data, source=KEY_SOURCE, id=act_id, recorded_at=now)
        self._send([event], lambda: None)

    def flush_keys(self) -> None:
        """Records the making and revoking of keys that the log does not hold yet."""
        events = self._keys.unrecorded()
        if events:
            self._send(events, lambda: self._keys.recorded(events))

    @property
    def pending(self) -> int:
        """Acts known to be missing from the log."""
        return len(self._keys.unrecorded()) + self.failures

    def _first(self, act_id: str) -> bool:
        with self._mutex:
            if act_id in self._recent:
                return False
            self._recent[act_id] = None
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
            return True

    def _send(self, events: Iterable[Event], done: Callable[[], None]) -> None:
        pairs = [(event.subject, encode_event(event)) for event in events]
        try:
            future = self._log.submit(pairs, topic=self._topic, partition=0)
        except Gs766Error:
            self._failed(len(pairs))
            return

        def finish(found: Future[list[Coordinates | None]]) -> None:
            if found.cancelled() or found.exception() is not None:
                self._failed(len(pairs))
            else:
                done()

        future.add_done_callback(finish)

    def _failed(self, count: int) -> None:
        with self._mutex:
            self.failures += count
