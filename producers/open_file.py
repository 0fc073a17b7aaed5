"""Opens an input file for streaming: plain or .gz, with a way to tell how much of it has been read."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from domain.errors import InvalidInput

BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a damaged or cut .gz raises; what was read before it is good."""
_GZIP = b"\x1f\x8b"


class Input:
    """An open input: `stream` gives decompressed bytes, `position` how far into the file on disk they are."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self.path = path
        self._raw = raw
        self.size = path.stat().st_size
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        self.stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if packed else raw)

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._raw.tell()


@contextmanager
def open_input(path: Path) -> Iterator[Input]:
    """The file, closed afterwards; InvalidInput when it cannot be opened, or is a damaged .gz before
    anything of it could be read (readers keep what comes before a later damage)."""
    try:
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder: name its files")
        raw = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    with raw:
        try:
            yield Input(path, raw)
        except BROKEN as error:
            raise InvalidInput(f"{path} is a damaged or cut .gz: {error}") from error
