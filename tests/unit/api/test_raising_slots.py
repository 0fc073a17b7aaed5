"""When A15 and A16 are judged, and how far the notifier looks back: settings of the province, checked."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.figures.context import FigureContext
from api.raising.falls import Falls
from api.raising.pace import Pace
from api.raising.runner import Rule
from domain.alerts import horizon_start
from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidEvent
from domain.instants import Zone, parse_rfc3339
from domain.reference import check_thresholds
from tests.support.conditions import reference

HOUR = 3_600_000


def due(rule: Rule, at: str, monkeypatch: pytest.MonkeyPatch, rules: Mapping[str, Any]) -> bool:
    monkeypatch.setattr(FigureContext, "reference", reference(dict(rules)))
    monkeypatch.setattr(FigureContext, "calendar", lambda *_: vietnam_calendar("Asia/Ho_Chi_Minh"))
    return rule.due(FigureContext(None, 1, Zone(), "H44", parse_rfc3339(f"2026-08-{at}:00+07:00")), None)


@pytest.mark.parametrize(
    ("rule", "name", "usual"), [(Falls(), "fall_slot", "06:15"), (Pace(), "pace_slot", "06:20")]
)
def test_points_and_targets_are_judged_at_a_time_that_the_province_sets(
    rule: Rule, name: str, usual: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = f"14T06:{int(usual[3:]) - 1:02d}"
    assert [due(rule, at, monkeypatch, {}) for at in (before, f"14T{usual}")] == [False, True]
    moved = {name: "09:00"}
    assert [due(rule, at, monkeypatch, moved) for at in (f"14T{usual}", "14T08:59", "14T09:00")] == [
        False,
        False,
        True,
    ]


def test_the_horizon_is_a_setting_in_hours_of_working_days() -> None:
    calendar, friday = vietnam_calendar("Asia/Ho_Chi_Minh"), parse_rfc3339("2026-08-14T10:00:00+07:00")
    assert horizon_start(friday, calendar, reference({"horizon_hours": 8}).thresholds.horizon_hours) == (
        friday - 8 * HOUR
    )
    assert reference().thresholds.horizon_hours == 24


@pytest.mark.parametrize(
    "document",
    [
        {"fall_slot": "25:00"},
        {"pace_slot": "6:20"},
        {"horizon_hours": 0},
        {"horizon_hours": 241},
        {"fall_at": "06:15"},
    ],
)
def test_what_cannot_be_a_time_or_a_horizon_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        check_thresholds(document)
