"""Rules of `known_at`."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from eventlog.reader import KnownAt, Record

STAMPS = st.lists(st.integers(0, 2_000_000_000_000), max_size=30)


@given(STAMPS, STAMPS)
def test_known_at_is_the_running_maximum_of_each_partition(zero: list[int], one: list[int]) -> None:
    known = KnownAt()
    assert [known.of(0, ms) for ms in zero] == list(accumulate(zero, max))
    assert [known.of(1, ms) for ms in one] == list(accumulate(one, max))


@given(STAMPS, STAMPS)
def test_known_at_goes_on_from_what_was_stored(before: list[int], after: list[int]) -> None:
    whole, first = KnownAt(), KnownAt()
    wanted = [whole.of(3, ms) for ms in before + after]
    found = [first.of(3, ms) for ms in before]
    second = KnownAt(first.latest)
    assert found + [second.of(3, ms) for ms in after] == wanted


def test_the_last_header_of_a_name_counts_and_an_absent_one_is_empty() -> None:
    record = Record("t", 0, 0, 0, None, b"", (("origin", b"live"), ("origin", b"import")))
    assert record.header("origin") == "import"
    assert record.header("key_id") == ""
