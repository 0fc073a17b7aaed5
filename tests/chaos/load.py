"""The load: events over HTTP and through the bulk path, each sent until it is acknowledged, and what was.

A sender that gets no answer or a 503 sends the same ids again, as a one-stop system does.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
"""Dossiers that are sent together."""
USUAL = 200
"""About how many events that is."""
HEADERS = {"Content-Type": "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class Portion:
    """Events of a cohort, [start, stop) of them: an hour's events would not fit into memory, their names do."""

    cohort: int
    bulk: bool
    start: int
    stop: int


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
        self._acknowledged: list[Portion] = []
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

    @property
    def acknowledged(self) -> int:
        """How many events were acknowledged."""
        return sum(portion.stop - portion.start for portion in self._acknowledged)

    def events(self) -> Iterator[Event]:
        """Every acknowledged event, made again."""
        for portion in self._acknowledged:
            yield from _cohort(portion.cohort, portion.bulk)[portion.start : portion.stop]

    def acks_after(self, moment: float) -> bool:
        """Whether anything sent over HTTP was acknowledged after a moment (monotonic seconds)."""
        return self.last_ack > moment

    def _guard(self, send: object, number: int) -> None:
        try:
            send(number)  # type: ignore[operator]
        except Exception as error:
            self.wrong.append(f"a sender ended: {error!r}")

    def _next(self, bulk: bool) -> tuple[int, list[Event]]:
        """The next cohort and its number; waits until it is due."""
        with self._mutex:
            self._cohort += 1
            number = self._cohort
            due = self._begun + self._given / self._rate
            self._given += USUAL
        events = _cohort(number, bulk)
        with self._mutex:
            self._given += len(events) - USUAL
        # A load that was held up does not come in one flood afterwards.
        late = time.monotonic() - due
        if late > 1:
            with self._mutex:
                self._begun += late - 1
        self._end.wait(max(0.0, -late))
        return number, events

    def _send_by_http(self, number: int) -> None:
        del number
        while not self._end.is_set():
            cohort, events = self._next(bulk=False)
            for start in range(0, len(events), BATCH):
                batch = events[start : start + BATCH]
                self._post(batch, Portion(cohort, False, start, start + len(batch)))

    def _post(self, batch: Sequence[Event], portion: Portion) -> None:
        body = b"\n".join(encode_event(event) for event in batch)
        while not self._posted(body, portion):
            time.sleep(0.3)

    def _posted(self, body: bytes, portion: Portion) -> bool:
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
            self._acknowledged.append(portion)
            self.last_ack = time.monotonic()
        return True

    def _send_in_bulk(self, number: int) -> None:
        del number
        while not self._end.is_set():
            cohort, events = self._next(bulk=True)
            while not self._imported(events):
                time.sleep(0.5)
            with self._mutex:
                self._acknowledged.append(Portion(cohort, True, 0, len(events)))
            self._end.wait(BULK_SHARE * len(events) / self._rate)

    def _imported(self, events: Sequence[Event]) -> bool:
        try:
            kafka = KafkaConfig(self._stack.stack.kafka)
            with BulkWriter(kafka, kafka.events, 4, timeout_ms=10_000) as writer:
                for event in events:
                    writer.add(event.subject, encode_event(event))
                writer.flush()
        except (Unavailable, AssertionError):
            self.answers["bulk failed"] += 1
            return False
        self.answers["bulk"] += 1
        return True


def _cohort(number: int, bulk: bool) -> list[Event]:
    return lifecycles(COHORT, seed=number, prefix=f"H44.{'b' if bulk else 'h'}{number}")
