"""Exporting: what is sealed of both logs, as closed segments, each read back and compared before it counts.

The manifest is written last: an interrupted export leaves the former one valid, and is run again. Nothing is ever
deleted here, neither there nor in Kafka.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.errors import Gs766Error, Refused, Unavailable
from domain.seals import Signed, TreeHead
from eventlog.archive import CHECKPOINTS, MANIFEST, SEGMENTS, ColdManifest, ColdStorage, sha_of
from eventlog.config import KafkaConfig
from eventlog.segments import SegmentFile, each_segment, segment_file
from eventlog.topics import read_log_id
from ops.backup.logs import RawLog, log_topics, running_log
from ops.configs import seal_config
from ops.settings import Settings
from sinks.sealing.chain import CheckpointFile, encode_line

SEGMENT_BYTES = 16 * 1024 * 1024
Say = Callable[[str], None]
Step = Callable[[str, int, int | None], None]


class Exported(NamedTuple):
    """What a cold storage holds now, and what was new."""

    manifest: ColdManifest
    new_segments: int
    new_records: int
    new_bytes: int


def export(
    settings: Settings,
    address: str,
    environ: Mapping[str, str],
    say: Say,
    step: Step,
    segment_bytes: int = SEGMENT_BYTES,
) -> Exported:
    """Brings a cold storage up to the last checkpoint.

    Refused when nothing is sealed yet, or it holds another log; Unavailable when it or Kafka does not answer.
    """
    with running_log(settings, environ, say) as kafka:
        return export_log(
            kafka, CheckpointFile(seal_config(settings).checkpoints), address, step, segment_bytes, settings.data
        )


def export_log(
    kafka: KafkaConfig,
    chain: CheckpointFile,
    address: str,
    step: Step,
    segment_bytes: int = SEGMENT_BYTES,
    scratch: Path | None = None,
) -> Exported:
    """The same of a log that is there; `scratch` has room for one segment."""
    last = chain.last()
    if last is None:
        raise Refused("nothing is sealed yet, and only what is sealed is exported: gs766 seal, then again")
    storage = ColdStorage(address)
    former = storage.manifest()
    log_ids = {name: read_log_id(kafka, topic) for name, topic in log_topics(kafka).items()}
    if former is not None and former.log_ids != log_ids:
        raise Refused(f"{address} holds another log: give this installation a place of its own")
    with tempfile.TemporaryDirectory(prefix="gs766-cold-", dir=scratch) as folder, _answering(address):
        new = [
            found
            for tree in last.checkpoint().trees
            for found in _take(kafka, storage, former, tree, Path(folder), segment_bytes, step)
        ]
        manifest = _finish(storage, chain, last, former, log_ids, new)
    return Exported(manifest, len(new), sum(s.records for s in new), sum(s.bytes for s in new))


def _take(
    kafka: KafkaConfig,
    storage: ColdStorage,
    former: ColdManifest | None,
    tree: TreeHead,
    folder: Path,
    limit: int,
    step: Step,
) -> Iterator[SegmentFile]:
    """The new segments of one partition, each already there and read back."""
    start = former.stop(tree.log, tree.partition) if former is not None else 0
    if start >= tree.offset:
        return
    with RawLog(kafka, log_topics(kafka)[tree.log]) as log:
        rows = log.rows(tree.partition, start, tree.offset)
        for written in each_segment(folder, tree.log, tree.partition, rows, limit):
            found = segment_file(written, SEGMENTS)
            _put(storage, folder / written.name, found)
            (folder / written.name).unlink()
            step(tree.log, found.records, None)
            yield found


def _put(storage: ColdStorage, path: Path, segment: SegmentFile) -> None:
    target = storage.path(segment.file)
    storage.fs.makedirs(storage.path(SEGMENTS), exist_ok=True)
    storage.fs.put_file(str(path), target)
    found = hashlib.sha256()
    with storage.open(target) as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    if found.hexdigest() != segment.sha256:
        raise Unavailable(f"{target} reads back otherwise than it was written: nothing was changed, run it again")


def _finish(
    storage: ColdStorage,
    chain: CheckpointFile,
    last: Signed,
    former: ColdManifest | None,
    log_ids: dict[str, str],
    new: list[SegmentFile],
) -> ColdManifest:
    number = last.checkpoint().number
    lines = [encode_line(signed) for signed in chain if signed.checkpoint().number <= number]
    _replace(storage, CHECKPOINTS, b"".join(lines))
    manifest = ColdManifest(
        made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        log_ids=log_ids,
        checkpoint=number,
        checkpoint_hash=last.hash,
        segments=(*(former.segments if former is not None else ()), *new),
    )
    content = msgspec.to_builtins(manifest)
    content["sha256"] = sha_of(content)
    _replace(storage, MANIFEST, (json.dumps(content, indent=1) + "\n").encode())
    return manifest


def _replace(storage: ColdStorage, name: str, content: bytes) -> None:
    """In one step where the storage can (an object is put whole; a file is renamed)."""
    target = storage.path(name)
    storage.fs.pipe_file(target + ".part", content)
    if "file" in storage.fs.protocol:
        Path(target + ".part").replace(target)
    else:
        storage.fs.pipe_file(target, content)
        storage.fs.rm_file(target + ".part")


@contextmanager
def _answering(address: str) -> Iterator[None]:
    """A storage that does not answer, in one sentence; our own errors as they are."""
    try:
        yield
    except Gs766Error:
        raise
    except Exception as error:  # what the libraries of object stores raise shares no class
        raise Unavailable(f"the cold storage {address} does not take it ({error}): run it again") from error
