"""What a measurement says: a value beside its limit, and under which conditions it was taken."""

import os
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `peer` is the name of another figure of the same run (a physical limit, another tool), and
    `ratio` this value over that one; both None where there is nothing to compare with. `value` is None where
    nothing could be measured; `conditions` say why."""

    name: str
    value: float | None
    unit: str
    peer: str | None = None
    ratio: float | None = None
    conditions: str = ""

    def against(self, peer: "Measure") -> "Measure":
        """The same figure beside a peer in the same unit."""
        if self.unit != peer.unit:
            raise ValueError(f"{self.name} is in {self.unit}, {peer.name} in {peer.unit}")
        ratio = self.value / peer.value if self.value is not None and peer.value else None
        return replace(self, peer=peer.name, ratio=ratio)

    def to_json(self) -> dict[str, Any]:
        """As `gs766 bench --json` prints it."""
        found = asdict(self)
        found["value"] = None if self.value is None else _rounded(self.value)
        found["ratio"] = None if self.ratio is None else _rounded(self.ratio)
        return found


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); needs one value."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    rank = max(1, -(-round(share * len(ordered) * 1_000_000) // 1_000_000))
    return ordered[min(rank, len(ordered)) - 1]


def latencies(
    name: str, seconds: Sequence[float], shares: Iterable[float] = (0.5, 0.95), conditions: str = ""
) -> list[Measure]:
    """Quantiles of durations in milliseconds: `name p50`, `name p95`, and `max` for the share 1."""
    said = f"{conditions}; {len(seconds)} samples" if conditions else f"{len(seconds)} samples"
    return [
        Measure(f"{name} {_share_name(share)}", quantile(seconds, share) * 1000, "ms", conditions=said)
        for share in shares
    ]


def rate(name: str, count: int, seconds: float, what: str = "events/s", conditions: str = "") -> Measure:
    """So many of something in so many seconds."""
    return Measure(name, count / max(seconds, 1e-9), what, conditions=conditions)


@dataclass(slots=True)
class Spent:
    """What something took: processor seconds (with those of processes that ended meanwhile), seconds by the clock,
    and of these the seconds that the calling thread stood ready and had no core (Linux; None where unknown)."""

    processor: float
    clock: float
    kept_waiting: float | None

    @classmethod
    def since(cls, before: "Spent | None" = None) -> "Spent":
        """From then until now; without `before` a beginning."""
        own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
        now = cls(processor, time.perf_counter(), _kept_waiting())
        if before is None:
            return now
        waiting = None
        if now.kept_waiting is not None and before.kept_waiting is not None:
            waiting = now.kept_waiting - before.kept_waiting
        return cls(now.processor - before.processor, now.clock - before.clock, waiting)


def rates(name: str, count: int, spent: Spent, conditions: str = "") -> list[Measure]:
    """So many of something by processor time, by the clock, and by the clock on an unshared machine."""
    found = [
        rate(f"{name} (processor time)", count, spent.processor, conditions=conditions),
        rate(f"{name} (clock)", count, spent.clock, conditions=conditions),
    ]
    if spent.kept_waiting is not None:
        alone = spent.clock - spent.kept_waiting
        said = f"{conditions}; the thread waited {spent.kept_waiting:.1f} of {spent.clock:.1f} s for a core"
        found.append(rate(f"{name} (clock without waiting for a core)", count, alone, conditions=said))
    return found


def _kept_waiting() -> float | None:
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


def spent_by(
    name: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
    over: float,
    unit: str,
    conditions: str = "",
) -> list[Measure]:
    """Processor time by part between two readings, divided by `over` (seconds: cores; millions of events …)."""
    return [
        Measure(f"{name}: CPU of the {part}", (after[part] - before[part]) / over, unit, conditions=conditions)
        for part in before
        if part in after
    ]


class Watch:
    """Cores, load, pressure and date while something is measured: no figure means anything without them."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._load = os.getloadavg()[0]
        self._waited = _cpu_waited()

    def tell(self) -> str:
        """What the machine was like since the watch was made.

        *Pressure* is the share of the time in which some process was ready and had no core.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        said = f"{cores} cores, load average {self._load:.1f} before and {os.getloadavg()[0]:.1f} after"
        waited = _cpu_waited()
        if waited is not None and self._waited is not None:
            share = (waited - self._waited) / max(time.monotonic() - self._begun, 1e-3)
            said += f", CPU pressure {min(share, 1):.0%}"
        return f"{said}, {datetime.now(UTC):%Y-%m-%d}"


def _cpu_waited() -> float | None:
    """Seconds in which some process waited for a core, since the machine started (Linux); None where unknown."""
    try:
        line = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except (OSError, IndexError):
        return None
    return int(line.rpartition("total=")[2]) / 1e6


def with_machine(measures: Iterable[Measure], machine: str) -> list[Measure]:
    """The same figures with the machine's state, as a `Watch` told it, in their conditions."""
    return [replace(m, conditions="; ".join(part for part in (m.conditions, machine) if part)) for m in measures]


def _share_name(share: float) -> str:
    return "max" if share >= 1 else f"p{share * 100:g}"


def _rounded(value: float) -> float:
    """Four significant digits: more would pretend."""
    return float(f"{value:.4g}")
