"""What subscribers could not be told one by one because it lay beyond the horizon: kept until a digest told them.

Beside it, up to when each subscriber was told everything: what came after that is owed, however long an outage, a
silence or a silent feed lasted. Outside the log, as the subscriptions are; that an alert was left out of the
messages stands in the log (`suppressed`, reason `beyond_horizon`).
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from api.alerts.private import WEBHOOKS, Webhook
from api.alerts.private_file import PrivateFile
from domain.instants import MS_DAY, Millis, format_rfc3339

BEYOND = "beyond_horizon"
"""Why an alert is `suppressed` for a webhook."""
BEHIND_MS = 15 * 60_000
"""A subscriber who was not told everything for so long stands in health."""
SHOWN_MS = 7 * MS_DAY
"""So long a digest stands in health."""
_TABLES = """
CREATE TABLE IF NOT EXISTS webhook_rounds (
    webhook TEXT PRIMARY KEY, told_to INTEGER NOT NULL, waiting INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS webhook_digests (
    key TEXT PRIMARY KEY, webhook TEXT NOT NULL, digest TEXT NOT NULL, alerts INTEGER NOT NULL,
    made_at INTEGER NOT NULL, tried INTEGER NOT NULL DEFAULT 0, sent_at INTEGER) STRICT;
"""
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest that has not arrived yet; `tried`: how often it was posted."""

    key: str
    webhook: str
    digest: str
    tried: int


@lru_cache(maxsize=8)
def owed_store(path: Path) -> "Owed":
    """The store of an installation, opened once."""
    return Owed(path)


class Owed(PrivateFile):
    """In the private SQLite file. Safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{WEBHOOKS}{_TABLES}")

    def told_to(self) -> dict[str, Millis]:
        """By subscriber, up to when everything was told, or decided not to be."""
        with self._db() as db:
            return dict(db.execute("SELECT webhook, told_to FROM webhook_rounds"))

    def put(self, webhook: str, told_to: Millis, waiting: int) -> None:
        """How far a subscriber is, and how many alerts wait; what was told once stays told."""
        sql = """INSERT INTO webhook_rounds VALUES (?, ?, ?) ON CONFLICT (webhook) DO UPDATE
            SET told_to = max(told_to, excluded.told_to), waiting = excluded.waiting"""
        with self._db() as db:
            db.execute(sql, (webhook, told_to, waiting))

    def add(self, webhook: str, rows: Sequence[Row], now: Millis) -> str:
        """Keeps one digest of alerts (rows of `sinks.queries.alerts`) until it has arrived; returns its key, which
        is the same for the same alerts."""
        ids = "|".join(sorted(row[0] for row in rows))
        key = hashlib.sha256(f"{BEYOND}|{webhook}|{ids}".encode()).hexdigest()[:32]
        said = {
            "reason": BEYOND,
            "alerts": len(rows),
            "kinds": dict(sorted(Counter(row[1] for row in rows).items())),
            "units": dict(sorted(Counter(row[4] for row in rows).items())),
            "from": format_rfc3339(min(row[6] for row in rows)),
            "until": format_rfc3339(max(row[6] for row in rows)),
            "list": "/v1/alerts?state=holding",
        }
        sql = (
            "INSERT OR IGNORE INTO webhook_digests (key, webhook, digest, alerts, made_at) VALUES (?, ?, ?, ?, ?)"
        )
        with self._db() as db:
            db.execute(sql, (key, webhook, msgspec.json.encode(said).decode(), len(rows), now))
        return key

    def waiting(self) -> tuple[Digest, ...]:
        """Digests that have not arrived, the oldest first."""
        sql = """SELECT key, webhook, digest, tried FROM webhook_digests WHERE sent_at IS NULL
            ORDER BY made_at, key"""
        with self._db() as db:
            return tuple(Digest(*row) for row in db.execute(sql))

    def posting(self, key: str) -> None:
        """One is about to be posted: from now on it may have arrived."""
        with self._db() as db:
            db.execute("UPDATE webhook_digests SET tried = tried + 1 WHERE key = ?", (key,))

    def arrived(self, key: str, now: Millis) -> None:
        """One was taken."""
        with self._db() as db:
            db.execute("UPDATE webhook_digests SET sent_at = ? WHERE key = ?", (now, key))

    def faults(self, now: Millis) -> tuple[str, ...]:
        """A sentence for each subscriber who was not told everything, one by one, for health."""
        with self._db() as db:
            behind = db.execute(
                """SELECT r.webhook, r.told_to, r.waiting FROM webhook_rounds r JOIN webhooks w ON w.id = r.webhook
                WHERE r.waiting > 0 AND r.told_to < ? ORDER BY r.webhook""",
                (now - BEHIND_MS,),
            ).fetchall()
            digests = db.execute(
                """SELECT d.webhook, sum(d.alerts), max(d.sent_at IS NULL) FROM webhook_digests d
                JOIN webhooks w ON w.id = d.webhook WHERE d.made_at >= ? OR d.sent_at IS NULL
                GROUP BY d.webhook ORDER BY d.webhook""",
                (now - SHOWN_MS,),
            ).fetchall()
        found = [
            f"webhook {name} has not taken everything since {format_rfc3339(at)}: {waiting} alerts wait for it"
            for name, at, waiting in behind
        ]
        for name, alerts, waits in digests:
            state = "waits to be taken" if waits else "was sent"
            found.append(
                f"webhook {name} was not told of {alerts} alerts one by one, because they lay beyond the horizon: "
                f"a digest {state}, GET /v1/alerts lists what still holds"
            )
        return tuple(found)


def digest_body(one: Digest) -> bytes:
    """The message: counts, no alert; `retried` where an earlier attempt may have arrived."""
    told = {"digest": msgspec.Raw(one.digest.encode()), "attempt": one.tried + 1, "retried": one.tried > 0}
    return msgspec.json.encode(told)


def known_hooks(
    hooks: Sequence[Webhook], told_to: dict[str, Millis], now: Millis, owed: Owed
) -> dict[str, Millis]:
    """Up to when each subscriber was told; a new one begins now: what lay beyond the horizon when it subscribed
    was never owed to it."""
    for hook in hooks:
        if hook.id not in told_to:
            owed.put(hook.id, now, 0)
            told_to[hook.id] = now
    return {hook.id: told_to[hook.id] for hook in hooks}
