"""The durable state of one partition: subjects, cells, documents and the position, in one LMDB folder.

Everything of a batch is committed in one transaction, after its output was acknowledged, and only if the stored
position is still the one that the batch started from. The folder may be deleted at any time: it is refolded.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import lmdb
import msgspec
from msgspec import Struct

from domain.conditions import Condition
from domain.daily import DayBookings
from domain.errors import Refused, Unavailable
from domain.facts import Fact, Facts, Packed
from domain.fold import Folded
from domain.instants import Millis
from eventlog.durable import sync_folder
from stream.resident import trim

MAP_SIZE = 1 << 36
"""64 GiB of address space; the file grows only as it fills."""
WARM_CELLS = 20_000
"""Cells kept decoded beside the file, about 20 MB: those of recent days are touched again and again."""
_LONGEST_KEY = 440
_LMDB_DATA, _LMDB_LOCK = "data.mdb", "lock.mdb"
WANTED = "wanted"
"""A file in a state folder: another process waits for it."""

SubjectKey = tuple[str, str]
"""(kind, subject)."""
CellKey = tuple[Any, ...]
"""(grain, then the key columns of that grain)."""


class Subject(Struct, array_like=True, frozen=True, gc=False):
    """What is kept of one subject: its facts, and what they came to, from which the next rows are told apart.

    Of a dossier that is `folded`; of a petition the dimensions and days under which it is booked, and its
    conditions; of a procedure its conditions.
    """

    kind: str
    subject: str
    packed: Packed
    folded: Folded | None = None
    dimensions: tuple[str, str, str] = ("", "", "")
    booked: DayBookings = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def facts(self) -> Facts:
        """Its facts in canonical order."""
        return self.packed.facts()

    @property
    def by_day(self) -> DayBookings:
        """Its bookings."""
        return self.folded.by_day if self.folded is not None else self.booked


@cache
def _schema() -> bytes:
    """Names the form of what is stored, down to the fields of the fold's own values."""
    return hashlib.blake2b(repr(msgspec.inspect.type_info(Subject)).encode(), digest_size=12).digest()


class Sweep(Struct, array_like=True, frozen=True, gc=False):
    """A reference document being applied to all subjects, slice by slice: the record's offset, the last key
    done, the sequence number of the next change record, and whether only cells are left to emit."""

    offset: int
    cursor: bytes
    seq: int
    cells: bool = False


class Position(Struct, array_like=True, frozen=True, gc=False):
    """What the state has durably applied: the last offset (−1: nothing) and the hash of that record's value,
    the running maximum of append time, the log clock, and a sweep under way at `offset + 1`."""

    log_id: str
    fingerprint: str
    offset: int = -1
    record_hash: bytes = b""
    known_at: Millis = 0
    clock: Millis = 0
    sweep: Sweep | None = None


_encode = msgspec.msgpack.Encoder().encode
_subject = msgspec.msgpack.Decoder(Subject)
_position = msgspec.msgpack.Decoder(Position)
_cell = msgspec.msgpack.Decoder(list[int])
_facts = msgspec.msgpack.Decoder(tuple[str, str, tuple[Fact, ...]])
_key = msgspec.msgpack.Decoder(tuple[Any, ...])


def record_hash(value: bytes) -> bytes:
    """The hash of a record's value, kept beside the position to notice a replaced log."""
    return hashlib.blake2b(value, digest_size=16).digest()


