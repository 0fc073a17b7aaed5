"""A small pool of store connections: a driver's client serves one thread at a time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from api.config import StoreConfig
from domain.errors import Unavailable
from sinks.clickhouse import clean_errors, connect


class StorePool:
    """Hands out clients, at most `size` at once; a broken one is closed and replaced by a new one.

    `connect` makes a client without sending anything, so that the API starts before the store does.
    """

    def __init__(self, make: Callable[[], Any], size: int, wait_s: float = 30.0) -> None:
        self._make = make
        self._slots = threading.BoundedSemaphore(size)
        self._wait_s = wait_s
        self._mutex = threading.Lock()
        self._idle: list[Any] = []
        self._closed = False

    @contextmanager
    def client(self) -> Iterator[Any]:
        """One client for one thread; errors inside leave as StoreError or StoreUnavailable."""
        if not self._slots.acquire(timeout=self._wait_s):
            raise Unavailable("the store is busy: every connection is in use, retry later")
        try:
            client = self._take()
            try:
                with clean_errors():
                    yield client
            except BaseException:
                # A half-read answer would be the next caller's first rows.
                _disconnect(client)
                raise
            self._give_back(client)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Closes what is idle; what is in use is closed when it comes back."""
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        for client in idle:
            _disconnect(client)

    def _take(self) -> Any:
        with self._mutex:
            if self._idle:
                return self._idle.pop()
        return self._make()

    def _give_back(self, client: Any) -> None:
        with self._mutex:
            if not self._closed:
                self._idle.append(client)
                return
        _disconnect(client)


def _disconnect(client: Any) -> None:
    with suppress(Exception):  # it is being thrown away: nothing can be done about how it ends
        client.disconnect()


def open_pool(config: StoreConfig) -> StorePool:
    """The pool of the reading user."""

    def make() -> Any:
        return connect(
            {
                "host": config.host,
                "port": config.port,
                "user": config.reader_user,
                "password": config.reader_password,
                "database": config.database,
                "secure": config.secure,
                "connect_timeout": 5,
                "send_receive_timeout": config.timeout_s,
                "sync_request_timeout": 5,
            }
        )

    return StorePool(make, config.pool)
