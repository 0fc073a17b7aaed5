"""Plain lifecycles for tests of a whole stack: the same seed gives the same events."""

import random
from collections.abc import Iterator

from domain.events import Event, encode_event
from domain.instants import Millis, format_rfc3339
from tests.support.events import HOUR, T0, dossier_event


def lifecycles(count: int, seed: int = 1, prefix: str = "H44", start: Millis = T0) -> list[Event]:
    """Events of `count` dossiers of a few communes, in order of time: some late, paused, reopened, open."""
    found = [e for n in range(count) for e in _one(random.Random(seed * 1_000_003 + n), n, prefix, start)]
    return sorted(found, key=lambda e: e.occurred_at)


def encoded(events: list[Event]) -> list[bytes]:
    """Their bytes."""
    return [encode_event(e) for e in events]


def _one(r: random.Random, number: int, prefix: str, start: Millis) -> Iterator[Event]:
    unit = f"{prefix}.{100 + number % 7}"
    code = f"{unit}-{number:05d}"
    at = start + r.randrange(0, 20 * 24) * HOUR
    step = 0

    def event(verb: str, **data: object) -> Event:
        nonlocal step
        step += 1
        return dossier_event(code, verb, at, step, **data)

    yield event("submitted", unit=unit, procedure=f"2.{number % 11:06d}", channel=r.choice(("online", "counter")))
    at += r.randrange(1, 8) * HOUR
    yield event("accepted", unit=unit, due_at=format_rfc3339(at + r.randrange(2, 10) * 24 * HOUR))
    for _ in range(r.randrange(0, 3)):
        at += r.randrange(1, 40) * HOUR
        yield event("step_completed", step="review", office="office")
    if r.random() < 0.2:
        yield event("supplement_requested")
        at += r.randrange(1, 60) * HOUR
        yield event("supplement_received")
    if r.random() < 0.75:
        at += r.randrange(1, 150) * HOUR
        yield event("finished", result_files=[{}])
        if r.random() < 0.1:
            at += r.randrange(1, 50) * HOUR
            yield event("reopened")
