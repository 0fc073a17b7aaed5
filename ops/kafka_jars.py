"""Kafka's jars and the Java that runs them: found in the cache, or fetched once.

The cache folder is shared by all data folders; a copy is complete or absent.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from domain.errors import Unavailable

VERSION = "4.3.0"
FILES = Path(__file__).parent / "kafka"

Say = Callable[[str], None]


def say_to_stderr(line: str) -> None:
    """The default way of telling a person what takes time."""
    print(f"gs766: {line}", file=sys.stderr, flush=True)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the jars are kept: `GS766_CACHE`, else `XDG_CACHE_HOME`/gs766, else ~/.cache/gs766."""
    if environ.get("GS766_CACHE"):
        return Path(environ["GS766_CACHE"])
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gs766"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on a file, waiting for it, so that two starts do not fetch at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- what the machine must have ---------------------------------------------------------------------------


def find_java(environ: Mapping[str, str]) -> str | None:
    """The path of a Java of version 17 or newer (JAVA_HOME first, then PATH), or None."""
    home = environ.get("JAVA_HOME")
    for name in (f"{home}/bin/java" if home else "", shutil.which("java", path=environ.get("PATH")) or ""):
        if name and os.access(name, os.X_OK):
            out = subprocess.run([name, "-version"], capture_output=True, text=True, check=False)
            found = re.search(r'version "(\d+)', out.stderr + out.stdout)
            if found and int(found.group(1)) >= 17:
                return name
    return None


def _apt_prefix() -> list[str] | None:
    """How apt-get can be run here without a question: as root, by sudo, or not at all (None)."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _apt_install(packages: list[str], say: Say) -> bool:
    """Installs Debian packages where the system allows it; says so; False when it could not."""
    prefix = _apt_prefix()
    if prefix is None:
        return False
    say(f"installing {' and '.join(packages)} with apt-get (needed once, for the local Kafka)")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    install = [*apt, "install", "-y", "-qq", "--no-install-recommends", *packages]
    for command in (install, [*apt, "update", "-qq"], install):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if command is install and done.returncode == 0:
            return True
    return False


def require_java(environ: Mapping[str, str], say: Say) -> str:
    """A usable Java, installed first where possible; raises Unavailable with the line a person needs."""
    java = find_java(environ)
    if java is None:
        for package in ("openjdk-17-jre-headless", "default-jre-headless"):
            if _apt_install([package], say):
                java = find_java(environ)
                break
    if java is None:
        raise Unavailable(
            "Java 17 or newer is needed for the local Kafka: install it (Debian: apt-get install "
            "openjdk-17-jre-headless) or configure the address of an existing Kafka"
        )
    return java


def install(cache: Path, environ: Mapping[str, str], say: Say = say_to_stderr) -> Path:
    """The folder with Kafka's jars; copied by Maven on first use, whole or not at all, by one process at a
    time. A changed pom.xml (another version) is a new copy.
    """
    target = cache / f"kafka-{VERSION}"
    pom = (FILES / "pom.xml").read_bytes()
    if _is_copy_of(target, pom):
        return target
    with _locked(cache / f"kafka-{VERSION}.lock"):
        if not _is_copy_of(target, pom):
            _copy_jars(target, pom, environ, say)
    return target


def _is_copy_of(target: Path, pom: bytes) -> bool:
    try:
        return (target / "pom.xml").read_bytes() == pom
    except OSError:
        return False


def _copy_jars(target: Path, pom: bytes, environ: Mapping[str, str], say: Say) -> None:
    """Fills a folder beside the target and renames it, so that an interrupted copy is never used."""
    maven = shutil.which("mvn", path=environ.get("PATH"))
    if maven is None and _apt_install(["maven"], say):
        maven = shutil.which("mvn", path=environ.get("PATH"))
    if maven is None:
        raise Unavailable(
            "Maven is needed once to fetch the local Kafka: install it (Debian: apt-get install maven) "
            "or configure the address of an existing Kafka"
        )
    say(f"fetching Apache Kafka {VERSION} (44 MB, once)")
    fresh = target.with_name(f"{target.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / "pom.xml").write_bytes(pom)
    goal = "dependency:copy-dependencies"
    command = [maven, "-B", "-q", "-C", "-f", str(fresh / "pom.xml"), goal]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=dict(environ))
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        shutil.rmtree(fresh, ignore_errors=True)
        raise Unavailable(f"Maven could not fetch Kafka {VERSION}: {lines[0] if lines else 'no message'}")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
