"""Generations and positions as everybody reads them."""

import msgspec
import pytest
from clickhouse_driver import Client

from domain.errors import Refused, Unavailable
from domain.rows import FindingRow
from sinks import generations as g
from sinks.change_batches import insert_parts
from sinks.positions import (
    COMPLETE,
    EVENTS,
    Fault,
    Position,
    complete_to,
    log_began,
    log_clock,
    read_faults,
    read_positions,
    wait_until,
    write_faults,
    write_positions,
)

NOW = 1_787_000_000_123


@pytest.fixture
def database(emptied: str) -> str:
    return emptied


def states(client: Client) -> dict[int, str]:
    return {found.number: found.state for found in g.generations(client)}


def complete(partition: int, to: int, generation: int = 1, **more: int) -> Position:
    return Position(COMPLETE, EVENTS, partition, generation, to_offset=to, log_id="L", **more)  # type: ignore[arg-type]


def test_the_one_activated_last_answers(client: Client) -> None:
    assert g.active_generation(client) is None
    for number in (1, 2):
        g.begin(client, number, f"rules={number}", "L", NOW)
        assert states(client)[number] == "building"
        g.activate(client, number, NOW)
        assert g.active_generation(client) == number
    assert states(client) == {1: "building", 2: "active"}
    g.activate(client, 1, NOW)
    assert g.active_generation(client) == 1


def test_a_generation_keeps_the_fingerprint_it_began_with(client: Client) -> None:
    g.begin(client, 1, "rules=1", "L", NOW)
    g.begin(client, 1, "rules=1", "L", NOW + 1)
    assert len(g.generations(client)) == 1
    with pytest.raises(Refused, match="rebuild into the next"):
        g.begin(client, 1, "rules=2", "L", NOW)
    with pytest.raises(Refused, match="begin and fill"):
        g.activate(client, 2, NOW)


def test_a_dropped_generation_leaves_no_row_and_no_other_is_touched(client: Client) -> None:
    for number in (1, 2):
        g.begin(client, number, "rules=1", "L", NOW)
        row = msgspec.json.encode([FindingRow("undated", "H44-1", 5, NOW, "H44", "", True)])
        insert_parts(client, [(number, 0, 0, "findings", row)])
    g.activate(client, 2, NOW)
    g.drop(client, 1, NOW)
    g.drop(client, 1, NOW)
    assert client.execute("SELECT generation FROM findings") == [(2,)]
    assert states(client) == {1: "dropped", 2: "active"}
    with pytest.raises(Refused, match="is active"):
        g.drop(client, 2, NOW)
    with pytest.raises(Refused, match="take the next number"):
        g.begin(client, 1, "rules=1", "L", NOW)


def test_positions_come_back_as_written_and_the_newest_counts(client: Client) -> None:
    first = Position("records", EVENTS, 3, 0, 8, 7, NOW, 0, "L", "hash", "[[1,2,3]]")
    later = Position("records", EVENTS, 3, 0, 5, 4, NOW, 0, "L", "other", "")
    write_positions(client, [first, complete(0, 4)], 1, NOW)
    assert read_positions(client) == ((complete(0, 4), first), 1)
    write_positions(client, [later], 2, NOW)
    assert read_positions(client) == ((complete(0, 4), later), 2)


def test_what_is_complete_and_the_clock_are_told_by_generation(client: Client) -> None:
    assert complete_to(client, 1) == {}
    assert log_clock(client, 1) is None
    assert log_began(client) is None
    write_positions(
        client,
        [complete(0, 4, clock=70), complete(1, 9, clock=90), complete(2, -1, clock=99), complete(0, 50, 2)],
        1,
        NOW,
    )
    assert complete_to(client, 1) == {0: 4, 1: 9}
    assert log_clock(client, 1) == 90


def test_waiting_ends_when_all_is_queryable(client: Client) -> None:
    write_positions(client, [complete(0, 4), complete(1, 9)], 1, NOW)
    assert wait_until(client, {0: 5, 1: 0}, seconds=0, generation=1) == {0: 4, 1: 9}
    with pytest.raises(Unavailable, match=r"still waiting for .0: 6.$"):
        wait_until(client, {0: 6, 1: 10}, seconds=0, generation=1)
    with pytest.raises(Unavailable):
        wait_until(client, {0: 1}, seconds=0)
    g.begin(client, 1, "rules=1", "L", NOW)
    g.activate(client, 1, NOW)
    assert wait_until(client, {0: 5}, seconds=0) == {0: 4, 1: 9}


def test_waiting_for_a_generation_that_has_stopped_is_refused(client: Client) -> None:
    fault = Fault(1, 0, "dossier-changes", 2, 77, "a hole")
    write_faults(client, [fault], NOW)
    write_faults(client, [fault], NOW)
    assert read_faults(client) == (fault,)
    with pytest.raises(Refused, match="a hole"):
        wait_until(client, {0: 1}, seconds=30, generation=1)
