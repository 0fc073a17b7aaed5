"""An embedded store with our schema and no rows, made once a run: copying it is cheaper than migrating."""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ops.lifeline import dies_with_me
from sinks.schema import migrate


@cache
def store_with_schema() -> Path:
    """The folder of that store, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="gs766-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with embedded_address(folder) as writer:
        migrate(writer)
    return folder / "store"


@contextmanager
def embedded_address(folder: Path) -> Iterator[dict[str, Any]]:
    """An empty store in a process of its own: the writer's parameters."""
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({"writer": "w", "reader": "r"}))
    command = [sys.executable, "-m", "sinks.embedded", "--path", str(folder / "store")]
    process = subprocess.Popen(
        [*command, "--passwords-file", str(passwords)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        preexec_fn=dies_with_me(),
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:1] == ["ready"], words
        port = int(dict(word.split("=") for word in words[1:])["native"])
        yield {"host": "127.0.0.1", "port": port, "user": "writer", "password": "w"}
    finally:
        process.terminate()
        process.wait(30)
