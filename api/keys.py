"""API keys: tokens kept as SHA-256 hashes in the private SQLite file, with scopes, units and sources.

A token is 256 random bits, so a plain hash is enough: there is nothing to guess. Creating and revoking are
recorded acts; those made while the log was away are kept as due and written later (`unrecorded`).
"""

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from domain.errors import InvalidInput
from domain.events import Event, make_event
from domain.instants import Millis

Scope = Literal["intake", "read", "act", "display", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "gs766_"
KEY_SOURCE = "/gs766/api"
DEVELOPMENT = "development"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL, units TEXT NOT NULL,
    sources TEXT NOT NULL, created_at INTEGER NOT NULL, revoked_at INTEGER,
    created_recorded INTEGER NOT NULL DEFAULT 0, revoked_recorded INTEGER NOT NULL DEFAULT 0
) STRICT
"""
_COLUMNS = "id, name, scopes, units, sources, created_at, revoked_at"


@dataclass(frozen=True, slots=True)
class Key:
    """What a key allows. `units`: subtrees, none = the whole province; `sources`: values of CloudEvents'
    `source`, none = any."""

    id: str
    name: str
    scopes: frozenset[Scope]
    units: tuple[str, ...]
    sources: tuple[str, ...]
    created_at: Millis
    revoked_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; the token is shown once and never stored."""

    key: Key
    token: str


class KeyStore:
    """The keys of one data folder; its methods may be called from any thread and from several processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._mutex = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=10, isolation_level=None)
        path.chmod(0o600)
        with self._mutex:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        with self._mutex:
            self._db.close()

    def create_key(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        now: Millis,
        units: Iterable[str] = (),
        sources: Iterable[str] = (),
    ) -> NewKey:
        """A new key; raises InvalidInput for an unknown scope, or an `intake` key that names no source."""
        key = _checked(f"k{secrets.token_hex(6)}", name, scopes, tuple(units), tuple(sources), now)
        token = PREFIX + secrets.token_urlsafe(32)
        self._insert(key, token)
        return NewKey(key, token)

    def ensure_development_key(self, token: str, now: Millis) -> Key:
        """The machine owner's key with every scope; made once for its token, earlier ones are revoked."""
        found = self.find(token)
        if found is not None:
            return found
        key = Key(f"k{secrets.token_hex(6)}", DEVELOPMENT, frozenset(SCOPES), (), (), now)
        with self._mutex:
            self._db.execute(
                "UPDATE api_keys SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (now, DEVELOPMENT)
            )
        self._insert(key, token)
        return key

    def find(self, token: str) -> Key | None:
        """The key of a token, None when there is none or it was revoked."""
        rows = self._rows("WHERE hash = ? AND revoked_at IS NULL", (_hash(token),))
        return rows[0] if rows else None

    def list_keys(self) -> tuple[Key, ...]:
        """All keys, the revoked ones too, oldest first; never a token or a hash."""
        return self._rows("ORDER BY created_at, id", ())

    def revoke_key(self, key_id: str, now: Millis) -> Key:
        """Ends a key at once; again is harmless. InvalidInput when there is no such key."""
        with self._mutex:
            self._db.execute(
                "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, key_id)
            )
        rows = self._rows("WHERE id = ?", (key_id,))
        if not rows:
            raise InvalidInput(f"there is no key {key_id}: gs766 keys list shows them")
        return rows[0]

    def unrecorded(self) -> tuple[Event, ...]:
        """The acts that the alert log does not hold yet; their ids are fixed, so twice counts once."""
        events = [_act("created", key, key.created_at) for key in self._rows("WHERE created_recorded = 0", ())]
        revoked = self._rows("WHERE revoked_recorded = 0 AND revoked_at IS NOT NULL", ())
        events += [_act("revoked", key, key.revoked_at or 0) for key in revoked]
        return tuple(events)

    def recorded(self, events: Iterable[Event]) -> None:
        """Says that these acts stand in the log."""
        with self._mutex:
            for event in events:
                column = event.type.removeprefix("system.key_") + "_recorded"
                assert column in ("created_recorded", "revoked_recorded")
                self._db.execute(f"UPDATE api_keys SET {column} = 1 WHERE id = ?", (event.subject,))

    def _insert(self, key: Key, token: str) -> None:
        lists = (sorted(key.scopes), key.units, key.sources)
        encoded = tuple(msgspec.json.encode(value).decode() for value in lists)
        with self._mutex:
            self._db.execute(
                "INSERT INTO api_keys (id, hash, name, scopes, units, sources, created_at) VALUES (?,?,?,?,?,?,?)",
                (key.id, _hash(token), key.name, *encoded, key.created_at),
            )

    def _rows(self, where: str, values: tuple[object, ...]) -> tuple[Key, ...]:
        with self._mutex, closing(self._db.execute(f"SELECT {_COLUMNS} FROM api_keys {where}", values)) as cursor:
            return tuple(_key(row) for row in cursor.fetchall())


def _checked(
    key_id: str, name: str, scopes: Iterable[str], units: tuple[str, ...], sources: tuple[str, ...], now: Millis
) -> Key:
    wanted = frozenset(scopes)
    unknown = sorted(wanted - set(SCOPES))
    if unknown or not wanted:
        raise InvalidInput(f"{', '.join(unknown) or 'no scope'}: the scopes are {', '.join(SCOPES)}")
    if not name.strip() or len(name) > 100:
        raise InvalidInput("a key needs a name of 1 to 100 characters that says who holds it")
    if "intake" in wanted and "admin" not in wanted and not sources:
        raise InvalidInput("an intake key is bound to the sources it may write: name at least one")
    return Key(key_id, name.strip(), frozenset(s for s in SCOPES if s in wanted), units, sources, now)


def _key(row: tuple[str, str, str, str, str, int, int | None]) -> Key:
    key_id, name, scopes, units, sources, created_at, revoked_at = row
    return Key(
        key_id,
        name,
        msgspec.json.decode(scopes, type=frozenset[Scope]),
        msgspec.json.decode(units, type=tuple[str, ...]),
        msgspec.json.decode(sources, type=tuple[str, ...]),
        created_at,
        revoked_at,
    )


def _act(verb: str, key: Key, at: Millis) -> Event:
    """What the log holds of a key: what it allows, never its token; its name may be a person's, so not that."""
    evidence = {"scopes": sorted(key.scopes), "units": list(key.units), "sources": list(key.sources)}
    return make_event(
        f"system.key_{verb}",
        key.id,
        at,
        {"key": key.id, "evidence": evidence},
        source=KEY_SOURCE,
        id=f"key-{verb}-{key.id}",
        recorded_at=at,
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
