"""Health as a pure judgement of what was probed: each part green, amber or red, and why in plain words.

Red: figures are wrong, standing still, or events may be lost. Amber: works, but somebody should look.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from domain.instants import Millis, format_rfc3339

Level = Literal["green", "amber", "red"]
_ORDER: tuple[Level, ...] = ("green", "amber", "red")
BEHIND_AMBER_MS = 10_000
SEAL_AMBER_MS, SEAL_RED_MS = 600_000, 3_600_000
DISK_RED = 256 << 20
DISK_AMBER = 2 << 30
"""Bytes left; of a small disk a tenth and a fifth."""


class Part(Struct, frozen=True):
    """One part: its level and a sentence for each thing that is not as it should be."""

    status: Level
    reasons: tuple[str, ...] = ()


class Lag(Struct, frozen=True, kw_only=True):
    """One position against the end of its log. `still_ms`: how long it has been behind without moving."""

    partition: int
    topic: str = ""
    position: int
    """The last offset applied, -1 for none."""
    end: int
    """The offset that the next record will get."""
    still_ms: int = 0
    behind_ms: int = 0

    @property
    def records(self) -> int:
        """How many records wait."""
        return max(0, self.end - 1 - self.position)


class Disk(Struct, frozen=True):
    """The disk on which a folder lies; `name` is what the folder is for."""

    name: str
    free: int
    size: int


class Facts(Struct, frozen=True, kw_only=True):
    """What the probes found. An error text stands for 'could not be asked'; None for 'not known'."""

    now: Millis
    clock: str
    store_error: str | None = None
    kafka_error: str | None = None
    generation: int | None = None
    log_id: str | None = None
    """The id in the log's first records now."""
    known_log_id: str | None = None
    """The id that the active generation was built from."""
    acts_log_id: str | None = None
    known_acts_log_id: str | None = None
    worker: tuple[Lag, ...] = ()
    """Per partition of `dossier-events`: complete_to against its end."""
    writer: tuple[Lag, ...] = ()
    """Per partition of the topics that the writer inserts: its position against the end."""
    faults: tuple[str, ...] = ()
    """What other processes said when they stopped: holes, a fold that raised, a newer dataversion."""
    spool_mode: str = "live"
    spooled: int = 0
    spooled_bytes: int = 0
    spool_quota: int = 0
    spool_torn: int = 0
    spool_error: str = ""
    disks: tuple[Disk, ...] = ()
    messages: tuple[str, ...] = ()
    """What keeps people from being told."""
    unrecorded_acts: int = 0
    seal_late_ms: int = 0
    """For how long something in the log has waited for a checkpoint; 0 where no seals are kept."""
    fresh_at: Millis | None = None
    """`known_at` of the newest record applied."""
    log_clock: Millis | None = None
    complete_to: tuple[int, ...] = ()
    stalled_ms: int = 60_000


class Health(Struct, frozen=True):
    """The answer of /v1/health."""

    status: Level
    parts: Mapping[str, Part]
    now: str
    clock: str
    log_clock: str | None
    generation: int | None
    complete_to: tuple[int, ...]
    end_offsets: tuple[int, ...]
    freshness: Mapping[str, object]


def assess(facts: Facts) -> Health:
    """Judges; overall red if any part is, amber if any is."""
    parts = {
        "store": _store(facts),
        "kafka": _kafka(facts),
        "log": _log(facts),
        "worker": _lag(facts.worker, facts, "the fold"),
        "writer": _lag(facts.writer, facts, "the store's writer"),
        "faults": Part("red", facts.faults) if facts.faults else Part("green"),
        "spool": _spool(facts),
        "disk": _disk(facts),
        "acts": _acts(facts),
        "messages": Part("amber" if facts.messages else "green", facts.messages),
        "seal": _seal(facts),
    }
    return Health(
        status=worst(part.status for part in parts.values()),
        parts=parts,
        now=format_rfc3339(facts.now),
        clock=facts.clock,
        log_clock=_time(facts.log_clock),
        generation=facts.generation,
        complete_to=facts.complete_to,
        end_offsets=tuple(lag.end for lag in facts.worker),
        freshness={
            "known_at": _time(facts.fresh_at),
            "age_seconds": None if facts.fresh_at is None else max(0, facts.now - facts.fresh_at) // 1000,
            "records_behind": sum(lag.records for lag in facts.worker),
        },
    )


def worst(levels: Iterable[Level]) -> Level:
    """The worst of some levels, green for none."""
    return max(levels, key=_ORDER.index, default="green")


def _store(facts: Facts) -> Part:
    if facts.store_error:
        return Part("red", (f"the store does not answer: {facts.store_error}",))
    if facts.generation is None:
        return Part("red", ("there is no active generation: gs766 up, or gs766 rebuild, makes one",))
    return Part("green")


