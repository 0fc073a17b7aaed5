"""The topics: their names, the settings that keep the truth safe, and the identity of each log."""

import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from domain.blocks import encode_block, split_block
from domain.errors import InvalidEvent, Refused, Unavailable
from domain.event_data import LogCreated
from domain.events import decode_event, encode_event, make_event
from domain.instants import Millis
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.reader import LogReader

PARTITIONS = 4
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
CHANGES_RETENTION_MS = 30 * 86_400_000
LOG_SOURCE = "/gs766/log"
_NAMESPACE = uuid.UUID("6a1d0f0e-7660-5766-8766-676973766c6f")
_BASE = {
    "cleanup.policy": "delete",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(MAX_MESSAGE_BYTES),
    "compression.type": "producer",
}
_AT_LEAST = frozenset({"max.message.bytes", "min.insync.replicas"})


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What one topic must be; `log` marks the two that are the truth and carry an identity."""

    name: str
    partitions: int
    log: bool

    def settings(self, replicas: int) -> dict[str, str]:
        """The required settings on that many copies: one copy is forced to disk at each append."""
        settings = dict(_BASE)
        settings["retention.ms"] = "-1" if self.log else str(CHANGES_RETENTION_MS)
        if replicas > 1:
            settings["min.insync.replicas"] = "2"
            settings["unclean.leader.election.enable"] = "false"
        elif self.log:
            settings["flush.messages"] = "1"
        return settings


def topic_specs(config: KafkaConfig, partitions: int = PARTITIONS) -> tuple[TopicSpec, ...]:
    """The three topics; `partitions` is the number recorded at the first start."""
    return (
        TopicSpec(config.events, partitions, log=True),
        TopicSpec(config.alerts, 1, log=True),
        TopicSpec(config.changes, partitions, log=False),
    )


@dataclass(frozen=True, slots=True)
class LogIds:
    """The identities of the two logs, as their first records tell them."""

    events: str
    alerts: str


def ensure_topics(config: KafkaConfig, now: Millis, partitions: int = PARTITIONS) -> LogIds:
    """Creates what is missing, checks what is there, and writes `log.created` into empty logs.

    May be repeated and interrupted at any point. Three brokers or more: three copies; else one. Raises
    Refused as `check_topics` and `read_log_id` do, Unavailable when Kafka does not answer.
    """
    specs = topic_specs(config, partitions)
    with kafka_errors("preparing the topics"), closing(_admin(config)) as admin:
        existing = set(admin.list_topics())
        brokers = len(admin.describe_cluster()["brokers"])
        for spec in specs:
            if spec.name not in existing:
                _create(admin, spec, 3 if brokers >= 3 else 1)
        admin.wait_for_topics([spec.name for spec in specs])
    check_topics(config, partitions)
    ids = [ensure_log_id(config, spec.name, now) for spec in specs if spec.log]
    return LogIds(*ids)


def check_topics(config: KafkaConfig, partitions: int = PARTITIONS) -> None:
    """Raises Refused with one line when a topic is missing or differs from what keeps the log safe."""
    specs = topic_specs(config, partitions)
    resources = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
    with kafka_errors("checking the topics"), closing(_admin(config)) as admin:
        found = {t["name"]: t for t in admin.describe_topics([spec.name for spec in specs])}
        for spec in specs:
            if found.get(spec.name, {"error_code": 3})["error_code"] != 0:
                raise Refused(f"the topic {spec.name} does not exist: gs766 up creates it")
        settings = admin.describe_configs(resources, config_filter="all")["topic"]
    for spec in specs:
        _check_one(spec, found[spec.name]["partitions"], settings[spec.name])


def _check_one(spec: TopicSpec, partitions: list[dict[str, Any]], settings: Mapping[str, Any]) -> None:
    if len(partitions) != spec.partitions:
        raise Refused(
            f"{spec.name} has {len(partitions)} partitions, {spec.partitions} are recorded: set the recorded "
            "number back, or migrate to a new topic"
        )
    replicas = min(len(partition["replica_nodes"]) for partition in partitions)
    for name, wanted in spec.settings(replicas).items():
        value = settings[name]["value"]
        good = int(value) >= int(wanted) if name in _AT_LEAST else value == wanted
        if not good:
            raise Refused(
                f"{spec.name} has {name}={value}, it must be {wanted}: set it with kafka-configs --alter "
                f"--entity-type topics --entity-name {spec.name} --add-config {name}={wanted}"
            )


def _admin(config: KafkaConfig) -> Any:
    return KafkaAdminClient(**config.client())


def _create(admin: Any, spec: TopicSpec, replicas: int) -> None:
    topic = {
        "num_partitions": spec.partitions,
        "replication_factor": replicas,
        "configs": spec.settings(replicas),
    }
    with suppress(TopicAlreadyExistsError):  # another process was faster; the check that follows decides
        admin.create_topics({spec.name: topic})


# --- identity ---------------------------------------------------------------------------------------------


def log_created(log_id: str, topic: str, now: Millis) -> bytes:
    """The `log.created` event; its id is the log's, so that its copies count once."""
    event = make_event(
        "log.created", topic, now, {"log_id": log_id}, source=LOG_SOURCE, id=log_id, recorded_at=now
    )
    return encode_event(event)


