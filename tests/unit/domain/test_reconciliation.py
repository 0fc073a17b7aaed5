"""A difference is taken apart without a rest that is not shown."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.portal_figures import Published
from domain.reconciliation import CAUSES, Count, convinces, explain, gap, verdict_of

counts = st.none() | st.integers(0, 10**7)
scores = st.none() | st.floats(0, 20, allow_nan=False)
count = st.builds(Count, counts, counts, scores)
published = st.builds(Published, st.just("M"), counts, counts, scores | st.integers(0, 20))


@given(count, st.lists(count, max_size=len(CAUSES)), published)
def test_causes_and_remainder_add_to_the_difference_exactly(
    ours: Count, after: list[Count], portal: Published
) -> None:
    steps = [(cause, {"M": at}) for cause, at in zip(CAUSES, after, strict=False)]
    for d in explain({"M": ours}, steps, {"M": portal}):
        if not d.comparable:
            assert d.difference is None
            assert d.reason
            continue
        parts = [*(a.amount for a in d.causes), d.remainder]
        assert sum(Decimal(str(p)) for p in parts) == Decimal(str(d.difference))
        assert [a.cause for a in d.causes] == list(CAUSES[: len(after)])


def test_unknown_is_not_compared_as_zero() -> None:
    portal = {"M": Published("M", 3, 5, 1.5)}
    assert not any(d.comparable for d in explain({"M": Count(None, 4, None)}, [], portal))
    found = {d.kind: d for d in explain({"M": Count(0, 0, None)}, [], portal)}
    assert found["denominator"].difference == 5
    assert found["score"].difference == 1.5, "nothing to count gives no score, which counts 0 in the portal's sum"
    (group,) = explain({"G": Count(group=True)}, [], {"G": Published("G", score=4)})
    assert group.difference == 4


def test_a_supposition_must_explain_half_of_what_is_left() -> None:
    portal = {"M": Published("M", 1000, 2000)}
    assert convinces({"M": Count(990, 2000)}, {"M": Count(996, 2000)}, portal)
    assert not convinces({"M": Count(10, 20)}, {"M": Count(12, 20)}, portal), "another province's figures, perhaps"
    assert not convinces({"M": Count(1000, 2000)}, {"M": Count(1000, 2000)}, portal)


def test_what_the_portal_does_not_show_is_not_compared() -> None:
    found = explain({"M": Count(3, 5, 1.2)}, [], {"M": Published("M", 3, 5)})
    assert [(d.kind, d.comparable) for d in found] == [
        ("numerator", True),
        ("denominator", True),
        ("score", False),
    ]
    assert verdict_of(found) == "holds"


def test_a_remainder_of_rounding_holds_and_a_larger_one_does_not() -> None:
    ours = {"M": Count(144625, 184513, 15.676_402)}
    assert verdict_of(explain(ours, [], {"M": Published("M", 144625, 184513, 15.68)})) == "holds"
    assert verdict_of(explain(ours, [], {"M": Published("M", 144625, 184513, 15.70)})) == "fails"
    assert verdict_of(explain(ours, [], {"M": Published("M", 140000, 184513)})) == "fails"
    assert verdict_of(()) == "cannot_tell"


def test_the_gap_is_nothing_only_for_equal_counts() -> None:
    portal = {"M": Published("M", 3, 5), "N": Published("N", 0, 0), "GROUP_X": Published("GROUP_X", score=4)}
    assert gap({"M": Count(3, 5)}, portal) == 0
    assert gap({"M": Count(2, 5)}, portal) == 0.2
    assert gap({"M": Count(3, 6)}, portal) == 0.2
