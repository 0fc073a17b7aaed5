"""One watcher for all screens: figures are computed once a change, at most once a second, and pushed to all."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dashboards.board.model import BoardSource, Live
from domain.errors import Gs766Error

log = logging.getLogger(__name__)

LOOK_S = 0.1
"""How often the place is looked at: it is only a value in memory."""
SPACING_S = 1.0
"""Between two computations."""
AGED_S = 15.0
"""Without any event, time itself makes dossiers late: figures are computed anew after this."""


@dataclass(slots=True)
class Snapshot:
    """The board at one computation; the last figures stay beside the reason when they cannot be read.

    `rendered` and `details` keep what was made of it, so that it is made once for all screens.
    """

    number: int
    live: Live | None
    failure: str | None = None
    rendered: dict[Any, Any] = field(default_factory=dict)
    details: dict[tuple[str, str], "asyncio.Task[Any]"] = field(default_factory=dict)


Listener = Callable[[Snapshot], None]


class Watcher:
    """Belongs to one event loop; the source is asked in threads, one question at a time."""

    def __init__(self, source: BoardSource, seconds: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._seconds = seconds
        self._listeners: dict[object, Listener] = {}
        self._latest = Snapshot(0, None)
        self._place: object = None
        self._at = float("-inf")
        self._busy = asyncio.Lock()

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot; number 0 before the first."""
        return self._latest

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls the listener with every new snapshot until the returned function is called."""
        place = object()
        self._listeners[place] = listener

        def leave() -> None:
            self._listeners.pop(place, None)

        return leave

    async def run(self) -> None:
        """Watches until it is cancelled; computes only while someone looks."""
        while True:
            if self._listeners:
                await self.refresh()
            await asyncio.sleep(LOOK_S)

    async def refresh(self) -> Snapshot:
        """Computes if something changed since the last time, or it was too long ago."""
        async with self._busy:
            if self._wanted():
                await self._compute()
            return self._latest

    def _wanted(self) -> bool:
        age = self._seconds() - self._at
        if age < SPACING_S:
            return False
        return age >= AGED_S or self._latest.live is None or self._source.place() != self._place

    async def _compute(self) -> None:
        # The place is read first: what changes meanwhile is seen by the next look.
        seen, self._at = self._source.place(), self._seconds()
        number = self._latest.number + 1
        try:
            live = await asyncio.to_thread(self._source.live)
        except Gs766Error as error:
            if self._latest.failure is None:
                log.warning("the board cannot read its figures: %s", error)
            self._latest = Snapshot(number, self._latest.live, str(error))
        else:
            self._latest, self._place = Snapshot(number, live), seen
        for place, listener in tuple(self._listeners.items()):
            try:
                listener(self._latest)
            except Exception:
                log.exception("a screen could not be updated")
                self._listeners.pop(place, None)

    async def detail(self, kind: str, code: str, read: Callable[[str], Any]) -> Any:
        """What `read(code)` gives, asked once a snapshot for all who want it; a failure is not kept."""
        details = self._latest.details
        task = details.get((kind, code))
        if task is None:
            task = details[kind, code] = asyncio.create_task(asyncio.to_thread(read, code))
        try:
            return await asyncio.shield(task)
        except Exception:
            details.pop((kind, code), None)
            raise