class StateStore:
    """One open state folder, locked for this process. Reads see the uncommitted batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(folder)
        if _lost_power(folder):
            _empty(folder)
        try:
            with _disk_errors(folder):
                self._open()
        except BaseException:
            self._lock.close()
            raise
        self._new_subjects: dict[bytes, Subject] = {}
        self._asked: tuple[str, str, bytes] = ("", "", b"")
        """The subject that was asked for last, and its key: it is what is put next."""
        self._new_cells: dict[CellKey, list[int]] = {}
        self._warm_cells: dict[CellKey, list[int]] = {}
        self._reading: lmdb.Transaction | None = None
        self._new_documents: dict[SubjectKey, Facts] = {}
        self._new_dirty: set[CellKey] = set()
        self._done_dirty: list[bytes] = []

    def _open(self) -> None:
        folder = str(self.folder)
        _mark(self.folder, clean=False)
        self._env = lmdb.open(folder, map_size=MAP_SIZE, max_dbs=5, sync=False, metasync=False, subdir=True)
        self._meta = self._env.open_db(b"meta")
        self._subjects = self._env.open_db(b"subjects")
        self._cells = self._env.open_db(b"cells")
        self._documents = self._env.open_db(b"documents")
        self._dirty = self._env.open_db(b"dirty")
        self._keep_schema()
        self.position: Position | None = self._read_position()

    def copy_to(self, path: Path) -> Position:
        """Writes the last commit, compacted and forced to disk, as one file; returns its position. May be called
        from another thread while batches go on."""
        with path.open("wb") as file:
            self._env.copyfd(file.fileno(), compact=True)
            os.fsync(file.fileno())
        return position_of(path)

    def replace_by(self, path: Path) -> None:
        """Takes a file that `copy_to` wrote in the place of what is stored."""
        self.rollback()
        self._env.close()
        (self.folder / _LMDB_LOCK).unlink(missing_ok=True)
        os.replace(path, self.folder / _LMDB_DATA)
        self._open()

    def clear(self) -> None:
        """Forgets everything: the log is folded from its beginning."""
        self.rollback()
        self._env.close()
        for name in (_LMDB_DATA, _LMDB_LOCK):
            (self.folder / name).unlink(missing_ok=True)
        self._open()

    def close(self) -> None:
        """Flushes to disk, leaves the clean-close mark, releases the lock."""
        try:
            self._stop_reading()
            self._env.sync(True)
            self._env.close()
            with suppress(OSError):  # a full disk: without the mark the folder is refolded after a crash
                _mark(self.folder, clean=True)
        finally:
            self._lock.close()

    def _keep_schema(self) -> None:
        """Empties a state that another release stored in another form: it is folded anew, never misread."""
        with self._env.begin(write=True) as txn:
            if txn.get(b"schema", db=self._meta) == _schema():
                return
            for database in (self._subjects, self._cells, self._documents, self._dirty, self._meta):
                txn.drop(database, delete=False)
            txn.put(b"schema", _schema(), db=self._meta)

    def _read_position(self) -> Position | None:
        with self._env.begin(db=self._meta) as txn:
            found = txn.get(b"position")
        return _position.decode(found) if found else None

    def _read(self) -> Any:
        """One transaction for all reads of a batch: as of the last commit."""
        if self._reading is None:
            self._reading = self._env.begin()
        return self._reading

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.abort()
            self._reading = None

    def subject(self, kind: str, subject: str) -> Subject | None:
        """A subject as of the present batch."""
        key = subject_key(kind, subject)
        self._asked = (kind, subject, key)
        new = self._new_subjects.get(key)
        if new is not None:
            return new
        found = self._read().get(key, db=self._subjects)
        return _subject.decode(found) if found else None

    def put_subject(self, subject: Subject) -> None:
        """Keeps a subject for the commit."""
        kind, name, key = self._asked
        if name is not subject.subject or kind != subject.kind:
            key = subject_key(subject.kind, subject.subject)
        self._new_subjects[key] = subject

    def cell(self, key: CellKey, width: int) -> list[int]:
        """A cell's values, mutable, part of the present batch from now on."""
        cell = self._new_cells.get(key)
        if cell is None:
            cell = self._warm_cells.get(key)
            if cell is None:
                found = self._read().get(_short(_encode(key)), db=self._cells)
                cell = _cell.decode(found) if found else [0] * width
            self._new_cells[key] = cell
        return cell

    def documents(self) -> dict[SubjectKey, Facts]:
        """All reference documents as of the present batch."""
        with self._env.begin(db=self._documents) as txn:
            stored = [_facts.decode(value) for _, value in txn.cursor()]
        return {**{(kind, name): facts for kind, name, facts in stored}, **self._new_documents}

    def put_document(self, key: SubjectKey, facts: Facts) -> None:
        """Keeps a document's facts for the commit."""
        self._new_documents[key] = facts

    def mark_dirty(self, keys: set[CellKey]) -> None:
        """Remembers cells whose rows are emitted at the end of a sweep."""
        self._new_dirty |= keys

    def subjects_after(self, cursor: bytes, count: int) -> list[tuple[bytes, Subject]]:
        """The next stored subjects in key order, for a sweep. The batch must be committed before."""
        found: list[tuple[bytes, Subject]] = []
        with self._env.begin(db=self._subjects) as txn:
            walk = txn.cursor()
            more = walk.set_range(cursor + b"\0") if cursor else walk.first()
            while more and len(found) < count:
                found.append((walk.key(), _subject.decode(walk.value())))
                more = walk.next()
        return found

    def dirty_after(self, cursor: bytes, count: int) -> list[tuple[bytes, CellKey]]:
        """The next cells to emit at the end of a sweep."""
        found: list[tuple[bytes, CellKey]] = []
        with self._env.begin(db=self._dirty) as txn:
            walk = txn.cursor()
            more = walk.set_range(cursor + b"\0") if cursor else walk.first()
            while more and len(found) < count:
                found.append((walk.key(), _key.decode(walk.value())))
                more = walk.next()
        return found

    def forget_dirty(self, keys: list[bytes]) -> None:
        """Cells whose rows are in this batch's output."""
        self._done_dirty += keys

    def commit(self, position: Position) -> None:
        """Writes the batch with its position, in one transaction.

        Refused when the stored position is not the one this batch started from: another process has it.
        Unavailable when the disk does not take it: nothing has changed, it may be called again.
        """
        self._stop_reading()
        with _disk_errors(self.folder), self._env.begin(write=True) as txn:
            found = txn.get(b"position", db=self._meta)
            stored = _position.decode(found) if found else None
            if stored != self.position:
                raise Refused(f"the state in {self.folder} was moved on by another process: stop one of the two")
            _put(txn, self._subjects, [(key, _encode(s)) for key, s in self._new_subjects.items()])
            _put(txn, self._cells, [(_short(_encode(k)), _encode(v)) for k, v in self._new_cells.items()])
            for (kind, name), facts in self._new_documents.items():
                txn.put(subject_key(kind, name), _encode((kind, name, facts)), db=self._documents)
            for cell_key in self._new_dirty:
                txn.put(_short(_encode(cell_key)), _encode(cell_key), db=self._dirty)
            for key in self._done_dirty:
                txn.delete(key, db=self._dirty)
            txn.put(b"position", _encode(position), db=self._meta)
        self.position = position
        if len(self._warm_cells) > WARM_CELLS:
            self._warm_cells = {}
        self._warm_cells.update(self._new_cells)
        self._clear()
        trim(self.folder / _LMDB_DATA)

    def rollback(self) -> None:
        """Forgets the uncommitted batch, and the warm cells that it may have changed."""
        self._stop_reading()
        self._warm_cells = {}
        self._clear()

    def _clear(self) -> None:
        self._new_subjects = {}
        self._new_cells = {}
        self._new_documents = {}
        self._new_dirty = set()
        self._done_dirty = []

    def all_subjects(self) -> Iterator[Subject]:
        """Every stored subject, for comparisons."""
        with self._env.begin(db=self._subjects) as txn:
            for _, value in txn.cursor():
                yield _subject.decode(value)


