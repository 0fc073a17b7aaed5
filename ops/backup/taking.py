"""Taking a backup: the new ranges of both logs and, whole, what cannot be rebuilt from them.

Order gives consistency: importers' memory, spool, then the logs' ends, then the ranges, then the private store
and keys. Whatever the ranges refer to is thus in the copy. The manifest comes last, in one step; what no manifest
names is removed.
"""

import fcntl
import hashlib
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from domain.errors import Refused
from eventlog.config import KafkaConfig
from eventlog.durable import sync_folder
from eventlog.segments import SEGMENT_BYTES, Row, SegmentFile, row_bytes, segment_file, write_segments
from eventlog.topics import read_log_id
from ops.backup.files import (
    check_places,
    copy_keys,
    copy_memory,
    copy_seals,
    copy_spool,
    copy_state,
    is_empty,
    living_keys,
    state_files,
)
from ops.backup.logs import EVENTS, RawLog, log_topics, running_log
from ops.backup.manifest import (
    NAME,
    SEGMENTS,
    Manifest,
    Range,
    find_manifest,
    state_folder,
    write_manifest,
)
from ops.generation import read_generations
from ops.settings import Settings

Say = Callable[[str], None]
Step = Callable[[str, int, int | None], None]
"""(what, how much more is done, how much it is in all)."""
LOCK = "lock"


class Taken(NamedTuple):
    """A finished backup: its manifest, what was new in it, and the key files copied (None: not asked for)."""

    manifest: Manifest
    new_records: int
    new_bytes: int
    keys: list[str] | None


def take_backup(
    settings: Settings,
    folder: Path,
    keys: Path | None,
    environ: Mapping[str, str],
    say: Say,
    step: Step,
    *,
    segment_bytes: int = SEGMENT_BYTES,
) -> Taken:
    """Brings a backup folder up to now. Interrupted, the former backup in it stays valid.

    InvalidInput where folders overlap, Refused when the folder holds another log's backup or the log was
    replaced, Unavailable when the log cannot be read.
    """
    check_places(settings, folder, keys)
    with held(folder):
        former = find_manifest(folder)
        began_at = _now()
        number = former.number + 1 if former else 1
        state = folder / state_folder(number)
        _make_room(folder, state)
        with running_log(settings, environ, say) as kafka:
            copy_memory(settings.data, state)
            copy_spool(settings.data, state)
            copy_seals(settings.data, state)
            log_ids = {name: read_log_id(kafka, topic) for name, topic in log_topics(kafka).items()}
            _check_former(folder, former, log_ids)
            taken = [_take_topic(kafka, name, folder, former, segment_bytes, step) for name in log_topics(kafka)]
        copy_state(settings.data, state)
        copied = copy_keys(settings, keys, log_ids[EVENTS], began_at) if keys else None
        new = tuple(segment for _, segments in taken for segment in segments)
        manifest = Manifest(
            number=number,
            product=product_version(),
            began_at=began_at,
            made_at=_now(),
            log_ids=log_ids,
            time_zone=settings.time_zone,
            root=settings.root,
            partitions=settings.partitions,
            generation=read_generations(settings.data).active,
            identifier_keys=living_keys(settings),
            ranges=tuple(found for ranges, _ in taken for found in ranges),
            segments=(*(former.segments if former else ()), *new),
            files=state_files(folder, state),
        )
        write_manifest(folder, manifest)
        _tidy(folder, manifest)
    return Taken(manifest, sum(s.records for s in new), sum(s.bytes for s in new), copied)


def product_version() -> str:
    """The release that runs: of the installed package, else of the source tree it runs from."""
    try:
        return version("giamsat766")
    except PackageNotFoundError:
        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        found = tomllib.loads(project.read_text("utf-8")) if project.exists() else {}
        return str(found.get("project", {}).get("version", ""))


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Alone in the backup folder, which is made when there is none."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The lock file of an interrupted first backup says that what lies here is ours.
    if not is_empty(folder) and not ((folder / NAME).exists() or (folder / LOCK).exists()):
        raise Refused(f"{folder} is not empty and holds no backup: give an empty or a new folder")
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"another backup into {folder} is under way: wait for its end") from error
        yield


def _make_room(folder: Path, state: Path) -> None:
    """Folders for this run, without what an interrupted one left."""
    (folder / SEGMENTS).mkdir(exist_ok=True, mode=0o700)
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(mode=0o700)


def _check_former(folder: Path, former: Manifest | None, log_ids: Mapping[str, str]) -> None:
    if former is not None and former.log_ids != log_ids:
        raise Refused(f"{folder} holds a backup of another log: give this installation a folder of its own")


def _take_topic(
    kafka: KafkaConfig, name: str, folder: Path, former: Manifest | None, segment_bytes: int, step: Step
) -> tuple[list[Range], list[SegmentFile]]:
    """Writes one log's new ranges, all partitions up to their ends at this moment."""
    ranges: list[Range] = []
    segments: list[SegmentFile] = []
    with RawLog(kafka, log_topics(kafka)[name]) as log:
        ends = log.end_offsets()
        before = {r.partition: r for r in former.ranges if r.topic == name} if former else {}
        total = sum(ends.values()) - sum(r.stop for r in before.values())
        for partition, end in sorted(ends.items()):
            old = before.get(partition)
            if old is not None:
                _check_unchanged(log, old, end, folder)
            last = _Last(log.rows(partition, old.stop if old else 0, end), lambda: step(name, 1, total))
            written = write_segments(folder / SEGMENTS, name, partition, last, segment_bytes)
            segments += [segment_file(found, SEGMENTS) for found in written]
            row = last.row
            if row is not None:
                ranges.append(
                    Range(topic=name, partition=partition, stop=end, last=_sha(row), last_at=row.timestamp)
                )
            elif old is not None:
                ranges.append(old)
    sync_folder(folder / SEGMENTS)
    return ranges, segments


def _check_unchanged(log: RawLog, old: Range, end: int, folder: Path) -> None:
    """The record at which the former backup ended must still stand there."""
    what = f"{old.topic} partition {old.partition}"
    advice = f"keep {folder} as it is, and back this log up into a new folder"
    if end < old.stop:
        raise Refused(f"{what} ends at offset {end}, the backup reaches {old.stop}: the log was cut; {advice}")
    for row in log.rows(old.partition, old.stop - 1, old.stop):
        if _sha(row) != old.last:
            raise Refused(f"{what} holds another record at offset {row.offset}: the log was replaced; {advice}")


class _Last:
    """Hands rows on and remembers the last."""

    def __init__(self, rows: Iterator[Row], each: Callable[[], None]) -> None:
        self._rows, self._each = rows, each
        self.row: Row | None = None

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.row = row
            self._each()
            yield row


def _sha(row: Row) -> str:
    return hashlib.sha256(row_bytes(row)).hexdigest()


def _tidy(folder: Path, manifest: Manifest) -> None:
    """Removes what the manifest does not name: former copies (erased words with them), leftovers."""
    named = {folder / segment.file for segment in manifest.segments}
    for path in (folder / SEGMENTS).iterdir():
        if path not in named:
            path.unlink()
    for path in folder.glob("state-*"):
        if path.name != manifest.state_folder:
            shutil.rmtree(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
