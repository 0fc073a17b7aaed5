"""The archive of Kafka's classes: made by a broker that ended in order, never half, bound to one Java."""

import os
from pathlib import Path

import pytest

from ops.kafka_classes import ENDED_BY_SIGTERM, ClassArchive


@pytest.fixture
def java(tmp_path: Path) -> Path:
    path = tmp_path / "java"
    path.write_text("one version")
    return path


def made_by(archive: ClassArchive, code: int | None) -> None:
    """A broker that ran with the options, wrote the file at its end and ended so."""
    (option,) = archive.options()
    name, _, path = option.partition("=")
    assert name == "-XX:ArchiveClassesAtExit"
    Path(path).write_text("classes")
    archive.keep(code)


def test_the_first_broker_makes_it_and_the_next_takes_it(java: Path, tmp_path: Path) -> None:
    archive = ClassArchive(str(java), tmp_path)
    assert archive.reading() == []
    made_by(archive, ENDED_BY_SIGTERM)
    assert ClassArchive(str(java), tmp_path).options() == [f"-XX:SharedArchiveFile={archive.path}"]


@pytest.mark.parametrize("code", [-9, 1, None])
def test_a_broker_that_did_not_end_in_order_leaves_none(java: Path, tmp_path: Path, code: int | None) -> None:
    archive = ClassArchive(str(java), tmp_path)
    made_by(archive, code)
    assert not list(tmp_path.glob("classes-*"))


def test_another_java_needs_another_one(java: Path, tmp_path: Path) -> None:
    made_by(ClassArchive(str(java), tmp_path), ENDED_BY_SIGTERM)
    java.write_text("a newer version")
    assert ClassArchive(str(java), tmp_path).reading() == []


def test_what_an_orphaned_broker_left_is_removed_an_hour_later(java: Path, tmp_path: Path) -> None:
    archive = ClassArchive(str(java), tmp_path)
    young, old = (tmp_path / f"{archive.path.name}.{name}" for name in ("young", "old"))
    young.touch()
    old.touch()
    os.utime(old, (0, 0))
    archive.options()
    assert (young.exists(), old.exists()) == (True, False)
