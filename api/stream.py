"""Live notices: one watcher of the store's positions feeds every client of `GET /v1/stream`.

A client's place is a `Vector`, the id of each event; it resumes from there, at least once. A client that does
not keep up is dropped and resumes by itself: nothing is buffered without bound.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from api.vector import Vector
from domain.errors import Gs766Error
from domain.instants import Millis, format_rfc3339

log = logging.getLogger(__name__)

QUEUE = 2_000
MAX_CHANGES = 5_000
"""More changes than this since a client's place, and it is told to read everything anew."""
TICK_S = 1.0
RETRY_S = 1.0


class Moment(Struct, frozen=True):
    """What the store holds now. `clock` is the log's clock, `known_at` the append time of the newest record."""

    vector: Vector
    known_at: Millis
    clock: Millis


class Change(Struct, frozen=True, kw_only=True):
    """Something that became different by one log record; `unit` '' is visible to those who see all."""

    event: Literal["dossier", "alert"]
    log: Literal["events", "acts"]
    partition: int
    offset: int
    unit: str
    data: dict[str, Any]


class Feed(Protocol):
    """What the watcher asks the store; called in threads."""

    def moment(self) -> Moment:
        """Where the store is; Unavailable when it does not answer or has no generation."""

    def changes(self, since: Vector, to: Vector, limit: int) -> Sequence[Change] | None:
        """What changed after `since` up to and including `to`; None when it is more than `limit`."""


class Notice(Struct, frozen=True):
    """One server-sent event on its way; `unit` None is for everybody."""

    event: str
    id: str
    data: bytes
    unit: str | None = None

    def encode(self) -> bytes:
        """Its bytes on the wire."""
        return b"event: %s\nid: %s\ndata: %s\n\n" % (self.event.encode(), self.id.encode(), self.data)


_json = msgspec.json.Encoder(order="sorted").encode


