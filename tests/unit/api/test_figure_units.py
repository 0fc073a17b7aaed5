"""The tree of units, spans of time, cursors and ages: what figures rest on beside the store."""

import json
from typing import Any

import pytest

from api.figures import cursors
from api.figures.context import FigureContext
from api.figures.lists import age_bucket, horizon
from api.figures.procedures import described
from api.figures.sums import measures_of
from api.figures.units import build_tree
from api.figures.words import sentences
from domain.errors import InvalidInput
from domain.instants import Zone
from domain.measures import FAMILIES
from domain.periods import parse_instant
from domain.verdicts import Judgement
from sinks.queries.reader import Reader

ZONE = Zone("Asia/Ho_Chi_Minh")
LATER = parse_instant("2026-06-01", ZONE)


def history(*said: tuple[str, str, dict[str, Any]]) -> str:
    return json.dumps([[f"unit.{verb}", parse_instant(at, ZONE), "id", data] for at, verb, data in said])


def test_an_unregistered_unit_stands_under_its_longest_known_prefix_else_under_the_root() -> None:
    tree = build_tree("H44", {}, ["H44.100", "H44.100.01.02", "X.1", "?"], LATER)
    assert {code: u.parent for code, u in tree.units.items()} == {
        "H44": None,
        "H44.100": "H44",
        "H44.100.01.02": "H44.100",
        "X.1": "H44",
        "?": "H44",
    }
    assert tree.subtree("H44.100") == {"H44.100", "H44.100.01.02"}
    assert tree.subtree("H44") == set(tree.units)


def test_parents_that_go_round_in_a_circle_end_at_the_root() -> None:
    said = {
        "A": history(("2026-01-01", "registered", {"parent": "B"})),
        "B": history(("2026-01-01", "registered", {"parent": "A"})),
    }
    tree = build_tree("H44", said, [], LATER)
    assert {tree.units[c].parent for c in ("A", "B")} == {"H44"}
    assert tree.subtree("H44") == {"H44", "A", "B"}


def test_what_was_said_of_a_unit_later_does_not_count_before() -> None:
    said = {
        "H44.1": history(
            ("2026-01-01", "registered", {"name": "Cũ", "kind": "commune"}),
            ("2026-07-01", "renamed", {"name": "Mới"}),
        )
    }
    assert build_tree("H44", said, [], LATER).units["H44.1"].name == "Cũ"
    assert build_tree("H44", said, [], parse_instant("2026-08-01", ZONE)).units["H44.1"].name == "Mới"


def test_a_merged_unit_is_counted_under_the_one_that_took_it_over() -> None:
    said = {"H44.1": history(("2026-01-01", "merged", {"into": "H44.2"}))}
    tree = build_tree("H44", said, ["H44.1", "H44.2"], LATER)
    assert tree.subtree("H44.2") == {"H44.1", "H44.2"}


def test_a_span_of_working_days_ends_with_the_last_of_them() -> None:
    ctx = FigureContext(EmptyStore(), 1, ZONE, "H44", LATER)
    friday = parse_instant("2026-03-06T15:00", ZONE)
    for within, end in (
        ("3wd", "2026-03-11"),
        ("0wd", "2026-03-06"),
        ("2d", "2026-03-08"),
        ("36h", "2026-03-08T03:00"),
        ("4wh", "2026-03-09T09:00:00.001"),
    ):
        assert horizon(ctx, friday, within) == parse_instant(end, ZONE), within
    for wrong in ("", "wd", "3", "3x", "-1wd", "9999d"):
        with pytest.raises(InvalidInput):
            horizon(ctx, friday, wrong)


class EmptyStore:
    """A store that holds nothing."""

    def execute(self, *_: Any, **__: Any) -> list[Any]:
        return []


def test_cursors_carry_their_values_and_strange_ones_are_refused() -> None:
    given = cursors.encode(code="H44.1-ồ", as_of=5)
    assert cursors.decode(given, code=str, as_of=int) == {"code": "H44.1-ồ", "as_of": 5}
    assert cursors.decode(None) == {}
    for wrong in ("???", "abc", "bnVsbA", cursors.encode(code=5), cursors.encode(late_by=5)):
        with pytest.raises(InvalidInput):
            cursors.decode(wrong, code=str)


def test_every_age_has_one_bucket() -> None:
    assert [age_bucket(n) for n in (0, 1, 3, 4, 10, 11, 30, 31)] == [
        *["1-3"] * 3,
        *["4-10"] * 2,
        *["11-30"] * 2,
        ">30",
    ]


def test_a_family_sums_its_own_measures_and_the_shared_ones() -> None:
    assert "late_open_766" in measures_of("766")
    assert "late_open_766_shift" not in measures_of("766")
    assert "late_open_06a" not in measures_of("06a-stopped-open")
    for family in FAMILIES:
        assert {"entered", "left", "entered_stopped_open", "left_undated", "pet_left"} <= set(measures_of(family))


def test_a_procedure_is_what_had_been_said_of_it() -> None:
    said: list[tuple[str, int, str, dict[str, Any]]] = [
        ("procedure.described", 10, "a", {"name": "Cũ", "fee": False}),
        ("procedure.fee_set", 20, "b", {"amount": 5000}),
        ("procedure.limit_set", 30, "c", {"amount": 5}),
    ]
    assert described("1", said, 15).fee is False
    assert described("1", said, 25).fee is True
    assert described("1", said, 31).limit == (5, "working_days")


def test_every_verdict_has_a_sentence_in_both_languages() -> None:
    hour = 3_600_000
    late = Judgement(True, "766", "after_due", 0, 9 * hour, 0, 0)
    assert sentences("766", "finished_late", late, 19 * hour, 8 * hour) == (
        "TRỄ 2 ngày 3 giờ làm việc theo Cổng (so giờ): sau giờ hẹn trả.",
        "LATE by 2 working days 3 hours by the portal (hours): after the due hour.",
    )
    assert sentences("06a", "not_accepted", None, 0, 8 * hour)[0] == "CHƯA TIẾP NHẬN."


def test_a_statement_without_generation_or_units_cannot_be_made() -> None:
    reader = Reader(EmptyStore(), 7).within(["H44.1"])
    assert reader.source("dossiers") == "FROM dossiers FINAL WHERE generation = 7 AND unit IN %(scope_units)s"
    assert reader.within([]).source("dossiers").endswith("generation = 7 AND 0")
    with pytest.raises(LookupError):
        reader.source("records")
