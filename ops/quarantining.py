"""Writes the decision to skip a record, after checking that its partition stopped there, and restarts the fold."""

from domain.errors import InvalidInput
from domain.events import encode_event, make_event
from domain.instants import Millis
from eventlog.quarantine import QUARANTINED, subject_of
from eventlog.writer import LogWriter, WriterSettings
from ops.addresses import kafka_config, store_target
from ops.settings import Settings
from ops.switching import end_worker
from sinks.clickhouse import connect
from sinks.generations import active_generation
from sinks.positions import complete_to
from sinks.queries.live import stopped_at

SOURCE = "/gs766/ops"


def quarantine(settings: Settings, partition: int, offset: int, reason: str, by: str, now: Millis) -> None:
    """Records the decision and restarts the worker. InvalidInput when the partition did not stop there."""
    with connect(store_target(settings, "reader")) as client:
        generation = active_generation(client) or 0
        stopped = stopped_at(client, generation, partition)
        done = complete_to(client, generation).get(partition, -1)
    if offset not in stopped or done >= offset:
        raise InvalidInput(f"partition {partition} did not stop at offset {offset}: `gs766 status` names where")
    kafka = kafka_config(settings)
    data = {"actor": by, "reason": reason, "about": subject_of(partition, offset)}
    subject = subject_of(partition, offset)
    event = make_event(QUARANTINED, subject, now, data, source=SOURCE, id=f"quarantine/{subject}", recorded_at=now)
    with LogWriter(WriterSettings(kafka, kafka.alerts, 1)) as writer:
        writer.append([(subject, encode_event(event))], partition=0)
    end_worker(settings)
