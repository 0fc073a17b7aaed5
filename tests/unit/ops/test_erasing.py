"""Erasure: nothing in clear is left anywhere, copies included; the log learns only that it was decided."""

import json
from pathlib import Path

import pytest

from api.alerts.private import PrivateStore
from api.due_acts import DueActs
from api.keys import KeyStore
from domain.errors import InvalidInput
from domain.instants import zone
from ops.backup.files import IDENTIFIERS, check_keys, copy_keys, copy_private, put_keys, state_files
from ops.backup.manifest import read_manifest, write_manifest
from ops.backup.scrubbing import scrub_backup, scrub_keys
from ops.backup.verifying import verify_backup
from ops.configs import PRIVATE
from ops.erasing import (
    Erasure,
    erase_in_keys,
    erase_in_store,
    erase_note,
    erase_year,
    list_of,
    read_erasures,
)
from ops.settings import Settings
from producers.keys import IdentifierKeys
from tests.unit.ops.test_backup_files import keyed, manifest

WORDS = "lời kể của một người dân, cần được xóa"
NOW = 1_790_000_000_000
DECISION = "12/QĐ-SVHTT"


def holds(folder: Path, text: bytes) -> list[Path]:
    """The files below a folder that hold some bytes."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and text in path.read_bytes()]


def test_an_erased_note_is_in_no_byte_of_the_data_folder_while_others_have_it_open(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    keys = KeyStore(settings.folder(PRIVATE))  # an API that runs: the file is open, in WAL mode
    store = PrivateStore(settings.folder(PRIVATE))
    note = store.add_note("alert-1", WORDS, "k1", NOW)
    other = store.add_note("alert-1", "lời khác", "k1", NOW)
    assert holds(settings.data, WORDS.encode())
    assert erase_note(settings, note[:10], DECISION, NOW).alert == "alert-1"
    assert not holds(settings.data, WORDS.encode())
    assert store.notes([note, other]) == {other: "lời khác"}
    (act,) = DueActs(settings.folder(PRIVATE)).unrecorded()
    assert (act.type, act.subject) == ("system.note_erased", "alert-1")
    assert json.loads(act.body)["evidence"] == {"decision": DECISION}
    with pytest.raises(InvalidInput, match="no note"):
        erase_note(settings, note, DECISION, NOW)
    keys.close()


@pytest.mark.parametrize("decision", ["", "  ", "x" * 101])
def test_nothing_is_erased_without_a_decision(tmp_path: Path, decision: str) -> None:
    settings = Settings(data=tmp_path / "data")
    keyed(settings)
    note = PrivateStore(settings.folder(PRIVATE)).add_note("a", WORDS, "k1", NOW)
    for erase in (
        lambda: erase_note(settings, note, decision, NOW),
        lambda: erase_year(settings, 2026, decision, 1),
    ):
        with pytest.raises(InvalidInput, match="decision"):
            erase()
    assert PrivateStore(settings.folder(PRIVATE)).notes([note])


def test_a_destroyed_year_key_is_in_no_byte_and_the_decision_is_an_act(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    secret = keyed(settings).all_keys()[0].secret
    assert secret is not None
    assert holds(tmp_path, secret.encode())
    assert erase_year(settings, 2026, DECISION, NOW) == ("k2026-1",)
    assert not holds(tmp_path, secret.encode())
    (act,) = DueActs(settings.folder(PRIVATE)).unrecorded()
    assert (act.type, act.subject) == ("system.identifiers_erased", "2026")
    assert json.loads(act.body)["evidence"] == {"decision": DECISION, "keys": ["k2026-1"], "year": 2026}
    with pytest.raises(InvalidInput, match="no key"):
        erase_year(settings, 2026, DECISION, NOW)


def test_backups_and_copies_of_keys_are_scrubbed_and_stay_sound(tmp_path: Path) -> None:
    settings, folder, copy = Settings(data=tmp_path / "data"), tmp_path / "b", tmp_path / "safe"
    secret = keyed(settings).all_keys()[0].secret
    assert secret is not None
    note = PrivateStore(settings.folder(PRIVATE)).add_note("a", WORDS, "k1", NOW)
    state = folder / "state-000001"
    state.mkdir(parents=True)
    copy_private(settings.folder(PRIVATE), state / PRIVATE)
    write_manifest(folder, manifest(files=state_files(folder, state)))
    copy_keys(settings, copy, "log", "now")
    assert holds(folder, WORDS.encode())
    assert holds(copy, secret.encode())
    erase_note(settings, note, DECISION, NOW)
    erase_year(settings, 2026, DECISION, NOW)
    erasures = read_erasures(list_of(settings))
    assert {found.kind for found in erasures} == {"note", "identifier_key"}
    for again in (1, 0):
        assert scrub_backup(folder, erasures) == again
        assert scrub_keys(copy, erasures) == again
    for text in (WORDS.encode(), secret.encode()):
        assert not holds(tmp_path, text)
    assert verify_backup(folder).verdict == "holds"
    assert read_manifest(folder).files != manifest().files
    check_keys(copy, "log")


def test_what_was_erased_does_not_come_back_with_an_older_backup(tmp_path: Path) -> None:
    settings, copy, new = Settings(data=tmp_path / "data"), tmp_path / "safe", Settings(data=tmp_path / "new")
    keyed(settings)
    note = PrivateStore(settings.folder(PRIVATE)).add_note("a", WORDS, "k1", NOW)
    new.data.mkdir()
    copy_private(settings.folder(PRIVATE), new.folder(PRIVATE))  # what an older backup brings back
    old_keys = settings.identifier_key_file.read_bytes()
    erase_note(settings, note, DECISION, NOW)
    erase_year(settings, 2026, DECISION, NOW)
    copy_keys(settings, copy, "log", "now")
    put_keys(copy, new)
    new.identifier_key_file.write_bytes(old_keys)
    erasures = read_erasures(list_of(new))
    assert erase_in_store(new.folder(PRIVATE), erasures) == 1
    assert erase_in_keys(new.identifier_key_file, erasures) == 1
    assert not holds(new.data, WORDS.encode())
    assert not [
        key for key in IdentifierKeys(new.identifier_key_file, zone("UTC"), lambda: 1).all_keys() if key.alive
    ]


def test_a_store_that_never_held_a_note_has_none_to_erase(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "p.sqlite")
    keys.close()
    assert erase_in_store(tmp_path / "p.sqlite", [Erasure("note", "ab" * 32, DECISION, "")]) == 0
    assert erase_in_keys(tmp_path / IDENTIFIERS, [Erasure("identifier_key", "k1", DECISION, "")]) == 0
