"""How soon a small batch may follow another: an INSERT costs the store about as much for one row as for a
thousand, so that a pipeline which never rests takes a core from everybody while little happens."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """After a batch below `large` bytes: rest `share` times as long as it took, at most `longest` seconds.

    Larger ones follow each other at once: then there is much to do, and each carries what came meanwhile. Where
    nobody waits for them, one below `full` bytes may rest `gathering` seconds yet: eight megabytes in one INSERT
    cost about half of what they cost in five.
    """

    share: float
    longest: float
    large: int = 1 << 20
    full: int = 0
    gathering: float = 0.0
    _due: float = float("-inf")

    def wrote(self, begun: float, ended: float, size: int) -> None:
        """Notes a batch: when its writing began and ended (seconds of a monotonic clock), and its bytes."""
        rest = min(self.longest, self.share * (ended - begun)) if size < self.large else 0.0
        if self.large <= size < self.full:
            rest = self.gathering
        self._due = ended + rest

    def left(self, now: float) -> float:
        """Seconds until the next batch may begin; 0 when it may."""
        return max(0.0, self._due - now)
