"""Rules of the topics and of the identity of a log, on a real broker."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from domain.blocks import encode_block
from domain.errors import Refused, Unavailable
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from eventlog.topics import (
    check_topics,
    ensure_log_id,
    ensure_topics,
    log_created,
    log_id_of,
    read_log_id,
    topic_specs,
)

NOW = 1_787_000_000_000


@pytest.fixture
def admin(kafka: KafkaConfig) -> Iterator[Any]:
    with closing(KafkaAdminClient(**kafka.client())) as client:
        yield client


def test_every_partition_of_both_logs_begins_with_the_same_identity(kafka: KafkaConfig) -> None:
    ids = ensure_topics(kafka, NOW)
    assert ids.events != ids.alerts
    for topic, partitions, log_id in ((kafka.events, 4, ids.events), (kafka.alerts, 1, ids.alerts)):
        with LogReader(kafka, topic) as reader:
            assert reader.end_offsets() == dict.fromkeys(range(partitions), 1)
            for partition in range(partitions):
                record = reader.read_one(partition, 0)
                assert record is not None
                assert log_id_of(record.value) == log_id
                assert record.header("origin") == "live"
        assert read_log_id(kafka, topic) == log_id
    with LogReader(kafka, kafka.changes) as reader:
        assert set(reader.end_offsets().values()) == {0}


def test_preparing_again_changes_nothing(kafka: KafkaConfig) -> None:
    first = ensure_topics(kafka, NOW)
    assert ensure_topics(kafka, NOW + 1) == first
    with LogReader(kafka, kafka.events) as reader:
        assert set(reader.end_offsets().values()) == {1}


def test_an_interrupted_first_start_is_completed_with_the_same_identity(kafka: KafkaConfig, admin: Any) -> None:
    spec = topic_specs(kafka)[0]
    admin.create_topics(
        {spec.name: {"num_partitions": 4, "replication_factor": 1, "configs": spec.settings(1)}},
        wait_for_metadata=True,
    )
    log_id = ensure_log_id(kafka, spec.name, NOW)
    admin.delete_topics([spec.name])
    admin.create_topics(
        {spec.name: {"num_partitions": 4, "replication_factor": 1, "configs": spec.settings(1)}},
        wait_for_metadata=True,
    )
    with closing(KafkaProducer(**kafka.client())) as producer:
        value = encode_block([log_created(log_id, spec.name, NOW)])
        producer.send(spec.name, value, partition=2).get(10)
    with pytest.raises(Refused, match="name different logs"):
        read_log_id(kafka, spec.name)
    assert ensure_topics(kafka, NOW).events == log_id
    assert read_log_id(kafka, spec.name) == log_id


def test_a_log_that_begins_with_something_else_is_refused(kafka: KafkaConfig, admin: Any) -> None:
    spec = topic_specs(kafka)[0]
    admin.create_topics(
        {spec.name: {"num_partitions": 4, "replication_factor": 1, "configs": spec.settings(1)}},
        wait_for_metadata=True,
    )
    with closing(KafkaProducer(**kafka.client())) as producer:
        producer.send(spec.name, b"[{}]", partition=1).get(10)
    with pytest.raises(Refused, match="does not begin with"):
        ensure_topics(kafka, NOW)


@pytest.mark.parametrize(
    ("topic", "name", "value"),
    [
        ("events", "retention.ms", "604800000"),
        ("alerts", "retention.bytes", "1000000"),
        ("events", "cleanup.policy", "compact"),
        ("events", "message.timestamp.type", "CreateTime"),
        ("alerts", "max.message.bytes", "1000000"),
        ("events", "flush.messages", "1000"),
        ("changes", "retention.ms", "-1"),
    ],
)
def test_a_setting_that_endangers_the_log_is_refused_by_name(
    kafka: KafkaConfig, admin: Any, topic: str, name: str, value: str
) -> None:
    ensure_topics(kafka, NOW)
    changed = getattr(kafka, topic)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, changed, configs={name: value})])
    with pytest.raises(Refused, match=f"{changed} has {name}={value}") as refusal:
        ensure_topics(kafka, NOW)
    assert "kafka-configs" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_another_number_of_partitions_than_recorded_is_refused(kafka: KafkaConfig) -> None:
    ensure_topics(kafka, NOW)
    with pytest.raises(Refused, match="has 4 partitions, 8 are recorded"):
        check_topics(kafka, 8)


def test_a_missing_topic_and_an_absent_kafka_are_told_apart(kafka: KafkaConfig) -> None:
    with pytest.raises(Refused, match="does not exist"):
        check_topics(kafka)
    with pytest.raises(Unavailable, match="does not answer"):
        check_topics(replace(kafka, bootstrap="127.0.0.1:1", connect_timeout_ms=300))
