"""`gs766 test`: what the suite needs on a fresh machine, then the suite."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.errors import Unavailable
from ops.commands.shell import say
from ops.kafka_jars import cache_folder, install, require_java
from ops.processes import cores

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FAULTS = "tests/chaos"
MOST = 4
"""Each process may have a broker, a store and a stack of its own: 2 GB."""
ROOT = Path(__file__).resolve().parent.parent


def run_tests(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Prepares the machine and runs pytest on the repository; returns pytest's exit code.

    What cannot be installed is named; the tests that need it then fail or say why they cannot run.
    """
    try:
        require_java(environ, say)
        install(cache_folder(environ), environ, say)
    except Unavailable as error:
        say(str(error))
    if find_browser(environ) is None and not install_browser():
        say("no chromium here, and it cannot be installed (Debian: apt-get install chromium): screens go untested")
    return max(_pytest(part, environ) for part in parts_of(arguments))


def parts_of(arguments: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The pytest runs for what was asked. The whole suite is two: first the faults, which want the machine for
    themselves, then everything else in a process more than there are cores, since much of it waits; whoever names
    tests gets one run."""
    if any(not argument.startswith("-") for argument in arguments):
        return (tuple(arguments),)
    return (FAULTS, *arguments), (
        f"--ignore={FAULTS}",
        f"--numprocesses={min(MOST, cores() + 1)}",
        "--dist=loadfile",
        "--no-loadscope-reorder",
        *arguments,
    )


def _pytest(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(environ), check=False).returncode


def find_browser(environ: Mapping[str, str]) -> str | None:
    """The path of a Chromium on this machine, None when there is none."""
    for name in BROWSERS:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return found
    return None


def install_browser() -> bool:
    """Debian's chromium by apt-get, as root or by a sudo that asks nothing; False where that is not possible."""
    if shutil.which("apt-get") is None:
        return False
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and (shutil.which("sudo") is None or _fails([*sudo, "true"])):
        return False
    say("installing chromium with apt-get (needed once, for the tests of the screens)")
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    fetch = [*apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    return not _fails(fetch) or not (_fails([*apt, "update", "-qq"]) or _fails(fetch))


def _fails(command: Sequence[str]) -> bool:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode != 0
