"""Whole records fold to what changed between them: derived facts, and contradictions as findings."""

import random
from itertools import pairwise
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dossier import EMPTY, State, evolve, replay
from domain.event_data import Snapshot
from domain.events import make_event
from domain.facts import Fact, fact_of, merge
from domain.fold import fold_dossier
from domain.instants import Zone, format_rfc3339, parse_rfc3339
from domain.reference import Reference
from domain.snapshots import DONE, GIVEN_UP, OPEN

REFERENCE = Reference({}, Zone("Asia/Ho_Chi_Minh"))
DATES = ("submitted_at", "accepted_at", "due_at", "finished_at", "returned_at")


def at(day: float) -> int:
    """An instant so many days after 3 August 2026, 08:00."""
    return parse_rfc3339("2026-08-03T08:00:00+07:00") + round(day * 86_400_000)


def record(when: float, **data: Any) -> Fact:
    """A record pushed on a day; dates are given as days."""
    said: dict[str, Any] = {
        k: format_rfc3339(at(v)) if k in DATES else v for k, v in data.items() if v is not None
    }
    if "supplements" in said:
        said["supplements"] = [{k: format_rfc3339(at(v)) for k, v in row.items()} for row in said["supplements"]]
    event = make_event(
        "dossier.snapshot_received", "D-1", at(when), said, source="/x", id=f"{when}/{crc32(str(said).encode())}"
    )
    return fact_of(event)


def fact(when: float, verb: str, **data: Any) -> Fact:
    said = {k: format_rfc3339(at(v)) if k in (*DATES, "to") else v for k, v in data.items()}
    return fact_of(make_event(f"dossier.{verb}", "D-1", at(when), said, source="/y", id=f"{when}{verb}"))


def state(*facts: Fact) -> State:
    return replay(merge((), facts))


def kinds(found: State) -> set[str]:
    return {kind for kind, _ in found.notes}


def test_a_record_states_its_dates_and_its_end() -> None:
    found = state(record(5, status="finished", accepted_at=1, due_at=3, finished_at=2))
    assert (found.accepted_at, found.segments[0].finished, found.status) == (at(1), at(2), "finished")
    assert [(d.at, d.due) for d in found.dues] == [(at(1), at(3))]
    assert not found.notes


def test_a_column_that_a_second_file_lacks_says_nothing() -> None:
    found = state(
        record(5, status="finished", accepted_at=1, due_at=3, finished_at=2, channel="online"),
        record(6, status="returned", returned_at=2.5),
    )
    assert (found.accepted_at, found.segments[0].finished, found.channel) == (at(1), at(2), "online")
    assert not found.notes


def test_what_was_over_and_is_open_again_was_recalled() -> None:
    over = record(5, status="returned", accepted_at=1, due_at=9, finished_at=4, returned_at=4.5)
    for again in (record(7, status="processing"), record(7, status="processing", finished_at=4, returned_at=4.5)):
        found = state(over, again)
        assert "snapshot_recalled" in kinds(found)
        assert len(found.segments) == 2
        assert found.segments[1].start == at(7)
        assert found.segments[1].end() is None
        ended = state(over, again, record(8, status="finished", finished_at=7.5))
        assert ended.segments[1].end() == (at(7.5), "finished")
    # A third record with the old date is no second recall, and the same end again takes the recall back.
    found = state(
        over, record(7, status="processing", finished_at=4), record(8, status="processing", finished_at=4)
    )
    assert len(found.segments) == 2
    back = state(over, record(7, status="processing"), record(8, status="finished", finished_at=4))
    assert [s.end() for s in back.segments] == [(at(4), "finished")]
    assert "snapshot_recalled" in kinds(back)


def test_a_due_date_that_moves_without_a_record_is_a_move_and_a_finding() -> None:
    first = record(2, status="processing", accepted_at=1, due_at=5)
    moved = state(first, record(4, status="processing", due_at=9))
    assert kinds(moved) == {"snapshot_due_moved"}
    assert moved.moves == (at(4),)
    late = state(first, record(6, status="processing", due_at=9))
    assert kinds(late) == {"snapshot_due_moved", "due_moved_after_due"}
    twice = state(first, record(3, due_at=7), record(4, due_at=9))
    assert "due_moved_twice" in kinds(twice)
    row = {"requested_at": 2.5, "received_at": 3.5, "due_before": 5, "due_after": 9}
    explained = state(first, record(4, status="processing", due_at=9, supplements=[row]))
    assert not explained.notes
    assert explained.dues[-1].due == at(9)


def test_dates_that_change_or_become_earlier_are_findings() -> None:
    first = record(5, status="finished", accepted_at=1, due_at=3, finished_at=4)
    assert kinds(state(first, record(6, status="finished", finished_at=4.5))) == {"snapshot_contradicts"}
    earlier = state(first, record(6, status="finished", finished_at=2))
    assert kinds(earlier) == {"snapshot_contradicts", "snapshot_date_earlier"}
    assert earlier.segments[0].finished == at(2)


def test_an_end_without_a_date_was_at_the_latest_when_it_was_said() -> None:
    found = state(record(2, status="processing", accepted_at=1, due_at=9), record(6, status="finished"))
    assert found.segments[0].end() == (at(6), "finished")
    assert kinds(found) == {"end_undated"}
    dated = state(
        record(2, status="processing", accepted_at=1, due_at=9),
        record(6, status="finished"),
        record(7, status="finished", finished_at=5),
    )
    assert dated.segments[0].end() == (at(5), "finished")


