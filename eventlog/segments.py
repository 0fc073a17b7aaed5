"""Segment files: a closed range of one log partition, verbatim, such that any damage to the file is noticed.

Layout: eight magic bytes, then frames. A frame is its kind (1 byte), the length of its payload (4, big-endian),
CRC-32 over kind, length and payload (4), payload. Kinds, in this order:

    H  one: msgpack [topic, partition, from]
    R  any number: zstd of a msgpack array of rows, about 1 MiB before compression
    E  one, the last bytes of the file: msgpack [to, records, SHA-256 of the rows, SHA-256 of all bytes before]

A row is msgpack [offset, timestamp, key or nil, value or nil, [[header name, header value], …]].
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import zstandard

from domain.errors import Refused
from domain.instants import Millis

MAGIC = b"GS766S1\n"
SEGMENT_BYTES = 64 * 1024 * 1024
FRAME_BYTES = 1024 * 1024
_MOST_RAW = 64 * 1024 * 1024
"""No frame unpacks to more: a record is at most 2 MiB, so a greater one is damage."""
_HEAD = struct.Struct(">cII")
_encode = msgspec.msgpack.encode


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One log record as Kafka gave it; `timestamp` is its append time in epoch milliseconds."""

    offset: int
    timestamp: Millis
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


_rows = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_row = msgspec.msgpack.Decoder(Row).decode


class Segment(NamedTuple):
    """What a segment says of itself: offsets `start` up to, not including, `stop`; `content` is the SHA-256 of
    its rows, which does not depend on how they were compressed."""

    topic: str
    partition: int
    start: int
    stop: int
    records: int
    content: str


class SegmentFile(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as a manifest names it, by its path in the folder; `content` is the SHA-256 of its rows."""

    file: str
    topic: str
    partition: int
    start: int
    stop: int
    records: int
    bytes: int
    sha256: str
    content: str


class BrokenSegment(Refused):
    """The file is not what was written: nothing of it may be used. `reason` says what was noticed."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path} is damaged: {reason}; take it from another copy")
        self.path = path
        self.reason = reason


def row_bytes(row: Row) -> bytes:
    """The bytes of a row: the same for the same record, wherever it was read."""
    return _encode(row)


@dataclass(slots=True)
class Written:
    """A finished file, by name in its folder."""

    name: str
    segment: Segment
    size: int
    sha256: str


def segment_file(written: Written, folder: str) -> SegmentFile:
    """What a manifest says of a finished file that stands in `folder`."""
    held = written.segment
    return SegmentFile(
        file=f"{folder}/{written.name}",
        topic=held.topic,
        partition=held.partition,
        start=held.start,
        stop=held.stop,
        records=held.records,
        bytes=written.size,
        sha256=written.sha256,
        content=held.content,
    )


