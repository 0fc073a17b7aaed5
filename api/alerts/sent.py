"""What was sent to which account, outside the log: behind links and receipts stand alerts, never an address.

A link is `/v/NUMBER-SEAL`: the seal is an HMAC over the number and the message's key. It carries no right: whoever
opens it must log in, and sees what their own key lets them see.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from api.alerts.outcomes import is_permanent
from api.alerts.private_file import PrivateFile
from domain.instants import MS_DAY, Millis
from domain.message import Message

KEPT_MS = 400 * MS_DAY
"""So long a message can be told apart by its receipt and its link; its acts stay in the log for ever."""
FAILED_MS = 7 * MS_DAY
"""So long a failed delivery is shown as something to look after."""
DEAD = 3
_TABLES = """
CREATE TABLE IF NOT EXISTS sent_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, account TEXT NOT NULL, unit TEXT NOT NULL,
    kinds TEXT NOT NULL, alerts TEXT NOT NULL, sent_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sent_deliveries (
    key TEXT NOT NULL, channel TEXT NOT NULL, account TEXT NOT NULL, tried_at INTEGER NOT NULL,
    failure TEXT NOT NULL, PRIMARY KEY (key, channel)) STRICT;
CREATE TABLE IF NOT EXISTS sent_proofs (
    key TEXT NOT NULL, proof TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (key, proof)) STRICT;
CREATE TABLE IF NOT EXISTS link_secret (one INTEGER PRIMARY KEY CHECK (one = 1), secret BLOB NOT NULL) STRICT;
"""
_TOKEN = re.compile(r"([1-9]\d{0,11})-([A-Z2-7]{12})")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that went out, or was to."""

    id: int
    key: str
    account: str
    unit: str
    kinds: tuple[str, ...]
    alerts: tuple[str, ...]
    sent_at: Millis


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that failed the last time it was tried."""

    account: str
    channel: str
    tried_at: Millis
    reason: str


@lru_cache(maxsize=8)
def sent_store(path: Path) -> "SentStore":
    """The store of an installation, opened once."""
    return SentStore(path)


class SentStore(PrivateFile):
    """Messages, the outcome of their deliveries, and what proved that they came. Safe for several processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _TABLES)
        with self._db() as db:
            db.execute("INSERT OR IGNORE INTO link_secret VALUES (1, ?)", (secrets.token_bytes(32),))
            self._secret: bytes = db.execute("SELECT secret FROM link_secret").fetchone()[0]

    def remember(self, message: Message, now: Millis) -> Sent:
        """Keeps of a message what its link and its receipt need; the same key is the same message."""
        kinds, alerts = (msgspec.json.encode(names).decode() for names in (message.kinds, message.alerts))
        with self._db() as db:
            db.execute(
                "INSERT OR IGNORE INTO sent_messages (key, account, unit, kinds, alerts, sent_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (message.key, message.account, message.unit, kinds, alerts, now),
            )
        found = self.message(message.key)
        assert found is not None
        return found

    def message(self, key: str) -> Sent | None:
        """The message of a key."""
        return self._one("key = ?", key)

    def path(self, sent: Sent) -> str:
        """The link of a message."""
        return f"/v/{sent.id}-{self._seal(sent.id, sent.key)}"

    def opened(self, token: str, now: Millis, days: int) -> Sent | None:
        """The message behind a link's token; None for a forged or expired one: both are told alike."""
        parts = _TOKEN.fullmatch(token)
        sent = self._one("id = ?", int(parts[1])) if parts else None
        if parts is None or sent is None or now >= sent.sent_at + days * MS_DAY:
            return None
        return sent if hmac.compare_digest(parts[2], self._seal(sent.id, sent.key)) else None

    def record(self, message: Message, channel: str, failure: str, now: Millis) -> None:
        """Keeps the last outcome of a delivery; '' for taken."""
        with self._db() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT OR REPLACE INTO sent_deliveries VALUES (?, ?, ?, ?, ?)",
                (message.key, channel, message.account, now, failure),
            )
            db.execute("DELETE FROM sent_messages WHERE sent_at < ?", (now - KEPT_MS,))
            db.execute("DELETE FROM sent_deliveries WHERE tried_at < ?", (now - KEPT_MS,))
            db.execute("DELETE FROM sent_proofs WHERE at < ?", (now - KEPT_MS,))
            db.execute("COMMIT")

    def fail(self, key: str, channel: str, failure: str, now: Millis) -> None:
        """Keeps that a delivery which was taken failed later."""
        with self._db() as db:
            db.execute(
                "UPDATE sent_deliveries SET failure = ?, tried_at = ? WHERE key = ? AND channel = ?",
                (failure, now, key, channel),
            )

    def delivered(self, key: str, channel: str) -> bool:
        """Whether a message was given to a channel, taken or perhaps taken."""
        with self._db() as db:
            found = db.execute(
                "SELECT 1 FROM sent_deliveries WHERE key = ? AND channel = ?", (key, channel)
            ).fetchone()
        return found is not None

    def failures(self, since: Millis) -> tuple[Failure, ...]:
        """Deliveries whose last attempt, since an instant, failed; the latest first."""
        with self._db() as db:
            rows = db.execute(
                "SELECT account, channel, tried_at, failure FROM sent_deliveries WHERE failure != '' "
                "AND tried_at >= ? ORDER BY tried_at DESC LIMIT 1000",
                (since,),
            ).fetchall()
        return tuple(Failure(*row) for row in rows)

    def dead(self, since: Millis, entered: Mapping[str, Millis]) -> frozenset[tuple[str, str]]:
        """(account, channel) that took nothing since an instant, and since the account was entered, and failed for
        good at least DEAD times: one refusal may be the text's fault."""
        counted: dict[tuple[str, str], list[bool]] = {}
        with self._db() as db:
            rows = db.execute(
                "SELECT account, channel, tried_at, failure FROM sent_deliveries WHERE tried_at >= ?", (since,)
            ).fetchall()
        for account, channel, tried_at, failure in rows:
            if tried_at >= entered.get(account, 0) and (not failure or is_permanent(failure)):
                counted.setdefault((account, channel), []).append(bool(failure))
        return frozenset(place for place, failed in counted.items() if len(failed) >= DEAD and all(failed))

    def proven(self, key: str, proof: str) -> bool:
        """Whether a proof of a message stands in the log already."""
        with self._db() as db:
            found = db.execute("SELECT 1 FROM sent_proofs WHERE key = ? AND proof = ?", (key, proof)).fetchone()
        return found is not None

    def prove(self, key: str, proof: str, now: Millis) -> None:
        """Says that a proof (`delivered sms`, `opened k12…`) stands in the log: once is enough."""
        with self._db() as db:
            db.execute("INSERT OR IGNORE INTO sent_proofs VALUES (?, ?, ?)", (key, proof, now))

    def _one(self, where: str, value: object) -> Sent | None:
        with self._db() as db:
            row = db.execute(
                f"SELECT id, key, account, unit, kinds, alerts, sent_at FROM sent_messages WHERE {where}", (value,)
            ).fetchone()
        if row is None:
            return None
        names = tuple[str, ...]
        kinds, alerts = (msgspec.json.decode(text, type=names) for text in row[4:6])
        return Sent(row[0], row[1], row[2], row[3], kinds, alerts, row[6])

    def _seal(self, number: int, key: str) -> str:
        digest = hmac.new(self._secret, f"link|{number}|{key}".encode(), hashlib.sha256).digest()
        return b32encode(digest)[:12].decode()
