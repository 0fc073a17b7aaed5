"""What the stream, health and every request ask of the store: positions, generation, and changes since a place."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct

from api.stream import MAX_CHANGES, Change, Moment
from api.vector import Vector
from domain.alerts import alert_id
from domain.errors import Unavailable
from domain.instants import Millis, format_rfc3339
from sinks.queries import live
from sinks.queries.reader import Reader, Rows

EVENTS, ACTS = "dossier-events", "alert-log"
RAISED = "alert.raised"
MAX_RECORDS = 2_000
MAX_BYTES = 8 * 1024 * 1024


class Store(Protocol):
    """The store, as far as it is asked here: `StorePool`."""

    def client(self) -> AbstractContextManager[Any]:
        """One client for one thread."""


class Position(Struct, frozen=True):
    """One row of `positions`."""

    name: str
    topic: str
    partition: int
    generation: int
    offset: int
    to_offset: int
    known_at: Millis
    clock: Millis
    log_id: str


class Standing(Struct, frozen=True):
    """Where the store stands: the active generation (None: there is none) and all positions."""

    generation: int | None
    log_id: str
    positions: tuple[Position, ...]

    def complete(self) -> dict[int, Position]:
        """By log partition, how far the active generation's rows are complete."""
        return {p.partition: p for p in self.positions if p.name == "complete" and p.generation == self.generation}

    def records(self, topic: str) -> dict[int, Position]:
        """By partition, how far a raw log is in the store (`offset` is the next one to read)."""
        return {p.partition: p for p in self.positions if p.name == "records" and p.topic.endswith(topic)}


class StoreFeed:
    """`stream.Feed` over the store; safe in threads."""

    def __init__(self, store: Store, partitions: int) -> None:
        self._store = store
        self._partitions = partitions

    def standing(self) -> Standing:
        """Positions and generation now; Unavailable when the store does not answer."""
        with self._store.client() as client:
            active = live.active_generation(client)
            rows = live.positions(client)
        generation, log_id = active or (None, "")
        return Standing(generation, log_id, tuple(Position(*row) for row in rows))

    def stops(self, standing: Standing) -> Rows:
        """(partition, offset, reason) of records that the fold stands still before."""
        if standing.generation is None:
            return []
        places = [(p, found.to_offset + 1) for p, found in standing.complete().items()]
        with self._store.client() as client:
            return live.stops(client, standing.generation, places)

    def faults(self) -> list[tuple[int, int, int, str]]:
        """What stopped a generation: (generation, partition, offset, reason)."""
        with self._store.client() as client:
            return [(g, p, o, reason) for g, p, o, reason in live.faults(client)]

    def moment(self) -> Moment:
        """As `Feed.moment`."""
        return moment_of(self.standing(), self._partitions)

    def changes(self, since: Vector, to: Vector, limit: int = MAX_CHANGES) -> Sequence[Change] | None:
        """As `Feed.changes`: None when more changed than is worth telling one by one."""
        found: list[Change] = []
        with self._store.client() as client:
            reader = Reader(client, to.generation)
            for partition, (after, upto) in enumerate(zip(since.events, to.events, strict=True)):
                changed = _changed(client, EVENTS, partition, after, upto)
                if changed is None or len(found) + len(changed) > limit:
                    return None
                found += _of_dossiers(reader, partition, after, upto, changed)
            acts = _changed(client, ACTS, 0, since.acts, to.acts)
        if acts is None:
            return None
        found += [_of_act(*act) for act in acts if act[1].startswith("alert.")]
        return found if len(found) <= limit else None


_WITH_CONDITIONS = ("dossier.", "petition.", "procedure.")
Changed = tuple[int, str, str, str, str, str, str, str, str]
"""(offset, type, subject, unit, kind, about, episode, instant, until)."""


def _changed(client: Any, topic: str, partition: int, after: int, to: int) -> list[Changed] | None:
    """The events in a stretch; None when it is too long."""
    if to <= after:
        return []
    rows = (
        live.changed_events(client, topic, partition, after, to, MAX_BYTES) if to - after <= MAX_RECORDS else None
    )
    return None if rows is None else [(offset, *event) for offset, events in rows for event in events]


