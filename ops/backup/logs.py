"""The two logs out of Kafka and back into it, record by record at the same offsets with the same timestamps."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from domain.errors import Refused, Unavailable
from eventlog.archive import ColdStorage
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.producer import close_producer, open_producer
from eventlog.segments import Row
from eventlog.topics import TopicSpec, check_topics, topic_specs
from ops.addresses import kafka_config
from ops.kafka_local import LocalBroker
from ops.settings import Settings
from ops.stack_file import read_stack
from ops.supervisor import only_stack

EVENTS, ALERTS = "dossier-events", "alert-log"
TIMEOUT_MS = 60_000
SLICE_MS = 10_000
SWITCH_SECONDS = 30.0
_IN_FLIGHT_BYTES = 32 * 1024 * 1024
_OLD_TIMES = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str((1 << 63) - 1)}
"""While records come back: their own times count, also those of a machine whose clock was ahead."""


def log_topics(config: KafkaConfig) -> dict[str, str]:
    """The logs' plain names, which a backup uses, and their names in this Kafka."""
    return {EVENTS: config.events, ALERTS: config.alerts}


@contextmanager
def running_log(
    settings: Settings, environ: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[KafkaConfig]:
    """The log of a data folder: the configured Kafka, that of the running stack, else a broker for this block.

    Unavailable when a stack is just starting, or the data folder holds no log.
    """
    stack = read_stack(settings.data)
    if settings.kafka.bootstrap or (stack is not None and stack.kafka):
        yield kafka_config(settings)
        return
    if not (settings.data / "kafka" / "log").is_dir():
        raise Unavailable(f"{settings.data} holds no log: name the data folder of an installation with --data")
    with only_stack(settings.data):
        say("nothing runs on this data folder: starting its log for the length of this command")
        with broker_of(settings, environ) as config:
            yield config


@contextmanager
def broker_of(settings: Settings, environ: Mapping[str, str]) -> Iterator[KafkaConfig]:
    """The local broker over a data folder that the caller holds, inside the block."""
    broker = LocalBroker(settings.data, environ=environ)
    bootstrap = broker.start()
    try:
        yield kafka_config(replace(settings, kafka=replace(settings.kafka, bootstrap=bootstrap)))
    finally:
        broker.stop()


# --- out of the log ---------------------------------------------------------------------------------------


class RawLog:
    """Reads records of one topic as they are; unlike `LogReader` it tells no value from an empty one."""

    def __init__(self, config: KafkaConfig, topic: str) -> None:
        self._topic = topic
        self._config = config
        with kafka_errors(f"connecting to read {topic}"):
            self._consumer: Any = KafkaConsumer(
                **config.client(),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                fetch_max_bytes=32 << 20,
                max_partition_fetch_bytes=8 << 20,
                fetch_max_wait_ms=200,
            )

    def __enter__(self) -> "RawLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def end_offsets(self) -> dict[int, int]:
        """By partition, the offset that the next record will get."""
        with kafka_errors(f"reading {self._topic}"):
            partitions = self._consumer.partitions_for_topic(self._topic) or ()
            found = self._consumer.end_offsets([TopicPartition(self._topic, p) for p in sorted(partitions)])
        return {place.partition: end for place, end in found.items()}

    def rows(self, partition: int, start: int, stop: int) -> Iterator[Row]:
        """Records of a closed range, in order; what Kafka holds no more from cold storage, where there is one.
        Unavailable when nothing comes for 10 s."""
        place = TopicPartition(self._topic, partition)
        position = start
        for row in self._cold_rows(place, start, stop):
            yield row
            position = row.offset + 1
        with kafka_errors(f"reading {self._topic}"):
            self._consumer.assign([place])
            self._consumer.seek(place, position)
        while position < stop:
            with kafka_errors(f"reading {self._topic}"):
                polled = self._consumer.poll(timeout_ms=SLICE_MS, max_records=1000).get(place, ())
            if not polled:
                raise Unavailable(f"{self._topic} partition {partition} gave nothing at offset {position}")
            for found in polled:
                if found.offset < stop:
                    yield _row(found)
            position = polled[-1].offset + 1

    def _cold_rows(self, place: TopicPartition, start: int, stop: int) -> Iterator[Row]:
        log = self._config.archived(self._topic)
        if not log:
            return
        with kafka_errors(f"reading {self._topic}"):
            begin = self._consumer.beginning_offsets([place])[place]
        storage = ColdStorage(self._config.cold)
        manifest = storage.manifest() if start < begin else None
        if manifest is not None:
            yield from storage.rows(manifest, log, place.partition, start, min(stop, begin))


def _row(found: Any) -> Row:
    """A record as a row. Kafka's client can send neither a header without a value nor a record without key and
    value: those are kept with empty ones, which is how everything here reads them."""
    headers = tuple((name, value or b"") for name, value in found.headers)
    value = b"" if found.value is None and found.key is None else found.value
    return Row(found.offset, found.timestamp, found.key, value, headers)


# --- back into it -----------------------------------------------------------------------------------------


def create_topics(config: KafkaConfig, partitions: int) -> None:
    """Makes the topics anew, the logs such that they keep the times that records bring.

    Refused when one exists already: a log is only brought back into nothing.
    """
    specs = topic_specs(config, partitions)
    with kafka_errors("making the topics"), closing(KafkaAdminClient(**config.client())) as admin:
        present = sorted({spec.name for spec in specs} & set(admin.list_topics()))
        if present:
            raise Refused(
                f"Kafka at {config.bootstrap} has {', '.join(present)} already: a log is only brought back where "
                "there is none. Delete those topics if they are not needed, or use another Kafka or prefix"
            )
        replicas = 3 if len(admin.describe_cluster()["brokers"]) >= 3 else 1
        for spec in specs:
            admin.create_topics({spec.name: _topic(spec, replicas)})
        admin.wait_for_topics([spec.name for spec in specs])


def _topic(spec: TopicSpec, replicas: int) -> dict[str, Any]:
    settings = spec.settings(replicas) | (_OLD_TIMES if spec.log else {})
    return {"num_partitions": spec.partitions, "replication_factor": replicas, "configs": settings}


def end_bringing_back(config: KafkaConfig, partitions: int) -> None:
    """From now on Kafka stamps records itself; returns when the topics are what every start demands."""
    changes = {
        "message.timestamp.type": "LogAppendTime",
        "message.timestamp.after.max.ms": ("DELETE", None),
    }
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, dict(changes)) for name in log_topics(config).values()
    ]
    with (
        kafka_errors("switching the topics to append time"),
        closing(KafkaAdminClient(**config.client())) as admin,
    ):
        admin.alter_configs(resources)
    _until_checked(config, partitions)


