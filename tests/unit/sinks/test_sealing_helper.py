"""The second process of the sealer: which partitions it gets, and that nothing is lost on the way from it."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.sealing import helper
from sinks.sealing.helper import AHEAD, Start
from sinks.sealing.leaves import Made, Portion

HASHES = st.binary(min_size=32, max_size=32)
MADE = st.builds(
    lambda offset, known_at, label, both: Made(
        offset, known_at, label, [k for k, _ in both], [h for _, h in both]
    ),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    HASHES,
    st.lists(st.tuples(st.binary(max_size=9), HASHES), min_size=1, max_size=5),
)


@given(st.builds(Portion, st.integers(0, 99), st.lists(MADE, max_size=4), HASHES))
def test_a_portion_arrives_as_it_was_made(portion: Portion) -> None:
    assert helper._read(helper._written(portion)) == portion


def test_help_is_for_all_partitions_but_one_and_only_where_much_is_left() -> None:
    many = {p: Start(0, AHEAD, 0) for p in range(3)}
    cores = helper._cores() > 1
    assert set(helper.worth(many)) == ({1, 2} if cores else set())
    assert helper.worth({p: Start(AHEAD - 1, AHEAD, 0) for p in range(3)}) == {}
    assert helper.worth({}) == {}
    assert set(helper.worth(many | {0: Start(AHEAD, AHEAD, 0)})) == ({2} if cores else set())
