"""What a verification aims at, tells while it runs, and comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from domain.seals import TreeHead

Verdict = Literal["holds", "fails", "cannot_tell"]
Progress = Callable[[str, int, int], None]
"""Called with what is being read, how many leaves are done, and how many there are."""
MOST_DIFFERENCES = 50


@dataclass(frozen=True, slots=True)
class Goals:
    """What one partition must come to: where to begin, and each checkpoint's tree after it, in order."""

    key: tuple[str, int]
    log_id: str
    start: TreeHead | None
    heads: tuple[tuple[int, TreeHead], ...]

    @property
    def last(self) -> TreeHead:
        """The newest."""
        return self.heads[-1][1]


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as it was sealed. `where`: chain, outside, witness, kafka, cold, records, events,
    raised, checkpoints, topic."""

    where: str
    what: str
    log: str = ""
    partition: int | None = None
    offset: int | None = None
    index: int | None = None
    checkpoint: int | None = None

    def __str__(self) -> str:
        place = f"{self.log} partition {self.partition}: " if self.log else ""
        return f"{self.where}: {place}{self.what}"


class NotCovered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the verdict does not speak of: in a partition, of the records before `until`."""

    what: str
    log: str = ""
    partition: int | None = None
    until: int | None = None

    def __str__(self) -> str:
        place = f"{self.log} partition {self.partition}, offsets below {self.until}: " if self.log else ""
        return f"not covered: {place}{self.what}"


@dataclass(slots=True)
class Report:
    """The outcome; `reason` says why nothing can be told, `not_covered` what the verdict does not speak of."""

    checked: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    reason: str = ""
    checkpoint: int | None = None
    hash: str = ""
    not_covered: list[NotCovered] = field(default_factory=list)

    def to_json(self) -> Mapping[str, Any]:
        """The answer's shape (design §6)."""
        return {
            "verdict": self.verdict,
            "checked": self.checked,
            "differences": msgspec.to_builtins(self.differences),
            "not_covered": msgspec.to_builtins(self.not_covered),
            "checkpoint": self.checkpoint,
            "hash": self.hash,
            "reason": self.reason,
        }

    @property
    def verdict(self) -> Verdict:
        """Fails if anything differs; cannot tell if something could not be checked."""
        if self.differences:
            return "fails"
        return "cannot_tell" if self.reason else "holds"

    def count(self, what: str, number: int) -> None:
        """Adds to what was checked."""
        self.checked[what] = self.checked.get(what, 0) + number

    def differs(self, where: str, what: str, **place: Any) -> None:
        """Notes a difference, up to a bound."""
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(Difference(where=where, what=what, **place))
