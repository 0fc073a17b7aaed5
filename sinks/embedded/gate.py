"""How many clients, statements and held bytes the store admits, so that none of them can exhaust it."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from sinks.embedded.errors import MEMORY_LIMIT, TOO_MANY_QUERIES, EngineError
from sinks.embedded.limits import Limits
from sinks.embedded.users import READER


class Gate:
    """Counts of what is inside, by user; refuses what would be too much. Safe to call from any thread.

    The reader's shares are smaller than the whole: readers can never keep the writer out.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._changed = threading.Condition()
        self._clients: Counter[str] = Counter()
        self._statements: Counter[str] = Counter()
        self._held = 0

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[None]:
        """One connected client; raises TOO_MANY_QUERIES (202) at once when there is no place."""
        limit = self._limits.reader_clients if user == READER else self._limits.clients
        with self._changed:
            inside = self._clients[user] if user == READER else self._clients.total()
            if inside >= limit or self._clients.total() >= self._limits.clients:
                message = f"Too many connections: {inside} are open for user {user}, the limit is {limit}"
                raise EngineError(TOO_MANY_QUERIES, message)
            self._clients[user] += 1
        try:
            yield
        finally:
            with self._changed:
                self._clients[user] -= 1

    @contextlib.contextmanager
    def statement(self, user: str) -> Iterator[None]:
        """One running statement; waits `queue_seconds` for its turn, then raises TOO_MANY_QUERIES (202)."""
        limit = self._limits.reader_statements if user == READER else self._limits.statements

        def room() -> bool:
            own = self._statements[user] if user == READER else 0
            return own < limit and self._statements.total() < self._limits.statements

        with self._changed:
            if not self._changed.wait_for(room, self._limits.queue_seconds):
                message = f"Too many simultaneous queries of user {user}. Maximum: {limit}"
                raise EngineError(TOO_MANY_QUERIES, message)
            self._statements[user] += 1
        try:
            yield
        finally:
            with self._changed:
                self._statements[user] -= 1
                self._changed.notify_all()

    def hold(self, size: int) -> None:
        """Takes room for `size` bytes of rows on their way in; raises MEMORY_LIMIT (241). Undo by `release`."""
        with self._changed:
            if self._held + size > self._limits.held_bytes:
                limit = self._limits.held_bytes
                raise EngineError(MEMORY_LIMIT, f"Rows that clients are sending may take {limit} bytes together")
            self._held += size

    def release(self, size: int) -> None:
        """Gives back what `hold` took."""
        with self._changed:
            self._held -= size
