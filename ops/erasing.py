"""Erasure that keeps proofs: a note's words and salt, or a year's identifier keys, by a decision that is recorded.

The logs hold hashes only, so nothing in them changes and every proof still verifies. What was erased is listed in
`<data>/keys/erasures.jsonl` (hashes and key ids, nothing in clear): `restore` applies that list again to what an
older backup brings back, and `scrub` to backups and copies of keys that lie elsewhere.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import msgspec

from api.alerts.private import Note, PrivateStore
from api.due_acts import DueActs
from domain.errors import InvalidInput, Refused
from domain.events import Event, make_event
from domain.instants import Millis, format_rfc3339
from ops.configs import PRIVATE
from ops.settings import Settings
from producers.keys import IdentifierKeys, overwritten

FILE = "erasures.jsonl"
SOURCE = "/gs766/ops"
MOST_DECISION = 100


class Erasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing erased: a note by its salted hash, or an identifier key by its id; under which document, when."""

    kind: Literal["note", "identifier_key"]
    id: str
    decision: str
    at: str


def list_of(settings: Settings) -> Path:
    """Where an installation keeps its list of erasures."""
    return settings.data / "keys" / FILE


def erase_note(settings: Settings, wanted: str, decision: str, now: Millis) -> Note:
    """Erases the words and the salt of a note. InvalidInput for one that is not there."""
    _check(decision)
    store = PrivateStore(settings.folder(PRIVATE))
    note = store.note(wanted)
    _note_down(settings, [Erasure("note", note.hash, decision, format_rfc3339(now))])
    data = {"note_hash": note.hash, "about": note.alert, "evidence": {"decision": decision}}
    store.erase_note(note.hash, _act("note_erased", note.alert, f"note-erased-{note.hash}", data, now))
    return note


def erase_year(settings: Settings, year: int, decision: str, now: Millis) -> tuple[str, ...]:
    """Destroys all keys of a year; returns their ids. InvalidInput when it has none."""
    _check(decision)
    keys = IdentifierKeys(settings.identifier_key_file, settings.zone, lambda: now)
    doomed = tuple(key.id for key in keys.all_keys() if key.year == year and key.alive)
    if not doomed:
        raise InvalidInput(f"the year {year} has no key that could be destroyed: gs766 keys identifiers list")
    _note_down(settings, [Erasure("identifier_key", key, decision, format_rfc3339(now)) for key in doomed])
    done = keys.destroy(year)
    data = {"key": done[-1], "evidence": {"decision": decision, "year": year, "keys": list(done)}}
    act_id = f"identifiers-erased-{'-'.join(done)}"
    DueActs(settings.folder(PRIVATE)).add([_act("identifiers_erased", str(year), act_id, data, now)])
    return done


def _check(decision: str) -> None:
    if not decision.strip() or len(decision) > MOST_DECISION:
        raise InvalidInput(f"--decision takes the number of the document, at most {MOST_DECISION} characters")


def _act(verb: str, subject: str, act_id: str, data: dict[str, Any], now: Millis) -> Event:
    return make_event(f"system.{verb}", subject, now, data, source=SOURCE, id=act_id, recorded_at=now)


# --- the list ---------------------------------------------------------------------------------------------


def read_erasures(path: Path) -> tuple[Erasure, ...]:
    """What a list holds, () where there is none. Refused when a line is damaged."""
    try:
        lines = path.read_bytes().splitlines()
        return tuple(msgspec.json.decode(line, type=Erasure) for line in lines if line)
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"the list of erasures {path} cannot be read: take it from a copy of the keys") from error


def _note_down(settings: Settings, erasures: Iterable[Erasure]) -> None:
    """Before anything is erased: an interruption then leaves a list that says too much, never too little."""
    path = list_of(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        file.writelines(msgspec.json.encode(erasure) + b"\n" for erasure in erasures)
        file.flush()
        os.fsync(file.fileno())


# --- applying it to copies --------------------------------------------------------------------------------


def erase_in_store(path: Path, erasures: Sequence[Erasure]) -> int:
    """Takes listed notes out of a private store that nobody uses, free pages and journal included; how many."""
    notes = [(found.id,) for found in erasures if found.kind == "note"]
    if not notes or not path.exists():
        return 0
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA secure_delete = ON")
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
            return 0
        before = db.total_changes
        db.executemany("DELETE FROM notes WHERE hash = ?", notes)
        found = db.total_changes - before
        db.execute("VACUUM")
        return found


def erase_in_keys(path: Path, erasures: Sequence[Erasure]) -> int:
    """Takes the secrets of listed keys out of a key file that nobody uses; how many. The old bytes are overwritten
    before they are given up, as far as the disk does what it is told."""
    doomed = {found.id: found.at for found in erasures if found.kind == "identifier_key"}
    if not doomed or not path.exists():
        return 0
    content = json.loads(path.read_bytes())
    alive = [key for key in content["keys"] if key["id"] in doomed and key["secret"]]
    for key in alive:
        key |= {"secret": None, "destroyed_at": doomed[key["id"]]}
    if alive:
        with overwritten(path):
            fresh = path.with_name(path.name + ".part")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
    return len(alive)
