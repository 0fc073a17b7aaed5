"""A petition (PAKN): its state from its facts, and how it is booked (decisions 12; domain.md §5 group E)."""

from msgspec import Struct

from domain import event_data as d
from domain.bookings import Booking
from domain.events import decode_data
from domain.facts import Facts, effective
from domain.instants import Millis, to_millis
from domain.measures import INDEX
from domain.rows import PetitionRow


class Wait(Struct, frozen=True):
    """A stretch without an answer: [received or re-opened, answered or refused)."""

    start: Millis
    end: Millis | None = None
    refused: bool = False


class Petition(Struct, frozen=True, kw_only=True):
    """What is known of a petition. `unhappy` is disliked or raised again; `answered_at` the last answer
    that was not followed by a re-opening; a refusal is an answer."""

    unit: str = ""
    about: str = ""
    dossier: str = ""
    received_at: Millis | None = None
    due_at: Millis | None = None
    answered_at: Millis | None = None
    unhappy: bool = False
    events: int = 0
    waits: tuple[Wait, ...] = ()
    """In order; only the last may have no end."""
    asked: tuple[Millis, ...] = ()
    """When more was asked for."""
    published: tuple[Millis, ...] = ()


def replay_petition(facts: Facts) -> Petition:
    """The state of a petition from all its facts in canonical order."""
    found: dict[str, object] = {}
    turns: list[tuple[Millis, str]] = []
    told: dict[str, list[Millis]] = {"supplement_requested": [], "published": []}
    for fact in effective(facts)[0]:
        data = decode_data(fact.type, fact.body)
        verb = fact.type.removeprefix("petition.")
        if isinstance(data, d.PetitionReceived):
            found.setdefault("received_at", fact.occurred_at)
            said = {"unit": data.unit, "about": data.about, "dossier": data.dossier}
            found |= {k: v for k, v in said.items() if v is not None}
            if data.due_at is not None:
                found["due_at"] = to_millis(data.due_at)
        elif verb in ("answered", "refused"):
            if found.get("answered_at") is None:
                found["answered_at"] = fact.occurred_at
                turns.append((fact.occurred_at, verb))
        elif verb in told:
            told[verb].append(fact.occurred_at)
        elif verb == "reopened":
            if found.get("answered_at") is not None:
                turns.append((fact.occurred_at, verb))
            found |= {"answered_at": None, "unhappy": True}
        elif verb == "disliked":
            found["unhappy"] = True
        elif isinstance(data, d.Rating):
            found["unhappy"] = data.rating == "dislike"
        elif isinstance(data, d.PetitionLink):
            found["dossier"] = data.dossier if verb == "linked" else ""
    received = found.get("received_at")
    return Petition(
        events=len(facts),
        waits=_waits(received, turns) if isinstance(received, int) else (),
        asked=tuple(told["supplement_requested"]),
        published=tuple(told["published"]),
        **found,  # type: ignore[arg-type]
    )


def _waits(received: Millis, turns: list[tuple[Millis, str]]) -> tuple[Wait, ...]:
    """The stretches without an answer; `turns` are ends and re-openings by turns, an end first. What is said to
    have happened before the receipt happened at the receipt."""
    found: list[Wait] = []
    start = received
    for at, verb in turns:
        if verb == "reopened":
            start = max(received, at)
        else:
            found.append(Wait(start, max(start, at), refused=verb == "refused"))
    if len(turns) % 2 == 0:
        found.append(Wait(start))
    return tuple(found)


def book_petition(petition: Petition) -> tuple[Booking, ...]:
    """The stay [received, answered): entered, left, on time, open-and-late. `pet_unhappy` is the union of
    disliked, raised again and late, once: on the day of receipt, or on the day it became late. A petition
    without a due date is never late."""
    received, due = petition.received_at, petition.due_at
    if received is None:
        return ()
    entries: list[Booking] = [(received, INDEX["pet_received"], 1)]
    if petition.unhappy:
        entries.append((received, INDEX["pet_unhappy"], 1))
    answered = None if petition.answered_at is None else max(received, petition.answered_at)
    if answered is not None:
        entries.append((answered, INDEX["pet_left"], 1))
        if due is None or answered <= due:
            entries.append((answered, INDEX["pet_left_ok"], 1))
    if due is not None and (answered is None or answered > due):
        late_from = max(received, due + 1)
        if not petition.unhappy:
            entries.append((late_from, INDEX["pet_unhappy"], 1))
        if answered is None or late_from < answered:
            entries.append((late_from, INDEX["pet_late_open"], 1))
            if answered is not None:
                entries.append((answered, INDEX["pet_late_open"], -1))
    return tuple(entries)


def petition_row(code: str, p: Petition, unit: str, version: int, known_at: Millis) -> PetitionRow:
    """The row of a petition at the log record that changed it."""
    return PetitionRow(
        petition=code,
        version=version,
        known_at=known_at,
        unit=unit,
        about=p.about,
        dossier=p.dossier,
        received_at=p.received_at,
        due_at=p.due_at,
        answered_at=p.answered_at,
        unhappy=p.unhappy,
        events=p.events,
    )
