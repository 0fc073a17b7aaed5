"""Tables of figures are scored row by row, whatever stands in them."""

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.indicator_documents import packaged_sets
from domain.indicator_sets import choose_set
from domain.score_table import ScoreRow, score_table

SET = choose_set(packaged_sets(), date(2026, 8, 1))
PUBLISHED = Path(__file__).parents[4] / "shared" / "reference" / "portal_scores_2026_08.csv"


def scored(*rows: tuple[object, ...]) -> tuple[ScoreRow, ...]:
    columns = ("unit_code", "metric", "numerator", "denominator")
    return score_table([dict(zip(columns, row, strict=False)) for row in rows], SET)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the portal's published figures are not here")
def test_every_published_score_is_reproduced() -> None:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    answers = score_table(rows, SET)
    assert len(answers) == len(rows) > 200
    for row, answer in zip(rows, answers, strict=True):
        assert (answer.unit_code, answer.metric) == (row["unit_code"], row["metric"])
        assert answer.max == float(row["max_score"]), row
        if row["score"]:
            assert answer.score == pytest.approx(float(row["score"]), abs=0.015), row
        elif row["denominator"] == "0":
            assert answer.score is None, row


def test_a_group_is_the_sum_of_its_units_rows_wherever_they_stand() -> None:
    answers = scored(
        ("H1", "GROUP_PAYMENT"),
        ("H1", "FORMALITY_PAYMENT_INTEGRATED", "4", "10"),
        ("H2", "FORMALITY_PAID_ONLINE", "8", "10"),
        ("H1", "FORMALITY_PAID_ONLINE", 8, 10),
        ("H1", "DOSSIER_PAID_ONLINE", "0", "0"),
    )
    assert answers[0] == ScoreRow("H1", "GROUP_PAYMENT", score=3.0, max=10, reason=None)
    assert [a.score for a in answers[1:]] == [1.0, 2.0, 2.0, None]


def test_a_missing_member_is_named() -> None:
    group = scored(("H1", "DOSSIER_PAID_ONLINE", 1, 2), ("H1", "GROUP_PAYMENT"))[1]
    assert group.score == 3
    assert group.reason == "missing: FORMALITY_PAYMENT_INTEGRATED, FORMALITY_PAID_ONLINE"
    assert scored(("H1", "GROUP_PAYMENT"))[0].score is None


def test_repeated_and_unusable_members_are_named() -> None:
    group = scored(
        ("H1", "FORMALITY_PAYMENT_INTEGRATED", 8, 10),
        ("H1", "FORMALITY_PAYMENT_INTEGRATED", 4, 10),
        ("H1", "FORMALITY_PAID_ONLINE", "many", 10),
        ("H1", "DOSSIER_PAID_ONLINE", "", ""),
        ("H1", "GROUP_PAYMENT"),
    )[-1]
    assert group.score == 2
    assert group.reason == (
        "repeated, the first counts: FORMALITY_PAYMENT_INTEGRATED; unusable, counted 0: FORMALITY_PAID_ONLINE"
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("H1", "NOBODY_KNOWS", 1, 2), "no indicator or group"),
        (("H1", "", 1, 2), "no metric"),
        (("H1",), "no metric"),
        (("H1", "PROCESSED_ON_TIME", "x", 2), "the numerator 'x' is not a number"),
        (("H1", "PROCESSED_ON_TIME", "1.23.4", 2), "is not a number"),
        (("H1", "PROCESSED_ON_TIME", "1,2,3", 2), "is not a number"),
        (("H1", "PROCESSED_ON_TIME", "0x10", 20), "is not a number"),
        (("H1", "PROCESSED_ON_TIME", "78%", 100), "is a percentage, not a count"),
        (("H1", "PROCESSED_ON_TIME", "-1.234,5", 2), "is negative"),
        (("H1", "PROCESSED_ON_TIME", "nan", 2), "not a possible count"),
        (("H1", "PROCESSED_ON_TIME", 1, "inf"), "not a possible count"),
        (("H1", "PROCESSED_ON_TIME", 1, "9" * 400), "not a possible count"),
        (("H1", "PROCESSED_ON_TIME", -1, 2), "is negative"),
        (("H1", "PROCESSED_ON_TIME", 1, 0), "1 of 0 is not a rate"),
        (("H1", "PROCESSED_ON_TIME", 1, ""), "the denominator is missing"),
        (("H1", "ELECTRONIC_CERTIFIED_COPY", None, 1), "the numerator is missing"),
        (("H1", "PROCESSED_ON_TIME"), "no figures"),
    ],
)
def test_a_row_that_cannot_be_scored_says_why(row: tuple[object, ...], said: str) -> None:
    answer = scored(row)[0]
    assert answer.score is None
    assert said in (answer.reason or "")


