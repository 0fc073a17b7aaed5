"""How far a verification has come, so that one that was interrupted goes on.

Places in each source; noted only up to where every root had held, and forgotten when a run ends.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from domain.instants import Millis


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A source's place: the next offset, the tree up to there (peaks in hexadecimal), the running `known_at`."""

    offset: int
    size: int
    peaks: tuple[str, ...]
    known_at: Millis
    labels: Mapping[int, str] = {}
    """The chains of labels up to there, by where each begins."""


_file = msgspec.json.Decoder(dict[str, Reached])


class Notes:
    """The notes of one kind of run (its `name` tells from where it began)."""

    def __init__(self, folder: Path, name: str, fresh: bool) -> None:
        self._path = folder / f"verify-{name}.json"
        if fresh:
            self._path.unlink(missing_ok=True)
        try:
            self._reached = _file.decode(self._path.read_bytes())
        except (OSError, msgspec.DecodeError):
            self._reached = {}

    def of(self, where: str, log: str, partition: int) -> Reached | None:
        """Where an earlier run stood."""
        return self._reached.get(f"{where} {log} {partition}")

    def note(self, where: str, log: str, partition: int, reached: Reached) -> None:
        """Writes it down."""
        self._reached[f"{where} {log} {partition}"] = reached
        fresh = self._path.with_suffix(".part")
        fresh.write_bytes(msgspec.json.encode(self._reached))
        fresh.replace(self._path)

    def forget(self) -> None:
        """The run has ended."""
        self._path.unlink(missing_ok=True)
