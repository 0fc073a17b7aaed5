"""Scrubbing: what was erased in an installation is erased in its backups and in copies of its keys, too.

The logs in a backup hold hashes only and are not touched. Interrupted, it is run again: until then `backup verify`
may call the private store's copy damaged.
"""

import json
from pathlib import Path

from msgspec.structs import replace

from domain.errors import Refused
from ops.backup.files import IDENTIFIERS, KEY_LIST, check_keys
from ops.backup.logs import EVENTS
from ops.backup.manifest import StateFile, file_sha256, read_manifest, write_durably, write_manifest
from ops.backup.taking import held
from ops.configs import PRIVATE
from ops.erasing import FILE, Erasure, erase_in_keys, erase_in_store, read_erasures


def scrub_backup(folder: Path, erasures: tuple[Erasure, ...]) -> int:
    """Takes erased notes out of a backup's private store; how many. InvalidInput where there is no backup, Refused
    when it is damaged or in use."""
    with held(folder):
        manifest = read_manifest(folder)
        path = manifest.path_of(folder, PRIVATE)
        if path is None:
            return 0
        found = erase_in_store(path, erasures)
        files = tuple(_again(folder, file) if file.name == PRIVATE else file for file in manifest.files)
        if files != manifest.files:
            write_manifest(folder, replace(manifest, files=files))
        return found


def _again(folder: Path, file: StateFile) -> StateFile:
    path = folder / file.file
    return replace(file, bytes=path.stat().st_size, sha256=file_sha256(path))


def scrub_keys(folder: Path, erasures: tuple[Erasure, ...]) -> int:
    """Takes destroyed keys out of a copy of the keys, and leaves the list of erasures with it; how many keys."""
    listed = json.loads(_list_file(folder).read_bytes())
    check_keys(folder, listed["log_id"])
    found = erase_in_keys(folder / IDENTIFIERS, erasures)
    known = read_erasures(folder / FILE)
    lines = [json.dumps(_plain(one)) for one in dict.fromkeys((*known, *erasures))]
    if lines:
        write_durably(folder / FILE, ("\n".join(lines) + "\n").encode())
    names = sorted({*(file["name"] for file in listed["files"]), *([FILE] if lines else [])})
    listed["files"] = [{"name": name, "sha256": file_sha256(folder / name)} for name in names]
    write_durably(folder / KEY_LIST, (json.dumps(listed, indent=1) + "\n").encode())
    return found


def log_of_backup(folder: Path) -> str:
    """The identity of the log that a backup holds."""
    return read_manifest(folder).log_ids[EVENTS]


def _list_file(folder: Path) -> Path:
    path = folder / KEY_LIST
    if not path.exists():
        raise Refused(f"there are no copied keys in {folder}: it has no {KEY_LIST}")
    return path


def _plain(erasure: Erasure) -> dict[str, str]:
    return {"kind": erasure.kind, "id": erasure.id, "decision": erasure.decision, "at": erasure.at}
