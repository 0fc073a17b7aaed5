"""What nobody can be faster than, taken on the stack that is measured: its broker and its store, bare."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Protocol

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from eventlog.config import KafkaConfig, kafka_errors
from eventlog.producer import close_producer, open_producer
from ops.addresses import store_target
from ops.settings import Settings
from sinks.clickhouse import connect

TOPIC = "bench-limit"
ROUNDS = 40


class Reached(Protocol):
    """A stack that can be reached."""

    @property
    def settings(self) -> Settings: ...
    @property
    def kafka(self) -> KafkaConfig: ...


def append_and_read(kafka: KafkaConfig, rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    """Seconds until an append is acknowledged (forced to disk), and until a waiting reader has it."""
    with kafka_errors("measuring Kafka's own limit"), closing(KafkaAdminClient(**kafka.client())) as admin:
        if TOPIC not in set(admin.list_topics()):
            configs = {"flush.messages": "1"}
            admin.create_topics({TOPIC: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
            admin.wait_for_topics([TOPIC])
    producer: Any = open_producer(kafka, 10_000)
    consumer: Any = KafkaConsumer(**kafka.client(), group_id=None, fetch_max_wait_ms=500)
    place = TopicPartition(TOPIC, 0)
    consumer.assign([place])
    consumer.seek_to_end(place)
    acked, read = [], []
    try:
        consumer.position(place)
        for _ in range(rounds):
            begun = time.perf_counter()
            producer.send(TOPIC, b"x" * 400, partition=0).get(10)
            acked.append(time.perf_counter() - begun)
            while not consumer.poll(timeout_ms=1000):
                pass
            read.append(time.perf_counter() - begun)
    finally:
        consumer.close()
        close_producer(producer, 5)
    return acked, read


def insert_and_select(settings: Settings, rounds: int = ROUNDS) -> list[float]:
    """Seconds for one INSERT of one row and one SELECT of it."""
    spent = []
    with _bench_table(settings) as client:
        for n in range(rounds):
            begun = time.perf_counter()
            client.execute("INSERT INTO bench.one VALUES", [(n, "x" * 400)])
            client.execute("SELECT value FROM bench.one WHERE n = %(n)s", {"n": n})
            spent.append(time.perf_counter() - begun)
    return spent


@contextmanager
def _bench_table(settings: Settings) -> Iterator[Any]:
    with connect(store_target(settings, "writer")) as client:
        client.execute("CREATE DATABASE IF NOT EXISTS bench")
        client.execute("CREATE TABLE bench.one (n UInt32, value String) ENGINE = MergeTree ORDER BY n")
        try:
            yield client
        finally:
            client.execute("DROP DATABASE bench")


def select_one(target: Mapping[str, Any], rounds: int = ROUNDS) -> list[float]:
    """Seconds for `SELECT 1` on the native port: the round trip alone."""
    spent = []
    with connect(target) as client:
        client.execute("SELECT 1")
        for _ in range(rounds):
            begun = time.perf_counter()
            client.execute("SELECT 1")
            spent.append(time.perf_counter() - begun)
    return spent
