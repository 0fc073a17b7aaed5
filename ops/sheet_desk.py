"""The board's page for spreadsheets brings files in through this: each look or import in a process of its own.

A workbook from anybody's hands may be large or broken; parsed here it would hold up every answer of the API. The
child says JSON lines: `progress` while it works, at the end one `report` or one `error`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dashboards.board.sheets import Asked, Progress
from domain.errors import Gs766Error, InvalidInput
from ops.settings import Settings, load
from producers.sheets.sheet_mapping import SheetMapping, load_sheet_mapping, save_sheet_mapping

MAPPING = "excel.toml"
_ENDED = "the import ended by itself; the rows that it brought in stay, and the file may be brought in again"


class SheetDesk:
    """Implements `dashboards.board.sheets.Desk` over the data folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # What a killed server left behind.
        shutil.rmtree(settings.data / "uploads", ignore_errors=True)

    @property
    def mapping_file(self) -> Path:
        """Where it is remembered how this province's files are read: shared with the watched folder."""
        watched = self._settings.watch_mapping
        return Path(watched).expanduser() if watched else self._settings.data / MAPPING

    def folder(self) -> Path:
        """Where uploaded files lie until they are dealt with, for their owner only."""
        found = self._settings.data / "uploads"
        found.mkdir(mode=0o700, exist_ok=True)
        return found

    def source(self) -> str:
        """The name under which what is brought in stands in the log."""
        return self._mapping().source

    def look(self, file: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
        """A dry run: the report, `samples` beside it. InvalidInput where the file cannot be used."""
        return self._run(file, asked, progress, dry_run=True)

    def bring(self, file: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
        """The import; returns when its rows are queryable. What was answered is remembered for the next file."""
        found = self._run(file, asked, progress, dry_run=False)
        answered = self._answered(asked)
        if answered != self._mapping():
            save_sheet_mapping(self.mapping_file, answered)
        return found

    def _mapping(self) -> SheetMapping:
        path = self.mapping_file
        return load_sheet_mapping(path) if path.exists() else SheetMapping()

    def _answered(self, asked: Asked) -> SheetMapping:
        known = self._mapping()
        columns = {**known.columns, **asked.columns}
        return replace(known, columns=columns, unit=asked.unit or known.unit).with_status(asked.status)

    def _run(self, file: Path, asked: Asked, progress: Progress, *, dry_run: bool) -> dict[str, Any]:
        mapping = file.with_suffix(".toml")
        save_sheet_mapping(mapping, self._answered(asked))
        job = {
            "file": str(file), "mapping": str(mapping), "exported_at": asked.exported_at or None,
            "actor": asked.actor, "dry_run": dry_run,
        }  # fmt: skip
        environ = {**os.environ, **self._settings.to_environment()}
        command = [sys.executable, "-m", "ops.sheet_desk"]
        child = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert child.stdin is not None
        assert child.stdout is not None
        with child:
            try:
                with suppress(BrokenPipeError):
                    child.stdin.write(json.dumps(job))
                    child.stdin.close()
                return _answer(child.stdout, progress)
            finally:
                if child.poll() is None and not _finished(child):
                    child.terminate()


def _finished(child: "subprocess.Popen[str]") -> bool:
    with suppress(subprocess.TimeoutExpired):
        child.wait(10)
        return True
    return False


def _answer(lines: Any, progress: Progress) -> dict[str, Any]:
    for line in lines:
        try:
            said: Mapping[str, Any] = json.loads(line)
        except ValueError:
            continue
        if "progress" in said:
            progress(*said["progress"])
        elif "error" in said:
            raise InvalidInput(said["error"])
        elif "report" in said:
            return dict(said["report"])
    raise InvalidInput(_ENDED)


def _say(**words: Any) -> None:
    print(json.dumps(words, ensure_ascii=False), flush=True)


def main() -> None:
    """The child: one job from stdin."""
    from ops.sheet_importing import import_spreadsheets

    job = json.load(sys.stdin)
    try:
        report = import_spreadsheets(
            load(os.environ),
            [Path(job["file"])],
            Path(job["mapping"]),
            exported_at=job["exported_at"],
            wait=not job["dry_run"],
            dry_run=job["dry_run"],
            rejected_dir=Path(job["file"]).parent,
            actor=job["actor"],
            progress=lambda what, done, whole: _say(progress=[what, done, whole]),
        )
    except Gs766Error as error:
        _say(error=str(error))
        return
    samples = [[list(s) for s in sheet.samples] for sheet in report.sheets]
    _say(report={**report.as_json(), "samples": samples})


if __name__ == "__main__":
    main()
