"""Bytes of the wire: a reader that remembers what it read, numbers and texts, compressed frames."""

import struct
from collections.abc import Callable

import lz4.block  # type: ignore[import-untyped]
import zstd  # type: ignore[import-untyped]
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]
from clickhouse_driver.bufferedreader import BufferedReader
from clickhouse_driver.varint import read_varint

from sinks.embedded.errors import CHECKSUM_MISMATCH, ProtocolError

LZ4, ZSTD = 0x82, 0x90
MAX_FRAME = 1 << 30
_FRAME = 1 << 20


class WireReader(BufferedReader):  # type: ignore[misc]
    """Bytes from `fill()` (which raises EOFError at the end), with a recorder of what has been read."""

    position: int
    current_buffer_size: int

    def __init__(self, fill: Callable[[], bytes]) -> None:
        super().__init__(0)
        self._fill = fill
        self._chunk = bytearray()
        self._recorded: list[bytes] | None = None
        self._from = 0

    def read_into_buffer(self) -> None:
        if self._recorded is not None:
            self._recorded.append(bytes(self._chunk[self._from :]))
            self._from = 0
        self._chunk = bytearray(self._fill())
        self.buffer, self.current_buffer_size = self._chunk, len(self._chunk)

    def record(self) -> None:
        """From here on, remember the bytes read."""
        self._recorded, self._from = [], self.position

    def recorded(self) -> bytes:
        """The bytes read since `record()`; recording ends."""
        parts, self._recorded = self._recorded or [], None
        parts.append(bytes(self._chunk[self._from : self.position]))
        return b"".join(parts)

    def more(self) -> bool:
        """Whether another byte comes; waits for it."""
        if self.position >= self.current_buffer_size:
            try:
                self.read_into_buffer()
            except EOFError:
                return False
            self.position = 0
        return True

    def text(self) -> str:
        return bytes(self.read(read_varint(self))).decode()

    def number(self, fmt: str) -> int:
        return int(struct.unpack("<" + fmt, self.read(struct.calcsize(fmt)))[0])


def reader_of(data: bytes) -> WireReader:
    """A reader of bytes at hand; EOFError after the last."""
    pieces = iter((data,) if data else ())

    def fill() -> bytes:
        for piece in pieces:
            return piece
        raise EOFError

    return WireReader(fill)


def read_frame(reader: WireReader) -> tuple[int, bytes]:
    """One compressed frame: (method, plain bytes). A frame is checksum, method, two sizes, data."""
    checksum = struct.unpack("<QQ", reader.read(16))
    head = reader.read(9)
    method, size, plain = struct.unpack("<BII", head)
    if not 9 <= size <= MAX_FRAME or plain > MAX_FRAME:
        raise ProtocolError(CHECKSUM_MISMATCH, f"Compressed frame of {size} bytes is out of bounds")
    body = reader.read(size - 9)
    high, low = checksum
    if CityHash128(bytes(head) + bytes(body)) != (high << 64) + low:
        raise ProtocolError(CHECKSUM_MISMATCH, "Checksum of a compressed frame does not match its data")
    if method == LZ4:
        return method, bytes(lz4.block.decompress(body, uncompressed_size=plain))
    if method == ZSTD:
        return method, bytes(zstd.decompress(bytes(body)))
    if method == 0x02:
        return method, bytes(body)
    raise ProtocolError(CHECKSUM_MISMATCH, f"Unknown compression method {method:#x}")


def frames(data: bytes, method: int) -> bytes:
    """`data` as compressed frames of at most 1 MiB each."""
    out = bytearray()
    for start in range(0, len(data), _FRAME):
        plain = data[start : start + _FRAME]
        packed = zstd.compress(plain, 1) if method == ZSTD else lz4.block.compress(plain, store_size=False)
        body = struct.pack("<BII", method if method == ZSTD else LZ4, len(packed) + 9, len(plain)) + packed
        checksum = CityHash128(body)
        out += struct.pack("<QQ", checksum >> 64, checksum & (1 << 64) - 1) + body
    return bytes(out)


def varint(value: int) -> bytes:
    """ClickHouse's VarUInt."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text: str | bytes) -> bytes:
    """A length-prefixed string."""
    raw = text.encode() if isinstance(text, str) else text
    return varint(len(raw)) + raw
