"""What stands outside the log: the words of people about alerts (erasable), and where webhooks go.

The log holds only H(salt ‖ text) of a note; erasing the row here erases the words, and every proof still holds.
"""

import hashlib
import secrets
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from api.due_acts import TABLE as DUE_TABLE
from api.due_acts import add_due
from domain.errors import InvalidInput, Unavailable
from domain.events import Event
from domain.instants import Millis

MAX_NOTE = 4_000
MAX_BATCH = 1_000
_NOTES = """
CREATE TABLE IF NOT EXISTS notes (
    hash TEXT PRIMARY KEY, alert TEXT NOT NULL, salt BLOB NOT NULL, text TEXT NOT NULL,
    author TEXT NOT NULL, written_at INTEGER NOT NULL);
"""
WEBHOOKS = """
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL, kinds TEXT NOT NULL, unit TEXT NOT NULL,
    created_at INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription: every alert of `kinds` (none: all) below `unit` (none: everywhere) is sent to `url`,
    signed with `secret`."""

    id: str
    url: str
    secret: str
    kinds: tuple[str, ...] = ()
    unit: str = ""
    batch: int = 1
    """Above 1: a message is a list of up to so many alerts."""


@dataclass(frozen=True, slots=True)
class Note:
    """Where a person's words belong, not the words: their salted hash, the alert, who wrote them, when."""

    hash: str
    alert: str
    author: str
    written_at: Millis


CHANGED = "■ lời ghi đã bị sửa: không khớp mã băm trong nhật ký"
"""Shown instead of words that are not those whose hash the log holds."""


def _as_written(name: str, salt: bytes, text: str) -> str:
    return text if hashlib.sha256(salt + text.encode()).hexdigest() == name else CHANGED


class PrivateStore:
    """Notes and webhooks in the private SQLite file. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = self._path = path
        self._mutex = threading.Lock()
        with closing(self._open()) as db:
            db.executescript(f"{_NOTES}{WEBHOOKS}{DUE_TABLE};")
            # API and notifier open a new file at the same time: who looks and adds holds the file meanwhile.
            db.execute("BEGIN IMMEDIATE")
            if "batch" not in {row[1] for row in db.execute("PRAGMA table_info(webhooks)")}:
                db.execute("ALTER TABLE webhooks ADD COLUMN batch INTEGER NOT NULL DEFAULT 1")
            db.execute("COMMIT")
        path.chmod(0o600)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10, isolation_level=None)

    def add_note(self, alert: str, text: str, author: str, now: Millis) -> str:
        """Keeps a person's words; returns the salted hash that the log will hold."""
        if not text.strip() or len(text) > MAX_NOTE:
            raise InvalidInput(f"a note has 1 to {MAX_NOTE} characters")
        salt = secrets.token_bytes(16)
        digest = hashlib.sha256(salt + text.encode()).hexdigest()
        with self._mutex, closing(self._open()) as db:
            db.execute("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", (digest, alert, salt, text, author, now))
        return digest

    def notes(self, hashes: list[str]) -> dict[str, str]:
        """The words behind hashes; an erased one is missing. Words that do not give the hash were changed."""
        with self._mutex, closing(self._open()) as db:
            marks = ",".join("?" * len(hashes))
            found = db.execute(f"SELECT hash, salt, text FROM notes WHERE hash IN ({marks})", hashes).fetchall()
        return {name: _as_written(name, salt, text) for name, salt, text in found}

    def words(self, about: str) -> dict[str, str]:
        """All words kept about an alert (or under another heading), by their hashes."""
        with self._mutex, closing(self._open()) as db:
            found = db.execute("SELECT hash, salt, text FROM notes WHERE alert = ?", (about,)).fetchall()
        return {name: _as_written(name, salt, text) for name, salt, text in found}

    def note(self, wanted: str) -> Note:
        """The note of a hash or of its beginning (8 characters or more). InvalidInput when it is not one's."""
        if len(wanted) < 8 or not set(wanted) <= set("0123456789abcdef"):
            raise InvalidInput("a note is named by its hash, or its first 8 characters: gs766 alert ID shows it")
        with self._mutex, closing(self._open()) as db:
            sql = "SELECT hash, alert, author, written_at FROM notes WHERE substr(hash, 1, ?) = ?"
            found = [Note(*row) for row in db.execute(sql, (len(wanted), wanted))]
        if len(found) != 1:
            said = "there is no note" if not found else f"{len(found)} notes begin with"
            raise InvalidInput(f"{said} {wanted}: it was erased before, or name it in full")
        return found[0]

    def erase_note(self, note_hash: str, act: Event) -> None:
        """Erases words and salt, and notes the act that tells of it, in one transaction; then leaves no byte of
        the words in the file or its journal. Unavailable when somebody else reads it all the while: the words
        are gone for every question then, and `scour` is to be called again."""
        with self._mutex, closing(self._open()) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM notes WHERE hash = ?", (note_hash,))
            add_due(db, act)
            db.execute("COMMIT")
        self.scour()

    def scour(self) -> None:
        """Rewrites the file without free pages and empties its journal."""
        try:
            with self._mutex, closing(self._open()) as db:
                db.execute("PRAGMA secure_delete = ON")
                db.execute("VACUUM")
                busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path} cannot be cleaned now ({error}): run it again") from error
        if busy:
            raise Unavailable(f"{self._path} is being read: erased, but run it again to clean its journal")

    def subscribe(self, url: str, kinds: tuple[str, ...], unit: str, now: Millis, batch: int = 1) -> Webhook:
        """A new webhook with a fresh signing secret, which is shown once."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"'{url[:200]}' is not an http or https address")
        hook = Webhook(secrets.token_hex(8), url, secrets.token_urlsafe(32), kinds, unit, batch)
        with self._mutex, closing(self._open()) as db:
            row = (hook.id, hook.url, hook.secret, ",".join(kinds), unit, now, batch)
            columns = "id, url, secret, kinds, unit, created_at, batch"
            db.execute(f"INSERT INTO webhooks ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return hook

    def webhooks(self) -> tuple[Webhook, ...]:
        """All subscriptions."""
        with self._mutex, closing(self._open()) as db:
            rows = db.execute(
                "SELECT id, url, secret, kinds, unit, batch FROM webhooks ORDER BY created_at, id"
            ).fetchall()
        return tuple(
            Webhook(i, u, s, tuple(k for k in kinds.split(",") if k), *rest) for i, u, s, kinds, *rest in rows
        )

    def unsubscribe(self, webhook: str) -> bool:
        """Ends a subscription; false when there is none of that id."""
        with self._mutex, closing(self._open()) as db:
            return db.execute("DELETE FROM webhooks WHERE id = ?", (webhook,)).rowcount > 0
