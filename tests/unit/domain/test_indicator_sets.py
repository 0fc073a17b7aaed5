"""Indicator sets are data: read, checked, inherited, chosen by date."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.algebra import Recalled, quantities
from domain.errors import InvalidInput
from domain.expressions import evaluate, names, parse_expression
from domain.indicator_documents import conflicts, decode_set, holes, packaged_documents, packaged_sets
from domain.indicator_sets import FACTS, QUANTITIES, IndicatorSet, choose_set

SET = choose_set(packaged_sets(), date(2026, 8, 1))


def document(**changes: Any) -> dict[str, Any]:
    small: dict[str, Any] = {
        "name": "small",
        "bands": [{"code": "any", "name": "Any", "at_least": 0}],
        "groups": [{"code": "A", "name": "A"}],
        "indicators": [
            {
                "code": "X",
                "group": "A",
                "name": "X",
                "max": 100,
                "numerator": "done_ok",
                "denominator": "received",
            }
        ],
    }
    return {**small, **changes}


def with_indicator(**changes: Any) -> dict[str, Any]:
    return document(indicators=[{**document()["indicators"][0], **changes}])


def test_the_packaged_set_has_the_maxima_of_the_decision() -> None:
    maxima = {g.code: sum(i.max for i in SET.members(g.code)) for g in SET.groups}
    assert maxima == {"A": 18, "B": 20, "C": 12, "D": 10, "E": 18, "F": 22}
    assert len(SET.indicators) == 21


def test_the_older_set_differs_only_in_the_threshold_for_payments() -> None:
    old = choose_set(packaged_sets(), date(2025, 12, 31))
    changed = [i.code for i, j in zip(old.indicators, SET.indicators, strict=True) if i != j]
    assert (old.name, changed) == ("2025", ["DOSSIER_PAID_ONLINE"])
    paid = old.indicator("DOSSIER_PAID_ONLINE")
    assert paid is not None
    assert paid.full_marks_at == 0.30


def test_the_packaged_sets_leave_no_day_without_a_set() -> None:
    assert holes(packaged_sets()) == ()
    assert choose_set(packaged_sets(), date(2011, 1, 1)).name == "2025"
    assert choose_set(packaged_sets(), date(2011, 1, 1), "2026") is SET


def test_the_basis_decides_which_dossiers_an_attribute_counts() -> None:
    reused = SET.indicator("REUSED_DIGITIZED_DATA")
    assert reused is not None
    figure = SET.figure(reused)
    assert [*names(figure.numerator), *names(figure.denominator)] == ["hand:reused", "received"]
    accepted = decode_set({"inherits": "2026", "name": "x", "attribute_basis": "accepted"})
    figure = accepted.figure(reused)
    assert [*names(figure.numerator), *names(figure.denominator)] == ["acc:reused", "accepted"]


def test_a_published_set_may_change_one_row_of_another() -> None:
    found = decode_set(
        {
            "inherits": "2026",
            "name": "2027",
            "valid_from": "2027-01-01",
            "indicators": [{"code": "DOSSIER_SUBMITTED_ONLINE", "full_marks_at": 0.9}],
        }
    )
    row = found.indicator("DOSSIER_SUBMITTED_ONLINE")
    assert row is not None
    assert (row.full_marks_at, row.max, found.valid_from) == (0.9, 6, date(2027, 1, 1))
    assert choose_set([*packaged_sets(), found], date(2027, 5, 1)) is found
    assert choose_set([*packaged_sets(), found], date(2026, 5, 1)) is SET


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (with_indicator(max=90), "the maxima add to 90, not 100"),
        (with_indicator(numerator="acc:nothing"), "'acc:nothing' is not a known quantity"),
        (with_indicator(numerator="done_ok * 2"), "cannot be read"),
        (with_indicator(full_marks_at=80), "a rate, not a percentage"),
        (with_indicator(group="Z"), "there is no group Z"),
        (with_indicator(surprise=1), "surprise"),
        (with_indicator(max="many"), "max"),
        (document(indicators=document()["indicators"] * 2), "X stands twice"),
        (document(bands=[{"code": "a", "name": "a", "at_least": 5}]), "bands"),
        (document(rules="767"), "rules"),
        (document(valid_from="2026-02-01", valid_to="2026-01-01"), "ends before it begins"),
        (document(inherits="nobody"), "unknown"),
        (document(inherits="2026", indicators=[{"max": 3}]), "a table with a code"),
        (document(inherits="2026", indicators=3), "a table with a code"),
        (document(inherits=["2026"]), "unknown"),
    ],
)
def test_a_set_that_makes_no_sense_is_refused_with_the_reason(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        decode_set(wrong)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"maxima add to 5.*no group Z"):
        decode_set(with_indicator(max=5, group="Z"))


def test_a_set_that_inherits_from_itself_is_refused() -> None:
    known = {"a": {"name": "a", "inherits": "b"}, "b": {"name": "b", "inherits": "a"}}
    with pytest.raises(InvalidInput, match="unknown or itself"):
        decode_set(known["a"], known)


def test_a_hole_between_validities_is_found() -> None:
    def valid(name: str, first: str, last: str | None) -> IndicatorSet:
        dates = {"valid_from": first, **({"valid_to": last} if last else {})}
        return decode_set(document(name=name, **dates))

    early = valid("early", "2024-01-01", "2024-06-30")
    assert holes([valid("late", "2024-07-01", None), early]) == ()
    assert "2024-06-30" in holes([valid("late", "2024-07-02", None), early])[0]
    with pytest.raises(InvalidInput, match="no indicator set is valid on 2023-05-01"):
        choose_set([early], date(2023, 5, 1))
    with pytest.raises(InvalidInput, match="choose one of early"):
        choose_set([early], date(2024, 5, 1), "other")


def test_every_quantity_of_the_packaged_sets_is_in_the_vocabulary() -> None:
    for chosen in packaged_sets():
        for indicator in chosen.indicators:
            figure = chosen.figure(indicator)
            for name in [*names(figure.numerator), *names(figure.denominator)]:
                assert name in QUANTITIES | FACTS
    assert set(packaged_documents()) >= {"2025", "2026", "2026-draft"}


def test_sums_of_cells_supply_every_quantity_that_a_set_may_name() -> None:
    supplied = quantities({}, {}, Recalled(), "766").keys()
    assert {q for q in QUANTITIES if not q.startswith(("procedures:", "pet:"))} == set(supplied)


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(0, 99)), min_size=1, max_size=8))
def test_a_figure_adds_and_subtracts(terms: list[tuple[str, int]]) -> None:
    known = {f"n{i}": value for i, (_, value) in enumerate(terms)}
    text = " ".join(f"{sign} n{i}" for i, (sign, _) in enumerate(terms))
    expected = sum(value if sign == "+" else -value for sign, value in terms)
    assert evaluate(parse_expression(text), known) == expected
    assert evaluate(parse_expression(f"z - ({text})"), {**known, "z": 0}) == -expected


def test_an_unknown_quantity_makes_the_figure_unknown() -> None:
    assert evaluate(parse_expression("a + b"), {"a": 1}) is None
    assert evaluate(parse_expression("a - b"), {"a": 1, "b": None}) is None


def test_the_larger_report_is_taken_among_those_that_exist() -> None:
    larger = parse_expression("max(fact:report, accepted)")
    assert evaluate(larger, {"fact:report": 7, "accepted": 5}) == 7
    assert evaluate(larger, {"accepted": 5}) == 5
    assert evaluate(larger, {}) is None


@pytest.mark.parametrize("text", ["", "a b", "a*b", "max(", "(a", "2", "a.b", "a+", "max()", "a)", "(" * 99])
def test_what_is_not_a_figure_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        parse_expression(text)


def test_a_draft_holds_only_where_it_is_named() -> None:
    draft = choose_set(packaged_sets(), date(2026, 8, 1), "2026-draft")
    assert (draft.draft, draft.family, draft.petition_basis) == (True, "766-shift", "accepted")
    assert choose_set(packaged_sets(), date(2026, 8, 1)).name == "2026"
    assert choose_set(packaged_sets(), date(2026, 8, 1), "2026/1") is SET
    with pytest.raises(InvalidInput, match="no indicator set '2026/2'"):
        choose_set(packaged_sets(), date(2026, 8, 1), "2026/2")
    heir = decode_set({"inherits": "2026-draft", "name": "x"})
    assert not heir.draft


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"payment_wait": "credited"}, "payment_wait = 'credited' cannot be computed"),
        ({"reopened": "last_record"}, "reopened = 'last_record' cannot be computed"),
        ({"stopped": "open"}, "a stopped dossier has ended"),
        ({"rules": "06a", "supplement_credit": "unless_due_was_shifted"}, "within the rules 766 only"),
        ({"peer_sizes": [500, 100]}, "peer_sizes must rise"),
        ({"petition_basis": "received"}, "petition_basis"),
        (
            {"indicators": [{"code": "DOSSIER_SYNC", "unit_kinds": ["ward"]}]},
            "kinds of units are province, department, commune, other",
        ),
        ({"indicators": [{"code": "DOSSIER_SYNC", "numerator": "fact:dreamt"}]}, "'fact:dreamt' is not a known"),
    ],
)
def test_settings_that_nothing_computes_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        decode_set({"inherits": "2026", "name": "x", **settings})


def test_settings_choose_the_rule_family() -> None:
    def family(**settings: Any) -> str:
        return decode_set({"inherits": "2026", "name": "x", **settings}).family

    assert family(supplement_credit="unless_due_was_shifted") == "766-shift"
    assert family(rules="06a", stopped="open") == "06a-stopped-open"
    assert family(rules="06a") == "06a"


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"valid_from": "2027-01-01"}, ()),
        ({"name": "2026", "valid_from": "2026-01-01"}, ()),
        ({"valid_from": "2026-06-01", "valid_to": "2026-08-31"}, ()),
        ({"valid_from": "2024-01-01", "valid_to": "2024-12-31"}, ()),
        ({"name": "2026", "valid_from": "2026-03-01"}, ("no indicator set holds after 2025-12-31",)),
        ({"name": "2026", "valid_from": "2026-01-01", "valid_to": "2026-06-30"}, ("holds after 2026-06-30",)),
        ({"valid_from": "2026-01-01"}, ("it holds together with the set 2026 from 2026-01-01",)),
    ],
)
def test_what_a_published_set_would_do_to_validity_is_said(dates: dict[str, Any], said: tuple[str, ...]) -> None:
    known = [s for s in packaged_sets() if s.name in ("2025", "2026", "2026-draft")]
    found = conflicts(decode_set({"inherits": "2026", "name": "new", **dates}), known)
    assert len(found) == len(said)
    for sentence, part in zip(found, said, strict=True):
        assert part in sentence


def test_petitions_and_observations_may_be_named() -> None:
    row = {"code": "PUBLISH_ON_TIME", "numerator": "observed:announced_ok", "denominator": "observed:announced"}
    assert decode_set({"inherits": "2026", "name": "x", "indicators": [row]})
    satisfied = SET.indicator("PETITION_HANDLING_SATISFACTION")
    assert satisfied is not None
    accepted = decode_set({"inherits": "2026", "name": "x", "petition_basis": "accepted"})
    figure = accepted.figure(satisfied)
    assert [*names(figure.numerator), *names(figure.denominator)] == ["pet:received_content", "pet:received_all"]
