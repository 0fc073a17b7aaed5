"""Limits of procedures become due instants; days off roll forward."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidInput
from domain.instants import to_millis
from domain.limits import Limit, LimitUnit, acceptance_deadline, due_after

VN = vietnam_calendar()


def at(text: str) -> int:
    return to_millis(datetime.fromisoformat(text + "+07:00"))


@pytest.mark.parametrize(
    ("amount", "unit", "accepted", "due"),
    [
        (3, "working_days", "2026-08-05T09:00", "2026-08-10T09:00"),
        (5, "calendar_days", "2026-08-03T09:00", "2026-08-10T09:00"),
        (3, "calendar_days", "2026-08-03T09:00", "2026-08-06T09:00"),
        (2, "calendar_days", "2026-08-07T19:00", "2026-08-12T07:00"),
        (16, "working_hours", "2026-08-07T09:00", "2026-08-11T09:00"),
        (4, "working_hours", "2026-08-03T18:00", "2026-08-04T11:00"),
        (1, "months", "2026-01-30T09:00", "2026-03-02T09:00"),
        (1, "months", "2026-08-03T09:00", "2026-09-03T09:00"),
        (12, "months", "2024-02-29T14:00", "2025-02-28T14:00"),
    ],
)
def test_a_limit_ends_on_the_expected_instant(amount: int, unit: LimitUnit, accepted: str, due: str) -> None:
    assert due_after(Limit(amount, unit), at(accepted), VN) == at(due)


def test_an_online_filing_must_be_answered_within_eight_working_hours() -> None:
    assert acceptance_deadline(at("2026-08-03T09:00"), VN) == at("2026-08-04T09:00")
    assert acceptance_deadline(at("2026-08-08T09:00"), VN) == at("2026-08-10T17:00")


@given(
    st.sampled_from(["working_days", "calendar_days", "working_hours", "months"]),
    st.integers(1, 60),
    st.integers(at("2024-01-01T00:00"), at("2027-01-01T00:00")),
    st.integers(0, 10**9),
)
def test_accepting_later_never_makes_a_dossier_due_on_an_earlier_day(
    unit: LimitUnit, amount: int, accepted: int, later: int
) -> None:
    limit = Limit(amount, unit)
    due = due_after(limit, accepted, VN)
    assert due > accepted
    assert VN.is_working_day(VN.zone.day(due))
    after = due_after(limit, accepted + later, VN)
    assert VN.zone.day(after) >= VN.zone.day(due)
    if unit in ("working_days", "working_hours"):
        assert after >= due


def test_a_limit_of_nothing_ends_when_offices_close_that_day() -> None:
    assert due_after(Limit(0), at("2026-08-07T09:00"), VN) == at("2026-08-07T17:00")
    assert due_after(Limit(0), at("2026-08-07T19:00"), VN) == at("2026-08-10T17:00")


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Limit(-1, "working_days")
