"""What a person may type wrongly, and the mark that an interrupted restore leaves."""

from pathlib import Path

import pytest

from domain.errors import InvalidInput, Refused
from ops.backup.files import empty_folder, is_empty
from ops.backup.manifest import Manifest, write_manifest
from ops.backup.restoring import UNFINISHED, restore_backup
from ops.cli import main
from ops.settings import load


@pytest.fixture(autouse=True)
def _nowhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no data folder is named, none of a person's is used."""
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))


def ends(*arguments: str) -> object:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments, {})
    return ended.value.code


def empty_backup(folder: Path) -> Path:
    """A backup that holds nothing."""
    folder.mkdir()
    content = {"number": 1, "product": "", "began_at": "", "made_at": "", "time_zone": "UTC", "root": "H44"}
    listed = {"log_ids": {"dossier-events": "a"}, "ranges": (), "segments": (), "files": ()}
    write_manifest(folder, Manifest(**content, **listed, partitions=1, generation=1))  # type: ignore[arg-type]
    return folder


def silent(*_: object) -> None:
    """Where nobody watches."""


def test_wrong_words_are_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    somewhere = str(tmp_path)
    for arguments, words in (
        (("backup", "verify"), "which backup"),
        (("backup", "one", "two"), "give one folder"),
        (("backup", "verify", somewhere), "no backup in"),
        (("backup", "verify", somewhere + "/none"), "no folder"),
        (("restore", somewhere), "--data NEWDIR"),
        (("restore", somewhere, "--data", somewhere + "/new"), "no backup in"),
        (("restore-drill", somewhere), "no backup in"),
    ):
        assert ends(*arguments) == 2
        said = capsys.readouterr().err
        assert words in said
        assert len(said.splitlines()) == 1


def test_a_data_folder_without_a_log_is_not_backed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends("backup", str(tmp_path / "b"), "--data", str(tmp_path / "none")) == 4
    assert "holds no log" in capsys.readouterr().err


def test_a_folder_with_other_things_is_no_place_for_a_backup(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "letter.txt").write_text("x")
    assert ends("backup", str(tmp_path / "b"), "--data", str(tmp_path / "data")) == 1
    assert [p.name for p in (tmp_path / "b").iterdir()] == ["letter.txt"]


def test_an_interrupted_restore_is_refused_by_every_command_and_says_what_to_do(tmp_path: Path) -> None:
    folder, data = empty_backup(tmp_path / "b"), tmp_path / "data"
    data.mkdir()
    (data / "settings.toml").write_text(f"{UNFINISHED} = true\n")
    with pytest.raises(InvalidInput, match=UNFINISHED):
        load({}, data)
    with pytest.raises(Refused, match="interrupted: delete the folder"):
        restore_backup(folder, data, None, {}, silent, silent)
    (data / "settings.toml").write_text("root = 'H44'\n")
    with pytest.raises(Refused, match="not empty"):
        restore_backup(folder, data, None, {}, silent, silent)


def test_a_freshly_made_disk_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "file").touch()
    assert not is_empty(tmp_path)
    empty_folder(tmp_path)
    assert is_empty(tmp_path)
    assert (tmp_path / "lost+found").is_dir()


def test_a_backup_is_not_restored_into_itself(tmp_path: Path) -> None:
    folder = empty_backup(tmp_path / "b")
    with pytest.raises(InvalidInput, match="overlap"):
        restore_backup(folder, folder / "data", None, {}, silent, silent)