def test_a_status_that_contradicts_the_end_date_is_told_and_the_date_counts() -> None:
    found = state(record(6, status="processing", accepted_at=1, due_at=9, finished_at=4))
    assert found.segments[0].end() == (at(4), "finished")
    assert kinds(found) == {"status_contradicts_end"}


def test_the_status_alone_tells_pauses() -> None:
    asked = record(3, status="supplement_requested", accepted_at=1, due_at=9)
    found = state(asked, record(5, status="processing"))
    assert [(p.start, p.done) for p in found.supplements] == [(at(3), at(5))]
    ended = state(asked, record(8, status="finished", finished_at=4))
    assert [(p.start, p.done) for p in ended.supplements] == [(at(3), at(4))]
    again = state(asked, record(5, status="processing"), record(6, status="supplement_requested"))
    assert kinds(again) == {"second_supplement"}


def test_a_rejected_record_waits_for_no_acceptance() -> None:
    found = state(record(3, status="rejected", submitted_at=1))
    assert found.rejected_at == at(3)
    assert found.segments[0].end() is None


@pytest.mark.parametrize(
    ("said", "finished", "differs"),
    [("on_time", 2, False), ("late", 2, True), ("early", 4, True), ("late", 4, False), ("on_time", 3.1, False)],
)
def test_the_sources_own_verdict_is_compared(said: str, finished: float, *, differs: bool) -> None:
    fact = record(5, status="finished", accepted_at=1, due_at=3, finished_at=finished, source_verdict=said)
    found = fold_dossier((fact,), REFERENCE)
    assert (("source_verdict_differs", "") in found.findings) is differs


STATUSES = (None, *sorted(OPEN | DONE | GIVEN_UP))


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Records with lawful and absurd contents, perhaps beside events that speak for themselves."""
    found = []
    day = st.one_of(st.none(), st.integers(0, 12))
    for n in range(draw(st.integers(1, 6))):
        data = {name: draw(day) for name in DATES}
        rows = draw(st.lists(st.fixed_dictionaries({"requested_at": st.integers(0, 12)}), max_size=2))
        more = {"supplements": rows} if rows else {}
        found.append(
            record(draw(st.integers(0, 12)) + n / 100, status=draw(st.sampled_from(STATUSES)), **data, **more)
        )
    for verb in draw(st.lists(st.sampled_from(("accepted", "finished", "reopened", "transferred")), max_size=2)):
        unit = {"unit": "U"} if verb == "transferred" else {}
        found.append(fact(draw(st.integers(0, 12)) + 0.5, verb, **unit))
    return found


@given(histories(), st.randoms(use_true_random=False))
def test_neither_arrival_nor_duplicates_matter(facts: list[Fact], rng: random.Random) -> None:
    whole = fold_dossier(merge((), facts), REFERENCE)
    shuffled = [*facts, *rng.sample(facts, len(facts) // 2)]
    rng.shuffle(shuffled)
    merged: tuple[Fact, ...] = ()
    while shuffled:
        batch, shuffled = shuffled[:2], shuffled[2:]
        merged = merge(merged, batch)
    assert fold_dossier(merged, REFERENCE) == whole
    # One by one, as they come in canonical order, is the same as all at once.
    one = EMPTY
    for each in merged:
        one = evolve(one, each)
    assert one == whole.state


def expected_end(records: list[tuple[int, Snapshot]]) -> tuple[int | None, bool]:
    """(the end in force, recalled or not) by hand: the last record that states an end, unless a later one is open.

    Only for records whose status is 'processing' or 'finished', 'finished' always with a date of its own.
    """
    end, recalled, was_over = None, False, False
    for _, data in records:
        if data.status == "processing":
            recalled = recalled or was_over
            end = None if was_over else end
            was_over = False
        else:
            assert data.finished_at is not None
            end, was_over = round(data.finished_at.timestamp() * 1000), True
    return end, recalled


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9_999)), min_size=1, max_size=7))
def test_the_end_is_what_the_last_record_says(said: list[tuple[bool, int]]) -> None:
    facts = []
    for n, (over, part) in enumerate(said):
        finished = n + 0.5 + part / 100_000  # after the record before it: ends differ from each other
        data = {"status": "finished", "finished_at": finished} if over else {"status": "processing"}
        facts.append(record(n + 1, accepted_at=0, due_at=30, **data))
    random.Random(len(said)).shuffle(facts)
    found = state(*facts)
    decoded = [(f.occurred_at, Snapshot(**_decoded(f))) for f in sorted(facts, key=lambda f: f.sort_key)]
    end, recalled = expected_end(decoded)
    last = found.segments[-1].end()
    assert (last[0] if last else None) == end
    assert ("snapshot_recalled" in kinds(found)) is recalled
    assert len(found.segments) == 1 + sum(a and not b for (a, _), (b, _) in pairwise(said))


def _decoded(f: Fact) -> dict[str, Any]:
    from domain.events import decode_data

    data = decode_data(f.type, f.body)
    assert isinstance(data, Snapshot)
    return {name: getattr(data, name) for name in ("status", "finished_at", "accepted_at", "due_at")}
