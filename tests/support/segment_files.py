"""Changes Kafka's own segment files as an administrator with a hex editor could: the broker notices nothing."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cramjam
import zstandard
from crc32c import crc32c

_HEAD = struct.Struct(">qiib")
_AFTER_CRC = 21
_TIMES_AT = 27
_COUNT_AT = 57
_RECORDS_AT = 61
_CODECS: dict[int, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    0: (bytes, bytes),
    3: (lambda b: bytes(cramjam.lz4.decompress(b)), lambda b: bytes(cramjam.lz4.compress(b))),
    4: (
        lambda b: zstandard.ZstdDecompressor().decompressobj().decompress(b),
        lambda b: zstandard.ZstdCompressor().compress(b),
    ),
}


@dataclass(frozen=True)
class Batch:
    """One record batch: its bytes, with the offset it begins at."""

    base: int
    raw: bytes

    @property
    def last(self) -> int:
        """The offset of its last record."""
        return self.base + int(struct.unpack_from(">i", self.raw, 23)[0])

    def edited(self, old: bytes, new: bytes) -> "Batch":
        """The same with some bytes of its records replaced by as many others, the checksum made right."""
        assert len(old) == len(new)
        codec = struct.unpack_from(">h", self.raw, _AFTER_CRC)[0] & 7
        unpack, pack = _CODECS[codec]
        records = unpack(self.raw[_RECORDS_AT:])
        assert old in records
        return Batch(self.base, _sealed(self.raw[:_RECORDS_AT] + pack(records.replace(old, new, 1))))

    def appended(self, by_ms: int) -> "Batch":
        """The same, appended so many milliseconds later: first and greatest time, the checksum made right."""
        first, greatest = struct.unpack_from(">qq", self.raw, _TIMES_AT)
        moved = struct.pack(">qq", first + by_ms, greatest + by_ms)
        return replace(self, raw=_sealed(self.raw[:_TIMES_AT] + moved + self.raw[_TIMES_AT + 16 :]))

    def at(self, base: int) -> "Batch":
        """The same at another offset; the base is not under the checksum."""
        return replace(self, base=base, raw=struct.pack(">q", base) + self.raw[8:])


def _sealed(raw: bytes) -> bytes:
    body = raw[_AFTER_CRC:]
    head = raw[:8] + struct.pack(">i", len(raw) - 12) + raw[12:17] + struct.pack(">I", crc32c(body))
    return head + body


def read_batches(path: Path) -> list[Batch]:
    """All batches of a segment."""
    data, found, at = path.read_bytes(), [], 0
    while at + 12 <= len(data):
        base, length, _, magic = _HEAD.unpack_from(data, at)
        if length <= 0:
            break
        assert magic == 2
        found.append(Batch(base, data[at : at + 12 + length]))
        at += 12 + length
    return found


def write_batches(path: Path, batches: list[Batch]) -> None:
    """Replaces the segment, renumbered without holes, and makes the broker rebuild its indexes."""
    data, offset = b"", 0
    for batch in batches:
        span = batch.last - batch.base + 1
        data += batch.at(offset).raw
        offset += span
    path.write_bytes(data)
    for stale in (*path.parent.glob("*.index"), *path.parent.glob("*.timeindex"), *path.parent.glob("*.snapshot")):
        stale.unlink()
    (path.parent.parent / ".kafka_cleanshutdown").unlink(missing_ok=True)
    for name in ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint"):
        (path.parent.parent / name).unlink(missing_ok=True)
