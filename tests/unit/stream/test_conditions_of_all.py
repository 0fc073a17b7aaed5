"""Conditions of dossiers, petitions and procedures are the same set with the same instants, however they came to
be known: live, replayed, in another order, twice, over crashes, under documents that arrived late."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alerts import KINDS
from domain.events import Event, make_event
from domain.instants import format_rfc3339
from tests.support.events import HOUR, T0, UNITS, dossier_event, provinces
from tests.unit.stream.test_going_on import PlainFold
from tests.unit.stream.test_partition import Rows, folder, records_of, run, settled

_OF_PETITIONS = ("answered", "refused", "supplement_requested", "published", "reopened", "disliked")
RULES = (
    {"petition_publication_told": True, "requires_sync": False},
    {"publicising_working_days": 2},
    {"returned_told": True, "forgotten_share_of_limit": 0.25},
)
SWAPPED = {"name": "test", "holidays": ["2026-08-05", "2026-08-06"], "swap_days": ["2026-08-08"]}


def other(kind: str, name: str, at: int, number: int, data: dict[str, Any]) -> Event:
    return make_event(f"{kind}.{name}", f"{kind}-1", T0 + at * HOUR, data, source="/test", id=f"{kind}/{number}")


@st.composite
def everything(draw: st.DrawFn) -> list[Event]:
    """Events of dossiers with what the portal answered, of a petition and of a procedure, in any order."""
    hour = st.integers(-40, 600)
    found = draw(provinces(most=2))
    for n in range(draw(st.integers(0, 4))):
        accepted = draw(st.booleans())
        found.append(dossier_event("H44.100-0", "synced", T0 + draw(hour) * HOUR, 100 + n, accepted=accepted))
    for n in range(draw(st.integers(1, 2))):
        data: dict[str, Any] = {"unit": draw(st.sampled_from(UNITS))}
        if draw(st.booleans()):
            data["due_at"] = format_rfc3339(T0 + draw(hour) * HOUR)
        found.append(other("petition", "received", draw(hour), n, data))
    for n in range(draw(st.integers(0, 5))):
        found.append(other("petition", draw(st.sampled_from(_OF_PETITIONS)), draw(hour), 10 + n, {}))
    for n in range(draw(st.integers(1, 4))):
        verb = draw(st.sampled_from(("announced", "announced", "publicised")))
        found.append(other("procedure", verb, draw(hour), n, {}))
    return draw(st.permutations(found))


@st.composite
def documents(draw: st.DrawFn) -> list[Event]:
    """Thresholds and a calendar, one of each at most."""
    found = []
    if draw(st.booleans()):
        found.append(other("alert_rules", "published", -900, 0, {"document": draw(st.sampled_from(RULES))}))
    if draw(st.booleans()):
        found.append(other("calendar", "published", -900, 0, {"document": SWAPPED}))
    return found


def held(rows: Rows) -> set[tuple[Any, ...]]:
    """What the conditions of a run say in the end, without when it became known, and without those that never
    held."""
    found = settled({"conditions": rows.get("conditions", [])}).get("conditions", {})
    return {(*r[:3], *r[5:]) for r in found.values() if r[5] != r[6]}


@settings(max_examples=40, deadline=None)
@given(
    everything(), documents(), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 5), st.data()
)
def test_another_crash_pattern_gives_the_same_rows(
    events: list[Event], late: list[Event], sizes: list[int], batch: int, data: st.DataObject
) -> None:
    for document in late:
        events.insert(data.draw(st.integers(0, len(events))), document)
    records = records_of(events, sizes)
    crash_at = data.draw(st.frozensets(st.sampled_from(range(len(records))), max_size=3))
    with folder() as a, folder() as b, folder() as c:
        live = run(a, records)
        assert settled(live) == settled(run(b, records, batch, crash_at))
        assert held(live) == held(run(c, records, made=PlainFold))


@settings(max_examples=40, deadline=None)
@given(everything(), documents(), st.randoms(use_true_random=False))
def test_another_order_and_late_documents_give_the_same_conditions(
    events: list[Event], reference: list[Event], random: Any
) -> None:
    shuffled = [*events, *reference] * 2
    random.shuffle(shuffled)
    in_order = sorted(events, key=lambda e: e.occurred_at)
    with folder() as a, folder() as b:
        replayed = held(run(a, records_of([*reference, *in_order], [50])))
        assert replayed == held(run(b, records_of(shuffled, [2])))


def every_kind() -> list[Event]:
    """A province in which each kind of the fold holds at some time."""
    code, due = "H44.100-0", {"unit": "H44.100", "due_at": format_rfc3339(T0 + 200 * HOUR)}
    filed = {"unit": "H44.100", "channel": "online"}
    return [
        dossier_event("H44.100-1", "submitted", T0, 1, **filed),
        dossier_event("H44.100-1", "accepted", T0 + 60 * HOUR, 2, unit="H44.100", channel="online"),
        dossier_event(code, "accepted", T0, 1, **due),
        dossier_event(code, "synced", T0 + HOUR, 2, accepted=False),
        dossier_event(code, "step_started", T0 + 20 * HOUR, 3, step="B1"),
        dossier_event(code, "due_date_moved", T0 + 190 * HOUR, 4, to=format_rfc3339(T0 + 230 * HOUR)),
        dossier_event(code, "due_date_moved", T0 + 220 * HOUR, 5, to=format_rfc3339(T0 + 300 * HOUR)),
        dossier_event("H44.100-2", "accepted", T0, 1, **due),
        dossier_event("H44.100-2", "supplement_requested", T0 + 20 * HOUR, 2),
        dossier_event("H44.100-2", "supplement_received", T0 + 700 * HOUR, 3),
        dossier_event("H44.100-2", "supplement_requested", T0 + 710 * HOUR, 4),
        dossier_event("H44.100-2", "finished", T0 + 900 * HOUR, 5),
        dossier_event("H44.100-2", "apology_sent", T0 + 910 * HOUR, 6),
        other("petition", "received", 0, 1, {"unit": "H44.100"}),
        other("petition", "answered", 500, 2, {}),
        other("procedure", "announced", 0, 1, {}),
        other("procedure", "publicised", 300, 2, {}),
    ]


def test_the_province_above_brings_about_every_kind_of_the_fold() -> None:
    with folder() as path:
        found = held(run(path, records_of(every_kind(), [1])))
    assert {c[0] for c in found} == {kind.code for kind in KINDS.values() if not kind.raised}


@settings(max_examples=15, deadline=None)
@given(
    st.permutations(every_kind()),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(1, 5),
    st.frozensets(st.integers(0, 16), max_size=4),
    documents(),
)
def test_live_replayed_and_crashing_runs_give_each_kind_the_same_instants(
    events: list[Event], sizes: list[int], batch: int, crashes: frozenset[int], reference: list[Event]
) -> None:
    arrived = records_of([*reference, *events], sizes)
    in_order = sorted(events, key=lambda e: e.occurred_at)
    with folder() as a, folder() as b, folder() as c:
        live = held(run(a, arrived))
        assert live == held(run(b, arrived, batch, frozenset(n for n in crashes if n < len(arrived))))
        assert live == held(run(c, records_of([*reference, *in_order], [50])))


def test_the_events_above_bring_about_every_new_kind() -> None:
    said = [
        dossier_event("H44.100-0", "accepted", T0, 1, unit="H44.100"),
        dossier_event("H44.100-0", "synced", T0 + HOUR, 2, accepted=False),
        other("petition", "received", 0, 1, {"unit": "H44.100"}),
        other("procedure", "announced", 0, 1, {}),
    ]
    with folder() as path:
        found = held(run(path, records_of(said, [1])))
    assert {(c[0], c[1], c[5]) for c in found if c[0] > "A09"} == {
        ("A11", "H44.100-0", "H44.100"),
        ("A12", "petition-1", "H44.100"),
        ("A17", "procedure-1", "?"),
    }


def test_a_petition_that_changes_its_unit_takes_its_alerts_along_and_gone_ones_are_taken_back() -> None:
    said = [
        other("petition", "received", 0, 1, {"unit": "H44.100"}),
        other("petition", "received", 5, 2, {"unit": "H44.101"}),
        other("procedure", "announced", 0, 1, {}),
        other("procedure", "publicised", 1, 2, {}),
    ]
    with folder() as path:
        rows = run(path, records_of(said, [1]))
    assert {c[5] for c in held(rows) if c[0] == "A12"} == {"H44.101"}
    assert [(r[5] == r[6]) for r in rows["conditions"] if r[0] == "A17"] == [False, True]


def test_a_source_that_never_tells_of_synchronisation_gets_no_row_for_it() -> None:
    said = [
        dossier_event("H44.100-0", "accepted", T0, 1, unit="H44.100"),
        dossier_event("H44.100-0", "finished", T0 + 90 * HOUR, 2),
    ]
    with folder() as path:
        assert not [r for r in run(path, records_of(said, [1])).get("conditions", []) if r[0] == "A11"]
