"""A worker's name in its group, which outlives the process: who is started again where one was killed takes its
place at once, instead of waiting until the group has noticed and dealt all partitions anew.

The name belongs to a place in the state's folder that one living process holds at a time (`flock`), so that two
workers on one folder never have the same. The machine is part of it: a copied folder is another worker.
"""

import fcntl
import hashlib
import os
import platform
import uuid
from pathlib import Path
from typing import IO

_PLACES = 64


class Membership:
    """A held place; it is free again when the process ends or `close` is called."""

    def __init__(self, folder: Path) -> None:
        """Takes the first free place below `folder`; without one (or without locks there), the name is empty."""
        self.name = ""
        self._file: IO[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(_PLACES):
            if self._take(folder / str(number)):
                return

    def _take(self, path: Path) -> bool:
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError:  # no room for a new place: a worker without a name only comes back later
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            own = _written(file)
        except OSError:
            file.close()
            return False
        machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
        self.name, self._file = f"{own}-{machine}", file
        return True

    def close(self) -> None:
        """Lets the place go; harmless when there is none."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _written(file: IO[str]) -> str:
    file.seek(0)
    own = file.read().strip()
    if not own:
        own = uuid.uuid4().hex
        file.write(own)
        file.flush()
        os.fsync(file.fileno())
    return own
