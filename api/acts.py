"""Recorded acts of the API itself: who read what, which keys were made or destroyed. They stand in the alert log.

A read is recorded without making the reader wait; what could not be written is counted and shown by health.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from api.access import Principal
from api.due_acts import DueActs
from api.keys import KEY_SOURCE, KeyStore
from api.visits import take_visits
from domain.errors import Gs766Error
from domain.events import Event, encode_event, make_event
from domain.instants import Millis, parse_rfc3339
from eventlog.pending import Coordinates
from eventlog.writer import WriterState
from producers.keys import IdentifierKey

Verb = Literal["dossier_read", "list_read", "exported", "webhook_created", "webhook_removed"]
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

    def __init__(
        self,
        log: Log,
        topic: str,
        keys: KeyStore,
        due: DueActs | None = None,
        identifiers: Callable[[], Iterable[IdentifierKey]] = tuple,
        visitors: Path | None = None,
    ) -> None:
        self._log = log
        self._topic = topic
        self._keys = keys
        self._due = due
        self._identifiers = identifiers
        self._visitors = visitors
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
        asked = msgspec.json.encode(evidence or {}, order="deterministic").decode() if verb == "list_read" else ""
        text = "\0".join((verb, subject, principal.key_id, str(minute), *([asked] if asked else [])))
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

    def flush_keys(self) -> list["Future[None]"]:
        """Records the making and revoking of keys, and what commands decided, that the log does not hold yet; what
        it returns is done when the log has them, or could not be had."""
        events = self._keys.unrecorded()
        sent = [self._send(events, lambda: self._keys.recorded(events))] if events else []
        if self._due is not None:
            sent += self._flush_due(self._due)
        return sent

    def _flush_due(self, due: DueActs) -> list["Future[None]"]:
        known = due.known()
        due.add(act for act in identifier_acts(self._identifiers()) if act.id not in known)
        if self._visitors is not None:
            with self._mutex:
                visits, taken = take_visits(self._visitors)
                due.add(visits)
                if taken is not None:
                    taken.unlink(missing_ok=True)
        waiting = due.unrecorded()
        return [self._send(waiting, lambda: due.recorded(waiting))] if waiting else []

    @property
    def pending(self) -> int:
        """Acts known to be missing from the log."""
        due = len(self._due.unrecorded()) if self._due is not None else 0
        return len(self._keys.unrecorded()) + due + self.failures

    def _first(self, act_id: str) -> bool:
        with self._mutex:
            if act_id in self._recent:
                return False
            self._recent[act_id] = None
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
            return True

    def _send(self, events: Iterable[Event], done: Callable[[], None]) -> "Future[None]":
        ended: Future[None] = Future()
        pairs = [(event.subject, encode_event(event)) for event in events]
        try:
            future = self._log.submit(pairs, topic=self._topic, partition=0)
        except Gs766Error:
            self._failed(len(pairs))
            ended.set_result(None)
            return ended

        def finish(found: Future[list[Coordinates | None]]) -> None:
            if found.cancelled() or found.exception() is not None:
                self._failed(len(pairs))
            else:
                done()
            ended.set_result(None)

        future.add_done_callback(finish)
        return ended

    def _failed(self, count: int) -> None:
        with self._mutex:
            self.failures += count


def identifier_acts(keys: Iterable[IdentifierKey]) -> Iterable[Event]:
    """What the log says of the keys that hash identifiers: that one was made, that one destroyed; never more."""
    for key in keys:
        told = (("created", key.created_at), ("destroyed", key.destroyed_at))
        for verb, at in ((v, parse_rfc3339(text)) for v, text in told if text):
            data = {"key": key.id, "evidence": {"year": key.year}}
            kind, act_id = f"system.identifier_key_{verb}", f"identifier-key-{verb}-{key.id}"
            yield make_event(kind, key.id, at, data, source=KEY_SOURCE, id=act_id, recorded_at=at)
