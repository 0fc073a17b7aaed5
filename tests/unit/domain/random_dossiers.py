"""Random dossiers as plain events, with every corner that a figure could get wrong, for property tests.

Times fall on few distinct instants (hours, midnights, one millisecond beside them), so that ends, due dates,
pauses and the bounds of periods meet exactly.
"""

import random
from typing import Any, NamedTuple

from domain.events import make_event
from domain.facts import Facts, fact_of, merge
from domain.instants import MS_DAY, Millis, Zone, format_rfc3339

ZONE = Zone("Asia/Ho_Chi_Minh")
HOUR = 3_600_000
FIRST_DAY = 20_450
"""A day in December 2025: dossiers live in the 60 days after it."""
DAYS = 60
UNITS = ("H44", "H44.07", "H44.100", "H44.100.01", "H44.101")
PROCEDURES = ("1.001", "1.002", "2.003")


class Said(NamedTuple):
    """One event, before it is encoded."""

    verb: str
    at: Millis
    data: dict[str, Any]


def some_instant(rng: random.Random, low: Millis, high: Millis) -> Millis:
    """An instant near [low, high): often on an hour or a midnight, sometimes one millisecond beside it."""
    at = low + rng.randrange(0, max(1, (high - low) // HOUR)) * HOUR
    kind = rng.random()
    if kind < 0.2:
        at = ZONE.midnight(ZONE.day(at))
    elif kind < 0.3:
        at += rng.choice((-1, 1))
    return at


def random_dossier(rng: random.Random) -> tuple[Said, ...]:
    """The events of one dossier, not in order; some contradict each other, as real systems' do."""
    start = ZONE.midnight(FIRST_DAY)
    accepted = some_instant(rng, start, start + 35 * MS_DAY)
    said = [Said("accepted", accepted, _intake(rng, accepted))]
    if rng.random() < 0.3:
        said.append(Said("submitted", accepted - rng.randrange(0, 30) * HOUR, _intake(rng, accepted)))
    if rng.random() < 0.04:
        return tuple(said[1:])
    at = accepted
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = _stay(rng, at, said)
    if rng.random() < 0.06:
        said.append(Said(rng.choice(("finished", "withdrawn", "returned")), accepted - 5 * HOUR, {}))
    _afterwards(rng, at, said)
    rng.shuffle(said)
    return tuple(said)


def _intake(rng: random.Random, at: Millis) -> dict[str, Any]:
    data: dict[str, Any] = {
        "unit": rng.choice(UNITS),
        "procedure": rng.choice(PROCEDURES),
        "channel": rng.choice(("online", "counter", "post")),
    }
    if rng.random() < 0.8:
        data["due_at"] = format_rfc3339(_due(rng, at))
    return data


def _due(rng: random.Random, at: Millis) -> Millis:
    return some_instant(rng, at, at + 15 * MS_DAY)


def _stay(rng: random.Random, at: Millis, said: list[Said]) -> Millis:
    """Pauses, moves and perhaps an end after `at`; returns where the next stay may begin."""
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        request = some_instant(rng, at, at + 6 * MS_DAY)
        kind = ("supplement_requested", "supplement_received")
        if rng.random() < 0.25:
            kind = ("payment_requested", "fee_paid")
        extra = {"due_after": format_rfc3339(_due(rng, request))} if rng.random() < 0.4 else {}
        plain = kind[0].startswith("payment")
        said.append(Said(kind[0], request, {"amounts": [rng.choice((0, 5000))]} if plain else {}))
        at = request
        if rng.random() < 0.75:
            at = some_instant(rng, request, request + 7 * MS_DAY)
            gateway = {"gateway": rng.choice(("national_portal", "other")), "amounts": [5000]}
            said.append(Said(kind[1], at, gateway if plain else extra))
    if rng.random() < 0.3:
        moved = some_instant(rng, at, at + 6 * MS_DAY)
        data = {"to": format_rfc3339(_due(rng, moved - 4 * MS_DAY))}
        if rng.random() < 0.3:
            data["from"] = format_rfc3339(_due(rng, at))
        said.append(Said("due_date_moved", moved, data))
    if rng.random() < 0.25:
        return at
    end = some_instant(rng, at, at + 12 * MS_DAY)
    verb = rng.choice(("finished", "finished", "finished", "returned", "withdrawn", "stopped", "rejected"))
    said.append(Said(verb, end, {"result_files": [{}]} if verb == "finished" and rng.random() < 0.5 else {}))
    if rng.random() < 0.2:
        later = rng.choice(("returned", "finished", "stopped"))
        said.append(Said(later, some_instant(rng, end, end + 3 * MS_DAY), {}))
    if rng.random() < 0.5:
        return end
    reopened = some_instant(rng, end, end + 8 * MS_DAY)
    said.append(Said("reopened", reopened, {}))
    return reopened


def _afterwards(rng: random.Random, at: Millis, said: list[Said]) -> None:
    """Ratings, papers and synchronisation, which change what the dossier has but not when it ends."""
    if rng.random() < 0.15:
        said.append(Said("rated", at + HOUR, {"rating": rng.choice(("dislike", "like"))}))
    if rng.random() < 0.1:
        said.append(Said("complained", at + 2 * HOUR, {}))
    if rng.random() < 0.4:
        papers = {"components": [{"digitised": rng.random() < 0.5, "reused": rng.random() < 0.5}]}
        said.append(Said("components_recorded", at, papers))
    if rng.random() < 0.3:
        said.append(Said("identity_verified", at, {"vneid": rng.random() < 0.7}))
    if rng.random() < 0.4:
        said.append(Said("synced", at, {"accepted": rng.random() < 0.8}))
    if rng.random() < 0.15:
        said.append(Said("transferred", at + HOUR, {"unit": rng.choice(UNITS)}))


def facts_of(code: str, said: tuple[Said, ...]) -> Facts:
    """The events through the strict decoder, merged as the fold does."""
    events = [
        make_event(f"dossier.{s.verb}", code, s.at, s.data, source="/test", id=f"{n:03d}")
        for n, s in enumerate(said)
    ]
    return merge((), (fact_of(e) for e in events))


def some_period(rng: random.Random, *, whole_days: bool) -> tuple[Millis, Millis]:
    """[S, E): S is a midnight; E is one too, or any instant inside a day."""
    first = FIRST_DAY + rng.randrange(-2, DAYS)
    start = ZONE.midnight(first)
    end = ZONE.midnight(first + rng.randrange(1, 40))
    if whole_days:
        return start, end
    return start, max(start + 1, some_instant(rng, start, end) + rng.choice((0, 0, 1, 17)))
