"""Trimming: Kafka lets go of what cold storage provably holds. Only by this explicit command, never by itself.

Before anything is deleted the copy is read whole and held against the signed roots, and everything that reads the
log must have been told where the rest is (`kafka.cold`).
"""

from contextlib import closing
from dataclasses import replace

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from domain.errors import Refused
from domain.instants import Millis
from eventlog.archive import ColdStorage
from eventlog.config import KafkaConfig, kafka_errors
from ops.backup.logs import log_topics
from sinks.sealing.config import SealConfig
from sinks.sealing.outcome import Progress
from sinks.sealing.verifying import verify

Place = tuple[str, int]


def trim(config: SealConfig, before: Millis, progress: Progress) -> dict[Place, int]:
    """Deletes from Kafka what was appended before an instant and stands in cold storage; by (log, partition) the
    first offset that Kafka still holds. A partition keeps its last record.

    Refused where there is no cold storage, or its copy does not hold against the seals.
    """
    kafka = config.kafka
    if not kafka.cold:
        raise Refused("kafka.cold is not set: whoever reads the log would not find what was deleted; set it first")
    manifest = ColdStorage(kafka.cold).manifest()
    if manifest is None:
        raise Refused(f"there is nothing in the cold storage {kafka.cold}: gs766 cold export --to {kafka.cold}")
    copy = replace(config, kafka=replace(kafka, cold_first=True))
    report = verify(copy, progress=progress, store=False)
    if report.verdict != "holds":
        why = str(report.differences[0]) if report.differences else report.reason
        raise Refused(f"nothing was deleted, the copy in {kafka.cold} does not hold: {why}")
    wanted = {
        (log, partition): min(offset, manifest.stop(log, partition))
        for (log, partition), offset in _offsets(kafka, before).items()
    }
    _delete(kafka, {place: offset for place, offset in wanted.items() if offset > 0})
    return {place: offset for place, offset in wanted.items() if offset > 0}


def _offsets(kafka: KafkaConfig, before: Millis) -> dict[Place, int]:
    """Of each partition of both logs the first offset appended at or after an instant, its last record at most."""
    found: dict[Place, int] = {}
    with kafka_errors("looking up offsets"), closing(KafkaConsumer(**kafka.client())) as consumer:
        for log, topic in log_topics(kafka).items():
            places = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
            ends = consumer.end_offsets(places)
            first = consumer.offsets_for_times(dict.fromkeys(places, before))
            for place in places:
                at = first.get(place)
                last = max(0, ends[place] - 1)
                found[log, place.partition] = min(last, at.offset) if at is not None else last
    return found


def _delete(kafka: KafkaConfig, offsets: dict[Place, int]) -> None:
    topics = log_topics(kafka)
    with kafka_errors("deleting records"), closing(KafkaAdminClient(**kafka.client())) as admin:
        admin.delete_records({TopicPartition(topics[log], p): offset for (log, p), offset in offsets.items()})
