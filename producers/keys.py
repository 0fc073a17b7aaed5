"""Keyed hashes of identifiers: one HMAC key a year, kept apart from data and backups, so that it can be destroyed.

Destroying a year's key makes every identifier hashed under it unlinkable for ever: that is the erasure of
design.md §2 rule 9. The file is JSON, mode 0600; a key's number is never used twice.

Two years of one person meet in one place only: early in a year the hash of the year before stands beside the new
one, masked under both years' keys (`across`). Without either key that is noise, so that neither year's hashes lead
to the other's.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from domain.instants import Millis, Zone, format_rfc3339

KEYED = re.compile(r"^k[0-9A-Za-z-]{1,16}:[0-9a-f]{32,64}$")
"""What is a keyed hash already, as `domain.event_data.KeyedHash` allows it."""
ACROSS_DAYS = 60
"""How many days of a year an identifier is also told under the key of the year before."""
_SECRET_BYTES = 32
_FILE_VERSION = 1


@dataclass(frozen=True, slots=True)
class IdentifierKey:
    """One key; `secret` is hexadecimal, None once destroyed. Times are RFC 3339."""

    id: str
    year: int
    number: int
    created_at: str
    secret: str | None
    destroyed_at: str | None = None

    @property
    def alive(self) -> bool:
        """Whether it can still hash."""
        return self.secret is not None

    def __repr__(self) -> str:
        return f"IdentifierKey({self.id!r}, alive={self.alive})"


class IdentifierKeys:
    """The key file of a province. A year's first key is made when the first identifier of that year comes.

    `path` None keeps keys in memory only (trying things out). Years are those of `zone`. `clock` is asked only
    for the date written beside a key. Several processes may share the file: a change by one (a key destroyed)
    counts for the others from their next hash on. Raises InvalidInput when the file cannot be used.
    """

    def __init__(self, path: Path | None, zone: Zone, clock: Callable[[], Millis]) -> None:
        self._path = path
        self._zone = zone
        self._clock = clock
        self._keys: tuple[IdentifierKey, ...] = ()
        self._current: dict[int, tuple[str, bytes]] = {}
        self._oldest: dict[int, bytes] = {}
        self._seen: tuple[int, int] | None = None
        self._refresh()

    def keyed(self, value: str, occurred_at: Millis, *, purpose: str) -> str:
        """The keyed hash of an identifier: 'k2026-1:…'. `purpose` (officer, applicant, link) keeps kinds apart.

        Spaces and Unicode composition do not matter, nor does the case of an officer's name.
        """
        self._refresh()
        key_id, secret = self._of_year(self._zone.local(occurred_at).year)
        return f"{key_id}:{hmac.new(secret, _message(value, purpose), hashlib.sha256).hexdigest()}"

    def told_apart(self, value: str, occurred_at: Millis, *, purpose: str) -> str:
        """What tells this identifier from another inside an id: under the oldest living key of the year, so that
        a rotated key changes no id. It is not reversible, but it must only go into a further hash."""
        self._refresh()
        year = self._zone.local(occurred_at).year
        self._of_year(year)
        message = b"identity\0" + _message(value, purpose)
        return hmac.new(self._oldest[year], message, hashlib.sha256).hexdigest()

    def across(self, value: str, occurred_at: Millis, keyed: str, *, purpose: str) -> str | None:
        """The identifier's hash under last year's key, masked by both years' keys, where `keyed` is its hash of an
        event early in a year; None later, and where last year has no living key (none is made for that)."""
        self._refresh()
        at = self._zone.local(occurred_at)
        if at.timetuple().tm_yday > ACROSS_DAYS or at.year - 1 not in self._current:
            return None
        before, secret = self._current[at.year - 1]
        mask = self._mask(before, keyed)
        if mask is None:
            return None
        hashed = hmac.new(secret, _message(value, purpose), hashlib.sha256).digest()
        return f"{before}:{_xor(hashed, mask)}"

    def opened(self, keyed: str, across: str) -> str | None:
        """Last year's hash out of what `across` gave beside `keyed`; None once either year's key is destroyed."""
        self._refresh()
        before, _, masked = across.partition(":")
        mask = self._mask(before, keyed)
        if mask is None or len(masked) != 2 * len(mask):
            return None
        return f"{before}:{_xor(bytes.fromhex(masked), mask)}"

    def _mask(self, before: str, keyed: str) -> bytes | None:
        """A mask of 32 bytes that takes both keys: last year's, named `before`, and that of the hash `keyed`."""
        secrets_of = {k.id: k.secret for k in self._keys if k.secret is not None}
        last, this = secrets_of.get(before), secrets_of.get(keyed.partition(":")[0])
        if last is None or this is None:
            return None
        message = b"across\0" + keyed.encode()
        return hmac.new(bytes.fromhex(last) + bytes.fromhex(this), message, hashlib.sha256).digest()

    def all_keys(self) -> tuple[IdentifierKey, ...]:
        """All keys ever made, by year and number, destroyed ones without their secret."""
        self._refresh()
        return self._keys

    def rotate(self, year: int) -> IdentifierKey:
        """Makes a new key for the year; from now on it is the one that hashes. The old ones stay."""
        with self._locked():
            return self._make(year)

    def destroy(self, year: int) -> tuple[str, ...]:
        """Destroys all keys of the year; returns their ids. InvalidInput when it has none to destroy.

        What was hashed stays in the log but can no longer be linked to a person or to later hashes.
        """
        with self._locked():
            doomed = tuple(k.id for k in self._keys if k.year == year and k.alive)
            if not doomed:
                raise InvalidInput(f"the year {year} has no key that could be destroyed")
            at = format_rfc3339(self._clock())
            left = tuple(replace(k, secret=None, destroyed_at=at) if k.id in doomed else k for k in self._keys)
            with overwritten(self._path):
                self._store(left)
            return doomed

    def _of_year(self, year: int) -> tuple[str, bytes]:
        if year not in self._current:
            with self._locked():
                if year not in self._current:
                    self._make(year)
        return self._current[year]

    def _make(self, year: int) -> IdentifierKey:
        if not 1970 <= year < 2200:
            raise InvalidInput(f"there is no key for the year {year}: give one between 1970 and 2199")
        number = 1 + max((k.number for k in self._keys if k.year == year), default=0)
        made = IdentifierKey(
            f"k{year}-{number}",
            year,
            number,
            format_rfc3339(self._clock()),
            secrets.token_hex(_SECRET_BYTES),
        )
        self._store((*self._keys, made))
        return made

    def _take(self, keys: tuple[IdentifierKey, ...]) -> None:
        self._keys = tuple(sorted(keys, key=lambda k: (k.year, k.number)))
        alive = [(k.year, k.id, bytes.fromhex(k.secret)) for k in self._keys if k.secret is not None]
        self._current = {year: (key_id, secret) for year, key_id, secret in alive}
        self._oldest = {year: secret for year, _, secret in reversed(alive)}

    def _store(self, keys: tuple[IdentifierKey, ...]) -> None:
        self._take(keys)
        if self._path is not None:
            _write(self._path, self._keys)
            self._seen = _mark(self._path)

    def _refresh(self) -> None:
        """Reads the file again when it is not the one last read."""
        if self._path is None:
            return
        mark = _mark(self._path)
        if mark != self._seen or mark is None:
            if mark is None and self._seen is not None:
                raise InvalidInput(f"the key file {self._path} has gone while it was in use: restore it")
            try:
                self._take(_read(self._path))
            except InvalidInput:
                if _mark(self._path) == mark:
                    raise
                # Replaced while it was read, and the former bytes overwritten: the new file counts.
                self._take(_read(self._path))
            self._seen = mark

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among the processes that share the file, with its newest content."""
        if self._path is None:
            yield
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._refresh()
            yield


def _message(value: str, purpose: str) -> bytes:
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if purpose == "officer":
        text = text.casefold()
    if purpose == "applicant":  # a number: the same with and without spaces
        text = text.replace(" ", "").casefold()
    return f"{purpose}\0{text}".encode("utf-8", "replace")


def _xor(left: bytes, right: bytes) -> str:
    return bytes(a ^ b for a, b in zip(left, right, strict=True)).hex()


def _mark(path: Path) -> tuple[int, int] | None:
    """Tells one version of the file from another: it is always replaced whole."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(path: Path) -> tuple[IdentifierKey, ...]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return tuple(_key(entry) for entry in content["keys"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"the key file {path} cannot be read ({type(error).__name__}): restore it from where keys are kept, "
            "do not make a new one, or hashes of one person will no longer match"
        ) from error


def _key(entry: dict[str, Any]) -> IdentifierKey:
    key = IdentifierKey(
        str(entry["id"]),
        int(entry["year"]),
        int(entry["number"]),
        str(entry["created_at"]),
        entry.get("secret"),
        entry.get("destroyed_at"),
    )
    if key.secret is not None and len(bytes.fromhex(key.secret)) < _SECRET_BYTES:
        raise ValueError("short secret")
    return key


@contextmanager
def overwritten(path: Path | None) -> Iterator[None]:
    """Overwrites the file's former bytes after the block has replaced it, as far as the disk does what it is
    told."""
    if path is None:
        yield
        return
    with path.open("rb+") as former:
        yield
        former.write(bytes(os.fstat(former.fileno()).st_size))
        former.flush()
        os.fsync(former.fileno())


def _write(path: Path, keys: tuple[IdentifierKey, ...]) -> None:
    """Replaces the file whole, readable by its owner only, on disk before it counts."""
    entries = [
        {
            "id": k.id,
            "year": k.year,
            "number": k.number,
            "created_at": k.created_at,
            "secret": k.secret,
            "destroyed_at": k.destroyed_at,
        }
        for k in keys
    ]
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".identifiers-")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"version": _FILE_VERSION, "keys": entries}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
