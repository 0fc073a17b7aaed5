"""The chDB engine: one folder, one process; every client has a connection of its own to it.

chDB 4.4 releases the interpreter while it works, so connections on different threads run side by side.
"""

import fcntl
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import chdb

from sinks.embedded import sql
from sinks.embedded.described import Described
from sinks.embedded.errors import CANNOT_OPEN_FILE, UNKNOWN_EXCEPTION, EngineError, engine_error
from sinks.embedded.gate import Gate
from sinks.embedded.kept import Kept
from sinks.embedded.limits import Limits
from sinks.embedded.visitors import Visitors


class Engine:
    """The open folder. `close()` it last; a second process that opens the folder gets an error."""

    def __init__(self, path: Path, limits: Limits) -> None:
        if "?" in str(path):
            raise EngineError(UNKNOWN_EXCEPTION, f"the folder's name may not contain '?': {path}")
        path.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(path / "embedded.lock")
        self.limits = limits
        self.gate = Gate(limits)
        self.described = Described()
        self.kept = Kept()
        self.visitors = Visitors()
        """Who is told of every statement."""
        self.check_room: Callable[[], None] = lambda: None
        """Raises while no INSERT may begin; see `room`."""
        options = {
            "max_server_memory_usage": limits.resolved_memory(),
            "mark_cache_size": limits.mark_cache,
            "background_pool_size": limits.background_threads,
        }
        self._address = f"{path}?" + "&".join(f"{k}={v}" for k, v in options.items())
        self._tags = itertools.count(1)
        try:
            self._root = chdb.connect(self._address)
            self.version, self.timezone = self._row("SELECT version(), timezone()")
            listed = self._row("SELECT toJSONString(groupArray(lower(name))) FROM system.table_functions")
        except RuntimeError as exc:
            raise engine_error(exc) from None
        self.sources = frozenset(json.loads(listed[0])) - sql.SAFE_TABLE_FUNCTIONS

    def _row(self, query: str) -> list[str]:
        row = json.loads(bytes(self._root.query(query, "JSONCompactEachRow").bytes()))
        return [str(value) for value in row]

    def connect(self) -> Any:
        """A bare chDB connection: its settings and current database are its own (0.2 ms)."""
        return chdb.connect(self._address)

    def next_tag(self) -> str:
        """A name by which `kill` finds what one session runs."""
        return f"session-{next(self._tags)}"

    def kill(self, tag: str) -> None:
        """Cancels what the session named `tag` is running; nothing if it runs nothing."""
        connection = self.connect()
        try:
            connection.query(f"KILL QUERY WHERE Settings['log_comment'] = {sql.quote(tag)} ASYNC")
        except RuntimeError as exc:
            raise engine_error(exc) from None
        finally:
            connection.close()

    def merges(self, on: bool) -> None:
        """Lets background merges run, or cancels them and starts no more."""
        connection = self.connect()
        try:
            connection.query(f"SYSTEM {'START' if on else 'STOP'} MERGES")
        except RuntimeError as exc:
            raise engine_error(exc) from None
        finally:
            connection.close()

    def close(self) -> None:
        """Closes the folder; every other connection must have been closed."""
        self._root.close()
        self._lock.close()


def _locked(path: Path) -> IO[str]:
    """Holds the folder for this process; the engine's own lock answers less clearly."""
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise EngineError(CANNOT_OPEN_FILE, "the folder is in use by another process") from None
    return lock


def run(connection: Any, text: str, params: Mapping[str, str] | None = None, fmt: str = "Null") -> bytes:
    """One statement's whole answer in `fmt`; raises EngineError."""
    try:
        return bytes(connection.query(text, fmt, params=dict(params or {})).bytes())
    except (RuntimeError, ValueError) as exc:
        raise engine_error(exc) from None


def rows(connection: Any, text: str, params: Mapping[str, str] | None = None) -> list[list[str]]:
    """A small answer as lists of JSON values (64-bit numbers may be texts)."""
    raw = run(connection, text, params, "JSONCompactEachRow")
    return [json.loads(line) for line in raw.splitlines() if line]


def assign(connection: Any, settings: Mapping[str, str]) -> None:
    """Sets session settings; values as texts, whatever their type."""
    if settings:
        pairs = ", ".join(f"{sql.quote_name(k)} = {sql.quote(v)}" for k, v in settings.items())
        run(connection, f"SET {pairs}")
