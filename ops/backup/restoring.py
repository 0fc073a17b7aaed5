"""Restoring a backup onto an empty data folder: both logs at the same offsets with the same times, then the rest.

The log is the same log afterwards: its identity stands in its records. Derived rows are not in a backup; the next
`gs766 up` folds them from the log. Until all is done, `settings.toml` carries a mark that every command refuses.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from domain.errors import InvalidInput, Refused
from eventlog.config import KafkaConfig
from eventlog.segments import Row, read_segment
from eventlog.topics import read_log_id
from ops.addresses import kafka_config
from ops.backup.files import check_keys, empty_folder, is_empty, living_keys, put_keys, put_state
from ops.backup.logs import EVENTS, LogFiller, RawLog, broker_of, create_topics, end_bringing_back, log_topics
from ops.backup.manifest import Manifest, read_manifest, write_durably
from ops.backup.verifying import verify_backup
from ops.configs import PRIVATE
from ops.erasing import erase_in_keys, erase_in_store, list_of, read_erasures
from ops.settings import FILE as SETTINGS
from ops.settings import Settings, load
from ops.supervisor import only_stack

Say = Callable[[str], None]
Step = Callable[[str, int, int | None], None]
UNFINISHED = "restore_unfinished"


class Restored(NamedTuple):
    """What was brought back, and the ids of identifier keys that are missing in the new place."""

    manifest: Manifest
    settings: Settings
    missing_keys: tuple[str, ...]


def restore_backup(
    folder: Path,
    data: Path,
    keys: Path | None,
    environ: Mapping[str, str],
    say: Say,
    step: Step,
    *,
    alone: bool = False,
) -> Restored:
    """Brings a backup back onto an empty data folder; a failed or interrupted run leaves that folder empty again.

    `alone`: a local Kafka and store, whatever the backup's settings name. The topics must not exist yet in a
    configured Kafka. Refused when the backup is damaged or the folder is in use.
    """
    manifest = read_manifest(folder)
    data = data.absolute()
    if data.resolve().is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(data.resolve()):
        raise InvalidInput(f"the backup {folder} and the data folder {data} overlap: give another --data")
    _check_empty(data)
    if keys is not None:
        check_keys(keys, manifest.log_ids[EVENTS])
    say("checking the backup")
    found = verify_backup(folder, step)
    if found.verdict != "holds":
        first = found.differences[0]
        raise Refused(f"nothing was restored, the backup is damaged: {first.file}, {first.what}; use another copy")
    text = _settings_text(folder, manifest, alone)
    with _filling(data, text):
        settings = _settings(folder, manifest, data, environ, alone)
        with _kafka(settings, environ) as kafka:
            say(f"bringing back {manifest.records} log records")
            _bring_back(folder, manifest, kafka, step)
        put_state(folder, manifest.files, data)
        if keys is not None:
            put_keys(keys, settings)
        _erase_again(settings, say)
    missing = tuple(sorted(set(manifest.identifier_keys) - set(living_keys(settings))))
    return Restored(manifest, settings, missing)


def _erase_again(settings: Settings, say: Say) -> None:
    """What was erased after the backup was made does not come back: the copy of the keys lists it."""
    erasures = read_erasures(list_of(settings))
    notes = erase_in_store(settings.folder(PRIVATE), erasures)
    keys = erase_in_keys(settings.identifier_key_file, erasures)
    if notes or keys:
        say(f"erased again, as decided after the backup was made: {notes} notes, {keys} identifier keys")


def _check_empty(data: Path) -> None:
    if data.exists() and not data.is_dir():
        raise InvalidInput(f"{data} is not a folder: give an empty or a new one with --data")
    if not data.exists() or is_empty(data):
        return
    marked = (data / SETTINGS).exists() and UNFINISHED in (data / SETTINGS).read_text("utf-8", "replace")
    if marked:
        raise Refused(f"{data} holds a restore that was interrupted: delete the folder and run the restore again")
    raise Refused(f"{data} is not empty: a backup is restored onto an empty folder only, give another --data")


@contextmanager
def _filling(data: Path, settings_text: bytes) -> Iterator[None]:
    """Marks the folder while it is filled; real settings at the end, nothing at all after a failure."""
    fresh = not data.exists()
    data.mkdir(parents=True, exist_ok=True)
    write_durably(data / SETTINGS, f"{UNFINISHED} = true\n".encode())
    try:
        with only_stack(data):
            yield
        write_durably(data / SETTINGS, settings_text)
    except BaseException:
        empty_folder(data)
        if fresh:
            data.rmdir()
        raise


def _settings_text(folder: Path, manifest: Manifest, alone: bool) -> bytes:
    path = manifest.path_of(folder, SETTINGS)
    if path is None:
        raise Refused(f"the backup {folder} has no {SETTINGS}: it was not taken from a data folder")
    if not alone:
        return path.read_bytes()
    prefix = load({}, path.parent).kafka.prefix
    recorded = {"time_zone": manifest.time_zone, "root": manifest.root}
    lines = [f'{name} = "{value}"\n' for name, value in recorded.items()]
    return "".join([*lines, f"partitions = {manifest.partitions}\n", f'[kafka]\nprefix = "{prefix}"\n']).encode()


def _settings(folder: Path, manifest: Manifest, data: Path, environ: Mapping[str, str], alone: bool) -> Settings:
    """The settings under which the restored folder will run, from the backup's file."""
    path = manifest.path_of(folder, SETTINGS)
    assert path is not None
    stored = load({} if alone else environ, path.parent)
    if alone:
        plain = Settings(
            data=data, time_zone=manifest.time_zone, root=manifest.root, partitions=manifest.partitions
        )
        return replace(plain, kafka=replace(plain.kafka, prefix=stored.kafka.prefix))
    return replace(stored, data=data)


@contextmanager
def _kafka(settings: Settings, environ: Mapping[str, str]) -> Iterator[KafkaConfig]:
    if settings.kafka.bootstrap:
        yield kafka_config(settings)
        return
    with broker_of(settings, environ) as config:
        yield config


def _bring_back(folder: Path, manifest: Manifest, kafka: KafkaConfig, step: Step) -> None:
    create_topics(kafka, manifest.partitions)
    topics = log_topics(kafka)
    with LogFiller(kafka) as filler:
        for held in manifest.ranges:
            rows = _rows(folder, manifest, held.topic, held.partition)
            filler.fill(
                topics[held.topic], held.partition, rows, lambda n: step("log records", n, manifest.records)
            )
    end_bringing_back(kafka, manifest.partitions)
    for name, topic in topics.items():
        _check_topic(kafka, name, topic, manifest)


def _rows(folder: Path, manifest: Manifest, topic: str, partition: int) -> Iterator[Row]:
    for segment in manifest.segments_of(topic, partition):
        yield from read_segment(folder / segment.file)


def _check_topic(kafka: KafkaConfig, name: str, topic: str, manifest: Manifest) -> None:
    with RawLog(kafka, topic) as log:
        ends = log.end_offsets()
    if ends != manifest.ends(name):
        raise Refused(f"{topic} ends at {ends} after the restore, not at {manifest.ends(name)}: run it again")
    if read_log_id(kafka, topic) != manifest.log_ids[name]:
        raise Refused(f"{topic} has another identity than the manifest says: the backup is not one of this log")