def _until_checked(config: KafkaConfig, partitions: int) -> None:
    """The brokers learn of new settings a moment later."""
    import time

    deadline = time.monotonic() + SWITCH_SECONDS
    while True:
        try:
            check_topics(config, partitions)
            return
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class LogFiller:
    """Sends rows back, many in flight, in order; every one must land at its own offset."""

    def __init__(self, config: KafkaConfig) -> None:
        self._producer = open_producer(config, TIMEOUT_MS, linger_ms=20)
        self._wake = threading.Condition()
        self._in_flight = 0
        self._fault = ""

    def __enter__(self) -> "LogFiller":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        close_producer(self._producer, 0 if kind else 5)

    def fill(self, topic: str, partition: int, rows: Iterable[Row], progress: Callable[[int], None]) -> None:
        """Sends one partition's rows and waits for all. Refused when one came to stand elsewhere, Unavailable
        when Kafka does not take them."""
        for row in rows:
            size = len(row.value or b"") + 200
            self._wait(size)
            with self._wake:
                self._in_flight += size
            self._send(topic, partition, row, size)
            progress(1)
        self._wait(_IN_FLIGHT_BYTES)

    def _send(self, topic: str, partition: int, row: Row, size: int) -> None:
        def landed(metadata: Any) -> None:
            wrong = metadata.offset != row.offset
            self._done(size, f"offset {row.offset} came to stand at {metadata.offset}" if wrong else "")

        with kafka_errors(f"writing {topic}"):
            future = self._producer.send(
                topic,
                row.value,
                key=row.key,
                headers=list(row.headers),
                partition=partition,
                timestamp_ms=row.timestamp,
            )
        future.add_callback(landed)
        future.add_errback(lambda error: self._done(size, f"Kafka did not take it ({type(error).__name__})"))

    def _done(self, size: int, fault: str) -> None:
        with self._wake:
            self._in_flight -= size
            self._fault = self._fault or fault
            self._wake.notify_all()

    def _wait(self, size: int) -> None:
        """Until that many bytes more may be in flight; until nothing is, for all of it."""

        def free() -> bool:
            room = self._in_flight + size <= _IN_FLIGHT_BYTES
            return bool(self._fault) or room or self._in_flight == 0

        with self._wake:
            in_time = self._wake.wait_for(free, TIMEOUT_MS / 1000)
        if self._fault:
            raise Refused(f"the log was not brought back: {self._fault}")
        if not in_time:
            raise Unavailable(f"Kafka acknowledged nothing for {TIMEOUT_MS // 1000} s")
