"""Contiguity of change records: crashes and overlapping workers are no holes, a missing record is."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.contiguity import NONE_YET, Hole, Progress, decode_begun, encode_begun, follow


@dataclass(frozen=True)
class Emitted:
    from_offset: int
    to_offset: int
    seq: int
    last: bool


def followed(records: Iterable[Emitted], progress: Progress | None = None) -> Progress:
    progress = progress or Progress()
    for r in records:
        after = follow(progress, from_offset=r.from_offset, to_offset=r.to_offset, seq=r.seq, last=r.last)
        progress = after or progress
    return progress


def batch(start: int, end: int, records: int) -> list[Emitted]:
    return [Emitted(start, end, seq, seq == records - 1) for seq in range(records)]


@st.composite
def crash_free(draw: st.DrawFn) -> list[list[Emitted]]:
    """Whole batches, one after the other, from offset 0."""
    batches, start = [], 0
    for _ in range(draw(st.integers(1, 8))):
        end = start + draw(st.integers(0, 5))
        batches.append(batch(start, end, draw(st.integers(1, 4))))
        start = end + 1
    return batches


@st.composite
def with_crashes(draw: st.DrawFn) -> tuple[list[Emitted], int]:
    """What workers emit that crash anywhere: before any record of a batch, within it, after it but before their
    position was stored; the next one may cut its batch elsewhere."""
    emitted: list[Emitted] = []
    end = draw(st.integers(1, 20))
    stored = 0
    while stored < end:
        to = min(end, stored + draw(st.integers(1, 6))) - 1
        records = batch(stored, to, 1 + (to * 7 + stored) % 4)
        crash = draw(st.integers(0, 3)) == 3
        emitted += records[: draw(st.integers(0, len(records)))] if crash else records
        if not crash:
            stored = to + 1
    return emitted, end


@given(with_crashes())
def test_no_pattern_of_crashes_and_repeated_batches_is_a_hole(emission: tuple[list[Emitted], int]) -> None:
    records, end = emission
    assert followed(records).complete_to == end - 1


@given(crash_free(), st.data())
def test_two_workers_that_emit_the_same_batches_interleaved_make_no_hole(
    batches: list[list[Emitted]], data: st.DataObject
) -> None:
    first = [r for b in batches for r in b]
    slow, fast, mixed = list(first[: data.draw(st.integers(0, len(first)))]), list(first), []
    while slow or fast:
        mixed.append((slow if slow and (not fast or data.draw(st.booleans())) else fast).pop(0))
    # The slow worker took over nothing: whatever it emits, the fast one has emitted or will.
    seen: set[Emitted] = set()
    progress = Progress()
    for r in mixed:
        progress = followed([r], progress)
        seen.add(r)
        assert all(x in seen for b in batches for x in b if x.to_offset <= progress.complete_to)
    assert progress.complete_to == first[-1].to_offset


@given(crash_free(), st.data())
def test_a_record_that_never_comes_is_a_hole_and_is_never_passed(
    batches: list[list[Emitted]], data: st.DataObject
) -> None:
    first = [r for b in batches for r in b]
    lost = data.draw(st.integers(0, len(first) - 1))
    progress, found = Progress(), False
    for r in (*first[:lost], *first[lost + 1 :]):
        try:
            progress = followed([r], progress)
        except Hole:
            found = True
            break
    assert found or lost == len(first) - 1
    assert progress.complete_to < first[lost].to_offset


@given(with_crashes(), st.data())
def test_a_writer_that_restarts_anywhere_goes_on_with_what_it_had_stored(
    emission: tuple[list[Emitted], int], data: st.DataObject
) -> None:
    records, _ = emission
    cut = data.draw(st.integers(0, len(records)))
    before = followed(records[:cut])
    restored = Progress(before.complete_to, decode_begun(encode_begun(before.begun)))
    assert followed(records[cut:], restored) == followed(records)


def test_slices_of_a_sweep_that_is_taken_up_in_the_middle_are_followed() -> None:
    """A worker that applied a document to half of its subjects goes on from there, not from seq 0."""
    first, again = batch(0, 0, 6)[:4], batch(0, 0, 6)[2:]
    assert followed([*first, *again]).complete_to == 0


def test_what_is_complete_is_skipped() -> None:
    progress = Progress(complete_to=9)
    assert follow(progress, from_offset=3, to_offset=9, seq=5, last=False) is None


def test_the_first_batch_of_a_generation_begins_at_offset_zero() -> None:
    with pytest.raises(Hole, match=r"log records 0\.\.4"):
        followed(batch(5, 6, 1))
    assert followed([]).complete_to == NONE_YET


@pytest.mark.parametrize("bad", [Emitted(-1, 3, 0, True), Emitted(4, 3, 0, True), Emitted(0, 3, -1, True)])
def test_impossible_offsets_are_a_hole(bad: Emitted) -> None:
    with pytest.raises(Hole, match="impossible"):
        followed([bad])
