"""Targets: what is assigned from last year's result, how far a unit is, and what it needs."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.indicator_documents import packaged_sets
from domain.target_documents import choose_targets, decode_targets, packaged_targets
from domain.targets import Figure, Pace, Rule, Target, TargetSet, Value, assign, central_of, progress

RATE = Target("online", "Trực tuyến", "Kế hoạch", (Value(2021, 2021, 0.2), Value(2023, 2025, 0.5)), indicator="X")
WAIT = Target("wait", "Chờ", "Kế hoạch", (Value(2021, value=30),), unit="minutes", better="lower")
rates = st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize(
    ("last", "rule", "wanted"),
    [
        (None, Rule(), 0.5),
        (0.49, Rule(), 0.5),
        (0.5, Rule(), 0.55),
        (0.7, Rule(), 0.77),
        (0.7, Rule(raise_as="points"), 0.8),
        (0.95, Rule(), 1.045),
        (0.95, Rule(cap=1.0), 1.0),
        (0.95, Rule(raise_as="points", cap=1.0), 1.0),
    ],
)
def test_the_rule_of_one_district(last: float | None, rule: Rule, wanted: float) -> None:
    assert assign(rule, 0.5, last, RATE) == pytest.approx(wanted)


def test_where_less_is_better_the_rule_turns_round() -> None:
    assert assign(Rule(), 30, 40, WAIT) == 30
    assert assign(Rule(), 30, 20, WAIT) == 18


@given(rates, rates, st.sampled_from(["relative", "points"]), st.none() | st.just(1.0))
def test_an_assigned_target_is_never_below_the_central_one(
    central: float, last: float, how: str, cap: float | None
) -> None:
    found = assign(Rule(raise_as=how, cap=cap), central, last, RATE)  # type: ignore[arg-type]
    assert found is not None
    assert found >= central
    assert cap is None or found <= max(1, central)


def test_a_target_without_a_newer_value_goes_on_and_says_so() -> None:
    assert central_of(RATE, 2020, None) == (None, False)
    assert central_of(RATE, 2021, None) == (0.2, False)
    assert central_of(RATE, 2022, None) == (0.2, True)
    assert central_of(RATE, 2026, None) == (0.5, True)


def test_steps_by_year_and_on_last_year() -> None:
    yearly = Target("x", "x", "x", (Value(2021, value=0.15, yearly_step=0.2),))
    assert central_of(yearly, 2024, None)[0] == pytest.approx(0.75)
    assert central_of(yearly, 2030, None)[0] == 1
    more = Target("x", "x", "x", (Value(2021, on_last_year=0.3),))
    assert central_of(more, 2026, 0.4)[0] == pytest.approx(0.7)
    assert central_of(more, 2026, None)[0] is None


def test_what_is_missing_and_needed_a_month() -> None:
    months = tuple(Figure(r, round(100 * r), 100) for r in (0.3, 0.5, 0.4))
    found = progress(RATE, Rule(), 2024, Figure(0.4, 120, 300), None, Pace(3, 9, months))
    assert (found.assigned, found.missing) == (0.5, 30)
    # At the year's end 1,200 dossiers: 600 of them online, 480 in nine months.
    assert found.needed_a_month == 54
    assert found.needed_rate == pytest.approx(480 / 900)
    assert found.best_month == 0.5
    assert found.forecast == pytest.approx(0.4)
    assert found.status == "hard"


@pytest.mark.parametrize(
    ("at", "left", "status"),
    [
        (Figure(0.6, 60, 100), 0, "reached"),
        (Figure(0.4, 40, 100), 0, "missed"),
        (Figure(0.6, 60, 100), 6, "reached"),
        (Figure(0.48, 48, 100), 6, "at_risk"),
        (Figure(), 6, "no_data"),
        (Figure(0.4), 6, "at_risk"),
    ],
)
def test_states(at: Figure, left: float, status: str) -> None:
    months = (Figure(0.9, 9, 10),) if at.value == 0.48 else ()
    pace = Pace(6, left, months if status != "at_risk" else ())
    assert progress(RATE, Rule(), 2024, at, None, pace).status == status


def test_a_good_spring_puts_a_unit_on_track() -> None:
    found = progress(RATE, Rule(), 2024, Figure(0.48, 48, 100), None, Pace(6, 6, (Figure(0.9, 9, 10),)))
    assert found.status == "on_track"


def test_the_packaged_targets_are_sound_and_name_known_indicators() -> None:
    (found,) = packaged_targets()
    known = {i.code for s in packaged_sets() for i in s.indicators}
    assert {t.indicator for t in found.targets} - {""} <= known
    assert len(found.targets) >= 20


def test_a_document_says_all_that_is_wrong_with_it() -> None:
    bad = {
        "name": "x",
        "valid_from": "2026-05-01",
        "valid_to": "2026-01-01",
        "targets": [
            {"code": "a", "name": "a", "basis": "b", "values": [{"from": 2024, "value": 80}]},
            {"code": "a", "name": "a", "basis": "b", "values": [{"from": 2024}]},
        ],
    }
    with pytest.raises(InvalidInput) as told:
        decode_targets(bad)
    for part in ("stands twice", "ends before it begins", "80 is no rate", "either value or on_last_year"):
        assert part in str(told.value)
    with pytest.raises(InvalidInput, match="is not a date"):
        decode_targets({"name": "x", "targets": [], "valid_from": "soon"})


def test_the_set_that_began_last_counts() -> None:
    def made(name: str, since: str | None) -> TargetSet:
        row = {"code": "a", "name": "a", "basis": "b", "values": [{"from": 2020, "value": 0.5}]}
        document = {"name": name, "targets": [row]}
        return decode_targets(document | {"valid_from": since} if since else document)

    def chosen(day: date) -> str:
        found = choose_targets(sets, day)
        assert found is not None
        return found.name

    sets = [made("old", None), made("new", "2026-01-01"), made("newer", "2026-01-01")]
    assert chosen(date(2025, 12, 31)) == "old"
    assert chosen(date(2026, 1, 1)) == "newer"
    assert choose_targets([], date(2026, 1, 1)) is None
