"""The risk of an open dossier: counts and quantiles of what similar ones took, and which basis tells it."""

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.forecast import ENOUGH, HOUR_MS, Risk, Similar, Took, Visit, hours, risk, sentence, visits


def took(**counts: int) -> tuple[Took, ...]:
    """`h8_20=30`: thirty that stayed 8 hours and needed 20."""
    found: list[Took] = []
    for name, n in counts.items():
        stayed, needed = (int(x) * HOUR_MS for x in name.removeprefix("h").split("_"))
        found += [Took(stayed, needed)] * n
    return tuple(found)


def step(spent: float, of: tuple[Took, ...]) -> Similar:
    return Similar("step", "B2", int(spent * HOUR_MS), of)


def procedure(spent: float, of: tuple[Took, ...]) -> Similar:
    return Similar("procedure", "1.001", int(spent * HOUR_MS), of)


def field(spent: float, of: tuple[Took, ...]) -> Similar:
    return Similar("field", "Đất đai", int(spent * HOUR_MS), of)


@pytest.mark.parametrize(
    ("spent", "left", "similar", "on_time"),
    [
        (0, 20, 90, 60),  # all were there at their beginning; 60 needed 20 hours or less
        (4, 16, 90, 60),
        (8, 12, 90, 60),  # exactly as long: still there; exactly as much as is left: in time
        (8, 11.999, 90, 0),
        (8.25, 11.75, 60, 30),  # those that stayed 8 hours are gone
        (8.25, 31.75, 60, 60),
    ],
)
def test_the_risk_is_counted_from_those_still_at_the_step(
    spent: float, left: float, similar: int, on_time: int
) -> None:
    of = took(h8_20=30, h10_20=30, h12_40=30)
    found = risk([step(spent, of)], int(left * HOUR_MS))
    assert (found.similar, found.on_time, found.share) == (similar, on_time, (similar - on_time) / similar)


ENOUGH_OF, FEW = took(h8_8=ENOUGH), took(h8_8=ENOUGH - 1)


@pytest.mark.parametrize(
    ("bases", "told_by"),
    [
        ([step(1, ENOUGH_OF), procedure(5, ENOUGH_OF), field(5, ENOUGH_OF)], "step"),
        ([step(1, FEW), procedure(5, ENOUGH_OF), field(5, ENOUGH_OF)], "procedure"),
        ([step(9, ENOUGH_OF), procedure(5, ENOUGH_OF)], "procedure"),  # none stayed so long at the step
        ([step(1, FEW), procedure(5, FEW), field(5, ENOUGH_OF)], "field"),
        ([procedure(5, FEW), field(5, FEW)], None),
        ([procedure(9, ENOUGH_OF)], None),
        ([], None),
    ],
)
def test_too_few_fall_back_to_procedure_then_field_then_nothing(bases: list[Similar], told_by: str | None) -> None:
    found = risk(bases, 3 * HOUR_MS)
    assert (found.found.basis if found.found else None) == told_by
    assert (found.share is None) == (told_by is None)


def test_quantiles_are_those_of_the_basis_and_none_of_too_few() -> None:
    of = procedure(0, took(h1_1=50, h10_10=40, h30_30=10))
    assert [of.quantile(q) for q in (0.5, 0.501, 0.9, 0.901, 1.0)] == [h * HOUR_MS for h in (1, 10, 10, 30, 30)]
    assert procedure(0, FEW).quantile(0.5) is None


@pytest.mark.parametrize(
    ("said", "end", "expected"),
    [
        ((), 9, ()),
        (((1, "A"),), None, (Visit("A", 1),)),
        (((1, "A"), (3, "B")), None, (Visit("A", 1, 3), Visit("B", 3))),
        (((1, "A"), (2, "A"), (3, "B")), 9, (Visit("A", 1, 3), Visit("B", 3, 9))),
        (((1, "A"), (3, "B"), (5, "A")), 9, (Visit("A", 1, 3), Visit("B", 3, 5), Visit("A", 5, 9))),
        (((1, "A"), (9, "B"), (12, "C")), 9, (Visit("A", 1, 9),)),  # said at or after the end
        (((9, "A"),), 9, ()),
    ],
)
def test_a_visit_lasts_from_the_first_word_of_a_step_to_the_next_step_or_the_end(
    said: tuple[tuple[int, str], ...], end: int | None, expected: tuple[Visit, ...]
) -> None:
    assert visits(said, end) == expected


def test_what_a_person_reads_names_the_basis_and_what_it_was_counted_from() -> None:
    by_step = risk([step(7.5, took(h8_20=30, h12_40=30))], 13 * HOUR_MS)
    assert sentence(by_step, 13 * HOUR_MS) == (
        "Ước tính: trong 60 lượt hồ sơ cùng thủ tục đã ở bước B2 từ 7,5 giờ làm việc trở lên, 30 đã xong trong "
        "thời gian như hồ sơ này còn lại (13 giờ làm việc): nguy cơ trễ 50 %."
    )
    assert "cùng lĩnh vực" in sentence(risk([procedure(5, FEW), field(5, ENOUGH_OF)], 0), 0)
    assert sentence(risk([procedure(5, FEW)], 0), 0) == "Chưa đủ hồ sơ tương tự để ước tính (29, cần 30)."
    assert (hours(8 * HOUR_MS), hours(10 * HOUR_MS), hours(0)) == ("8", "10", "0")


durations = st.integers(0, 40).map(lambda h: h * HOUR_MS)
took_some = st.lists(st.builds(lambda a, b: Took(min(a, b), max(a, b)), durations, durations), max_size=90).map(
    tuple
)


@given(took_some, durations, durations)
def test_a_risk_is_a_share_of_those_still_there_and_grows_as_time_runs_out(
    of: tuple[Took, ...], spent: int, left: int
) -> None:
    one = Similar("step", "B", spent, of)
    found = risk([one], left)
    still = [t for t in of if t.stayed >= spent]
    assert found.similar == len(still)
    if len(still) < ENOUGH:
        assert found == Risk(len(still), 0, None)
        return
    assert found.share == sum(t.needed > spent + left for t in still) / len(still)
    less = risk([one], left // 2)
    assert less.share is not None
    assert 0 <= found.share <= less.share <= 1


@given(took_some, st.floats(0.01, 1.0))
def test_a_quantile_is_the_shortest_time_within_which_that_part_had_left(of: tuple[Took, ...], q: float) -> None:
    found = Similar("step", "B", 0, of).quantile(q)
    if len(of) < ENOUGH:
        assert found is None
        return
    stayed = sorted(t.stayed for t in of)
    assert found in stayed
    assert bisect_right(stayed, found) >= q * len(stayed)
    assert sum(s < found for s in stayed) < q * len(stayed)


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("ABC")), max_size=20), st.integers(0, 60))
def test_visits_fill_the_time_from_the_first_step_to_the_end_without_a_gap(
    said: list[tuple[int, str]], end: int
) -> None:
    ordered = sorted(said)
    found = visits(ordered, end)
    assert visits([*ordered, *ordered[-1:]], end) == found, "a repeat changes nothing"
    assert all(a.until == b.start and a.step != b.step for a, b in pairwise(found))
    if found:
        assert (found[0].start, found[-1].until) == (ordered[0][0], end)
