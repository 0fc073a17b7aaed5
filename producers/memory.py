"""What whole records said last, by source and dossier, so that a record that says the same again is no event.

A cache, not the truth: without it the same records enter once more, and the fold finds no difference. Several
processes may share the file.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from domain.errors import InvalidInput
from domain.instants import Millis

_TABLES = """
CREATE TABLE IF NOT EXISTS last (
    source TEXT, code TEXT, digest BLOB, at INTEGER, sent INTEGER, open INTEGER, file INTEGER, gone_since INTEGER,
    PRIMARY KEY (source, code)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS last_file ON last (source, file);
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY, source TEXT, hash TEXT, at INTEGER, rows INTEGER, done INTEGER,
    UNIQUE (source, hash));
CREATE TABLE IF NOT EXISTS described (source TEXT PRIMARY KEY, said TEXT) WITHOUT ROWID;
"""


class Record(NamedTuple):
    """One record as the memory sees it: the digest of what it says, when, and whether work is left."""

    code: str
    digest: bytes
    at: Millis
    open: bool = True


class Gone(NamedTuple):
    """A dossier that stood in the file before and stands no more in this one."""

    code: str
    open: bool


class Memory:
    """The file `path`; None keeps everything in memory only (dry runs, tests). InvalidInput when unusable."""

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._mutex = threading.Lock()
        try:
            if path is not None and not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            source = ":memory:" if path is None or (read_only and not path.exists()) else str(path)
            self._db = sqlite3.connect(source, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            raise InvalidInput(f"{path} cannot be used: {error}") from error
        self._read_only = read_only

    def close(self) -> None:
        """Ends it."""
        self._db.close()

    def decide(
        self, source: str, records: Sequence[Record], *, file: int = 0, live: bool = False
    ) -> list[Millis | None]:
        """For each record the instant under which it is to be sent, or None where it says what the last one said.

        What is to be sent is remembered as not sent yet: asked again after a failure, it gets the same instant,
        and so the same event. A record older than the last one is sent and not remembered, unless it is `live`:
        then it follows the last one, whatever the clock says. Records of one dossier are taken in the order given.
        """
        decided: list[Millis | None] = []
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for record in records:
                    decided.append(self._decide(source, record, file, live=live))
            finally:
                self._db.execute("ROLLBACK" if self._read_only else "COMMIT")
        return decided

    def sent(self, source: str, records: Iterable[Record]) -> None:
        """These are safe in the log."""
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "UPDATE last SET sent = 1 WHERE source = ? AND code = ? AND digest = ?",
                [(source, r.code, r.digest) for r in records],
            )
            self._db.execute("COMMIT")

    def begin_file(self, source: str, digest: str, at: Millis) -> tuple[int, Millis, bool]:
        """(number, instant, whether it was imported to its end before) of a file by its hash."""
        with self._mutex:
            known = self._db.execute(
                "SELECT number, at, done FROM files WHERE source = ? AND hash = ?", (source, digest)
            ).fetchone()
            if known is not None:
                return known[0], known[1], bool(known[2])
            if self._read_only:
                return 0, at, False
            made = self._db.execute(
                "INSERT INTO files (source, hash, at, rows, done) VALUES (?, ?, ?, 0, 0)", (source, digest, at)
            )
            return made.lastrowid or 0, at, False

    def file_done(self, number: int) -> None:
        """A file was imported to its end: imported again, it says nothing new."""
        if not self._read_only:
            with self._mutex:
                self._db.execute("UPDATE files SET done = 1 WHERE number = ?", (number,))

    def end_file(self, source: str, number: int, at: Millis, rows: int) -> tuple[list[Gone], Millis | None, int]:
        """(what is gone, since the file of which instant it is compared, how many dossiers that file had)."""
        if self._read_only:
            return [], None, 0
        with self._mutex:
            self._db.execute("UPDATE files SET done = 1, rows = ? WHERE number = ?", (rows, number))
            before = self._db.execute(
                "SELECT number, at, rows FROM files WHERE source = ? AND done AND number <> ? AND at < ? "
                "ORDER BY at DESC LIMIT 1",
                (source, number, at),
            ).fetchone()
            if before is None:
                return [], None, 0
            gone = self._db.execute(
                "SELECT code, open FROM last WHERE source = ? AND file = ? ORDER BY code", (source, before[0])
            ).fetchall()
            self._db.execute(
                "UPDATE last SET gone_since = ? WHERE source = ? AND file = ? AND gone_since IS NULL",
                (at, source, before[0]),
            )
            return [Gone(code, bool(is_open)) for code, is_open in gone], before[1], before[2]

    def described(self, source: str) -> str:
        """What was last said of a source; '' before the first time."""
        with self._mutex:
            found = self._db.execute("SELECT said FROM described WHERE source = ?", (source,)).fetchone()
        return found[0] if found else ""

    def describe(self, source: str, said: str) -> None:
        """Remembers what was said of a source."""
        with self._mutex:
            self._db.execute("INSERT OR REPLACE INTO described VALUES (?, ?)", (source, said))

    def _decide(self, source: str, record: Record, file: int, *, live: bool) -> Millis | None:
        row = self._db.execute(
            "SELECT digest, at, sent FROM last WHERE source = ? AND code = ?", (source, record.code)
        ).fetchone()
        if row is not None:
            digest, at, sent = row
            if digest == record.digest:
                if file and record.at >= at:
                    self._db.execute(
                        "UPDATE last SET file = ?, gone_since = NULL WHERE source = ? AND code = ?",
                        (file, source, record.code),
                    )
                return None if sent else int(at)
            if record.at < at and not live:
                return record.at
            record = record._replace(at=max(record.at, at + 1))
        self._db.execute(
            "INSERT OR REPLACE INTO last VALUES (?, ?, ?, ?, 0, ?, ?, NULL)",
            (source, record.code, record.digest, record.at, record.open, file),
        )
        return record.at
