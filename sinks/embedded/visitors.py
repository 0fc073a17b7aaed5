"""Who came to the store past the API: by user, client and hour how many statements; told once the hour is over.

The product's own parts say that they are (`connect`); who has a password can say so too. Words of statements are
not kept, nor addresses. The API takes the file's lines into the alert log.
"""

import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sinks.embedded.users import READER, WRITER

OURS = "ClickHouse gs766"
_HOUR_S = 3_600
_MOST = 200
"""Kinds of visitors kept apart in an hour; the others are one."""
_ODD = re.compile(r"[^A-Za-z0-9._/ -]")
Visitor = tuple[int, str, str, str]
"""(hour, user, client, way)."""


class Visitors:
    """Counts of one process. Safe for several threads; without a file nothing is counted."""

    def __init__(self, file: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._file, self._now = file, now
        self._mutex = threading.Lock()
        self._counts: dict[Visitor, list[int]] = {}

    def came(self, user: str, client: str, way: str, *, refused: bool = False) -> None:
        """One statement, or one login that was refused."""
        if self._file is None or (client.startswith(OURS) and not refused):
            return
        known = user if user in (READER, WRITER) else "other"
        key: Visitor = (int(self._now()) // _HOUR_S, known, _ODD.sub("", client)[:40], way)
        with self._mutex:
            if key not in self._counts and len(self._counts) >= _MOST:
                key = (key[0], known, "more", way)
            self._counts.setdefault(key, [0, 0])[int(refused)] += 1

    def tell(self, *, end: bool = False) -> None:
        """Writes down the hours that are over (at the `end` all), on disk when it returns; a full disk keeps them
        waiting."""
        hour = int(self._now()) // _HOUR_S
        with self._mutex:
            over = [key for key in self._counts if end or key[0] < hour]
            if not over or self._file is None:
                return
            lines = [self._line(key) for key in sorted(over)]
            with suppress(OSError), self._file.open("a") as file:
                file.write("".join(lines))
                file.flush()
                os.fsync(file.fileno())
                for key in over:
                    del self._counts[key]

    def _line(self, key: Visitor) -> str:
        hour, user, client, way = key
        statements, refused = self._counts[key]
        told = {"id": uuid.uuid4().hex, "hour": hour * _HOUR_S * 1000, "user": user, "client": client, "way": way}
        return json.dumps(told | {"statements": statements, "refused": refused}) + "\n"
