"""Cold storage: sealed segments of both logs on a disk or in object storage, read where Kafka holds them no more.

A folder or bucket holds `segments/*.seg` (`eventlog.segments`), `checkpoints.jsonl` (the chain that seals them)
and, written last, `manifest.json`. Addresses are fsspec's: a path, `file://`, `memory://`, `s3://bucket/prefix`.
What is read here is believed no more than Kafka: `verify` holds it against the signed roots.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import IO, Any

import msgspec

from domain.errors import Gs766Error, Refused, Unavailable
from eventlog.segments import Row, SegmentFile, read_segment

MANIFEST = "manifest.json"
CHECKPOINTS = "checkpoints.jsonl"
SEGMENTS = "segments"
FORMAT = 1


class ColdManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a cold storage holds: of each log's partition the offsets from 0 up to the last segment's `stop`, all
    of them sealed by checkpoint number `checkpoint`. Logs carry their plain names."""

    format: int = FORMAT
    made_at: str
    log_ids: dict[str, str]
    checkpoint: int
    checkpoint_hash: str
    segments: tuple[SegmentFile, ...]

    def stop(self, log: str, partition: int) -> int:
        """The offset behind the last record held of a partition."""
        return max((s.stop for s in self.segments_of(log, partition)), default=0)

    def segments_of(self, log: str, partition: int) -> list[SegmentFile]:
        """The files of a partition, by offset."""
        chosen = [s for s in self.segments if (s.topic, s.partition) == (log, partition)]
        return sorted(chosen, key=lambda s: s.start)


class ColdStorage:
    """A place that segments are kept in. Unavailable where it does not answer, Refused where it is damaged or its
    kind of address is not known here."""

    def __init__(self, address: str) -> None:
        import fsspec  # type: ignore[import-untyped]

        self.address = address
        try:
            self.fs, self.root = fsspec.core.url_to_fs(address)
        except ImportError as error:
            raise Refused(
                f"{address} needs a library that is missing ({error}): for s3:// install requirements/s3.lock"
            ) from error
        except ValueError as error:
            raise Refused(f"'{address}' is no address of cold storage: a folder, or s3://bucket/prefix") from error

    def path(self, name: str) -> str:
        """Where a file of this storage stands."""
        return f"{self.root.rstrip('/')}/{name}"

    def open(self, path: str) -> IO[bytes]:
        """A file for reading; raises OSError."""
        try:
            opened: IO[bytes] = self.fs.open(path, "rb")
        except OSError:
            raise
        except Exception as error:  # what the libraries of object stores raise shares no class
            raise OSError(f"{type(error).__name__}: {error}") from error
        return opened

    def manifest(self) -> ColdManifest | None:
        """What it holds, None where nothing was ever exported to it."""
        try:
            with self.open(self.path(MANIFEST)) as file:
                raw = file.read()
        except FileNotFoundError:
            return None
        except Exception as error:  # an object store's file is opened in earnest only when it is read
            raise Unavailable(f"the cold storage {self.address} does not answer ({error})") from error
        try:
            content: dict[str, Any] = json.loads(raw)
        except ValueError as error:
            raise Refused(f"{self.address}/{MANIFEST} is damaged: take it from another copy") from error
        try:
            stated = content.pop("sha256")
            found = msgspec.convert(content, ColdManifest)
        except (KeyError, AttributeError, TypeError, msgspec.ValidationError) as error:
            raise Refused(f"{self.address}/{MANIFEST} is damaged ({error}): take it from another copy") from error
        if stated != sha_of(content) or found.format != FORMAT:
            raise Refused(f"{self.address}/{MANIFEST} is damaged or of another release: take it from another copy")
        self._check(found)
        return found

    def _check(self, manifest: ColdManifest) -> None:
        position: dict[tuple[str, int], int] = {}
        for found in sorted(manifest.segments, key=lambda s: (s.topic, s.partition, s.start)):
            place = (found.topic, found.partition)
            if found.start != position.get(place, 0):
                raise Refused(
                    f"{self.address} lacks offset {position.get(place, 0)} of {found.topic} partition "
                    f"{found.partition}: a segment is missing from its manifest"
                )
            position[place] = found.stop

    def rows(self, manifest: ColdManifest, log: str, partition: int, start: int, stop: int) -> Iterator[Row]:
        """Records of a closed range, in order. Raises BrokenSegment (Refused) where a file is not as written."""
        for segment in manifest.segments_of(log, partition):
            if segment.stop <= start or segment.start >= stop:
                continue
            try:
                yield from _held_back(read_segment(self.path(segment.file), self.open), start, stop)
            except Gs766Error:
                raise
            except Exception as error:  # as above
                raise Unavailable(f"the cold storage {self.address} does not answer ({error})") from error


def _held_back(rows: Iterator[Row], start: int, stop: int) -> Iterator[Row]:
    """The rows of a range; the last of a file only after the file was read to its end and found sound, whoever
    stops asking there."""
    before: Row | None = None
    for row in rows:
        if before is not None:
            yield before
        before = row if start <= row.offset < stop else None
    if before is not None:
        yield before


class Archive:
    """One log in cold storage, read by position; going on where one stopped costs nothing, a leap reads the
    segment from its beginning."""

    def __init__(self, address: str, log: str) -> None:
        self._storage, self._log = ColdStorage(address), log
        found = self._storage.manifest()
        if found is None:
            raise Refused(f"there is nothing in the cold storage {address}: gs766 cold export --to {address}")
        self._manifest = found
        self._open: dict[int, tuple[int, Iterator[Row]]] = {}

    def stop(self, partition: int) -> int:
        """The offset behind the last record held."""
        return self._manifest.stop(self._log, partition)

    def rows(self, partition: int, start: int, limit: int) -> list[Row]:
        """At most so many records from an offset on; [] at the end of what is held."""
        at, rows = self._open.pop(partition, (-1, iter(())))
        if at != start:
            rows = self._storage.rows(self._manifest, self._log, partition, start, self.stop(partition))
        found: list[Row] = []
        for row in rows:
            found.append(row)
            if len(found) >= limit:
                break
        if found:
            self._open[partition] = (found[-1].offset + 1, rows)
        return found


def sha_of(content: dict[str, Any]) -> str:
    """The SHA-256 that a manifest carries of itself."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()
