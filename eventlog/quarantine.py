"""Quarantine: records of the log that a person decided to skip, as acts in the alert log.

A record at which the fold raised stops its partition. Skipping it is a recorded decision, part of what the fold is
given, so that a rebuild skips the same records.
"""

from collections.abc import Mapping

from domain.blocks import split_block
from domain.errors import InvalidEvent, NewerEvent
from domain.event_data import Act
from domain.events import decode_event
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader

QUARANTINED = "system.record_quarantined"
Coordinates = tuple[int, int]
"""(partition, offset) in `dossier-events`."""


def subject_of(partition: int, offset: int) -> str:
    """The subject of the act: the record's coordinates."""
    return f"{partition}/{offset}"


def read_quarantine(config: KafkaConfig) -> Mapping[Coordinates, str]:
    """The records to skip, with the reason that was given; the whole alert log is read."""
    found: dict[Coordinates, str] = {}
    with LogReader(config, config.alerts) as reader:
        for record in reader.read_range(0, 0):
            if QUARANTINED.encode() in record.value:
                found |= _decisions(record.value)
    return found


def _decisions(value: bytes) -> dict[Coordinates, str]:
    found: dict[Coordinates, str] = {}
    for element in split_block(value):
        try:
            event = decode_event(element)
        except (InvalidEvent, NewerEvent):
            continue  # not an act of ours; the alert log's own dead letters are its readers' matter
        place = event.subject.split("/")
        if isinstance(event.data, Act) and event.type == QUARANTINED and all(p.isdecimal() for p in place):
            found[int(place[0]), int(place[-1])] = event.data.reason or ""
    return found