def _kafka(facts: Facts) -> Part:
    if facts.kafka_error:
        return Part("red", (f"Kafka does not answer: {facts.kafka_error}",))
    return Part("green")


def _log(facts: Facts) -> Part:
    """A replaced log: the figures on screen speak of another one."""
    reasons = []
    for name, found, known in (
        ("dossier-events", facts.log_id, facts.known_log_id),
        ("alert-log", facts.acts_log_id, facts.known_acts_log_id),
    ):
        if found and known and found != known:
            reasons.append(
                f"{name} was replaced: the store was built from log {known}, Kafka holds {found}; restore the "
                "log, or rebuild from the new one"
            )
    for lag in facts.worker:
        if lag.position >= lag.end:
            reasons.append(
                f"dossier-events partition {lag.partition} ends at {lag.end}, but offset {lag.position} was "
                "already applied: records are gone; restore the log"
            )
    return Part("red" if reasons else "green", tuple(reasons))


def _lag(lags: tuple[Lag, ...], facts: Facts, who: str) -> Part:
    level: Level = "green"
    reasons = []
    for lag in lags:
        if lag.records == 0:
            continue
        if lag.still_ms >= facts.stalled_ms:
            level = "red"
            reasons.append(
                f"{who} has stood still at offset {lag.position} of {lag.topic} partition {lag.partition} for "
                f"{lag.still_ms // 1000} s while {lag.records} records wait: see its log"
            )
        elif lag.behind_ms >= BEHIND_AMBER_MS:
            level = worst((level, "amber"))
            reasons.append(
                f"{who} is {lag.records} records behind in {lag.topic} partition {lag.partition} and catching up"
            )
    return Part(level, tuple(reasons))


def _spool(facts: Facts) -> Part:
    if facts.spool_torn:
        torn = (
            f"{facts.spool_torn} bytes at the spool's end were cut off by a crash and set aside; none was accepted"
        )
        reasons: tuple[str, ...] = (torn,)
    else:
        reasons = ()
    level: Level = "amber" if reasons else "green"
    if facts.spool_mode != "live" or facts.spooled:
        level = "amber"
        why = f" ({facts.spool_error})" if facts.spool_error else ""
        reasons += (f"Kafka is away{why}: {facts.spooled} accepted events wait on disk and will be sent",)
    if facts.spool_quota and facts.spooled_bytes >= facts.spool_quota * 9 // 10:
        level = "red"
        reasons += ("the spool is nearly full: soon the intake answers 503",)
    return Part(level, reasons)


def _disk(facts: Facts) -> Part:
    """Red where the store takes no more inserts (`sinks.embedded.room` has the same floor)."""
    level: Level = "green"
    reasons = []
    for disk in facts.disks:
        if disk.free < min(DISK_RED, disk.size // 10):
            level = "red"
            reasons.append(f"the disk of the {disk.name} is full ({disk.free >> 20} MiB left): make room")
        elif disk.free < min(DISK_AMBER, disk.size // 5):
            level = worst((level, "amber"))
            reasons.append(f"the disk of the {disk.name} has {disk.free >> 20} MiB left: make room soon")
    return Part(level, tuple(reasons))


def _acts(facts: Facts) -> Part:
    if facts.unrecorded_acts:
        return Part("amber", (f"{facts.unrecorded_acts} acts (keys, reads) are not in the alert log yet",))
    return Part("green")


def _seal(facts: Facts) -> Part:
    late = facts.seal_late_ms
    if late < SEAL_AMBER_MS:
        return Part("green")
    reason = f"events have waited {late // 60_000} minutes for a signed checkpoint: see the sealer's log"
    return Part("red" if late >= SEAL_RED_MS else "amber", (reason,))


def _time(ms: Millis | None) -> str | None:
    return None if ms is None else format_rfc3339(ms)


class Stillness:
    """Remembers since when each position has been behind, and since when it has not moved."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, int], tuple[int, Millis, Millis]] = {}

    def lag(self, who: str, topic: str, partition: int, position: int, end: int, now: Millis) -> Lag:
        """The lag with how long it lasts; `now` is any clock that goes forward, in milliseconds."""
        before = self._seen.get((who, topic, partition))
        if position >= end - 1 or before is None:
            self._seen[who, topic, partition] = (position, now, now)
            return Lag(partition=partition, topic=topic, position=position, end=end)
        at, moved, behind = before
        moved = now if position != at else moved
        self._seen[who, topic, partition] = (position, moved, behind)
        return Lag(
            partition=partition,
            topic=topic,
            position=position,
            end=end,
            still_ms=now - moved,
            behind_ms=now - behind,
        )
