"""Simulated months as a log: events in the order in which they arrive, and a log whose times are those of arrival.

A log that is imported today has one day of `known_at`; a log that grew over months has them all. The second kind
is made by letting the broker keep the producer's time while it is filled, and its own from then on.
"""

import heapq
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from domain.blocks import Grouper, encode_block, partition_of
from domain.errors import Unavailable
from domain.event_types import BROADCAST_TYPES
from domain.events import Event, encode_event
from domain.instants import Millis, date_day, day_date
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.producer import close_producer, open_producer
from eventlog.topics import log_created, topic_specs
from producers.simulator.run import Plan, simulate_days

SEED = 766
FIRST_MONTH = date(2026, 6, 1)
EVENTS_A_DOSSIER = 9.6
"""Of the simulator, measured: to turn a wanted number of events into dossiers."""
BLOCK_EVENTS = 200
LOG_ID = "00000000-0000-4766-8766-000000000766"
_IN_FLIGHT = 16 * 1024 * 1024
_TIMESTAMPS = "message.timestamp.type"


def dossiers_for(events: int) -> int:
    """About how many dossiers make so many events."""
    return max(1, round(events / EVENTS_A_DOSSIER))


def simulated(
    dossiers: int, months: int = 3, seed: int = SEED, *, reference: bool = True, first: date = FIRST_MONTH
) -> Iterator[Event]:
    """A province's events over whole months from a first one, in order of arrival (of recording)."""
    number = first.month - 1 + months
    following = date(first.year + number // 12, number % 12 + 1, 1)
    last = day_date(date_day(following) - 1)
    return by_arrival(simulate_days(Plan(dossiers, first, last, seed, reference=reference)))


def by_arrival(events: Iterable[Event]) -> Iterator[Event]:
    """Events in order of occurrence, put into the order of recording; nothing is recorded before it occurred."""
    waiting: list[tuple[Millis, int, Event]] = []
    for number, event in enumerate(events):
        while waiting and waiting[0][0] <= event.occurred_at:
            yield heapq.heappop(waiting)[2]
        heapq.heappush(waiting, (_recorded(event), number, event))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _recorded(event: Event) -> Millis:
    return event.occurred_at if event.recorded_at is None else event.recorded_at


def past_log(kafka: KafkaConfig, events: Iterable[Event], partitions: int) -> tuple[int, dict[int, int]]:
    """Makes the log of an empty broker with times of arrival; returns (events, end offset by partition).

    Afterwards the topic has the product's own settings, and a stack can be started on it.
    """
    spec = topic_specs(kafka, partitions)[0]
    with kafka_errors("making the log to be measured"), closing(KafkaAdminClient(**kafka.client())) as admin:
        settings = {**spec.settings(1), _TIMESTAMPS: "CreateTime"}
        topic = {"num_partitions": partitions, "replication_factor": 1, "configs": settings}
        admin.create_topics({spec.name: topic})
        admin.wait_for_topics([spec.name])
        with closing(_PastWriter(kafka, partitions)) as writer:
            for event in events:
                writer.add(event)
            writer.flush()
        resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, configs={_TIMESTAMPS: "LogAppendTime"})
        admin.alter_configs([resource])
    return writer.count, writer.ends


class _PastWriter:
    """Blocks with the time of their last event as the record's; a block ends with the hour."""

    def __init__(self, kafka: KafkaConfig, partitions: int) -> None:
        self._topic, self._partitions = kafka.events, partitions
        self._producer: Any = open_producer(kafka, 60_000, linger_ms=5)
        self._room = threading.Semaphore(_IN_FLIGHT // (64 * 1024))
        self._grouper = Grouper(BLOCK_EVENTS)
        self._now: Millis = 0
        self._failed: list[Exception] = []
        self.count = 0
        self.ends: dict[int, int] = {}

    def add(self, event: Event) -> None:
        """Takes the next event in order of arrival."""
        at = _recorded(event)
        if not self._now:
            created = encode_block([log_created(LOG_ID, self._topic, at)])
            for partition in range(self._partitions):
                self._send(partition, created, at)
        if at // 3_600_000 != self._now // 3_600_000:
            self._drain()
        self._now = max(self._now, at)
        encoded = encode_event(event)
        broadcast = event.type in BROADCAST_TYPES
        places = range(self._partitions) if broadcast else [partition_of(event.subject, self._partitions)]
        for partition in places:
            for block in self._grouper.add(partition, encoded):
                self._send(block.partition, block.encode(), self._now)
        self.count += 1

    def flush(self) -> None:
        """Sends the rest; Unavailable when Kafka did not take everything."""
        self._drain()
        self._producer.flush(timeout=60)
        if self._failed:
            raise Unavailable(f"Kafka did not take the log to be measured ({self._failed[0]})")

    def close(self) -> None:
        """Ends the producer."""
        close_producer(self._producer, 5)

    def _drain(self) -> None:
        for block in self._grouper.drain():
            self._send(block.partition, block.encode(), self._now)

    def _send(self, partition: int, value: bytes, at: Millis) -> None:
        self._room.acquire()
        headers = [("origin", b"import"), ("key_id", b"")]
        sent = self._producer.send(self._topic, value, partition=partition, headers=headers, timestamp_ms=at)

        def done(found: Any) -> None:
            self.ends[partition] = max(self.ends.get(partition, 0), found.offset + 1)
            self._room.release()

        def failed(error: Exception) -> None:
            self._failed.append(error)
            self._room.release()

        sent.add_callback(done)
        sent.add_errback(failed)
