"""Mẫu 04: in time until the working day before, one re-appointment, a working day as the new appointment."""

from datetime import date

import pytest

from domain.apologies import Letter, letter
from domain.calendar_vn import vietnam_calendar
from domain.dossier import Due, Pause
from domain.errors import InvalidInput
from domain.instants import Millis, Zone, date_day, day_date
from domain.periods import parse_instant
from domain.reference import AlertThresholds
from domain.timeline import Stay, Timeline

ZONE = Zone()
CALENDAR = vietnam_calendar(ZONE.name)


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


ACCEPTED, DUE = at("2026-11-02T08:00"), at("2026-11-23T16:30")  # a Monday after 15 working days
OPEN = Timeline(stays=(Stay(ACCEPTED),), dues=(Due(ACCEPTED, DUE),), original=DUE)


def asked(tl: Timeline = OPEN, now: str = "2026-11-19T09:00", moves: int = 0, new: str | None = None) -> Letter:
    day = None if new is None else date_day(date.fromisoformat(new))
    return letter(tl, moves, at(now), ZONE, CALENDAR, AlertThresholds(), day)


def ended(when: str) -> Timeline:
    return Timeline(stays=(Stay(ACCEPTED, at(when), "finished"),), dues=(Due(ACCEPTED, DUE),), original=DUE)


@pytest.mark.parametrize(
    ("now", "warnings"),
    [
        ("2026-11-19T09:00", ()),
        ("2026-11-20T23:59:59.999", ()),  # Friday: the last working day before Monday
        ("2026-11-21T00:00", ("too_late",)),
        ("2026-11-23T16:30", ("too_late",)),
        ("2026-11-23T16:31", ("too_late", "already_late")),
        ("2026-12-07T09:00", ("too_late", "already_late")),
    ],
)
def test_the_last_day_is_the_working_day_before(now: str, warnings: tuple[str, ...]) -> None:
    found = asked(now=now)
    assert found.warnings == warnings
    assert day_date(found.last_day) == date(2026, 11, 20)


def test_the_proposal_is_a_third_of_the_limit_later_on_a_working_day_at_the_hour_of_the_due_date() -> None:
    found = asked()
    assert (found.limit_days, found.proposed) == (15, True)
    assert found.new_due == at("2026-12-01T16:30"), "the 24th is a holiday"
    late = asked(now="2026-12-05T10:00")  # a Saturday: from today on, when the due day has passed
    assert late.new_due == at("2026-12-11T16:30")
    short = Timeline(stays=(Stay(ACCEPTED),), dues=(Due(ACCEPTED, at("2026-11-02T16:00")),))
    assert asked(short, "2026-11-02T09:00").new_due == at("2026-11-03T16:00")
    tet = Timeline(
        stays=(Stay(at("2026-01-05T08:00")),), dues=(Due(at("2026-01-05T08:00"), at("2026-02-13T17:00")),)
    )
    new = asked(tet, "2026-02-11T09:00").new_due
    assert new is not None
    assert CALENDAR.is_working_day(ZONE.day(new))


@pytest.mark.parametrize(
    ("new", "word"),
    [("2026-11-23", "after the due day"), ("2026-11-20", "after the due day"), ("2026-11-28", "no working day")],
)
def test_a_new_appointment_is_a_working_day_after_the_due_day(new: str, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        asked(new=new)
    with pytest.raises(InvalidInput, match="2026-11-30"):
        asked(new="2026-11-29")


def test_a_chosen_day_stands_as_chosen() -> None:
    found = asked(new="2026-12-01")
    assert (found.new_due, found.proposed) == (at("2026-12-01T16:30"), False)
    with pytest.raises(InvalidInput, match="not before today"):
        asked(now="2026-12-02T09:00", new="2026-12-01")


@pytest.mark.parametrize(("moves", "sent", "number"), [(0, 0, 1), (1, 0, 2), (0, 1, 2), (1, 1, 2), (2, 1, 3)])
def test_a_second_reappointment_is_said(moves: int, sent: int, number: int) -> None:
    tl = Timeline(OPEN.stays, dues=OPEN.dues, original=DUE, apologies=(at("2026-11-10T09:00"),) * sent)
    found = asked(tl, moves=moves)
    assert found.number == number
    assert ("second_reappointment" in found.warnings) is (number > 1)


def test_a_paused_dossier_may_need_none() -> None:
    tl = Timeline(OPEN.stays, dues=OPEN.dues, original=DUE, supplements=(Pause(at("2026-11-18T09:00")),))
    assert asked(tl).warnings == ("paused",)


def test_a_late_end_is_apologised_for_without_a_new_appointment() -> None:
    found = asked(ended("2026-11-24T09:00"), "2026-11-25T09:00")
    assert found.new_due is None
    assert found.warnings == ("too_late", "already_late", "result_exists")


@pytest.mark.parametrize(
    ("tl", "word"),
    [
        (Timeline(), "not accepted"),
        (Timeline(stays=(Stay(ACCEPTED),)), "no due date"),
        (ended("2026-11-16T09:00"), "on time"),
    ],
)
def test_where_no_letter_is_owed_none_is_made(tl: Timeline, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        asked(tl)
