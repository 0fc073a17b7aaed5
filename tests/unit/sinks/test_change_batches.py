"""What of a batch of change records is written, and what stops a generation."""

import pytest

from domain.changes import pack
from domain.errors import Refused
from domain.rows import FindingRow
from eventlog.reader import Record
from sinks.change_batches import ChangeBatches
from sinks.positions import CHANGES, COMPLETE, Position

LOG = "the-log"


def change(
    start: int, end: int, *, generation: int = 1, partition: int = 0, log_id: str = LOG, rows: int = 1
) -> list[bytes]:
    finding = FindingRow("undated", "H44-1", end, 1_000 + end, "H44", "", True)
    return list(
        pack(
            {"findings": [finding] * rows},
            generation=generation,
            partition=partition,
            from_offset=start,
            to_offset=end,
            known_at=1_000 + end,
            clock=500 + end,
            log_id=log_id,
            limit=100,
        )
    )


def records(*values: bytes, start: int = 0) -> list[Record]:
    return [Record("dossier-changes", 0, start + n, 2_000, None, v, ()) for n, v in enumerate(values)]


def complete(positions: tuple[Position, ...]) -> dict[tuple[int, int], int]:
    return {(p.generation, p.partition): p.to_offset for p in positions if p.name == COMPLETE}


def test_a_batch_moves_the_position_of_its_generation_and_partition() -> None:
    batch = ChangeBatches(LOG, (), ()).judge(records(*change(0, 3), *change(0, 1, partition=2)))
    assert complete(batch.positions) == {(1, 0): 3, (1, 2): 1}
    [place] = [p for p in batch.positions if p.name == CHANGES]
    assert place.offset == 2
    assert [part[:4] for part in batch.parts] == [(1, 0, 0, "findings"), (1, 2, 1, "findings")]
    [first] = [p for p in batch.positions if p.name == COMPLETE and p.partition == 0]
    assert (first.known_at, first.clock, first.log_id) == (1_003, 503, LOG)


def test_a_batch_in_several_records_is_complete_with_the_last_one() -> None:
    several = change(0, 3, rows=6)
    assert len(several) > 2
    batches = ChangeBatches(LOG, (), ())
    half = batches.judge(records(*several[:-1]))
    assert complete(half.positions) == {(1, 0): -1}
    assert len(half.parts) == len(several) - 1
    restarted = ChangeBatches(LOG, half.positions, ())
    assert complete(restarted.judge(records(several[-1], start=len(several) - 1)).positions) == {(1, 0): 3}


def test_a_hole_stops_that_generation_and_no_other() -> None:
    batches = ChangeBatches(LOG, (), ())
    batch = batches.judge(
        records(
            *change(0, 3), *change(5, 6), *change(4, 4), *change(0, 9, generation=2), *change(7, 8, partition=1)
        )
    )
    assert complete(batch.positions) == {(1, 0): 3, (2, 0): 9}
    [fault] = batch.faults
    assert (fault.generation, fault.partition, fault.topic_partition, fault.offset) == (1, 0, 0, 1)
    assert "4..4" in fault.reason
    again = ChangeBatches(LOG, batch.positions, batch.faults)
    assert complete(again.judge(records(*change(4, 4), start=5)).positions) == {}


def test_what_comes_for_a_dropped_generation_is_skipped() -> None:
    batch = ChangeBatches(LOG, (), (), dropped=[1]).judge(records(*change(0, 3), *change(0, 3, generation=2)))
    assert complete(batch.positions) == {(2, 0): 3}
    assert {part[0] for part in batch.parts} == {2}


def test_a_repeated_batch_is_not_written_twice() -> None:
    batch = ChangeBatches(LOG, (), ()).judge(records(*change(0, 3), *change(0, 3)))
    assert len(batch.parts) == 1
    assert complete(batch.positions) == {(1, 0): 3}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"[]", "no change record"),
        (b"not json", "no change record"),
        (change(0, 1, log_id="another")[0], "was folded from log another"),
        (change(0, 1)[0].replace(b'"findings"', b'"novelties"'), "carries novelties: upgrade"),
    ],
)
def test_what_is_no_change_record_of_this_log_is_refused_with_its_place(value: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why) as refusal:
        ChangeBatches(LOG, (), ()).judge(records(value, start=7))
    assert "offset 7" in str(refusal.value)