def test_scores_that_numbers_alone_do_not_explain_say_why() -> None:
    answers = scored(
        ("H1", "PETITION_PROCESSING_ON_TIME", 0, 0),
        ("H1", "ELECTRONIC_CERTIFIED_COPY", "", ""),
        ("H1", "PROCESSED_ON_TIME", 3, 2),
        ("H1", "PROCESSED_ON_TIME", 1, 2),
    )
    assert [a.score for a in answers] == [6, 2, 20, 10]
    assert [bool(a.reason) for a in answers] == [True, True, True, False]


@pytest.mark.parametrize(
    ("numerator", "denominator", "score", "said"),
    [
        ("144.625", "184.513", 15.6764, "'144.625' was read as 144625; '184.513' was read as 184513"),
        ("144,625", "184,513", 15.6764, "'144,625' was read as 144625"),
        ("1.234.567", "2.469.134", 10, "was read as 1234567"),
        ("1.234,5", "2.469,0", 10, None),
        ("1,234.5", "2,469.0", 10, None),
        ("0,5", "1", 10, None),
        ("0,250", "1", 5, None),
        ("12,5", "25", 10, None),
        ("184\u00a0513", "369 026", 10, None),
        (" '50 ", "+100", 10, None),
        ("5e1", "1E2", 10, None),
        ("50.0", "100,00", 10, None),
        ("-", "n/a", None, "no figures"),
    ],
)
def test_numbers_are_read_in_both_spellings(
    numerator: str, denominator: str, score: float | None, said: str | None
) -> None:
    answer = scored(("H1", "PROCESSED_ON_TIME", numerator, denominator))[0]
    assert answer.score == (None if score is None else pytest.approx(score, abs=1e-3))
    assert (said or "") in (answer.reason or "")
    assert said is not None or answer.reason is None


def test_metrics_are_found_whatever_their_case_and_answered_as_they_were_spelt() -> None:
    answers = scored(
        ("H1", "processed on-time", 1, 2), ("H1", "group_payment"), ("H1", "dossier_paid_online", 1, 2)
    )
    assert [(a.metric, a.score) for a in answers] == [
        ("processed on-time", 10),
        ("group_payment", 3),
        ("dossier_paid_online", 3),
    ]


def test_periods_of_one_unit_are_apart() -> None:
    def row(period: str, metric: str, numerator: object = None) -> dict[str, object]:
        return {"unit_code": "H1", "period": period, "metric": metric, "numerator": numerator, "denominator": 10}

    rows = [
        row("2026-07", "GROUP_PAYMENT"),
        row("2026-08", "DOSSIER_PAID_ONLINE", 5),
        row("2026-08", "GROUP_PAYMENT"),
    ]
    assert [a.score for a in score_table(rows, SET)] == [None, 3, 3]


CELLS = st.one_of(st.none(), st.text(max_size=8), st.integers(), st.floats(), st.booleans())
METRICS = st.sampled_from(["PROCESSED_ON_TIME", "GROUP_PAYMENT", "DOSSIER_PAID_ONLINE", "", "?"])


@given(st.lists(st.tuples(CELLS, METRICS, CELLS, CELLS), max_size=6))
def test_nothing_in_a_table_stops_the_scoring(rows: list[tuple[object, ...]]) -> None:
    answers = scored(*rows)
    assert [a.metric for a in answers] == [row[1] for row in rows]
    assert all(a.score is not None or a.reason for a in answers)
