"""Published figures come in from tables and JSON alike, and come out of events as they went in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.indicator_documents import packaged_sets
from domain.portal_figures import Published, as_figures, of_figures, published, rows_of_json, scored
from domain.scoring import totalled

ROWS = [
    {"unit_code": "H44", "metric": "PROCESSED_ON_TIME", "numerator": "144625", "denominator": "184513",
     "score": "15.68", "max_score": "20"},
    {"unit_code": "H44", "metric": "GROUP_PAYMENT", "numerator": "", "denominator": "", "score": "6,25",
     "max_score": "10"},
    {"unit_code": "H44.01", "metric": "DOSSIER_PAID_ONLINE", "numerator": "0", "denominator": "0", "score": "",
     "max_score": "6"},
]  # fmt: skip
WANTED = {
    "H44": {
        "PROCESSED_ON_TIME": Published("PROCESSED_ON_TIME", 144625, 184513, 15.68, 20),
        "GROUP_PAYMENT": Published("GROUP_PAYMENT", None, None, 6.25, 10),
    },
    "H44.01": {"DOSSIER_PAID_ONLINE": Published("DOSSIER_PAID_ONLINE", 0, 0, None, 6)},
}
FORMS = [
    ROWS,
    {"data": ROWS, "total": 3},
    {"period": "2026-08", "result": {"items": ROWS}},
    [{"unitCode": r["unit_code"], "metricCode": r["metric"], "tuSo": r["numerator"], "mauSo": r["denominator"],
      "diem": r["score"], "diemToiDa": r["max_score"]} for r in ROWS],
    {"H44": {r["metric"]: {k: r[k] for k in ("numerator", "denominator", "score", "max_score")}
             for r in ROWS[:2]},
     "H44.01": [{k: v for k, v in ROWS[2].items() if k != "unit_code"}]},
    [{"unit": "H44", "metrics": [{k: v for k, v in r.items() if k != "unit_code"} for r in ROWS[:2]]},
     {"unit": "H44.01", "indicators": {"DOSSIER_PAID_ONLINE": {"numerator": 0, "denominator": 0, "max": 6}}}],
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form: object) -> None:
    found, refused = published(rows_of_json(json.loads(json.dumps(form))))
    assert found == WANTED
    assert refused == ()


def test_a_row_that_cannot_be_used_is_named_and_stops_nothing() -> None:
    bad: list[dict[str, object]] = [
        {"unit_code": "", "metric": "A_B"},
        {"unit_code": "H44", "metric": "not a metric"},
        {"unit_code": "H44", "metric": "A_B", "numerator": "1.234.567"},
        {"unit_code": "H44", "metric": "A_B", "numerator": "-1"},
        {"unit_code": "H44", "metric": "A_B", "numerator": float("nan")},
        {"unit_code": "H44", "metric": "A_B", "numerator": "1,234"},
        dict(ROWS[0]),
    ]
    found, refused = published([dict(ROWS[0]), *bad])
    assert list(found) == ["H44"]
    assert list(found["H44"]) == ["PROCESSED_ON_TIME"]
    assert [r.row for r in refused] == [2, 3, 4, 5, 6, 7, 8]
    assert "first counts" in refused[-1].reason


figure = st.none() | st.integers(0, 10**9) | st.floats(0, 1e9, allow_nan=False)
row = st.builds(Published, st.from_regex(r"[A-Z][A-Z_]{1,20}", fullmatch=True), figure, figure, figure, figure)


@given(st.lists(row, unique_by=lambda r: r.metric))
def test_rows_survive_an_event(rows: list[Published]) -> None:
    sent = json.loads(json.dumps(as_figures(rows)))
    assert of_figures({k: v if v is None else float(v) for k, v in sent.items()}) == {r.metric: r for r in rows}


def test_an_indicator_without_a_row_is_unknown_not_zero() -> None:
    chosen = next(s for s in packaged_sets() if s.name == "2026")
    found = totalled(chosen, scored(chosen, WANTED["H44"]))
    assert found.max_applicable == 20
    assert [r.code for r in found.indicators if r.applies] == ["PROCESSED_ON_TIME"]
