"""Errors of the embedded store: every one carries ClickHouse's own number, as clients expect."""

import re

NO_SUCH_COLUMN = 16
UNKNOWN_TYPE = 50
NETWORK_ERROR = 210
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
CANNOT_OPEN_FILE = 76
UNEXPECTED_PACKET = 99
UNKNOWN_SETTING = 115
QUERY_WAS_CANCELLED = 394
TOO_MANY_QUERIES = 202
TOO_LARGE_BODY = 307
UNKNOWN_FORMAT = 73
CHECKSUM_MISMATCH = 40
MEMORY_LIMIT = 241
NOT_ENOUGH_SPACE = 243
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

_HEAD = re.compile(r"Code: (\d+)\.\s*DB::Exception: ")
_VERSION = re.compile(r" \(version [^)]*\)")


class EngineError(Exception):
    """A statement that failed: answer it with `code` and `message`; the connection may go on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {message}")
        self.code = code
        self.message = message


class ProtocolError(EngineError):
    """Bytes that cannot be followed any further: answer if possible, then close the connection."""


def engine_error(exc: BaseException) -> EngineError:
    """chDB reports errors as text: take the first `Code: N`, drop repeated heads, version and wrapping."""
    text = str(exc)
    first = _HEAD.search(text)
    if first is None:
        return EngineError(UNKNOWN_EXCEPTION, text.strip() or type(exc).__name__)
    body = _VERSION.sub("", _HEAD.sub("", text[first.end() :])).strip()
    return EngineError(int(first[1]), body)
