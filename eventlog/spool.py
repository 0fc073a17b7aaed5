"""The disk spool: accepted records wait here while Kafka is away; what `append` returned for is on disk.

A folder of segment files; a frame is length (4 bytes, big-endian), CRC-32 of the payload (4), payload. A
frame that was cut short by a crash can only stand at the end of the last segment, was never acknowledged,
and is set aside on opening. The file `position` tells how far the frames have been taken out again; its bytes are
written over in place, so that a disk that the spool itself has filled can be emptied.
"""

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from domain.errors import Refused, Unavailable
from eventlog.durable import sync_folder

_FRAME = struct.Struct(">II")
_PLACE = struct.Struct(">QQI")
_MAX_FRAME = 8 * 1024 * 1024
SEGMENT_BYTES = 16 * 1024 * 1024
QUOTA_BYTES = 1024 * 1024 * 1024


class Spooled(NamedTuple):
    """One waiting record: where it goes and what it is; `events` counts those in its value."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    origin: str
    key_id: str
    events: int


class Place(NamedTuple):
    """A position in the spool: the segment's number and the byte offset in its file."""

    segment: int
    offset: int


_START = Place(0, 0)


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What health shows: waiting events and bytes, and bytes of a cut-off tail set aside at opening."""

    events: int
    bytes: int
    torn_bytes: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Spooled).decode


def frame(payload: bytes) -> bytes:
    """A payload with its length and checksum."""
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def scan(data: bytes, start: int = 0) -> tuple[list[bytes], int]:
    """The payloads of the whole frames from `start` on, and the offset behind the last of them."""
    payloads: list[bytes] = []
    at = start
    while at + _FRAME.size <= len(data):
        length, crc = _FRAME.unpack_from(data, at)
        payload = data[at + _FRAME.size : at + _FRAME.size + length]
        # A length of 0 is the zeros that a file system may leave after a power cut.
        if not 0 < length <= _MAX_FRAME or len(payload) < length or zlib.crc32(payload) != crc:
            break
        payloads.append(payload)
        at += _FRAME.size + length
    return payloads, at


class Spool:
    """A first-in, first-out queue on disk for one process; its methods may be called from any thread.

    `append` returns after fsync. `peek` and `advance` take out at the head: a crash between sending and
    `advance` sends those records again (at least once; event ids make that harmless).
    """

    def __init__(self, folder: Path, quota: int = QUOTA_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._quota = quota
        self._segment_bytes = segment_bytes
        self._mutex = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(folder)
        try:
            self._torn = 0
            self._bytes = 0
            self._events = 0
            self._slot = 0
            self._head = self._read_position()
            self._tail = self._open_segments()
            self._take_out_to(self._head)
        except BaseException:
            self._lock.close()
            raise
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        """Closes the files; what waits stays on disk."""
        with self._mutex:
            self._let_go()
            self._lock.close()

    def state(self) -> SpoolState:
        """How much waits."""
        with self._mutex:
            return SpoolState(self._events, self._bytes, self._torn)

    def append(self, records: Sequence[Spooled]) -> None:
        """Writes the records behind all others, in this order; they are on disk when it returns.

        Raises Unavailable, with nothing kept, when the quota is reached or the disk does not take them.
        """
        data = b"".join(frame(_encode(record)) for record in records)
        with self._mutex:
            if self._bytes + len(data) > self._quota:
                raise Unavailable(
                    f"Kafka is away and the spool is full ({self._quota} bytes): retry when Kafka is back"
                )
            try:
                self._write(data)
            except OSError as error:
                self._give_up_segment()
                raise Unavailable(f"Kafka is away and the spool cannot be written ({error.strerror})") from error
            self._tail = Place(self._tail.segment, self._tail.offset + len(data))
            self._bytes += len(data)
            self._events += sum(record.events for record in records)

    def peek(self, max_bytes: int = 4 * 1024 * 1024) -> tuple[list[Spooled], Place]:
        """The records at the head, at least one if any waits, and the place behind them for `advance`."""
        with self._mutex:
            head, tail = self._head, self._tail
            limit = tail.offset if head.segment == tail.segment else self._size(head.segment)
            want = min(limit - head.offset, max(max_bytes, _MAX_FRAME + _FRAME.size))
            if want <= 0:
                return [], head
            with self._path(head.segment).open("rb") as file:
                file.seek(head.offset)
                data = file.read(want)
        return self._decode_head(data, head, max_bytes)

    def _decode_head(self, data: bytes, head: Place, max_bytes: int) -> tuple[list[Spooled], Place]:
        payloads, _ = scan(data)
        if not payloads:
            raise Refused(
                f"{self._path(head.segment)} is damaged at byte {head.offset}: keep a copy, call for help"
            )
        records: list[Spooled] = []
        offset = 0
        for payload in payloads:
            if records and offset + len(payload) > max_bytes:
                break
            records.append(_decode(payload))
            offset += _FRAME.size + len(payload)
        return records, Place(head.segment, head.offset + offset)

    def advance(self, place: Place, records: Sequence[Spooled]) -> None:
        """Notes durably that the peeked records are in Kafka; deletes the segments that are done."""
        with self._mutex:
            if place == self._tail and place.offset > 0:  # all of it: the file goes instead of growing for ever
                self._roll()
            self._take_out_to(place)
            self._events -= sum(record.events for record in records)
            self._bytes = self._count_bytes()

    def _take_out_to(self, place: Place) -> None:
        """Behind segments of which nothing is left: they may fill the disk that new ones need."""
        while place.segment < self._tail.segment and place.offset >= self._size(place.segment):
            place = Place(place.segment + 1, 0)
        if place != self._head:
            self._write_position(place)
        for segment in range(self._head.segment, place.segment):
            self._path(segment).unlink(missing_ok=True)
        self._head = place

    # --- files ---

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:012d}.spool"

    def _size(self, segment: int) -> int:
        return self._path(segment).stat().st_size

    def _count_bytes(self) -> int:
        sizes = (self._size(s) for s in range(self._head.segment, self._tail.segment))
        return sum(sizes) + self._tail.offset - self._head.offset

    def _write(self, data: bytes) -> None:
        if self._tail.offset >= self._segment_bytes:
            self._roll()
        if self._file is None:
            self._file = self._path(self._tail.segment).open("ab", buffering=0)
            sync_folder(self._folder)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        os.fsync(self._file.fileno())

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _roll(self) -> None:
        self._let_go()
        self._tail = Place(self._tail.segment + 1, 0)

    def _give_up_segment(self) -> None:
        """After a failed write: cut off what may stand there, and never trust that file's cache again."""
        if self._tail.offset == 0:  # nothing of it counts: the next write makes it anew
            self._let_go()
            with suppress(OSError):
                self._path(self._tail.segment).unlink(missing_ok=True)
                return
        with suppress(OSError):
            if self._path(self._tail.segment).exists():
                os.truncate(self._path(self._tail.segment), self._tail.offset)
            else:
                self._path(self._tail.segment).touch()
        self._roll()

    def _read_position(self) -> Place:
        """The later of the two places in the file: a crash may have cut the writing of one."""
        path = self._folder / "position"
        if not path.exists():
            self._make_position_file(path)
            return Place(0, 0)
        data = path.read_bytes()
        found = [(place, slot) for slot in range(2) if (place := _place(data, slot)) is not None]
        if not found:
            raise Refused(f"{path} is damaged: delete it, and the spool is sent again from its first record")
        place, self._slot = max(found)
        if len(data) != 2 * _PLACE.size:
            self._make_position_file(path, place)
        return place

    def _make_position_file(self, path: Path, place: Place = _START) -> None:
        """Room for two places, taken now: when the disk is full, notes must still be written over old ones."""
        fresh = path.with_suffix(".part")
        with fresh.open("wb") as file:
            file.write(_place_bytes(place) * 2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(self._folder)

    def _write_position(self, place: Place) -> None:
        self._slot = 1 - self._slot
        with (self._folder / "position").open("r+b") as file:
            file.seek(self._slot * _PLACE.size)
            file.write(_place_bytes(place))
            file.flush()
            os.fsync(file.fileno())

    def _open_segments(self) -> Place:
        """Checks every waiting frame, cuts the torn tail of the last segment; returns where to append."""
        found = sorted(int(path.stem) for path in self._folder.glob("*.spool"))
        for segment in [s for s in found if s < self._head.segment]:
            self._path(segment).unlink()
        waiting = [segment for segment in found if segment >= self._head.segment]
        if not waiting:
            return self._head if self._head.offset == 0 else Place(self._head.segment + 1, 0)
        if waiting[0] > self._head.segment:
            self._head = Place(waiting[0], 0)
        for segment in waiting:
            data = self._path(segment).read_bytes()
            start = min(self._head.offset, len(data)) if segment == self._head.segment else 0
            payloads, end = scan(data, start)
            if end < len(data):
                self._set_aside(segment, data, end, last=segment == waiting[-1])
            self._events += sum(_decode(payload).events for payload in payloads)
            self._bytes += end - start
        return Place(waiting[-1], end)

    def _set_aside(self, segment: int, data: bytes, end: int, *, last: bool) -> None:
        path = self._path(segment)
        if not last:
            raise Refused(
                f"{path} is damaged at byte {end}: accepted events are at stake, restore it or call for help"
            )
        self._torn = len(data) - end
        path.with_suffix(".torn").write_bytes(data[end:])
        os.truncate(path, end)


def _place_bytes(place: Place) -> bytes:
    body = struct.pack(">QQ", *place)
    return body + struct.pack(">I", zlib.crc32(body))


def _place(data: bytes, slot: int) -> Place | None:
    """The place that stands in a slot of the position file; None when it is not whole."""
    found = data[slot * _PLACE.size : (slot + 1) * _PLACE.size]
    if len(found) < _PLACE.size:
        return None
    segment, offset, crc = _PLACE.unpack(found)
    return Place(segment, offset) if zlib.crc32(found[:16]) == crc else None


def _take_lock(folder: Path) -> IO[str]:
    file = (folder / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Refused(f"another process uses the spool {folder}: one process a spool") from error
    return file
