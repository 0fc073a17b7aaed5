"""Which posts could not be told at the last round, kept beside the recipients: for health and the board.

And which channels of people work: one that is not set up, or took nothing and failed for good again and again
since it was entered, does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from api.alerts import delivery_settings
from api.alerts.delivery_settings import Delivery
from api.alerts.private_file import PrivateFile
from api.alerts.recipients import RecipientStore
from api.alerts.sent import FAILED_MS, SentStore
from domain.errors import InvalidInput
from domain.instants import Millis
from domain.message import Recipient
from domain.messages.values import Unreached

_TABLE = """
CREATE TABLE IF NOT EXISTS vacancies (
    post TEXT NOT NULL, unit TEXT NOT NULL, why TEXT NOT NULL, instead TEXT NOT NULL, alerts INTEGER NOT NULL,
    since INTEGER NOT NULL, PRIMARY KEY (post, unit)) STRICT
"""


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A post that cannot be told, and since when that was seen."""

    what: Unreached
    since: Millis


@lru_cache(maxsize=8)
def vacancy_store(path: Path) -> "Vacancies":
    """The store of an installation, opened once."""
    return Vacancies(path)


class Vacancies(PrivateFile):
    """The posts of the last round. Safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _TABLE)

    def put(self, found: Sequence[Unreached], now: Millis) -> None:
        """What a round found, in place of what the one before did; one that stays keeps its beginning."""
        rows = [(u.post, u.unit, u.why, u.instead, u.alerts, now) for u in found]
        with self._db() as db:
            db.execute("BEGIN IMMEDIATE")
            known = {
                (post, unit): since for post, unit, since in db.execute("SELECT post, unit, since FROM vacancies")
            }
            db.execute("DELETE FROM vacancies")
            kept = [(*row[:5], known.get(row[:2], now)) for row in rows]
            db.executemany("INSERT INTO vacancies VALUES (?, ?, ?, ?, ?, ?)", kept)
            db.execute("COMMIT")

    def listed(self) -> tuple[Vacancy, ...]:
        """By unit and post."""
        sql = "SELECT post, unit, why, instead, alerts, since FROM vacancies ORDER BY unit, post"
        with self._db() as db:
            return tuple(Vacancy(Unreached(*row[:5]), row[5]) for row in db.execute(sql))


class Reachable:
    """Recipients with the channels that work now; who has none is left without, not left out."""

    def __init__(self, recipients: RecipientStore, sent: SentStore, delivery: Callable[[], Delivery]) -> None:
        self._recipients, self._sent, self._delivery = recipients, sent, delivery

    @classmethod
    def open(cls, private: Path, settings: Path | None) -> "Reachable":
        """Of an installation; settings are read each time, as the channels do."""
        return cls(RecipientStore(private), SentStore(private), lambda: delivery_settings.load(settings))

    def __call__(self, now: Millis) -> tuple[Recipient, ...]:
        """Those who hold their post at an instant. Settings that cannot be read break no channel for good."""
        try:
            serves: Callable[[str], bool] = self._delivery().serves
        except InvalidInput:
            serves = _anything
        dead = self._sent.dead(now - FAILED_MS, self._recipients.entered())
        found = []
        for entry in self._recipients.entries(now):
            works = (
                name for name, kind, _ in entry.channels if serves(kind) and (entry.account, name) not in dead
            )
            found.append(replace(entry.recipient(), channels=tuple(works)))
        return tuple(found)


def _anything(_: str) -> bool:
    return True
