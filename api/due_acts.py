"""Acts that commands decided, which hold no way to the log: kept beside the keys until the API has logged them.

They stand in the private SQLite file, so that a decision and what it does there (an erased note) are one
transaction. An act keeps its id for ever: told twice it counts once.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from domain.events import Event, decode_event, encode_event

TABLE = "CREATE TABLE IF NOT EXISTS due_acts (id TEXT PRIMARY KEY, event BLOB) STRICT"
"""`event` is null once the log holds it."""


_DERIVED = "id LIKE 'identifier-key-%'"


def add_due(db: sqlite3.Connection, event: Event) -> None:
    """Notes an act in the caller's transaction; one of the same id is left as it is."""
    db.execute("INSERT OR IGNORE INTO due_acts VALUES (?, ?)", (event.id, encode_event(event)))


class DueActs:
    """The acts that wait in one private file. Safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with closing(self._open()) as db:
            db.execute(TABLE)
        path.chmod(0o600)

    def add(self, events: Iterable[Event]) -> None:
        """Notes acts that the log is to hold."""
        with closing(self._open()) as db:
            for event in events:
                add_due(db, event)

    def known(self) -> frozenset[str]:
        """The ids of the acts that must never be noted again, and of those that wait."""
        with closing(self._open()) as db:
            return frozenset(row[0] for row in db.execute("SELECT id FROM due_acts"))

    def unrecorded(self) -> tuple[Event, ...]:
        """What the log does not hold yet."""
        with closing(self._open()) as db:
            rows = db.execute("SELECT event FROM due_acts WHERE event IS NOT NULL ORDER BY rowid").fetchall()
        return tuple(decode_event(row[0]) for row in rows)

    def recorded(self, events: Iterable[Event]) -> None:
        """Says that these stand in the log. Those with an id of their own are forgotten; of what is derived from a
        state again and again (the keys of identifiers) the id stays."""
        ids = [(event.id,) for event in events]
        with closing(self._open()) as db:
            db.executemany(f"UPDATE due_acts SET event = NULL WHERE id = ? AND {_DERIVED}", ids)
            db.executemany(f"DELETE FROM due_acts WHERE id = ? AND NOT {_DERIVED}", ids)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10, isolation_level=None)
