"""The demonstration: a month of a simulated province as history, then the next at sixty times its pace.

Everything follows from a seed and the first day, so a later start goes on where the last one ended: the stream
is made again and what was sent is skipped. Its place is kept in `<data>/demo.json`.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.errors import Refused
from domain.events import Event, encode_event
from domain.instants import Millis, Zone, date_day
from ops import exits
from ops.demo_place import DAYS, Place, read_place, write_place
from ops.importing import open_bulk
from ops.settings import Settings
from ops.simulating import live_sink
from producers.log_sink import LogSink
from producers.simulator import Plan, simulate_days

SPEED = 60.0
DISTORTIONS = 0.02
QUIET: Millis = 3 * 60 * 1000
"""A longer stretch without events passes at once: a screen that stands still for three seconds looks broken."""
TICK_SECONDS = 0.25
SAVE_SECONDS = 2.0
log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event, say_ready: Callable[[], None]) -> int:
    """Imports the history if that has not been done, then streams until the month is over or `stop` is set."""
    place = read_place(settings.data)
    if place is None:
        raise Refused(f"{settings.data} is not the folder of a demonstration: gs766 up --demo makes one")
    cut = settings.zone.midnight(date_day(place.cut_day))
    if place.streamed_to is None:
        _import(settings, place, cut)
        place = replace(place, streamed_to=cut)
        write_place(settings.data, place)
    say_ready()
    _stream(settings, place, stop)
    stop.wait()
    return exits.HOLDS


def story(place: Place, root: str, zone: Zone) -> Iterator[Event]:
    """Everything, in order of occurrence: reference data, the first month with what becomes of its dossiers
    later, and the second month, some of whose dossiers are filed before its first day."""
    first = Plan(
        place.dossiers,
        place.first_day,
        place.cut_day - timedelta(days=1),
        place.seed,
        distortions=DISTORTIONS,
        root=root,
        tail=True,
    )
    second = replace(
        first,
        first=place.cut_day,
        last=place.cut_day + timedelta(days=DAYS - 1),
        carried_over=0.0,
        reference=False,
    )
    months = (simulate_days(plan, zone) for plan in (first, second))
    return heapq.merge(*months, key=lambda event: event.occurred_at)


def between(events: Iterable[Event], start: Millis, end: Millis | None = None) -> Iterator[Event]:
    """Of events in order, those from `start` up to, not including, `end`."""
    for event in events:
        if end is not None and event.occurred_at >= end:
            return
        if event.occurred_at >= start:
            yield event


def _import(settings: Settings, place: Place, cut: Millis) -> None:
    with open_bulk(settings) as bulk:
        sink = LogSink(bulk)
        for event in between(story(place, settings.root, settings.zone), 0, cut):
            sink.add(event, encode_event(event))
        sink.flush()


def _stream(settings: Settings, place: Place, stop: threading.Event) -> None:
    """Sends events when their simulated instant has come; quiet stretches (nights, days off) pass at once."""
    assert place.streamed_to is not None
    events = between(story(place, settings.root, settings.zone), place.streamed_to)
    upcoming = next(events, None)
    if upcoming is None:
        log.info("the simulated month is over")
        return
    pace = Pace(max(place.streamed_to, upcoming.occurred_at), time.monotonic())
    saved = time.monotonic()
    with live_sink(settings) as sink:
        while upcoming is not None and not stop.wait(TICK_SECONDS):
            now = pace.simulated(time.monotonic())
            while upcoming is not None and upcoming.occurred_at < now:
                sink.add(upcoming, encode_event(upcoming))
                upcoming = next(events, None)
            sink.flush()
            if upcoming is not None:
                pace = pace.without_quiet(time.monotonic(), upcoming.occurred_at)
            if time.monotonic() - saved >= SAVE_SECONDS:
                saved = time.monotonic()
                write_place(settings.data, replace(place, streamed_to=now))


@dataclass(frozen=True, slots=True)
class Pace:
    """Simulated time against a clock in seconds that only grows."""

    start: Millis
    began: float
    speed: float = SPEED

    def simulated(self, clock: float) -> Millis:
        """The simulated instant at that moment of the clock."""
        return self.start + round((clock - self.began) * self.speed * 1000)

    def without_quiet(self, clock: float, following: Millis) -> "Pace":
        """The pace that goes on just before the following event when that is far away."""
        if following - self.simulated(clock) <= QUIET:
            return self
        return Pace(following - 1, clock, self.speed)