def _put(txn: Any, database: Any, found: list[tuple[bytes, bytes]]) -> None:
    """Writes them in order of key: neighbours stand on one page."""
    found.sort(key=itemgetter(0))
    with txn.cursor(db=database) as cursor:
        cursor.putmulti(found)


def position_of(path: Path) -> Position:
    """The position in a file that `copy_to` wrote; Refused when there is none."""
    with lmdb.open(str(path), subdir=False, readonly=True, lock=False, max_dbs=5) as env:
        meta = env.open_db(b"meta", create=False)
        with env.begin(db=meta) as txn:
            found = txn.get(b"position")
    if found is None:
        raise Refused(f"{path} holds no position")
    return _position.decode(found)


def subject_key(kind: str, subject: str) -> bytes:
    """The key of a subject, in LMDB's limit of 511 bytes."""
    return _short(f"{kind}\0{subject}".encode())


def _short(key: bytes) -> bytes:
    if len(key) <= _LONGEST_KEY:
        return key
    return key[:_LONGEST_KEY] + hashlib.blake2b(key, digest_size=16).digest()


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """A disk that is full or fails is waited out: Unavailable, in words."""
    try:
        yield
    except (lmdb.DiskError, lmdb.MapFullError, OSError) as error:
        why = getattr(error, "strerror", None) or str(error).rpartition(": ")[2]
        raise Unavailable(f"the disk of the state folder {folder} takes nothing ({why}): make room") from error


def _take_lock(folder: Path) -> IO[str]:
    """Locks the folder. Where another process has it, that one is told that it is wanted."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        (folder / WANTED).touch()
        raise Unavailable(f"the state folder {folder} is in use by another worker") from error
    (folder / WANTED).unlink(missing_ok=True)
    return lock


def is_wanted(folder: Path) -> bool:
    """Whether another process has tried to open this state since it was opened here."""
    return (folder / WANTED).exists()


def is_free(folder: Path) -> bool:
    """Whether no process holds this state."""
    try:
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"


def _mark(folder: Path, *, clean: bool) -> None:
    """That it is open stands on the disk before anything else is written: an older mark would call a torn state
    clean. A clean mark that is lost costs a refold only."""
    temporary = folder / "boot.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(f"{_boot_id()} {'clean' if clean else 'open'}\n")
        file.flush()
        if not clean:
            os.fsync(file.fileno())
    os.replace(temporary, folder / "boot")
    if not clean:
        sync_folder(folder)


def _lost_power(folder: Path) -> bool:
    """Whether the folder was open when another boot ended: without fsync, it may be torn."""
    mark = folder / "boot"
    if not mark.exists():
        return False
    boot, _, how = mark.read_text().strip().partition(" ")
    return how != "clean" and boot != _boot_id()


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name == "lock":
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
