"""One concern's tables in the private SQLite file: how every store beside the log opens it."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


class PrivateFile:
    """Makes its tables where they are missing, for its owner only. Safe for several threads and processes."""

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._mutex = path, threading.Lock()
        with self._db() as db:
            db.executescript(tables)
        path.chmod(0o600)

    @contextmanager
    def _db(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as db:
            yield db
