"""Up to when people were told of what began or became known, outside the log: an outage is what came after it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.alerts.private_file import PrivateFile
from domain.instants import Millis
from sinks.positions import COMPLETE, EVENTS, RECORDS

_TABLE = """
CREATE TABLE IF NOT EXISTS message_rounds (
    one INTEGER PRIMARY KEY CHECK (one = 1), told_to INTEGER NOT NULL) STRICT
"""


class Rounds(PrivateFile):
    """The end of the last whole round, in the private SQLite file. A lost one costs a digest after an outage, and
    nothing else."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _TABLE)
        with self._db() as db:
            row = db.execute("SELECT told_to FROM message_rounds").fetchone()
        self.told_to: Millis | None = row[0] if row else None
        """None: nobody was ever told anything."""

    def over(self, told_to: Millis) -> None:
        """A round is over, and what it decided stands in the log."""
        with self._db() as db:
            db.execute("INSERT OR REPLACE INTO message_rounds VALUES (1, ?)", (told_to,))
        self.told_to = told_to


def known_to(positions: Sequence[tuple[Any, ...]], generation: int, now: Millis) -> Millis:
    """Up to when the store holds everything, from its positions: where a partition's rows lag behind its log, or
    nothing comes any more, that is its last record; too early rather than too late."""
    complete: dict[int, tuple[int, Millis]] = {
        r[2]: (r[5], r[6]) for r in positions if r[0] == COMPLETE and r[3] == generation
    }
    ends = {r[2]: r[4] for r in positions if r[0] == RECORDS and r[1] == EVENTS}
    lagging = [known for p, (upto, known) in complete.items() if upto + 1 < ends.get(p, 0)]
    newest = max((known for _, known in complete.values()), default=now)
    return min(now, newest, *lagging)
