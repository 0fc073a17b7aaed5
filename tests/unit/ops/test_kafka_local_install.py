"""Rules of installing the local broker; a script of three lines stands in for Maven and for Java."""

import os
from pathlib import Path

import pytest

from domain.errors import Unavailable
from ops.kafka_jars import VERSION, cache_folder, find_java, install, require_java

SILENT = list[str]().append


def script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A PATH with a Maven that makes one jar and counts its runs."""
    script(
        tmp_path / "bin" / "mvn",
        'for a; do case "$a" in -DoutputDirectory=*) echo jar > "${a#*=}/a.jar";; esac; done\n'
        f'echo run >> "{tmp_path}/runs"',
    )
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def test_jars_are_fetched_once(tmp_path: Path, machine: dict[str, str]) -> None:
    said: list[str] = []
    first = install(tmp_path / "cache", machine, said.append)
    assert install(tmp_path / "cache", machine, said.append) == first
    assert (first / "a.jar").exists()
    assert (tmp_path / "runs").read_text().count("run") == 1
    assert len(said) == 1


def test_an_interrupted_or_outdated_copy_is_made_again(tmp_path: Path, machine: dict[str, str]) -> None:
    target = tmp_path / "cache" / f"kafka-{VERSION}"
    target.mkdir(parents=True)
    (target / "pom.xml").write_text("another version")
    (target / "old.jar").touch()
    install(tmp_path / "cache", machine, SILENT)
    assert not (target / "old.jar").exists()
    assert (target / "a.jar").exists()


def test_a_failing_maven_gives_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "mvn", 'echo "[ERROR] no network"; echo more; exit 1')
    with pytest.raises(Unavailable, match="no network") as error:
        install(tmp_path / "cache", {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}, SILENT)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "cache").glob("kafka-*/*"))


def test_the_cache_is_where_the_environment_says() -> None:
    assert cache_folder({"GS766_CACHE": "/x", "XDG_CACHE_HOME": "/y"}) == Path("/x")
    assert cache_folder({"XDG_CACHE_HOME": "/y"}) == Path("/y/gs766")
    assert cache_folder({}) == Path.home() / ".cache" / "gs766"


def test_a_java_that_is_too_old_is_not_used(tmp_path: Path) -> None:
    script(tmp_path / "old" / "bin" / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    script(tmp_path / "new" / "bin" / "java", "echo 'openjdk version \"21.0.1\"' >&2")
    assert find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": ""}) is None
    path = str(tmp_path / "new" / "bin")
    assert find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": path}) == f"{path}/java"


def test_without_java_and_without_apt_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="Java 17 or newer is needed"):
        require_java({"PATH": ""}, SILENT)
