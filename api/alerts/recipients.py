"""Who is told, and where: posts, accounts and addresses in the private store, never in the log."""

import csv
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from api.alerts import addresses
from api.alerts.private_file import PrivateFile
from api.alerts.recipient_acts import COMMAND_LINE, Entry, changes
from api.due_acts import TABLE as DUE_TABLE
from api.due_acts import add_due
from domain.errors import InvalidInput
from domain.instants import Millis, Zone
from domain.message import POSTS, Recipient
from domain.periods import parse_instant

_TABLE = """
CREATE TABLE IF NOT EXISTS recipients (
    account TEXT NOT NULL, post TEXT NOT NULL, unit TEXT NOT NULL, channels TEXT NOT NULL, hours TEXT NOT NULL,
    since INTEGER, until INTEGER, created_at INTEGER NOT NULL, PRIMARY KEY (account, post, unit)) STRICT
"""
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_NUMBER = re.compile(r"[\d.:-]{9,}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
COLUMNS = ("account", "post", "unit", *addresses.KINDS, "hours", "since", "until")
"""Columns of a CSV file; of a kind of channel several addresses are parted by ';'."""
_HELD = "(since IS NULL OR since <= :now) AND (until IS NULL OR until > :now)"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file: how many rows were taken, and why the others were not, by line."""

    accepted: int
    rejected: tuple[tuple[int, str], ...]


@lru_cache(maxsize=8)
def recipient_store(path: Path) -> "RecipientStore":
    """The store of an installation, opened once."""
    return RecipientStore(path)


class RecipientStore(PrivateFile):
    """Recipients in the private SQLite file. Safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{_TABLE};{DUE_TABLE}")

    @contextmanager
    def _db(self) -> Iterator[sqlite3.Connection]:
        with super()._db() as db:
            # What is removed must be gone from the file, too.
            db.execute("PRAGMA secure_delete = ON")
            yield db

    def recipients(self, now: Millis) -> tuple[Recipient, ...]:
        """Those who hold their post at `now`, by unit, post and account; never their addresses."""
        return tuple(entry.recipient() for entry in self._entries(_HELD, now=now))

    def entries(self, now: Millis | None = None) -> tuple[Entry, ...]:
        """All, or those who hold their post at `now`, with addresses: mask them before showing."""
        return tuple(self._entries("1" if now is None else _HELD, now=now))

    def address(self, account: str, channel: str, now: Millis) -> tuple[str, str] | None:
        """(kind, address) of a named channel of an account that holds a post at `now`."""
        for entry in self._entries(f"account = :account AND {_HELD}", now=now, account=account):
            for name, kind, address in entry.channels:
                if name == channel:
                    return kind, address
        return None

    def entered(self) -> dict[str, Millis]:
        """When each account was entered or changed last."""
        with self._db() as db:
            return dict(db.execute("SELECT account, max(created_at) FROM recipients GROUP BY account").fetchall())

    def put(self, entry: Entry, now: Millis, by: str = COMMAND_LINE) -> None:
        """Adds a recipient, or replaces the one of the same account, post and unit. Addresses belong to the
        account: its other posts get them, too. What changed is an act by `by`."""
        channels = msgspec.json.encode(entry.addresses).decode()
        row = (entry.account, entry.post, entry.unit, channels)
        with self._changing(entry.account, now, by) as db:
            db.execute("UPDATE recipients SET channels = ? WHERE account = ?", (channels, entry.account))
            db.execute(
                "INSERT OR REPLACE INTO recipients VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, entry.hours, entry.since, entry.until, now),
            )

    def remove(
        self,
        account: str,
        now: Millis,
        post: str | None = None,
        unit: str | None = None,
        *,
        by: str = COMMAND_LINE,
    ) -> int:
        """Erases an account's entries (of one post, of one unit); returns how many there were. An act by `by`."""
        with self._changing(account, now, by) as db:
            found = db.execute(
                "DELETE FROM recipients WHERE account = :account AND (:post IS NULL OR post = :post) "
                "AND (:unit IS NULL OR unit = :unit)",
                {"account": account, "post": post, "unit": unit},
            )
        return found.rowcount

    @contextmanager
    def _changing(self, account: str, now: Millis, by: str) -> Iterator[sqlite3.Connection]:
        """One transaction: what is done to an account, and the acts that tell of it."""
        if not _ACCOUNT.fullmatch(by) or _NUMBER.fullmatch(by):
            raise InvalidInput(
                "by: the id of the key of who changes it; no name, no address, for it stands in the log"
            )
        with self._db() as db:
            db.execute("BEGIN IMMEDIATE")
            before = _read(db, "account = :account", account=account)
            yield db
            for event in changes(before, _read(db, "account = :account", account=account), now, by):
                add_due(db, event)
            db.execute("COMMIT")
            _forget(db)

    def import_csv(self, path: Path, zone: Zone, now: Millis, by: str = COMMAND_LINE) -> Imported:
        """Takes the rows of a CSV file with the columns `COLUMNS` (UTF-8); a bad row does not stop the others."""
        rejected: list[tuple[int, str]] = []
        accepted = 0
        for line, row in _rows(path):
            try:
                self.put(entry_of(row, zone), now, by)
                accepted += 1
            except InvalidInput as error:
                rejected.append((line, str(error)))
        return Imported(accepted, tuple(rejected))

    def _entries(self, where: str, **values: object) -> Sequence[Entry]:
        with self._db() as db:
            return _read(db, where, **values)


def _read(db: sqlite3.Connection, where: str, **values: object) -> list[Entry]:
    rows = db.execute(
        "SELECT account, post, unit, channels, hours, since, until FROM recipients "
        f"WHERE {where} ORDER BY unit, post, account",
        values,
    ).fetchall()
    kept = tuple[tuple[str, str], ...]
    return [Entry(a, p, u, msgspec.json.decode(c, type=kept), *rest) for a, p, u, c, *rest in rows]


def _forget(db: sqlite3.Connection) -> None:
    """The file's log of writes still holds what was replaced or erased: it is emptied. Where a reader is in the
    way it stays until the next time."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def new_entry(
    account: str,
    post: str,
    unit: str,
    channels: Iterable[str],
    zone: Zone,
    *,
    hours: str = "",
    since: str = "",
    until: str = "",
) -> Entry:
    """A checked entry from what a person wrote; `channels` as KIND:ADDRESS. InvalidInput names the field."""
    if not _ACCOUNT.fullmatch(account):
        raise InvalidInput(
            "account: a code such as the id of the person's key, without spaces; no name, no address"
        )
    if _NUMBER.fullmatch(account):
        raise InvalidInput("account: this looks like a phone or id number; give a code, for it stands in the log")
    if post not in POSTS:
        raise InvalidInput(f"post: '{post[:20]}' is none of {', '.join(POSTS)}")
    if not unit or len(unit) > 128 or not unit.isprintable():
        raise InvalidInput("unit: the code of the unit that they answer for")
    listed = tuple(dict.fromkeys(addresses.split(text) for text in channels))
    if not listed:
        raise InvalidInput("channels: at least one, better two of different kinds, such as email:a@example.vn")
    found = _HOURS.fullmatch(hours.strip())
    if hours.strip() and (found is None or hours.strip()[:5] >= hours.strip()[6:]):
        raise InvalidInput("hours: written 07:00-17:00, the first before the second")
    start = parse_instant(since, zone) if since.strip() else None
    end = parse_instant(until, zone) if until.strip() else None
    if since.strip() and "T" not in since and start is not None:
        start = zone.midnight(zone.day(start - 1))
    if start is not None and end is not None and end <= start:
        raise InvalidInput("until: lies before since")
    return Entry(account, post, unit, listed, hours.strip(), start, end)


def shown(entry: Entry, zone: Zone, *, clear: bool = False) -> dict[str, Any]:
    """An entry as people read it, addresses masked unless `clear`."""

    def text(at: Millis | None) -> str | None:
        return None if at is None else zone.local(at).isoformat(timespec="seconds")

    return {
        "account": entry.account,
        "post": entry.post,
        "unit": entry.unit,
        "channels": [
            f"{name}:{address if clear else addresses.masked(kind, address)}"
            for name, kind, address in entry.channels
        ],
        "hours": entry.hours,
        "since": text(entry.since),
        "until": text(entry.until),
        "warnings": list(entry.warnings),
    }


def entry_of(row: Mapping[str, str], zone: Zone) -> Entry:
    """An entry from a row of a file."""
    listed = [
        f"{kind}:{address}"
        for kind in addresses.KINDS
        for address in (row.get(kind) or "").split(";")
        if address.strip()
    ]
    plain = {name: (row.get(name) or "").strip() for name in ("hours", "since", "until")}
    account, post, unit = ((row.get(name) or "").strip() for name in ("account", "post", "unit"))
    return new_entry(account, post, unit, listed, zone, **plain)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = tuple(name.strip() for name in reader.fieldnames or ())
            unknown = [name for name in names if name not in COLUMNS]
            if unknown or not {"account", "post", "unit"} <= set(names):
                raise InvalidInput(f"{path}: the first line names the columns {', '.join(COLUMNS)}")
            reader.fieldnames = names
            for row in reader:
                yield reader.line_num, {k: v for k, v in row.items() if isinstance(v, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as CSV in UTF-8: {error}") from error