class _File:
    """One segment being written under a passing name."""

    def __init__(self, folder: Path, topic: str, partition: int, start: int) -> None:
        self._folder, self._topic, self._partition, self._start = folder, topic, partition, start
        self._path = folder / f"{topic}-{partition}-{start:015d}.part"
        self._file: IO[bytes] = self._path.open("wb")
        self._sha, self._content = hashlib.sha256(), hashlib.sha256()
        self._records = 0
        self.size = 0
        self._put(MAGIC)
        self._frame(b"H", _encode((topic, partition, start)))

    def rows(self, rows: list[bytes], packed: bytes) -> None:
        for row in rows:
            self._content.update(row)
        self._records += len(rows)
        self._frame(b"R", packed)

    def finish(self) -> Written:
        stop = self._start + self._records
        content = self._content.digest()
        self._frame(b"E", _encode((stop, self._records, content, self._sha.digest())))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        name = f"{self._topic}-{self._partition}-{self._start:015d}-{stop:015d}.seg"
        self._path.replace(self._folder / name)
        segment = Segment(self._topic, self._partition, self._start, stop, self._records, content.hex())
        return Written(name, segment, self.size, self._sha.hexdigest())

    def abandon(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _frame(self, kind: bytes, payload: bytes) -> None:
        head = kind + len(payload).to_bytes(4, "big")
        self._put(head + zlib.crc32(payload, zlib.crc32(head)).to_bytes(4, "big") + payload)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._sha.update(data)
        self.size += len(data)


def write_segments(
    folder: Path,
    topic: str,
    partition: int,
    rows: Iterable[Row],
    limit: int = SEGMENT_BYTES,
    frame_bytes: int = FRAME_BYTES,
) -> list[Written]:
    """Writes contiguous rows into files of at most `limit` bytes (a single frame may exceed it); [] for no rows.

    Every file is on disk under its final name when it returns. Refused when an offset is missing.
    """
    return list(each_segment(folder, topic, partition, rows, limit, frame_bytes))


def each_segment(
    folder: Path,
    topic: str,
    partition: int,
    rows: Iterable[Row],
    limit: int = SEGMENT_BYTES,
    frame_bytes: int = FRAME_BYTES,
) -> Iterator[Written]:
    """The same, file by file as each is finished, so that it can be taken elsewhere before the next is begun."""
    file: _File | None = None
    packer = zstandard.ZstdCompressor(level=3)
    try:
        for first, batch in _batches(topic, partition, rows, frame_bytes):
            packed = packer.compress(_encode([msgspec.Raw(row) for row in batch]))
            if file is not None and file.size + len(packed) > limit:
                finished, file = file.finish(), None
                yield finished
            if file is None:
                file = _File(folder, topic, partition, first)
            file.rows(batch, packed)
        if file is not None:
            finished, file = file.finish(), None
            yield finished
    except BaseException:
        if file is not None:
            file.abandon()
        raise


def _batches(
    topic: str, partition: int, rows: Iterable[Row], frame_bytes: int
) -> Iterator[tuple[int, list[bytes]]]:
    """Rows as bytes in groups of about `frame_bytes`, with the offset of the first."""
    batch: list[bytes] = []
    size, first, expected = 0, 0, -1
    for row in rows:
        if expected not in (-1, row.offset):
            raise Refused(
                f"{topic} partition {partition} has no record at offset {expected}: a log with holes (records "
                "deleted, or a transactional foreign producer) cannot be brought back at the same offsets"
            )
        if not batch:
            first = row.offset
        expected = row.offset + 1
        batch.append(row_bytes(row))
        size += len(batch[-1])
        if size >= frame_bytes:
            yield first, batch
            batch, size = [], 0
    if batch:
        yield first, batch


Open = Callable[[str], IO[bytes]]
"""Opens a file by its path for reading bytes; raises OSError."""


def _open(path: str) -> IO[bytes]:
    return Path(path).open("rb")


def read_segment(path: Path | str, opened: Open = _open) -> Iterator[Row]:
    """The rows of a segment, in order; memory is bounded by a frame.

    Raises BrokenSegment when anything is not as written. Only when the iterator has ended is the whole file
    known to be sound.
    """
    yield from _Reader(path, opened).rows()


def check_segment(path: Path) -> Segment:
    """Reads a segment to its end; returns what it holds, or raises BrokenSegment."""
    reader = _Reader(path, _open)
    for _ in reader.rows():
        pass
    assert reader.segment is not None
    return reader.segment


class _Reader:
    def __init__(self, path: Path | str, opened: Open) -> None:
        self._path, self._open = path, opened
        self._sha, self._content = hashlib.sha256(), hashlib.sha256()
        self._topic, self._partition, self._start, self._next = "", 0, 0, 0
        self.segment: Segment | None = None

    def rows(self) -> Iterator[Row]:
        try:
            with self._open(str(self._path)) as file:
                yield from self._all(file)
        except OSError as error:
            raise BrokenSegment(self._path, error.strerror or "it cannot be read") from error

    def _all(self, file: IO[bytes]) -> Iterator[Row]:
        if self._take(file, len(MAGIC)) != MAGIC:
            raise self._broken("it does not begin as a segment")
        first = True
        while self.segment is None:
            before = self._sha.digest()
            kind, payload = self._frame(file)
            if (kind == b"H") != first:
                raise self._broken("its parts stand in another order")
            first = False
            if kind == b"H":
                self._topic, self._partition, self._start = self._decoded(payload, tuple[str, int, int])
                self._next = self._start
            elif kind == b"R":
                yield from self._unpacked(payload)
            else:
                self._end(payload, before)
        if file.read(1):
            raise self._broken("something stands behind its end")

    def _frame(self, file: IO[bytes]) -> tuple[bytes, bytes]:
        head = self._take(file, _HEAD.size)
        kind, length, crc = _HEAD.unpack(head)
        if kind not in (b"H", b"R", b"E") or length > _MOST_RAW:
            raise self._broken("a frame begins with what is no frame")
        payload = self._take(file, length)
        if zlib.crc32(payload, zlib.crc32(head[:5])) != crc:
            raise self._broken("a checksum does not agree")
        return kind, payload

    def _take(self, file: IO[bytes], size: int) -> bytes:
        data = file.read(size)
        if len(data) < size:
            raise self._broken("it is cut short")
        self._sha.update(data)
        return data

    def _unpacked(self, payload: bytes) -> Iterator[Row]:
        try:
            if not 0 < zstandard.frame_content_size(payload) <= _MOST_RAW:
                raise self._broken("a frame is of an impossible size")
            rows = _rows(zstandard.ZstdDecompressor().decompress(payload))
            decoded = [_row(raw) for raw in rows]
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise self._broken(f"a frame does not unpack ({error})") from error
        for raw, row in zip(rows, decoded, strict=True):
            if row.offset != self._next:
                raise self._broken(f"offset {row.offset} stands where {self._next} should")
            self._content.update(raw)
            self._next += 1
            yield row

    def _end(self, payload: bytes, before: bytes) -> None:
        stop, records, content, sha = self._decoded(payload, tuple[int, int, bytes, bytes])
        if sha != before or content != self._content.digest():
            raise self._broken("its SHA-256 does not agree with its content")
        if stop != self._next or records != stop - self._start:
            raise self._broken(f"it ends at offset {self._next}, not at {stop}")
        self.segment = Segment(self._topic, self._partition, self._start, stop, records, content.hex())

    def _decoded(self, payload: bytes, kind: Any) -> Any:
        try:
            return msgspec.msgpack.decode(payload, type=kind)
        except msgspec.DecodeError as error:
            raise self._broken(f"a frame does not decode ({error})") from error

    def _broken(self, reason: str) -> BrokenSegment:
        return BrokenSegment(self._path, reason)
