"""The two users of the store, and what wrong credentials are answered with."""

import hmac
from dataclasses import dataclass

from sinks.embedded.errors import AUTHENTICATION_FAILED, EngineError

WRITER, READER = "writer", "reader"


@dataclass(frozen=True, slots=True, repr=False)
class Users:
    """Passwords of `writer` (everything) and `reader` (reads within limits); never empty, never printed."""

    writer_password: str
    reader_password: str

    def __post_init__(self) -> None:
        if not self.writer_password or not self.reader_password:
            raise ValueError("both users need a password")

    def check(self, user: str, password: str) -> None:
        """Raises 516 for a wrong name or password, in the same time for both."""
        known = {WRITER: self.writer_password, READER: self.reader_password}
        expected = known.get(user, "")
        same = hmac.compare_digest(expected.encode(), password.encode())
        if not (same and expected):
            raise EngineError(
                AUTHENTICATION_FAILED,
                f"{user}: Authentication failed: password is incorrect, or there is no user with such name",
            )
