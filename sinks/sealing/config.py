"""What the sealer is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.instants import Zone
from eventlog.config import KafkaConfig
from sinks.schema import DATABASE


@dataclass(frozen=True, slots=True)
class SealConfig:
    """`folder` is the sealer's own; `outside` a file that does not lie in the data folder; `push` addresses of
    witnesses; `mail` an Apprise address that gets each day's root ('' for none)."""

    kafka: KafkaConfig
    store: str | Mapping[str, Any] = field(repr=False)
    folder: Path
    key_file: Path
    outside: Path
    zone: Zone
    database: str = DATABASE
    push: tuple[str, ...] = ()
    mail: str = field(default="", repr=False)
    every_seconds: float = 60.0
    every_events: int = 10_000
    """At most so many events between two checkpoints, one record's events aside."""
    pause_seconds: float = 1.0
    """At least so long between two signatures for their number of events: what came meanwhile is sealed by several
    checkpoints, which go to disk, to the holders and into the copies together."""
    close_after_seconds: float = 60.0
    """How long after midnight a day is closed though nothing new has come."""
    health_file: Path | None = None
    may_begin_anew: bool = False
    """Whether an outside copy of another log is put aside instead of refused: a demonstration's data folder is
    deleted and made again as one likes."""

    @property
    def checkpoints(self) -> Path:
        """Our own copy of the chain."""
        return self.folder / "checkpoints.jsonl"

    @property
    def close_request(self) -> Path:
        """A file that asks for a close and a checkpoint at once; the sealer takes it away when done."""
        return self.folder / "close-request"
