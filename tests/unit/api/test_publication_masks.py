"""Small counts on the publication page: nobody is found by a number below five, nor by subtracting."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from api.papers.publication import SMALL, mask_code, masked

COLUMNS = ("received", "done", "late")
COUNTS = st.dictionaries(
    st.sampled_from([f"Thủ tục {n}" for n in range(12)]),
    st.tuples(*[st.integers(0, 12)] * 3).map(lambda t: Counter(dict(zip(COLUMNS, t, strict=True)))),
    max_size=12,
)


def test_one_to_four_is_hidden_and_zero_and_five_are_not() -> None:
    rows = {"a": (5, 4, 0), "b": (4, 1, 3), "c": (9, 5, 2)}
    shown = masked({name: Counter(dict(zip(COLUMNS, n, strict=True))) for name, n in rows.items()})
    assert [(r.name, r.received, r.done, r.late) for r in shown] == [
        ("c", "9", "5", "<5"),
        ("a", "ẩn", "<5", "0"),
        ("b", "<5", "<5", "<5"),
    ], "one hidden count of a column would follow from its total: the next smallest is hidden too"


@given(COUNTS)
def test_no_small_count_can_be_read_off_or_subtracted(counts: dict[str, Counter[str]]) -> None:
    shown = {row.name: row for row in masked(counts)}
    assert set(shown) == set(counts)
    for column in COLUMNS:
        hidden = [n for n in counts if not getattr(shown[n], column).isdecimal()]
        for name in counts:
            text, count = getattr(shown[name], column), counts[name][column]
            assert (text == f"<{SMALL}") == (0 < count < SMALL)
            assert text in (f"<{SMALL}", "ẩn", str(count))
        large = [n for n in counts if counts[n][column] >= SMALL]
        assert len(hidden) != 1 or not large


def test_a_code_shows_its_holder_which_one_it_is_and_nobody_else() -> None:
    assert mask_code("H44.100-260801-0012") == "•" * 15 + "0012"
    assert mask_code("12345678") == "••••78"