def ensure_log_id(config: KafkaConfig, topic: str, now: Millis) -> str:
    """The log's identity; written into partitions that are empty and lack it.

    A new log's id is derived from Kafka's id of the topic, so that two processes that start at once write
    the same one; a restored log keeps the id in its records.
    """
    with LogReader(config, topic) as reader:
        found = _first_ids(reader)
        missing = [partition for partition, log_id in found.items() if log_id is None]
        if missing:
            known = {log_id for log_id in found.values() if log_id is not None}
            log_id = known.pop() if known else _new_log_id(config, topic)
            _write_log_id(config, topic, missing, log_created(log_id, topic, now))
        return _agreed(topic, _first_ids(reader))


def read_log_id(config: KafkaConfig, topic: str) -> str:
    """The identity in the first record of every partition.

    Raises Refused when a partition lacks it, begins with something else, or when two differ.
    """
    with LogReader(config, topic) as reader:
        return _agreed(topic, _first_ids(reader))


def log_id_of(value: bytes) -> str | None:
    """The log id in a record value when that is a `log.created`, else None."""
    with suppress(InvalidEvent):
        data = decode_event(split_block(value)[0]).data
        if isinstance(data, LogCreated):
            return data.log_id
    return None


def _first_ids(reader: LogReader) -> dict[int, str | None]:
    """By partition the id in its first record; None for an empty partition."""
    ends = reader.end_offsets()
    begins = reader.beginning_offsets(ends)
    ids: dict[int, str | None] = {}
    for partition, end in ends.items():
        if begins[partition] > 0:
            raise Refused(
                f"{reader.topic} partition {partition} begins at offset {begins[partition]}: records were "
                "deleted; restore the log from a backup"
            )
        first = reader.read_one(partition, 0) if end > 0 else None
        ids[partition] = log_id_of(first.value) if first else None
        if first and ids[partition] is None:
            raise Refused(
                f"{reader.topic} partition {partition} does not begin with log.created: it is not a log of "
                "this product; choose another topic prefix"
            )
    return ids


def _agreed(topic: str, ids: Mapping[int, str | None]) -> str:
    distinct = set(ids.values())
    if len(distinct) != 1 or None in distinct:
        raise Refused(
            f"the partitions of {topic} name different logs ({_listed(ids)}): restore all from one backup"
        )
    return str(distinct.pop())


def _listed(ids: Mapping[int, str | None]) -> str:
    return ", ".join(f"{partition}: {log_id or 'none'}" for partition, log_id in sorted(ids.items()))


def _new_log_id(config: KafkaConfig, topic: str) -> str:
    with kafka_errors(f"reading the id of {topic}"), closing(_admin(config)) as admin:
        topic_id = admin.describe_topics([topic])[0].get("topic_id")
    return str(uuid.uuid5(_NAMESPACE, str(topic_id))) if topic_id else str(uuid.uuid4())


def _write_log_id(config: KafkaConfig, topic: str, partitions: Iterable[int], event: bytes) -> None:
    value = encode_block([event])
    headers = [("origin", b"live"), ("key_id", b"")]
    with kafka_errors(f"writing the identity of {topic}"):
        producer = KafkaProducer(**config.client(), acks="all", enable_idempotence=True)
        try:
            sent = [producer.send(topic, value, partition=p, headers=headers) for p in partitions]
            for future in sent:
                if future.get(30).offset < 0:
                    raise Unavailable(f"{topic} did not acknowledge log.created")
        finally:
            producer.close(5)
