"""A sealed log for tests: dossiers in a log, sealed by the product's sealer on a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from clickhouse_driver import Client

from domain.events import encode_event
from domain.instants import DEFAULT_ZONE, zone
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.reader import LogReader
from sinks.positions import read_positions
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.sealer import run
from sinks.writer import WriterConfig
from sinks.writer import run as run_writer
from tests.support.events import HOUR, T0, dossier_event
from tests.support.waiting import until


def seal_config(folder: Path, kafka: KafkaConfig, store: object, database: str = "gs766") -> SealConfig:
    """A sealer's config that signs often."""
    return SealConfig(
        kafka=kafka,
        store=store,  # type: ignore[arg-type]
        database=database,
        folder=folder / "seal",
        key_file=folder / "keys" / "signing.json",
        outside=folder / "outside" / "checkpoints.jsonl",
        zone=zone(DEFAULT_ZONE),
        every_seconds=0.2,
        every_events=40,
        pause_seconds=0.0,
    )


def add_dossiers(kafka: KafkaConfig, first: int, count: int, partitions: int) -> None:
    """Dossiers of three events each, in blocks of a few events."""
    with BulkWriter(kafka, kafka.events, partitions, block_events=8) as writer:
        for n in range(first, first + count):
            code = f"H44.100-{n}"
            for number, verb in enumerate(("submitted", "accepted", "finished")):
                data = {"unit": "H44.100", "procedure": "2.000815"} if number < 2 else {}
                event = dossier_event(code, verb, T0 + number * HOUR, number, **data)
                writer.add(code, encode_event(event))
        writer.flush()


@contextmanager
def sealing(config: SealConfig) -> Iterator[None]:
    """The sealer on a thread; an error of its own is raised at the end."""
    stop, errors = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            run(config, stop)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


def seal_all(config: SealConfig) -> None:
    """Seals everything that is in the logs now."""
    with sealing(replace(config, every_seconds=0.05)):
        until(lambda: is_sealed(config) and not config.close_request.exists(), "everything to be sealed")


def fill(config: SealConfig, client: Client) -> None:
    """Brings the store up to the last checkpoint."""
    last = CheckpointFile(config.checkpoints).last()
    assert last is not None
    wanted = {(t.log, t.partition): t.offset for t in last.checkpoint().trees}

    def written() -> bool:
        found, _ = read_positions(client)
        at = {(p.topic, p.partition): p.offset for p in found if p.name == "records"}
        return all(at.get(key, 0) >= offset for key, offset in wanted.items())

    stop = threading.Event()
    writer = WriterConfig(config.kafka, config.store, config.database, retry_seconds=(0.05, 0.2))
    thread = threading.Thread(target=run_writer, args=(writer, stop))
    thread.start()
    try:
        until(written, "the store to be filled")
    finally:
        stop.set()
        thread.join(30)


def is_sealed(config: SealConfig) -> bool:
    """Whether the last checkpoint reaches the ends of both logs."""
    last = CheckpointFile(config.checkpoints).last()
    if last is None:
        return False
    for name, topic in (("dossier-events", config.kafka.events), ("alert-log", config.kafka.alerts)):
        with LogReader(config.kafka, topic) as reader:
            for partition, end in reader.end_offsets().items():
                head = last.checkpoint().head(name, partition)
                if head is None or head.offset < end:
                    return False
    return True
