"""A19 from the API's own health, asked as anybody would ask it, and from what the notifier knows of itself."""

from collections.abc import Callable, Iterable, Mapping

from api.figures.context import FigureContext
from api.raising.runner import Standing, every
from domain.faults import Fault, raised, seen
from domain.instants import Millis
from domain.raised import Raised

KIND = "A19"
EVERY_MS = 10_000
_CHAIN = frozenset({"store", "kafka", "log", "worker", "writer", "faults", "api"})
Red = Callable[[], Mapping[str, str]]
"""The parts that are red now, each with its reason."""


class System:
    """Keeps since when each part is red; after a restart what stands counts as red until shown healthy."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Rule`."""
        return (KIND,)

    def __init__(self, red: Red) -> None:
        self._red = red
        self._faults: dict[str, Fault] = {}
        self._now: Mapping[str, str] = {}

    def chain_red(self) -> bool:
        """Whether what comes in may not come out: then silence tells nothing."""
        return not _CHAIN.isdisjoint(self._now)

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """See `Rule`."""
        return every(EVERY_MS, ctx.now_ms, last)

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """See `Rule`."""
        now, healthy = ctx.now_ms, ctx.reference.thresholds.system_healthy_minutes * 60_000
        for one in standing.values():
            if one.holds(now) and one.subject not in self._faults:
                self._faults[one.subject] = Fault(one.start, now, str(one.evidence.get("reason", "")))
        self._now = self._red()
        self._faults = seen(self._faults, self._now, now, healthy)
        return list(raised(self._faults, ctx.root))
