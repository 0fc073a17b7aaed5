"""A watched folder: each new file is imported once it is complete, and moved away with a report beside it.

A file stays where it is until its import has ended: killed at any moment, the next watch imports it again, and
what entered before is no event a second time.
"""

import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import Gs766Error, InvalidInput, Unavailable
from ops import exits
from ops.portal_importing import import_portal_files, looks_like_json
from ops.settings import Settings
from ops.sheet_importing import import_spreadsheets

log = logging.getLogger(__name__)
DONE, REJECTED = "done", "rejected"
EVERY_SECONDS = 5.0
_SKIPPED = (".", "~$", "~")
_UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", ".filepart")
Import = Callable[[Path, Path], "Outcome"]
"""Imports one file; rejected lines go into the folder given. Raises InvalidInput, Unavailable."""


class Outcome(NamedTuple):
    """What came of a file: whether anything of it could be used, and its report."""

    usable: bool
    report: dict[str, Any]


class Moved(NamedTuple):
    """A file that was dealt with: where it lies now, and where its report."""

    path: Path
    report: Path
    usable: bool


class FolderWatch:
    """`poll` looks once. A file is complete when it looks the same at two polls (a copy grows, a rename does not).

    InvalidInput when the folder cannot be used.
    """

    def __init__(self, folder: Path, bring: Import) -> None:
        self._folder = folder
        self._bring = bring
        self._seen: dict[str, tuple[int, int, int]] = {}
        try:
            if not folder.is_dir():
                raise InvalidInput(f"{folder} is not a folder")
            for name in (DONE, REJECTED):
                (folder / name).mkdir(exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"{folder} cannot be used: {error.strerror or error}") from error

    def poll(self, enough: Callable[[], bool] = lambda: False) -> list[Moved]:
        """Imports what is complete, the oldest first, until somebody says that it is enough. Unavailable leaves
        the files where they are."""
        now = self._listed()
        complete = [name for name, stamp in now.items() if self._seen.get(name) == stamp]
        self._seen = now
        moved = []
        for name in sorted(complete, key=lambda n: (now[n][1], n)):
            if enough():
                break
            moved.append(self._one(self._folder / name))
            self._seen.pop(name, None)
        return moved

    @property
    def waiting(self) -> int:
        """Files that lie there and may not be complete yet."""
        return len(self._seen)

    def _listed(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith(_SKIPPED) or entry.name.lower().endswith(_UNFINISHED):
                        continue
                    if entry.is_file(follow_symlinks=False):
                        about = entry.stat(follow_symlinks=False)
                        if about.st_size:
                            found[entry.name] = (about.st_size, about.st_mtime_ns, about.st_ino)
        except OSError as error:
            raise InvalidInput(f"{self._folder} cannot be read: {error.strerror or error}") from error
        return found

    def _one(self, path: Path) -> Moved:
        try:
            outcome = self._bring(path, self._folder / DONE)
        except Unavailable:
            raise
        except Gs766Error as error:
            outcome = Outcome(False, {"error": str(error)})
        target = _free(self._folder / (DONE if outcome.usable else REJECTED), path.name)
        report = target.with_name(target.name + ".report.json")
        fresh = report.with_name(f".{report.name}.part")
        fresh.write_text(json.dumps({"file": path.name, **outcome.report}, ensure_ascii=False, indent=2), "utf-8")
        fresh.replace(report)
        path.replace(target)
        log.info("%s: %s", "imported" if outcome.usable else "rejected", target.name)
        return Moved(target, report, outcome.usable)


def _free(folder: Path, name: str) -> Path:
    """A name that nothing in the folder has: x.xlsx, x (2).xlsx, …"""
    target, n = folder / name, 1
    while target.exists():
        n += 1
        target = folder / f"{Path(name).stem} ({n}){Path(name).suffix}"
    return target


def importer(settings: Settings, mapping: Path | None) -> Import:
    """Imports spreadsheets and files of wire records alike, told apart by what they hold."""

    def bring(path: Path, rejected_dir: Path) -> Outcome:
        if looks_like_json(path):
            core = import_portal_files(settings, [path], rejected_dir=rejected_dir)
            return Outcome(not core.all_rejected, core.as_json())
        report = import_spreadsheets(settings, [path], mapping, rejected_dir=rejected_dir)
        return Outcome(not report.core.all_rejected, report.as_json())

    return bring


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> int:
    """The part `watch`: looks until it is told to stop. Kafka away: the files wait."""
    mapping = Path(settings.watch_mapping).expanduser() if settings.watch_mapping else None
    watched = FolderWatch(Path(settings.watch).expanduser(), importer(settings, mapping))
    ready()
    while not stop.is_set():
        try:
            watched.poll()
        except Unavailable as error:
            log.warning("the files wait: %s", error)
        stop.wait(EVERY_SECONDS)
    return exits.HOLDS
