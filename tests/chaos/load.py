"""The load: events over HTTP and through the bulk path, each sent until it is acknowledged, and what was.

A sender that gets no answer or a 503 sends the same ids again, as a one-stop system does.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx

from domain.errors import Unavailable
from domain.events import Event, encode_event
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from tests.support.lifecycles import lifecycles
from tests.support.stack import RunningStack

BATCH = 25
SENDERS = 4
BULK_SHARE = 4
"""Every so many-th cohort goes through the bulk path."""
COHORT = 40
"""Dossiers that are sent together, about 200 events."""
HEADERS = {"Content-Type": "application/x-ndjson"}


class Load:
    """Sends about `rate` events a second until `stop`; everything is acknowledged then."""

    def __init__(self, stack: RunningStack, rate: float) -> None:
        self._stack = stack
        self._rate = rate
        self._end = threading.Event()
        self._mutex = threading.Lock()
        self._begun = time.monotonic()
        self._given = 0
        self._cohort = 0
        self.acknowledged: list[Event] = []
        self.answers: Counter[str] = Counter()
        """How often which answer came: a status, or the kind of a broken connection."""
        self.reasons: set[str] = set()
        """What 503 said."""
        self.wrong: list[str] = []
        """Answers that must never come."""
        self.last_ack = time.monotonic()
        self._threads = [
            threading.Thread(target=self._guard, args=(self._send_by_http, n), daemon=True) for n in range(SENDERS)
        ]
        self._threads.append(threading.Thread(target=self._guard, args=(self._send_in_bulk, 0), daemon=True))

    def start(self) -> "Load":
        """Begins to send."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds: float = 90.0) -> None:
        """Sends what was begun, and ends."""
        self._end.set()
        for thread in self._threads:
            thread.join(seconds)
        assert not any(t.is_alive() for t in self._threads), f"senders still wait: {self.answers}, {self.reasons}"

    def acks_after(self, moment: float) -> bool:
        """Whether anything sent over HTTP was acknowledged after a moment (monotonic seconds)."""
        return self.last_ack > moment

    def _guard(self, send: object, number: int) -> None:
        try:
            send(number)  # type: ignore[operator]
        except Exception as error:
            self.wrong.append(f"a sender ended: {error!r}")

    def _next(self, bulk: bool) -> list[Event]:
        """The next cohort; waits until it is due."""
        with self._mutex:
            self._cohort += 1
            number = self._cohort
            due = self._begun + self._given / self._rate
            events = lifecycles(COHORT, seed=number, prefix=f"H44.{'b' if bulk else 'h'}{number}")
            self._given += len(events)
        # A load that was held up does not come in one flood afterwards.
        late = time.monotonic() - due
        if late > 1:
            with self._mutex:
                self._begun += late - 1
        self._end.wait(max(0.0, -late))
        return events

    def _send_by_http(self, number: int) -> None:
        del number
        while not self._end.is_set():
            events = self._next(bulk=False)
            for batch in _batches(events):
                self._post(batch)

    def _post(self, batch: Sequence[Event]) -> None:
        body = b"\n".join(encode_event(event) for event in batch)
        while not self._posted(body, batch):
            time.sleep(0.3)

    def _posted(self, body: bytes, batch: Sequence[Event]) -> bool:
        try:
            with self._stack.http() as client:
                client.timeout = httpx.Timeout(20)
                answer = client.post("/v1/events", content=body, headers=HEADERS)
        except (httpx.HTTPError, AssertionError) as error:  # the API is away, or no stack is described just now
            self.answers[type(error).__name__] += 1
            return False
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 503:
            self.reasons.add(answer.json()["detail"])
            return False
        if answer.status_code != 202:
            self.wrong.append(f"{answer.status_code}: {answer.text[:500]}")
            return answer.status_code < 500
        with self._mutex:
            self.acknowledged += batch
            self.last_ack = time.monotonic()
        return True

    def _send_in_bulk(self, number: int) -> None:
        del number
        while not self._end.is_set():
            events = self._next(bulk=True)
            while not self._imported(events):
                time.sleep(0.5)
            self._end.wait(BULK_SHARE * len(events) / self._rate)

    def _imported(self, events: Sequence[Event]) -> bool:
        kafka = KafkaConfig(self._stack.stack.kafka)
        try:
            with BulkWriter(kafka, kafka.events, 4, timeout_ms=10_000) as writer:
                for event in events:
                    writer.add(event.subject, encode_event(event))
                writer.flush()
        except Unavailable:
            self.answers["bulk failed"] += 1
            return False
        with self._mutex:
            self.acknowledged += events
        self.answers["bulk"] += 1
        return True


def _batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), BATCH):
        yield events[start : start + BATCH]
