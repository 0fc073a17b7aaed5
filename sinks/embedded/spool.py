"""Blocks that a client sends, as a file that the engine can open by name; in memory where the system can."""

import os
import tempfile
from types import TracebackType
from typing import IO

from sinks.embedded.errors import MEMORY_LIMIT, EngineError
from sinks.embedded.gate import Gate


def descriptor_path(descriptor: int) -> str:
    """The name under which this process can open one of its own descriptors."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    return f"{folder}/{descriptor}"


class Spool:
    """Blocks of one INSERT or one external table, at most `limit` bytes; close it to free them."""

    def __init__(self, gate: Gate, limit: int) -> None:
        self._gate = gate
        self._limit = limit
        self._file: IO[bytes]
        if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
            self._file = os.fdopen(os.memfd_create("blocks"), "wb")
            self.path = descriptor_path(self._file.fileno())
        else:
            self._file = tempfile.NamedTemporaryFile(suffix=".native")  # noqa: SIM115 - closed by `close`
            self.path = self._file.name
        self.rows = 0
        self.size = 0

    def add(self, rows: int, block: bytes) -> None:
        """Keeps one block; raises MEMORY_LIMIT (241) when it is too much for this spool or for all of them."""
        if self.size + len(block) > self._limit:
            raise EngineError(MEMORY_LIMIT, f"One INSERT or external table may carry {self._limit} bytes")
        self._gate.hold(len(block))
        self.size += len(block)
        self.rows += rows
        self._file.write(block)

    def ready(self) -> str:
        """The name to read it by, all of it written."""
        self._file.flush()
        return self.path

    def close(self) -> None:
        """Frees the bytes."""
        self._file.close()
        self._gate.release(self.size)
        self.size = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
