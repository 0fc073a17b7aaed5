"""What a backup holds besides the logs: private store, small files, spool; and keys, which go elsewhere."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput, Refused
from eventlog.durable import sync_folder
from ops.backup.manifest import StateFile, file_sha256, write_durably
from ops.configs import DELIVERY, PRIVATE
from ops.demo_place import NAME as DEMO
from ops.settings import FILE as SETTINGS
from ops.settings import Settings

GENERATION = "generation.json"
SPOOL = "spool"
IMPORTS = "imports.sqlite"
PLAIN = (SETTINGS, GENERATION, DEMO, DELIVERY)
SEALS = ("seal/checkpoints.jsonl", "seal/witnesses.jsonl")
KEY_LIST = "keys.json"
IDENTIFIERS = "identifiers.json"


def copy_spool(data: Path, target: Path) -> None:
    """Copies what waits for Kafka, so that what the copy holds can be opened as a spool.

    Call it before the log's ends are read: what leaves the spool meanwhile is then in the log's range. The
    position first (an older one only sends records twice, under the same ids), then segments from the newest
    down, since they are deleted from the oldest up.
    """
    segments = sorted((data / SPOOL).glob("*.spool"), reverse=True)
    if not segments:
        return
    (target / SPOOL).mkdir(parents=True)
    for path in (data / SPOOL / "position", *segments):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        write_durably(target / SPOOL / path.name, content)


def copy_memory(data: Path, target: Path) -> None:
    """Copies what importers remember to have sent. Call it before the spool is copied: what it calls sent is then
    in the spool's copy or in the log's range. The other way round, a record that only it knew would never be sent
    again."""
    _copy_sqlite(data / IMPORTS, target / IMPORTS)


def copy_seals(data: Path, target: Path) -> None:
    """Copies the chain of checkpoints and the witnesses' signatures. Call it before the log's ends are read: what
    they seal is then in the log's range."""
    for name in SEALS:
        if (data / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            write_durably(target / name, (data / name).read_bytes())


def copy_state(data: Path, target: Path) -> None:
    """Copies the private store and the small files. Call it after the log's ends were read: then nothing in the
    log's range refers to words that the copy lacks."""
    copy_private(data / PRIVATE, target / PRIVATE)
    for name in PLAIN:
        if (data / name).exists():
            write_durably(target / name, (data / name).read_bytes())


def copy_private(source: Path, target: Path) -> None:
    """A consistent copy of the private store while others write to it."""
    _copy_sqlite(source, target)


def _copy_sqlite(source: Path, target: Path) -> None:
    """VACUUM INTO, not the online backup's pages: those would carry the free pages too, in which erased words
    stand."""
    if not source.exists():
        return
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=30, isolation_level=None)) as db:
            db.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise Refused(f"{source} cannot be copied: {error}") from error
    target.chmod(0o600)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    sync_folder(target.parent)


def private_fault(path: Path) -> str:
    """Why a copy of the private store cannot be used, '' when it can."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            found = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else found


def state_files(folder: Path, state: Path) -> tuple[StateFile, ...]:
    """What the manifest says of the files in a state folder."""
    paths = sorted(path for path in state.rglob("*") if path.is_file())
    return tuple(
        StateFile(
            file=path.relative_to(folder).as_posix(),
            name=path.relative_to(state).as_posix(),
            bytes=path.stat().st_size,
            sha256=file_sha256(path),
        )
        for path in paths
    )


def put_state(folder: Path, files: tuple[StateFile, ...], data: Path) -> None:
    """Puts files of a backup into a data folder; the settings are the caller's to put last."""
    for found in files:
        if found.name != SETTINGS:
            target = data / found.name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_durably(target, (folder / found.file).read_bytes())
    generation = data / GENERATION
    if generation.exists():
        # A rebuild that was under way has no rows here: only the active generation is filled anew.
        active = json.loads(generation.read_bytes())["active"]
        write_durably(generation, (json.dumps({"active": active, "building": None}) + "\n").encode())


# --- keys -------------------------------------------------------------------------------------------------


def key_files(settings: Settings) -> dict[str, Path]:
    """The key files of an installation by the names under which they are kept."""
    folder = settings.data / "keys"
    own = settings.identifier_key_file
    found = {p.name: p for p in sorted(folder.glob("*")) if p.is_file() and p.suffix not in (".lock", ".part")}
    found = {name: path for name, path in found.items() if not name.startswith(".") and path != own}
    return {**found, IDENTIFIERS: own} if own.exists() else found


