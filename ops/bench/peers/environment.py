"""The Python environment of the peers: in the cache folder, where it conflicts with nothing of the product."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from domain.errors import Unavailable
from ops.kafka_jars import cache_folder

LOCK = Path(__file__).resolve().parents[3] / "requirements" / "peers.lock"
COMPLETE = "complete"


def folder_of(environ: Mapping[str, str]) -> Path:
    """Where the environment for the present lock is, or would be."""
    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return cache_folder(environ) / f"peers-{digest}"


def interpreter(environ: Mapping[str, str]) -> Path | None:
    """The environment's Python; None before it was installed whole."""
    folder = folder_of(environ)
    return folder / "bin" / "python" if (folder / COMPLETE).exists() else None


def install(environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Makes the environment from the hash-locked list; Unavailable when that fails."""
    target = folder_of(environ)
    python = target / "bin" / "python"
    if interpreter(environ) is not None:
        return python
    say(f"making the environment of the peers in {target} (once, about a minute)")
    shutil.rmtree(target, ignore_errors=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(target)],
        [str(python), "-m", "pip", "install", *quiet, "--require-hashes", "-r", str(LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(target, ignore_errors=True)
            raise Unavailable(f"the peers' environment could not be made: {done.stderr.strip()[-500:]}")
    (target / COMPLETE).touch()
    return python
