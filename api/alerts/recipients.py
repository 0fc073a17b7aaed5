"""Who is told, and where: posts, accounts and addresses in the private store, never in the log."""

from pathlib import Path

from domain.instants import Millis
from domain.message import Recipient


class RecipientStore:
    """Recipients in the private SQLite file. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recipients(self, now: Millis) -> tuple[Recipient, ...]:
        """Those who hold their post at `now`, by unit, post and account."""
        del now
        return ()
