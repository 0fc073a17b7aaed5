"""Where importers and the simulator put events: the port, a file of lines, and nowhere."""

import gzip
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from domain.errors import InvalidInput
from domain.events import Event


class EventSink(Protocol):
    """Takes events one by one. `add` may wait while too much is in flight; events are safe only when `flush`
    has returned. Errors of the medium (Unavailable) are raised by either: run the import again, ids are the same.
    """

    def add(self, event: Event, encoded: bytes) -> None:
        """Takes one event and its canonical bytes."""
        ...

    def flush(self) -> None:
        """Returns when everything taken so far is safe."""
        ...


class NullSink:
    """Counts nothing, keeps nothing: a dry run."""

    def add(self, event: Event, encoded: bytes) -> None:
        """Forgets the event."""

    def flush(self) -> None:
        """Has nothing to do."""


class JsonlSink:
    """A file with one CloudEvent a line; compressed when its name ends in .gz (equal bytes for equal events)."""

    def __init__(self, path: Path) -> None:
        try:
            self._raw = path.open("wb")
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written: {error.strerror}") from error
        self._file: IO[bytes] = self._raw
        if path.suffix == ".gz":
            self._file = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)  # type: ignore[assignment]

    def add(self, event: Event, encoded: bytes) -> None:  # noqa: ARG002
        """Writes one line."""
        self._file.write(encoded + b"\n")

    def flush(self) -> None:
        """Hands everything to the operating system."""
        self._file.flush()
        self._raw.flush()

    def close(self) -> None:
        """Ends the file."""
        self._file.close()
        self._raw.close()

    def __enter__(self) -> "JsonlSink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()
