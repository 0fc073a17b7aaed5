"""Snapshots of a partition's state, for a worker that lacks it: a moved partition, a lost disk, a power cut.

A snapshot is a compacted copy of the state as of one commit, with a checksum and the position beside it. It only
saves folding: it is taken over when the log still holds, at its position, the record that it was folded from, and
left alone otherwise. Whoever holds the partition takes it, on a thread of its own.
"""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from stream.state import Position, StateStore

log = logging.getLogger(__name__)
_CHUNK = 8 << 20
_MANIFEST = "snapshot.json"


class Manifest(Struct, frozen=True, kw_only=True):
    """What a snapshot is: its file, size in bytes, BLAKE2b of them, and where it stands in the log."""

    file: str
    size: int
    digest: str
    position: Position


def newest(folder: Path) -> Manifest | None:
    """The snapshot of a partition's snapshot folder; None without one, or when it cannot be read."""
    try:
        return msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("the snapshot in %s cannot be read (%s): the log will be folded instead", folder, error)
        return None


def take(store: StateStore, folder: Path) -> Manifest:
    """Copies the last commit of an open state into the folder, whole or not at all; the earlier one goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for torn in folder.glob("*.part"):
        torn.unlink(missing_ok=True)
    room, size = shutil.disk_usage(folder).free, (store.folder / "data.mdb").stat().st_size
    if room < 2 * size:
        raise OSError(f"{room / 1e6:.0f} MB are free, a snapshot leaves room only above {2 * size / 1e6:.0f} MB")
    fresh = folder / f"{os.getpid()}-{time.time_ns()}.part"
    try:
        position = store.copy_to(fresh)
        digest, size = _digest(fresh)
        target = fresh.with_suffix(".mdb")
        fresh.rename(target)
        manifest = Manifest(file=target.name, size=size, digest=digest, position=position)
        _write(folder / _MANIFEST, msgspec.json.encode(manifest))
    finally:
        fresh.unlink(missing_ok=True)
    for old in folder.glob("*.mdb"):
        if old.name != target.name:
            old.unlink(missing_ok=True)
    return manifest


def take_over(store: StateStore, folder: Path, least: int, is_of_log: Callable[[Position], bool]) -> bool:
    """Replaces a state that is at least so many records behind the snapshot; whether it did.

    A snapshot that is damaged, or that `is_of_log` does not know, is left alone: the log is folded.
    """
    manifest = newest(folder)
    held = store.position.offset if store.position is not None else -1
    if manifest is None or manifest.position.offset - held < least or not is_of_log(manifest.position):
        return False
    source, copy = folder / manifest.file, store.folder / "taken.part"
    began = time.monotonic()
    try:
        if _digest(source, copy) != (manifest.digest, manifest.size):
            log.warning("the snapshot %s is damaged: the log will be folded instead", source)
            return False
        store.replace_by(copy)
    except OSError as error:
        log.warning("the snapshot %s cannot be taken over (%s): the log will be folded instead", source, error)
        return False
    finally:
        copy.unlink(missing_ok=True)
    if store.position != manifest.position:
        log.warning("the snapshot %s is not what it says: the log will be folded instead", source)
        store.clear()
        return False
    seconds = time.monotonic() - began
    log.warning("took over %s at offset %d, %.1f s", source, manifest.position.offset, seconds)
    return True


class Snapshots:
    """Takes snapshots of one open state now and then, beside its use."""

    def __init__(self, store: StateStore, folder: Path, every_s: float, least: int) -> None:
        self._store, self._folder = store, folder
        self._every_s, self._least = every_s, least
        found = newest(folder)
        self._at = found.position.offset if found is not None else -1
        self._when = time.monotonic()
        self._thread: threading.Thread | None = None

    def consider(self) -> None:
        """Begins one when it is time and enough was folded since the last; called after commits."""
        position = self._store.position
        if (
            position is None
            or position.sweep is not None
            or position.offset - self._at < self._least
            or time.monotonic() - self._when < self._every_s
            or (self._thread is not None and self._thread.is_alive())
        ):
            return
        self._at, self._when = position.offset, time.monotonic()
        self._thread = threading.Thread(target=self._take, name="snapshot", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Waits for one under way: the state must stay open under it."""
        if self._thread is not None:
            self._thread.join()

    def _take(self) -> None:
        try:
            take(self._store, self._folder)
        except Exception as error:  # a full disk or a share that is away must not stop the fold
            log.warning("no snapshot of %s was taken: %s", self._store.folder, error)


def _digest(source: Path, copy: Path | None = None) -> tuple[str, int]:
    """The digest and size of a file, copied on the way where a copy is wanted."""
    digest, size = hashlib.blake2b(digest_size=32), 0
    out = copy.open("wb") if copy is not None else None
    try:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if out is not None:
                    out.write(chunk)
    finally:
        if out is not None:
            out.close()
    return digest.hexdigest(), size


def _write(path: Path, value: bytes) -> None:
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
