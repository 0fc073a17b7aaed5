"""The one way to reach the store from Python: a client with the product's settings, and clean errors."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from clickhouse_driver import Client, errors

from domain.errors import Gs766Error, Unavailable

_STACK = re.compile(r"\.? *Stack trace:.*", re.DOTALL)
_HEAD = re.compile(r"^Code: \d+\.?\s*(DB::Exception:\s*)?")
# Too much memory or time or too many queries at once, a broken connection, shutting down: worth a retry.
_TRANSIENT = frozenset({159, 202, 209, 210, 236, 241, 252, 394})


# Generations are the only partitions and stand first in their keys, so FINAL need not look across them. The same
# for every connection: the embedded store begins a session anew for a reader whose settings change.
_SETTINGS = {"do_not_merge_across_partitions_select_final": 1}


class StoreError(Gs766Error):
    """The store refused a statement: fix the statement or the rows; `code` is ClickHouse's number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"store error {code}: {message}")
        self.code = code


class StoreUnavailable(Unavailable):
    """The store does not answer now, or has no room now: retry later; `code` is ClickHouse's number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"store not available ({code}): {message}")
        self.code = code


def connect(target: str | Mapping[str, Any], **options: Any) -> Client:
    """A client for `clickhouse://user:password@host:port/database?compression=lz4` or for its parameters.

    Nothing is sent before the first statement. `async_insert=0` always: an INSERT that returned is written.
    `options` are the Client's own and win over `target`.
    """
    params = _from_url(target) if isinstance(target, str) else dict(target)
    params |= {"client_name": "gs766", **options}
    settings = {**_SETTINGS, **params.pop("settings", {}), "async_insert": 0}
    return Client(params.pop("host"), settings=settings, **params)


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("clickhouse", "clickhouses") or not parts.hostname:
        raise StoreError(36, "a store address reads clickhouse://user:password@host:port/database")
    params: dict[str, Any] = {"host": parts.hostname, "secure": parts.scheme == "clickhouses"}
    given = {
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")),
    }
    params |= {name: value for name, value in given.items() if value}
    params |= dict(parse_qsl(parts.query))
    return params


def clean_error(exc: BaseException) -> StoreError | StoreUnavailable:
    """A driver's or a socket's error with its code and first sentence, without stack trace or address."""
    code = int(getattr(exc, "code", 0) or 0)
    message = _HEAD.sub("", _STACK.sub("", str(exc).strip())).strip() or type(exc).__name__
    if isinstance(exc, errors.ServerException) and code not in _TRANSIENT:
        return StoreError(code, message)
    gone = (errors.NetworkError, errors.SocketTimeoutError, errors.ServerException, OSError, EOFError)
    if isinstance(exc, gone):
        return StoreUnavailable(code or 210, message)
    return StoreError(code, message)


@contextmanager
def clean_errors() -> Iterator[None]:
    """Raises what the driver raises inside as `StoreError` or `StoreUnavailable`."""
    try:
        yield
    except (errors.Error, OSError, EOFError) as exc:
        raise clean_error(exc) from exc