def _of_dossiers(reader: Reader, partition: int, after: int, to: int, changed: list[Changed]) -> list[Change]:
    """One notice per dossier and record, and one per condition (of whatever subject) that the stretch changed."""
    subjects = sorted({subject for _, kind, subject, *_ in changed if kind.startswith(_WITH_CONDITIONS)})
    if not subjects:
        return []
    changes = live.conditions_since(reader, partition, after, to, subjects)
    found = [_of_condition(partition, *row) for row in changes]
    offsets: dict[tuple[int, str], None] = {
        (offset, subject): None for offset, kind, subject, *_ in changed if kind.startswith("dossier.")
    }
    if not offsets:
        return found
    codes = sorted({subject for _, subject in offsets})
    now = {row[0]: (row[1], row[2], row[3]) for row in live.dossiers_now(reader, codes)}
    found += [_of_dossier(partition, offset, code, *now[code]) for offset, code in offsets if code in now]
    return found


def _of_dossier(partition: int, offset: int, code: str, unit: str, procedure: str, status: str) -> Change:
    data = {
        "dossier_code": code,
        "unit": unit,
        "procedure": procedure,
        "status": status,
        "partition": partition,
        "offset": offset,
    }
    return Change(event="dossier", log="events", partition=partition, offset=offset, unit=unit, data=data)


def _of_condition(
    partition: int,
    kind: str,
    subject: str,
    episode: str,
    unit: str,
    version: int,
    start: Millis,
    until: Millis | None,
) -> Change:
    data = {
        "alert": alert_id(kind, subject, episode),
        "kind": kind,
        "subject": subject,
        "episode": episode,
        "unit": unit,
        "from": format_rfc3339(start),
        "until": None if until is None else format_rfc3339(until),
        "partition": partition,
        "offset": version,
    }
    return Change(event="alert", log="events", partition=partition, offset=version, unit=unit, data=data)


def _of_act(
    offset: int, act: str, subject: str, unit: str, kind: str, about: str, episode: str, instant: str, until: str
) -> Change:
    """An act; what the notifier raised has the members of a condition beside them."""
    data = {"alert": subject, "act": act, "unit": unit, "kind": kind, "about": about, "offset": offset}
    if act == RAISED:
        data |= {"subject": about, "episode": episode, "from": instant, "until": until or None, "partition": 0}
    return Change(event="alert", log="acts", partition=0, offset=offset, unit=unit, data=data)


def moment_of(standing: Standing, partitions: int) -> Moment:
    """The moment of a standing; Unavailable when no generation is active."""
    if standing.generation is None:
        raise Unavailable("no generation is active yet: the store is being filled, retry in a moment")
    complete = standing.complete()
    events = tuple(complete[p].to_offset if p in complete else -1 for p in range(partitions))
    acts = standing.records(ACTS)
    return Moment(
        Vector(standing.generation, events, acts[0].offset - 1 if 0 in acts else -1),
        max((p.known_at for p in complete.values()), default=0),
        max((p.clock for p in complete.values()), default=0),
    )


class Moments:
    """The newest moment for requests, asked at most once in `max_age_ms`; many threads, one question."""

    def __init__(self, ask: Callable[[], Moment], tick: Callable[[], Millis], max_age_ms: int = 1_000) -> None:
        self._ask = ask
        self._tick = tick
        self._max_age_ms = max_age_ms
        self._asking = threading.Lock()
        self._mutex = threading.Lock()
        """Held for an assignment only: the event loop takes it too and must not wait for the store."""
        self._found: Moment | None = None
        self._asked_at = 0

    def learn(self, moment: Moment) -> None:
        """Takes over a moment that the watcher has just seen."""
        with self._mutex:
            self._found, self._asked_at = moment, self._tick()

    def current(self) -> Moment:
        """A moment not older than the limit; Unavailable when the store does not answer."""
        found = self._fresh()
        if found is not None:
            return found
        with self._asking:
            found = self._fresh()
            if found is None:
                found = self._ask()
                self.learn(found)
            return found

    def _fresh(self) -> Moment | None:
        with self._mutex:
            return self._found if self._tick() - self._asked_at <= self._max_age_ms else None
