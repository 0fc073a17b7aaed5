"""The ceilings of the embedded store."""

from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings, so that no client can exhaust the store; 0 leaves one to the engine.

    `insert_bytes` bounds one INSERT (or external table), `held_bytes` all of those on their way together.
    `clients` and `statements` count both users, the reader's share of them is smaller; a statement waits
    `queue_seconds` for its turn. At the end running statements get `stop_seconds`, inserts `insert_seconds`.
    """

    server_memory: int = 0
    threads: int = 0
    background_threads: int = 2
    mark_cache: int = 256 << 20
    insert_bytes: int = 1 << 30
    held_bytes: int = 2 << 30
    clients: int = 600
    reader_clients: int = 500
    statements: int = 64
    reader_statements: int = 32
    queue_seconds: float = 5.0
    stop_seconds: float = 5.0
    insert_seconds: float = 15.0
    reader_seconds: int = 60
    reader_rows: int = 5_000_000
    reader_bytes: int = 512 << 20

    def resolved_memory(self) -> int:
        """40 % of the machine, at least 1 GiB, unless set."""
        return self.server_memory or max(1 << 30, int(psutil.virtual_memory().total * 0.4))
