"""Emission at a pace: the clock and the sleep are given, so that nothing here waits by itself."""

from collections.abc import Callable, Iterable, Iterator

from domain.events import Event
from domain.instants import Millis

Sleep = Callable[[float], None]
Clock = Callable[[], float]
"""Seconds that only grow, such as time.monotonic."""


def paced(events: Iterable[Event], rate: float, sleep: Sleep, clock: Clock) -> Iterator[Event]:
    """The events at `rate` a second on average; what was held up is caught up, never more than a second of it."""
    if rate <= 0:
        raise ValueError("the rate is a number of events a second above 0")
    due = clock()
    for event in events:
        now = clock()
        if due > now:
            sleep(due - now)
        yield event
        due = max(due, now - 1) + 1 / rate


def paced_by_time(
    events: Iterable[Event], start: Millis, speed: float, sleep: Sleep, clock: Clock
) -> Iterator[Event]:
    """The events as they happen, `speed` times faster, beginning at the simulated instant `start`."""
    if speed <= 0:
        raise ValueError("the speed is a factor above 0")
    began = clock()
    for event in events:
        wait = (event.occurred_at - start) / 1000 / speed - (clock() - began)
        if wait > 0:
            sleep(wait)
        yield event
