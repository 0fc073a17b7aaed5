"""Keys stay apart, erased words are gone, the spool's copy opens, the manifest notices damage."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import InvalidInput, Refused
from domain.instants import zone
from eventlog.spool import Spool, Spooled
from ops.backup.files import (
    check_keys,
    check_places,
    copy_keys,
    copy_private,
    copy_spool,
    living_keys,
    private_fault,
    put_keys,
    put_state,
    state_files,
)
from ops.backup.manifest import NAME, Manifest, Range, read_manifest, write_manifest
from ops.backup.verifying import verify_backup
from ops.settings import Settings
from producers.keys import IdentifierKeys

AT = 1_790_000_000_000


def keyed(settings: Settings, year_at: int = AT) -> IdentifierKeys:
    """A key file with a key of 2026."""
    keys = IdentifierKeys(settings.identifier_key_file, zone("Asia/Ho_Chi_Minh"), lambda: AT)
    keys.keyed("somebody", year_at, purpose="officer")
    return keys


def manifest(**changes: object) -> Manifest:
    """A manifest of empty logs."""
    content: dict[str, object] = {
        "number": 1,
        "product": "0",
        "began_at": "2026-09-01T00:00:00+00:00",
        "made_at": "2026-09-01T00:00:01+00:00",
        "log_ids": {"dossier-events": "a", "alert-log": "b"},
        "time_zone": "Asia/Ho_Chi_Minh",
        "root": "H44",
        "partitions": 1,
        "generation": 1,
        "ranges": tuple(
            Range(topic=t, partition=0, stop=0, last="", last_at=0) for t in ("dossier-events", "alert-log")
        ),
        "segments": (),
        "files": (),
    }
    return Manifest(**{**content, **changes})  # type: ignore[arg-type]


# --- keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["b", "b/keys", ".", "data/keys", "data"])
def test_keys_never_stand_beside_backup_or_data(tmp_path: Path, keys: str) -> None:
    settings = Settings(data=tmp_path / "data")
    with pytest.raises(InvalidInput, match="keys"):
        check_places(settings, tmp_path / "b", tmp_path / keys)


@pytest.mark.parametrize("folder", ["data", "data/backup", "."])
def test_a_backup_does_not_stand_in_the_data_folder(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InvalidInput, match="another disk"):
        check_places(Settings(data=tmp_path / "data"), tmp_path / folder, None)


def test_a_link_to_the_backup_folder_is_the_backup_folder(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "b")
    with pytest.raises(InvalidInput, match="overlap"):
        check_places(Settings(data=tmp_path / "data"), tmp_path / "b", tmp_path / "elsewhere")


def test_a_backup_is_not_made_where_the_keys_in_use_are(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", identifier_keys=str(tmp_path / "b" / "identifiers.json"))
    with pytest.raises(InvalidInput, match="erased"):
        check_places(settings, tmp_path / "b", None)


def test_a_destroyed_key_is_gone_from_the_copy_after_the_next_backup(tmp_path: Path) -> None:
    settings, copy = Settings(data=tmp_path / "data"), tmp_path / "safe"
    keys = keyed(settings)
    secret = keys.all_keys()[0].secret
    assert secret is not None
    assert copy_keys(settings, copy, "log", "now") == ["identifiers.json"]
    assert secret in (copy / "identifiers.json").read_text()
    assert living_keys(settings) == ("k2026-1",)
    keys.destroy(2026)
    copy_keys(settings, copy, "log", "now")
    assert not [path for path in copy.iterdir() if secret in path.read_text()]
    assert living_keys(settings) == ()


def test_keys_come_back_only_whole_and_only_of_the_same_log(tmp_path: Path) -> None:
    settings, copy = Settings(data=tmp_path / "data"), tmp_path / "safe"
    keyed(settings)
    copy_keys(settings, copy, "log", "now")
    check_keys(copy, "log")
    new = Settings(data=tmp_path / "new")
    put_keys(copy, new)
    assert new.identifier_key_file.read_bytes() == settings.identifier_key_file.read_bytes()
    assert new.identifier_key_file.stat().st_mode & 0o077 == 0
    with pytest.raises(Refused, match="another log"):
        check_keys(copy, "other")
    with pytest.raises(Refused, match="another installation"):
        copy_keys(settings, copy, "other", "now")
    (copy / "identifiers.json").write_text("{}")
    with pytest.raises(Refused, match="missing or damaged"):
        check_keys(copy, "log")
    with pytest.raises(InvalidInput, match="no keys"):
        check_keys(tmp_path, "log")


# --- private store and spool ------------------------------------------------------------------------------


def test_erased_words_are_not_in_the_copy_of_the_private_store(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "private.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE notes (hash TEXT PRIMARY KEY, text TEXT)")
        db.execute("INSERT INTO notes VALUES ('a', 'words to be erased'), ('b', 'words to stay')")
        db.execute("DELETE FROM notes WHERE hash = 'a'")
        copy_private(tmp_path / "private.sqlite", tmp_path / "copy.sqlite")
    content = (tmp_path / "copy.sqlite").read_bytes()
    assert b"words to stay" in content
    assert b"words to be erased" not in content
    assert private_fault(tmp_path / "copy.sqlite") == ""
    (tmp_path / "copy.sqlite").write_bytes(content[:5000])
    assert private_fault(tmp_path / "copy.sqlite") != ""


def test_the_copy_of_a_spool_in_use_opens_with_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", segment_bytes=100)
    records = [Spooled("dossier-events", 0, None, b"%d" % n * 60, "live", "", 1) for n in range(6)]
    for record in records:
        spool.append([record])
    first, place = spool.peek(1)
    spool.advance(place, first)
    copy_spool(tmp_path, tmp_path / "copy")
    spool.close()
    again = Spool(tmp_path / "copy" / "spool", segment_bytes=100)
    waiting = []
    while found := again.peek():
        if not found[0]:
            break
        waiting += found[0]
        again.advance(found[1], found[0])
    again.close()
    assert waiting == records[1:]


def test_a_rebuild_under_way_is_not_restored(tmp_path: Path) -> None:
    state = tmp_path / "b" / "state-000001"
    state.mkdir(parents=True)
    (state / "generation.json").write_text('{"active": 3, "building": 4}')
    (tmp_path / "data").mkdir()
    put_state(tmp_path / "b", state_files(tmp_path / "b", state), tmp_path / "data")
    assert json.loads((tmp_path / "data" / "generation.json").read_text()) == {"active": 3, "building": None}


# --- manifest ---------------------------------------------------------------------------------------------


def test_a_changed_manifest_is_noticed(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    assert read_manifest(tmp_path) == manifest()
    assert verify_backup(tmp_path).verdict == "holds"
    text = (tmp_path / NAME).read_text()
    (tmp_path / NAME).write_text(text.replace('"H44"', '"H45"'))
    found = verify_backup(tmp_path)
    assert found.verdict == "fails"
    assert found.differences[0].file == NAME


def test_a_missing_partition_is_noticed(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest(partitions=2))
    found = verify_backup(tmp_path)
    assert [d.what for d in found.differences] == ["dossier-events partition 1"]


def test_a_folder_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no backup"):
        verify_backup(tmp_path)
