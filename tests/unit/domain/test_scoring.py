"""Points, totals and the portal's nulls."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.indicator_documents import decode_set, packaged_sets
from domain.indicator_sets import Indicator, choose_set
from domain.scoring import band, points, score, score_indicator, totalled

SET = choose_set(packaged_sets(), date(2026, 8, 1))
PROVINCE = {
    "PUBLISH_ON_TIME": (0, 0),
    "PUBLIC_UPDATE_ON_TIME": (0, 0),
    "PUBLIC_CONTENT_FULL": (87, 89),
    "DOSSIER_SYNC": (138744, 138744),
    "PROCESSED_ON_TIME": (144625, 184513),
    "FORMALITY_ONLINE_SERVICE": (52, 56),
    "ONLINE_SERVICE_WITH_DOSSIER": (406, 1968),
    "DOSSIER_SUBMITTED_ONLINE": (150956, 152595),
    "FORMALITY_PAYMENT_INTEGRATED": (56, 310),
    "FORMALITY_PAID_ONLINE": (93, 310),
    "DOSSIER_PAID_ONLINE": (82913, 98459),
    "PETITION_PROCESSING_ON_TIME": (182, 247),
    "PETITION_HANDLING_SATISFACTION": (137, 247),
    "DOSSIER_RECEIVING_SATISFACTION": (144574, 184513),
    "ORIGINAL_RESULT_AVAILABLE": (133274, 184513),
    "SO_HOA_GIAY_TO_GIAI_QUYET": (21233, 184513),
    "REUSED_DIGITIZED_DATA": (3160, 184513),
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": (0, 184513),
    "CITIZEN_DATA_CONNECTED_DOSSIER": (85644, 184513),
    "CITIZEN_DATA_CONNECTED_FORMALITY": (297, 1301),
    "ELECTRONIC_CERTIFIED_COPY": (None, None),
}


def indicator(code: str) -> Indicator:
    found = SET.indicator(code)
    assert found is not None
    return found


def test_the_published_month_of_a_province_adds_to_its_published_total() -> None:
    whole = totalled(SET, (score_indicator(indicator(c), n, d) for c, (n, d) in PROVINCE.items()))
    assert whole.total_portal == pytest.approx(59.91, abs=0.005)
    assert whole.max_applicable == 90
    assert whole.total_rebased == pytest.approx(66.57, abs=0.015)
    assert whole.band == "Trung bình"
    published = {"A": 7.96, "B": 15.68, "C": 8.83, "D": 6.25, "E": 12.97, "F": 8.22}
    assert {g.code: g.points for g in whole.groups} == pytest.approx(published, abs=0.015)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("PROCESSED_ON_TIME", 0),
        ("DOSSIER_RECEIVING_SATISFACTION", 0),
        ("PETITION_PROCESSING_ON_TIME", 6),
        ("PETITION_HANDLING_SATISFACTION", 6),
        ("PUBLISH_ON_TIME", None),
        ("DOSSIER_SYNC", None),
        ("DOSSIER_PAID_ONLINE", None),
        ("REUSED_DIGITIZED_DATA", None),
        ("ELECTRONIC_CERTIFIED_COPY", 2),
    ],
)
def test_nothing_to_count_gives_what_the_portal_gives(code: str, expected: float | None) -> None:
    assert points(indicator(code), 0, 0) == expected


def test_missing_figures_give_no_points_except_for_certified_copies() -> None:
    assert points(indicator("PETITION_PROCESSING_ON_TIME"), None, None) is None
    assert points(indicator("PROCESSED_ON_TIME"), None, 5) is None
    assert points(indicator("ELECTRONIC_CERTIFIED_COPY"), None, None) == 2


@given(st.sampled_from(SET.indicators), st.integers(0, 10**6), st.integers(1, 10**6))
def test_points_grow_with_the_rate_and_stop_at_the_maximum(row: Indicator, part: int, whole: int) -> None:
    part = min(part, whole)
    reached = points(row, part, whole)
    assert reached is not None
    assert 0 <= reached <= row.max
    assert (points(row, part + 1, whole) or 0) >= reached
    if part / whole >= row.full_marks_at:
        assert reached == row.max


def test_full_marks_at_thirty_per_cent_only_under_the_older_set() -> None:
    old = choose_set(packaged_sets(), date(2024, 1, 1)).indicator("DOSSIER_PAID_ONLINE")
    assert old is not None
    assert points(old, 30, 100) == 6
    assert points(indicator("DOSSIER_PAID_ONLINE"), 30, 100) == pytest.approx(1.8)


@given(st.dictionaries(st.sampled_from(sorted(PROVINCE)), st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_totals_agree_with_groups_and_the_rebased_total_lies_above(
    figures: dict[str, tuple[int, int]],
) -> None:
    rows = [score_indicator(i, *figures.get(i.code, (None, None))) for i in SET.indicators]
    whole = totalled(SET, rows)
    assert whole.total_portal == pytest.approx(sum(g.points or 0 for g in whole.groups))
    assert whole.total_rebased is not None
    assert whole.total_rebased >= whole.total_portal - 1e-9
    assert all((row.points is None) == (not row.applies) for row in rows)


def test_quantities_by_name_become_a_scorecard_of_the_agreed_shape() -> None:
    quantities = {"received": 10, "done_ok": 5, "open": 4, "open_late": 1, "satisfied": 9, "hand:reused": 4}
    answer = msgspec.to_builtins(score(SET, quantities))
    assert answer["total_portal"] == pytest.approx(16 + 6 + 1 + 2)
    assert answer["indicators"][4] == {
        "code": "PROCESSED_ON_TIME",
        "group": "B",
        "numerator": 8,
        "denominator": 10,
        "rate": 0.8,
        "points": 16.0,
        "max": 20.0,
        "applies": True,
    }
    assert answer["groups"][0] == {"code": "A", "points": None, "max": 18.0}


def test_units_take_over_the_provinces_published_procedures() -> None:
    province = {"fact:procedures_full": 87, "fact:procedures_public": 89}
    row = score(SET, {}, "commune", province).indicators[2]
    assert (row.code, row.numerator, row.denominator) == ("PUBLIC_CONTENT_FULL", 87, 89)
    assert score(SET, {}, "province", province).indicators[2].points is None


def test_an_indicator_not_meant_for_a_kind_of_unit_does_not_apply() -> None:
    only = decode_set(
        {
            "inherits": "2026",
            "name": "x",
            "indicators": [{"code": "PROCESSED_ON_TIME", "unit_kinds": ["commune"]}],
        }
    ).indicator("PROCESSED_ON_TIME")
    assert only is not None
    assert score_indicator(only, 1, 2, "commune").points == 10
    row = score_indicator(only, 1, 2, "department")
    assert (row.applies, row.points) == (False, None)


def test_synced_dossiers_fall_back_on_last_years_share_when_nothing_was_accepted() -> None:
    quantities = {"acc:synced": 0, "accepted": 0, "fact:last_year_accepted_share": 12}
    row = score(SET, quantities).indicators[3]
    assert (row.denominator, row.points) == (12, 0)
    assert score(SET, {"acc:synced": 0, "accepted": 0}).indicators[3].points is None


@pytest.mark.parametrize(
    ("total", "name"),
    [
        (100, "Xuất sắc"),
        (90, "Xuất sắc"),
        (89.99999999999999, "Xuất sắc"),
        (89.9, "Tốt"),
        (80, "Tốt"),
        (70, "Khá"),
        (50, "Trung bình"),
        (49.99, "Yếu"),
        (0, "Yếu"),
    ],
)
def test_a_band_begins_at_its_floor(total: float, name: str) -> None:
    assert band(SET, total) == name