def living_keys(settings: Settings) -> tuple[str, ...]:
    """The ids of the identifier keys that can still hash."""
    return _living(settings.identifier_key_file)


def _living(path: Path) -> tuple[str, ...]:
    try:
        entries = json.loads(path.read_bytes())["keys"]
        return tuple(sorted(str(key["id"]) for key in entries if key.get("secret")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"the key file {path} cannot be read: restore it from where keys are kept") from error


def check_places(settings: Settings, folder: Path, keys: Path | None) -> None:
    """InvalidInput where a backup, its keys and the data would share a folder."""
    if _within(folder, settings.data) or _within(settings.data, folder):
        raise InvalidInput(
            f"{folder} and the data folder {settings.data} overlap: a backup belongs on another disk"
        )
    if _within(settings.identifier_key_file, folder):
        raise InvalidInput(
            f"the key file {settings.identifier_key_file} is kept in {folder}: keys never stand beside a "
            "backup, for destroying them is how a person is erased; choose another folder"
        )
    if keys is None:
        return
    if _within(keys, folder) or _within(folder, keys):
        raise InvalidInput(
            f"keys never stand beside a backup: {keys} and {folder} overlap. Give --keys a folder on "
            "another medium"
        )
    if _within(keys, settings.data) or _within(settings.identifier_key_file, keys):
        raise InvalidInput(f"the keys in use are kept in {keys} or above it: give --keys a folder for the copy")


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def copy_keys(settings: Settings, keys: Path, log_id: str, made_at: str) -> list[str]:
    """Copies the key files; copies of an earlier backup are replaced, so that a destroyed key is gone there too.

    Refused when the folder holds the keys of another log.
    """
    former = _key_list(keys)
    if former is not None and former["log_id"] != log_id:
        raise Refused(f"{keys} holds the keys of another installation: give --keys another folder")
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = key_files(settings)
    taken = [name for name in found if former is None and (keys / name).exists()]
    if taken:
        raise Refused(f"{keys} has {', '.join(taken)} already, not from a backup: give --keys another folder")
    for name, path in found.items():
        write_durably(keys / name, path.read_bytes())
    listed = [{"name": name, "sha256": file_sha256(keys / name)} for name in found]
    content = {"format": 1, "log_id": log_id, "made_at": made_at, "files": listed}
    write_durably(keys / KEY_LIST, (json.dumps(content, indent=1) + "\n").encode())
    return list(found)


def check_keys(keys: Path, log_id: str) -> None:
    """InvalidInput when a folder holds no keys, Refused when they are damaged or another log's."""
    listed = _key_list(keys)
    if listed is None:
        raise InvalidInput(f"there are no keys in {keys}: it has no {KEY_LIST}")
    if listed["log_id"] != log_id:
        raise Refused(f"the keys in {keys} belong to another log than the backup: look for the right ones")
    for file in listed["files"]:
        path = keys / file["name"]
        if not path.is_file() or file_sha256(path) != file["sha256"]:
            raise Refused(f"{path} is missing or damaged: take it from another copy of the keys")


def put_keys(keys: Path, settings: Settings) -> None:
    """Puts checked keys where the installation looks for them; an identifier key file that stands outside the
    data folder already is left as it is."""
    listed = _key_list(keys) or {"files": []}
    for file in listed["files"]:
        own = file["name"] == IDENTIFIERS
        target = settings.identifier_key_file if own else settings.data / "keys" / file["name"]
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(target, (keys / file["name"]).read_bytes())


def _key_list(keys: Path) -> dict[str, Any] | None:
    path = keys / KEY_LIST
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        if isinstance(found["log_id"], str) and all({"name", "sha256"} <= set(f) for f in found["files"]):
            return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Refused(f"{path} is damaged: take the keys from another copy")


# --- folders ----------------------------------------------------------------------------------------------


def contents(folder: Path) -> list[Path]:
    """What stands in a folder, without what a new file system brings."""
    return [path for path in folder.iterdir() if path.name != "lost+found"]


def is_empty(folder: Path) -> bool:
    """Whether nothing stands in a folder."""
    return not contents(folder)


def empty_folder(folder: Path) -> None:
    """Takes everything out of a folder."""
    for path in contents(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
