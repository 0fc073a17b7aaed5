"""One league table: who is ranked among whom, and who is not."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.ranking import KINDS, Contender, peer_tables, ranks

SIZES = dict.fromkeys(KINDS, (500.0, 1500.0))


def unit(
    code: str, total: float | None = 70.0, received: float = 100, kind: str = "commune", **groups: Any
) -> Contender:
    return Contender(code, kind, received, total, {"A": 5.0, "B": 15.0, **groups})


def test_equal_totals_share_a_rank_and_the_next_is_left_out() -> None:
    assert ranks([70.0, 90.0, 80.0, 80.0, 79.999, 79.994]) == [6, 1, 2, 2, 2, 5]
    assert ranks([]) == []


def test_kinds_and_sizes_stand_apart_by_dossiers_a_month() -> None:
    listed = [
        unit("small"), unit("edge", received=1000), unit("big", received=9000),
        unit("office", kind="department"), unit("other", kind="province"), Contender("none", None, 40, 1.0, {}),
    ]  # fmt: skip
    found = peer_tables(listed, 30, SIZES, months=2.0)
    assert [(t.kind, t.size, [p.code for p in t.places]) for t in found] == [
        ("department", "0–499", ["office"]),
        ("commune", "0–499", ["small"]),
        ("commune", "500–1499", ["edge"]),
        ("commune", "≥ 1500", ["big"]),
        ("other", "0–499", ["other", "none"]),
    ]
    assert len(peer_tables(listed, 30, SIZES, months=0.1)) == 5, "part of a month counts as one"


def test_too_few_dossiers_or_a_group_that_peers_have_leave_no_rank() -> None:
    listed = [unit("a"), unit("b", received=29), unit("c", A=None), unit("d", 71.0), unit("e", received=30)]
    (table,) = peer_tables(listed, 30, SIZES, 1.0)
    assert [(p.code, p.rank, p.reason) for p in table.places] == [
        ("d", 1, None),
        ("a", 2, None),
        ("e", 2, None),
        ("b", None, "chưa đủ số liệu (29 hồ sơ, cần 30)"),
        ("c", None, "thiếu nhóm A"),
    ]


def test_a_group_that_nobody_of_the_kind_has_excludes_nobody() -> None:
    listed = [unit("a", A=None), unit("b", A=None), unit("office", kind="department")]
    assert all(p.rank is not None for t in peer_tables(listed, 30, SIZES, 1.0) for p in t.places)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*KINDS, "province", None]),
            st.integers(0, 4000),
            st.none() | st.floats(0, 100),
            st.booleans(),
        ),
        max_size=25,
    ),
    st.floats(0.01, 24),
)
def test_every_unit_stands_once_and_has_a_rank_or_a_reason(
    units: list[tuple[str | None, int, float | None, bool]], months: float
) -> None:
    listed = [
        Contender(f"u{n}", kind, received, total, {"A": 1.0 if has else None})
        for n, (kind, received, total, has) in enumerate(units)
    ]
    tables = peer_tables(listed, 30, SIZES, months)
    assert sorted(p.code for t in tables for p in t.places) == sorted(c.code for c in listed)
    totals = {c.code: c.total for c in listed}
    for table in tables:
        ranked = [p for p in table.places if p.rank is not None]
        assert all((p.rank is None) is (p.reason is not None) for p in table.places)
        assert [p.rank for p in ranked] == sorted(ranks(totals[p.code] or 0.0 for p in ranked))