class Client:
    """One open stream: its queue, and what it may see."""

    def __init__(self, sees: Callable[[str], bool], all_units: bool, dossiers: bool, size: int) -> None:
        self._sees = sees
        self._all_units = all_units
        self._dossiers = dossiers
        self.queue: asyncio.Queue[Notice | None] = asyncio.Queue(size)
        self.dropped = False

    def wants(self, notice: Notice) -> bool:
        """Whether the notice is for this client."""
        if notice.unit is None:
            return True
        if not self._dossiers:
            return False
        return self._all_units if not notice.unit else self._sees(notice.unit)

    def offer(self, notice: Notice) -> None:
        """Queues it; a full queue ends the client."""
        if self.dropped or not self.wants(notice):
            return
        try:
            self.queue.put_nowait(notice)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """Lets the stream finish at once."""
        self.dropped = True
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Hub:
    """The watcher and its clients; everything but the feed runs in the event loop."""

    def __init__(
        self,
        feed: Feed,
        *,
        watch_ms: int = 200,
        max_clients: int = 200,
        queue: int = QUEUE,
        on_moment: Callable[[Moment], None] = lambda _: None,
    ) -> None:
        """`on_moment` is told of each moment before any client is, so that what a notice makes a client ask for
        is answered from that moment or a later one."""
        self._feed = feed
        self._on_moment = on_moment
        self._watch_s = watch_ms / 1000
        self._max_clients = max_clients
        self._queue = queue
        self._clients: set[Client] = set()
        self._last: Moment | None = None
        self._ticked: Vector | None = None
        self._tick_at = -TICK_S
        self._fresh = asyncio.Event()
        self.dropped = 0
        """Clients that were ended because they did not keep up."""

    @property
    def clients(self) -> int:
        """Open streams."""
        return len(self._clients)

    async def ready(self, patience_s: float) -> bool:
        """Whether the store has answered, waiting a little for its first answer."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._fresh.wait(), patience_s)
        return self._fresh.is_set()

    @property
    def last(self) -> Moment | None:
        """The newest moment that was published; None before the store answered."""
        return self._last

    async def run(self) -> None:
        """Watches until it is cancelled; a store that does not answer is asked again."""
        failed = False
        while True:
            try:
                await self.step(asyncio.get_running_loop().time())
                failed = False
                await asyncio.sleep(self._watch_s)
            except Gs766Error as error:
                if not failed:
                    log.warning("the stream waits for the store: %s", error)
                failed = True
                await asyncio.sleep(RETRY_S)

    async def step(self, now_s: float) -> None:
        """One look at the store: publishes what changed since the last one. `now_s` only spaces the ticks."""
        moment = await asyncio.to_thread(self._feed.moment)
        self._on_moment(moment)
        before = self._last
        if before is None or not moment.vector.covers(before.vector):
            self._publish([] if before is None else [_reset(moment, "the store was rebuilt or restored")], moment)
        elif moment.vector != before.vector:
            changes: Sequence[Change] | None = ()
            if self._clients:
                changes = await asyncio.to_thread(self._feed.changes, before.vector, moment.vector, MAX_CHANGES)
            self._publish(notices(changes, before.vector, moment), moment)
        self._tick(moment, now_s)

    def _publish(self, found: Sequence[Notice], moment: Moment) -> None:
        """Hands out the notices and moves on, without a pause between: an empty queue means all was sent."""
        for client in list(self._clients):
            for notice in found:
                client.offer(notice)
        self._last = moment
        self._fresh.set()

    def _tick(self, moment: Moment, now_s: float) -> None:
        if moment.vector == self._ticked or now_s - self._tick_at < TICK_S:
            return
        first, self._ticked, self._tick_at = self._ticked is None, moment.vector, now_s
        if not first:
            for client in list(self._clients):
                client.offer(_of("figures", moment))

    async def subscribe(
        self,
        since: Vector | None,
        sees: Callable[[str], bool],
        *,
        all_units: bool = True,
        dossiers: bool = True,
        heartbeat_s: float = 15.0,
        still_allowed: Callable[[], bool] = lambda: True,
    ) -> AsyncIterator[bytes]:
        """The bytes of one client's stream, from `since` or the present; ends when it is dropped or refused."""
        client = Client(sees, all_units, dossiers, self._queue)
        await self._fresh.wait()
        self._clients.add(client)
        try:
            start = self._last
            assert start is not None
            for notice in await self._catch_up(since, start):
                if client.wants(notice):
                    yield notice.encode()
            sent = start
            while True:
                found: Notice | None = None
                with suppress(TimeoutError):
                    found = await asyncio.wait_for(client.queue.get(), heartbeat_s)
                    if found is None:
                        return
                    yield found.encode()
                    continue
                if not still_allowed():
                    return
                if client.queue.empty() and self._last is not None:
                    sent = self._last
                yield _of("heartbeat", sent).encode()
        finally:
            self._clients.discard(client)
            if client.dropped:
                self.dropped += 1

    @property
    def full(self) -> bool:
        """Whether another client would be one too many."""
        return len(self._clients) >= self._max_clients

    async def _catch_up(self, since: Vector | None, start: Moment) -> list[Notice]:
        """What a client missed; then `ready`, from which it is live."""
        ready = _of("ready", start)
        if since is None:
            return [ready]
        if not start.vector.covers(since):
            return [_reset(start, "the place is of another generation or log"), ready]
        changes = await asyncio.to_thread(self._feed.changes, since, start.vector, MAX_CHANGES)
        return [*notices(changes, since, start), ready]

    def close(self) -> None:
        """Ends all streams; their clients resume elsewhere."""
        for client in list(self._clients):
            client.end()


def notices(changes: Sequence[Change] | None, since: Vector, to: Moment) -> list[Notice]:
    """Changes as notices whose ids never promise more than was sent: a record's offset is reached with its last
    notice only."""
    if changes is None:
        return [_reset(to, f"more than {MAX_CHANGES} changes")]
    ordered = sorted(changes, key=lambda c: (c.log == "acts", c.partition, c.offset))
    found = []
    place = since
    for n, change in enumerate(ordered):
        after = ordered[n + 1] if n + 1 < len(ordered) else None
        same = after is not None and (after.log, after.partition, after.offset) == (
            change.log,
            change.partition,
            change.offset,
        )
        if not same:
            place = _moved(place, change)
        found.append(Notice(change.event, str(place), _json(change.data), change.unit))
    return found


def _moved(place: Vector, change: Change) -> Vector:
    if change.log == "acts":
        return Vector(place.generation, place.events, change.offset)
    return place.at(change.partition, change.offset)


def _of(event: str, moment: Moment) -> Notice:
    data = {
        "generation": moment.vector.generation,
        "complete_to": moment.vector.events,
        "known_at": format_rfc3339(moment.known_at),
        "clock": format_rfc3339(moment.clock),
    }
    return Notice(event, str(moment.vector), _json(data))


def _reset(moment: Moment, why: str) -> Notice:
    return Notice("reset", str(moment.vector), _json({"reason": why, "generation": moment.vector.generation}))
