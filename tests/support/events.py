"""Random lifecycles as events, for property tests: lawful ones, absurd ones, duplicates and corrections."""

from typing import Any

from hypothesis import strategies as st

from domain.blocks import encode_block, partition_of
from domain.events import Event, encode_event, make_event
from domain.instants import Millis, format_rfc3339, parse_rfc3339

HOUR = 3_600_000
T0: Millis = parse_rfc3339("2026-08-03T08:00:00+07:00")
UNITS = ("H44.100", "H44.101", "H44.07")
_VERBS = (
    "submitted",
    "accepted",
    "rejected",
    "step_completed",
    "supplement_requested",
    "supplement_received",
    "payment_requested",
    "fee_paid",
    "due_date_moved",
    "apology_sent",
    "finished",
    "returned",
    "withdrawn",
    "stopped",
    "reopened",
    "transferred",
    "components_recorded",
    "rated",
    "complained",
    "synced",
    "snapshot_received",
)


def dossier_event(code: str, verb: str, at: Millis, number: int, **data: Any) -> Event:
    """One event of a dossier; `number` makes its id."""
    return make_event(f"dossier.{verb}", code, at, data, source="/test", id=f"{code}/{number}")


@st.composite
def dossier_events(draw: st.DrawFn, code: str = "H44.100-1") -> list[Event]:
    """Any events of one dossier, in any order of time, some under a shared id."""
    events = [
        dossier_event(
            code,
            "accepted",
            T0 + draw(st.integers(0, 48)) * HOUR,
            0,
            unit=draw(st.sampled_from(UNITS)),
            procedure="2.000815",
            channel=draw(st.sampled_from(("online", "counter"))),
            **draw(st.sampled_from(({}, {"due_at": format_rfc3339(T0 + 200 * HOUR)}))),
        )
    ]
    for number in range(1, draw(st.integers(1, 9))):
        verb = draw(st.sampled_from(_VERBS))
        at = T0 + draw(st.integers(-20, 600)) * HOUR
        shared = draw(st.integers(0, 9)) == 0
        events.append(dossier_event(code, verb, at, 1 if shared else number, **_data(draw, verb, at)))
    return events


def _data(draw: st.DrawFn, verb: str, at: Millis) -> dict[str, Any]:
    due = format_rfc3339(at + draw(st.integers(-100, 300)) * HOUR)
    match verb:
        case "submitted" | "accepted" | "transferred":
            return {"unit": draw(st.sampled_from(UNITS))}
        case "due_date_moved":
            return {"to": due}
        case "supplement_received":
            return draw(st.sampled_from(({}, {"due_after": due})))
        case "payment_requested" | "fee_paid":
            return {"amounts": [draw(st.sampled_from((0, 15_000)))]}
        case "rated":
            return {"rating": draw(st.sampled_from(("like", "dislike")))}
        case "finished" | "returned":
            return {"result_files": [{}]}
        case "snapshot_received":
            status = draw(st.sampled_from(("processing", "supplement_requested", "finished", "withdrawn")))
            ended = {"finished_at": format_rfc3339(at - HOUR)} if status == "finished" else {}
            return {"status": status, "due_at": due, **ended}
    return {}


@st.composite
def provinces(draw: st.DrawFn, partitions: int = 1, most: int = 4) -> list[Event]:
    """Events of a few dossiers, all of partition 0, shuffled."""
    codes = [f"H44.100-{n}" for n in range(200) if partition_of(f"H44.100-{n}", partitions) == 0][:most]
    events = [e for code in codes[: draw(st.integers(1, most))] for e in draw(dossier_events(code))]
    return draw(st.permutations(events))


def limit_event(procedure: str, amount: int, at: Millis, unit: str = "working_days") -> Event:
    """A reference document: the limit of a procedure."""
    return make_event(
        "procedure.limit_set",
        procedure,
        at,
        {"amount": amount, "unit": unit},
        source="/ref",
        id=f"{procedure}/{at}",
    )


def block(events: list[Event]) -> bytes:
    """A record value of these events."""
    return encode_block([encode_event(e) for e in events])
