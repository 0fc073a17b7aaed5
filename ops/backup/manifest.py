"""The manifest of a backup: what it holds, with a SHA-256 of every file and one of the manifest itself.

A backup is what its manifest says; the manifest is replaced in one step after everything else is on disk, so an
interrupted run leaves the former backup valid.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import InvalidInput, Refused
from eventlog.durable import sync_folder
from eventlog.segments import SegmentFile

NAME = "manifest.json"
SEGMENTS = "segments"
FORMAT = 1


class StateFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is no log: `name` is where it belongs in a data folder."""

    file: str
    name: str
    bytes: int
    sha256: str


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of a partition: offsets 0 up to, not including, `stop`. `last` is the SHA-256 of the last row:
    the next backup compares it, so that a replaced log is noticed."""

    topic: str
    partition: int
    stop: int
    last: str
    last_at: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One backup. Topics carry their plain names, without the prefix of an installation."""

    format: int = FORMAT
    number: int
    product: str
    began_at: str
    made_at: str
    log_ids: dict[str, str]
    time_zone: str
    root: str
    partitions: int
    generation: int
    identifier_keys: tuple[str, ...] = ()
    """Ids of the keys that the log's hashes were made with and that were alive; never the keys."""
    ranges: tuple[Range, ...]
    segments: tuple[SegmentFile, ...]
    files: tuple[StateFile, ...]

    @property
    def records(self) -> int:
        """How many log records it holds."""
        return sum(found.stop for found in self.ranges)

    @property
    def state_folder(self) -> str:
        """Where this backup's files that are no log stand."""
        return state_folder(self.number)

    def ends(self, topic: str) -> dict[int, int]:
        """By partition of a topic, the offset behind the last record."""
        return {found.partition: found.stop for found in self.ranges if found.topic == topic}

    def segments_of(self, topic: str, partition: int) -> list[SegmentFile]:
        """The files of a partition, by offset."""
        chosen = [s for s in self.segments if (s.topic, s.partition) == (topic, partition)]
        return sorted(chosen, key=lambda s: s.start)

    def path_of(self, folder: Path, name: str) -> Path | None:
        """Where the backup keeps a file of the data folder; None when it has none of that name."""
        return next((folder / found.file for found in self.files if found.name == name), None)


def state_folder(number: int) -> str:
    """The folder, inside a backup, of a run's files that are no log."""
    return f"state-{number:06d}"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup folder. InvalidInput when there is none, Refused when it is damaged."""
    path = folder / NAME
    try:
        content = json.loads(path.read_bytes())
        stated = content.pop("sha256")
        sound = stated == _sha_of(content)
        manifest = msgspec.convert(content, Manifest)
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no backup in {folder}: it has no {NAME}") from error
    except (OSError, ValueError, KeyError, AttributeError, msgspec.ValidationError) as error:
        raise Refused(f"{path} is damaged ({_short(error)}): take it from another copy of the backup") from error
    if not sound:
        raise Refused(f"{path} is damaged (its SHA-256 does not agree): take it from another copy of the backup")
    if manifest.format != FORMAT:
        raise Refused(f"{path} is of format {manifest.format}, this release reads {FORMAT}: use a newer release")
    return manifest


def find_manifest(folder: Path) -> Manifest | None:
    """The same, None where there is none yet."""
    return read_manifest(folder) if (folder / NAME).exists() else None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces the manifest in one step, on disk before it counts."""
    content = msgspec.to_builtins(manifest)
    content["sha256"] = _sha_of(content)
    write_durably(folder / NAME, (json.dumps(content, indent=1) + "\n").encode())


def write_durably(path: Path, content: bytes) -> None:
    """Replaces a file in one step, readable by its owner only, on disk when it returns."""
    fresh = path.with_name(path.name + ".part")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha_of(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
