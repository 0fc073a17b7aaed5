"""What it costs that a log on one copy is forced to disk at every append (`flush.messages=1`), in pairs.

Two topics of one broker, one forced and one not, take turns, so that what else the machine does falls on both.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient

from eventlog.config import KafkaConfig, kafka_errors
from eventlog.producer import close_producer, open_producer
from ops.bench.measure import Measure, quantile
from ops.bench.place import bare_broker, scratch

ROUNDS = 100
BULKS = 20
BULK_RECORDS = 100
RECORD = b"x" * 50_000
"""About a block of 200 events."""
FORCED, PLAIN = "bench-forced", "bench-plain"


def measure_flush(environ: Mapping[str, str]) -> list[Measure]:
    """One acknowledged append, and bulk appends, forced beside not forced."""
    with scratch("flush") as folder, bare_broker(folder, environ) as kafka:
        _make_topics(kafka)
        producer: Any = open_producer(kafka, 60_000)
        try:
            single = {FORCED: list[float](), PLAIN: list[float]()}
            bulk = {FORCED: list[float](), PLAIN: list[float]()}
            for _ in range(ROUNDS):
                for topic, found in single.items():
                    found.append(_appended(producer, topic, b"x" * 400, 1))
            for _ in range(BULKS):
                for topic, found in bulk.items():
                    found.append(_appended(producer, topic, RECORD, BULK_RECORDS))
        finally:
            close_producer(producer, 5)
    return [
        *_pair("one append, acknowledged, p50", single, f"{ROUNDS} pairs of 400 bytes"),
        *_pair("5 MB in bulk, acknowledged, p50", bulk, f"{BULKS} pairs of {BULK_RECORDS} records of 50 kB"),
    ]


def _pair(name: str, found: Mapping[str, list[float]], said: str) -> list[Measure]:
    plain = Measure(f"{name}: not forced", quantile(found[PLAIN], 0.5) * 1000, "ms", conditions=said)
    forced = Measure(f"{name}: forced to disk", quantile(found[FORCED], 0.5) * 1000, "ms", conditions=said)
    return [plain, forced.against(plain)]


def _appended(producer: Any, topic: str, value: bytes, count: int) -> float:
    begun = time.perf_counter()
    sent = [producer.send(topic, value, partition=0) for _ in range(count)]
    for future in sent:
        future.get(60)
    return time.perf_counter() - begun


def _make_topics(kafka: KafkaConfig) -> None:
    with kafka_errors("measuring forced appends"), closing(KafkaAdminClient(**kafka.client())) as admin:
        for topic, configs in ((FORCED, {"flush.messages": "1"}), (PLAIN, {})):
            admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
        admin.wait_for_topics([FORCED, PLAIN])
