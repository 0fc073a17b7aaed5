"""Settings made into the configs of the packages: the one place that knows both."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ops.addresses import kafka_config, store_target
from ops.generation import read_generations
from ops.settings import Settings
from ops.stack_file import DEVELOPMENT_KEY, read_secret, read_stack

if TYPE_CHECKING:
    from api.config import ApiConfig, StoreConfig
    from api.notifier import NotifierConfig
    from sinks.sealing.config import SealConfig
    from sinks.writer import WriterConfig
    from stream.runner import WorkerConfig

PRIVATE = "private.sqlite"
VISITORS = "visitors.jsonl"
"""In `run`: who came to the embedded store past the API."""
DELIVERY = "delivery.toml"
DEMO_AHEAD_MS = 400 * 86_400_000
"""A demonstration's month is streamed faster than it passes."""
DISKS = {"spool": "spool", "fold's state": "state", "store": "clickhouse", "broker": "kafka"}
"""What lies in which folder of the data folder; health looks how full their disks are."""
FAULTS = "faults"
"""In `<data>/run`: one file for each part that stays stopped, which health shows."""


def writer_config(settings: Settings) -> "WriterConfig":
    """The store's writer's."""
    from sinks.writer import WriterConfig

    return WriterConfig(
        kafka=kafka_config(settings),
        store=store_target(settings, "writer"),
        database=settings.clickhouse.database,
        health_file=settings.folder("run") / "writer.json",
    )


def seal_config(settings: Settings) -> "SealConfig":
    """The sealer's, and that of whoever checks its seals."""
    from sinks.sealing.config import SealConfig

    seal = settings.seal
    return SealConfig(
        kafka=kafka_config(settings),
        store=store_target(settings, "writer"),
        database=settings.clickhouse.database,
        folder=settings.folder("seal"),
        key_file=Path(seal.key_file) if seal.key_file else settings.data / "keys" / "signing.json",
        outside=Path(seal.outside).expanduser() if seal.outside else _state_folder(settings) / "checkpoints.jsonl",
        zone=settings.zone,
        push=tuple(url.strip() for url in seal.push.split(",") if url.strip()),
        mail=seal.mail,
        every_seconds=seal.every_seconds,
        may_begin_anew=settings.demo,
    )


def _state_folder(settings: Settings) -> Path:
    """Where this user's programs keep their state, apart from the data folder; one folder for each of those."""
    base = os.environ.get("XDG_STATE_HOME")
    name = str(settings.data.resolve()).strip("/").replace("/", "-")
    return (Path(base) if base else Path.home() / ".local" / "state") / "gs766" / name


def worker_config(settings: Settings) -> "WorkerConfig":
    """The fold's: it fills the active generation; a rebuild fills the next one itself."""
    from stream.runner import worker_config as configured

    generation = read_generations(settings.data).active
    kafka, folder = kafka_config(settings), settings.folder("state")
    found = configured(kafka, folder, settings.zone, generation, settings.partitions)
    found = replace(
        found, snapshot_folder=settings.snapshot_folder, snapshot_every_s=settings.snapshot_minutes * 60.0
    )
    return replace(found, clock_ahead_ms=DEMO_AHEAD_MS) if settings.demo else found


def delivery_file(settings: Settings) -> Path:
    """How messages leave: the mail server and the gateways. It need not exist."""
    if settings.delivery:
        return Path(settings.delivery).expanduser().absolute()
    return settings.folder(DELIVERY)


def api_store(settings: Settings) -> "StoreConfig":
    """How the API's processes reach the store."""
    from api.config import StoreConfig

    reader, writer = store_target(settings, "reader"), store_target(settings, "writer")
    return StoreConfig(
        host=reader["host"],
        port=reader["port"],
        database=reader["database"],
        secure=bool(reader.get("secure")),
        reader_user=reader["user"],
        reader_password=reader["password"],
        writer_user=writer["user"],
        writer_password=writer["password"],
    )


def api_config(settings: Settings) -> "ApiConfig":
    """The API's."""
    from api.config import ApiConfig

    stored = read_secret(settings.data, DEVELOPMENT_KEY) or {}
    return ApiConfig(
        kafka=kafka_config(settings),
        store=api_store(settings),
        private=settings.folder(PRIVATE),
        partitions=settings.partitions,
        spool=settings.folder("spool"),
        imports=settings.folder("imports.sqlite"),
        identifier_keys=settings.identifier_key_file,
        applicants=settings.applicants,
        zone=settings.time_zone,
        root=settings.root,
        clock=settings.clock,
        default_set=settings.indicator_set or None,
        demo=settings.demo,
        development_key=stored.get("key"),
        apology_template=Path(settings.apology_template).expanduser() if settings.apology_template else None,
        delivery=delivery_file(settings),
        faults=settings.folder("run") / FAULTS,
        visitors=settings.folder("run") / VISITORS,
        writer_health=settings.folder("run") / "writer.json",
        disks={name: settings.folder(folder) for name, folder in DISKS.items()},
        seal=seal_config(settings),
    )


def notifier_config(settings: Settings) -> "NotifierConfig":
    """The notifier's; it sends only on the wall clock."""
    from api.notifier import NotifierConfig

    return NotifierConfig(
        kafka=kafka_config(settings),
        store=api_store(settings),
        private=settings.folder(PRIVATE),
        lock=settings.folder("run") / "notifier.lock",
        zone=settings.time_zone,
        root=settings.root,
        clock=settings.clock,
        delivery=delivery_file(settings),
        api=lambda: api_address(settings),
        api_key=settings.api_key,
    )


def api_address(settings: Settings) -> str | None:
    """Where the API is now: configured, or that of the stack on the data folder; None while there is none."""
    stack = None if settings.api else read_stack(settings.data)
    return settings.api or (stack.api if stack is not None else None) or None
