"""Working time: additive, invertible, and moved only by what happens in working hours."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendar import CalendarDocument, WorkingCalendar, decode_calendar, merged
from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidInput
from domain.instants import date_day, to_millis

HOUR = 3_600_000
VN = vietnam_calendar()
NL = WorkingCalendar(CalendarDocument(name="nl", zone="Europe/Amsterdam", holidays=(date(2026, 4, 27),)))
START = to_millis(datetime.fromisoformat("2023-01-01T00:00+00:00"))
INSTANTS = st.integers(START, START + 4 * 365 * 24 * HOUR)
CALENDARS = st.sampled_from([VN, NL])


def at(text: str, calendar: WorkingCalendar = VN) -> int:
    return to_millis(datetime.fromisoformat(text).replace(tzinfo=calendar.zone.info))


def day(text: str) -> int:
    return date_day(date.fromisoformat(text))


@given(CALENDARS, INSTANTS, INSTANTS, INSTANTS)
def test_working_time_is_additive(calendar: WorkingCalendar, a: int, b: int, c: int) -> None:
    between = calendar.working_ms_between
    assert between(a, b) + between(b, c) == between(a, c)


@given(CALENDARS, INSTANTS, INSTANTS)
def test_working_time_never_runs_backwards_or_faster_than_time(calendar: WorkingCalendar, a: int, b: int) -> None:
    a, b = min(a, b), max(a, b)
    assert 0 <= calendar.working_ms_between(a, b) <= b - a


@given(CALENDARS, INSTANTS, st.integers(-4000 * HOUR, 4000 * HOUR))
def test_adding_working_time_is_undone_by_measuring_it(calendar: WorkingCalendar, t: int, amount: int) -> None:
    assert calendar.working_ms_between(t, calendar.add_working_ms(t, amount)) == amount


@given(CALENDARS, INSTANTS, st.integers(0, 400))
def test_a_limit_of_n_days_is_n_times_eight_working_hours(calendar: WorkingCalendar, t: int, n: int) -> None:
    due = calendar.add_working_days(t, n)
    assert calendar.working_ms_between(t, due) == n * 8 * HOUR
    assert calendar.is_working_day(calendar.zone.day(due))
    assert calendar.roll_forward(due) == due


@given(INSTANTS, st.integers(0, 14 * HOUR - 1))
def test_a_pause_outside_working_hours_contributes_zero(t: int, length: int) -> None:
    closing = VN.end_of_working_day(VN.zone.day(t))
    assert VN.working_ms_between(closing, closing + length) == 0


@settings(max_examples=60)
@given(CALENDARS, st.integers(day("2023-01-01"), day("2027-12-31")), st.integers(0, 80))
def test_counts_of_working_days_agree_with_counting_them_one_by_one(
    calendar: WorkingCalendar, first: int, length: int
) -> None:
    by_hand = sum(calendar.is_working_day(d) for d in range(first, first + length))
    assert calendar.working_days_between(first, first + length) == by_hand


@given(CALENDARS, st.integers(day("1990-01-01"), day("2060-12-31")), st.integers(1, 300))
def test_next_and_previous_working_days_mirror_each_other(calendar: WorkingCalendar, start: int, n: int) -> None:
    later = calendar.next_working_day(start, n)
    assert calendar.working_days_between(start + 1, later + 1) == n
    assert calendar.is_working_day(later)
    assert calendar.previous_working_day(later + 1, n) > start
    earlier = calendar.previous_working_day(start, n)
    assert calendar.working_days_between(earlier, start) == n


@given(CALENDARS, INSTANTS, st.integers(1, 30))
def test_a_weekend_shifts_nothing_but_the_date(calendar: WorkingCalendar, t: int, weeks: int) -> None:
    plain = WorkingCalendar(CalendarDocument(name="plain", zone=calendar.document.zone))
    start = plain.roll_forward(t)
    due = plain.add_working_days(start, 5 * weeks)
    assert plain.zone.local(due).replace(tzinfo=None) == (
        plain.zone.local(start).replace(tzinfo=None) + timedelta(weeks=weeks)
    )


@pytest.mark.parametrize(
    ("accepted", "days", "due"),
    [
        ("2026-08-03T09:00", 1, "2026-08-04T09:00"),
        ("2026-08-07T09:00", 1, "2026-08-10T09:00"),
        ("2026-08-03T17:30", 1, "2026-08-05T07:00"),
        ("2026-08-03T17:00", 1, "2026-08-05T07:00"),
        ("2026-08-03T12:15", 2, "2026-08-05T13:30"),
        ("2026-08-08T10:00", 3, "2026-08-13T07:00"),
        ("2026-08-21T09:00", 1, "2026-08-22T09:00"),
        ("2026-08-28T09:00", 1, "2026-09-03T09:00"),
        ("2026-02-13T16:00", 1, "2026-02-23T16:00"),
    ],
)
def test_a_limit_keeps_the_clock_time_over_nights_weekends_holidays_and_swap_days(
    accepted: str, days: int, due: str
) -> None:
    assert VN.add_working_days(at(accepted), days) == at(due)


def test_eight_hours_from_opening_end_at_closing_of_the_same_day() -> None:
    assert VN.add_working_ms(at("2026-08-03T07:00"), 8 * HOUR) == at("2026-08-03T17:00")
    assert VN.add_working_ms(at("2026-08-03T17:00"), -8 * HOUR) == at("2026-08-03T07:00")
    assert VN.add_working_ms(at("2026-08-03T11:00"), HOUR) == at("2026-08-03T14:00")


def test_working_hours_follow_the_wall_clock_through_summer_time() -> None:
    assert NL.working_ms_between(at("2026-03-27T07:00", NL), at("2026-03-30T17:00", NL)) == 16 * HOUR
    assert NL.start_of_working_day(day("2026-03-29")) == at("2026-03-29T07:00", NL)
    assert NL.start_of_working_day(day("2026-10-25")) == at("2026-10-25T07:00", NL)
    assert NL.add_working_days(at("2026-10-23T09:00", NL), 1) == at("2026-10-26T09:00", NL)


def test_swap_saturdays_work_and_the_days_they_pay_for_do_not() -> None:
    for off, worked in [
        ("2024-04-29", "2024-05-04"),
        ("2025-05-02", "2025-04-26"),
        ("2026-01-02", "2026-01-10"),
        ("2026-08-31", "2026-08-22"),
    ]:
        assert not VN.is_working_day(day(off))
        assert VN.is_working_day(day(worked))


def test_the_new_year_of_the_moon_is_off() -> None:
    assert VN.working_days_between(day("2025-01-25"), day("2025-02-03")) == 0
    assert VN.working_days_between(day("2026-02-14"), day("2026-02-23")) == 0


def test_a_published_year_replaces_only_its_own_days() -> None:
    later = decode_calendar(
        {
            "name": "2027",
            "holidays": ["2027-03-01"],
            "valid_from": "2027-01-01",
            "valid_to": "2027-12-31",
        }
    )
    laid_over = WorkingCalendar(merged(VN.document, later))
    assert not laid_over.is_working_day(day("2027-03-01"))
    assert laid_over.is_working_day(day("2027-01-01"))
    assert not laid_over.is_working_day(day("2026-09-02"))


def test_dates_far_outside_the_known_holidays_are_ordinary_weeks() -> None:
    assert VN.is_working_day(day("9999-12-30"))
    assert not VN.is_working_day(day("0001-01-06"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": [["17:00", "07:00"]]},
        {"hours": []},
        {"hours": [["7", "8:00"]]},
        {"weekend": [0, 1, 2, 3, 4, 5, 6]},
        {"holidays": ["31/12/2026"]},
        {"surprise": 1},
        {"zone": "Mars/Olympus"},
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        decode_calendar({"name": "x", **wrong})


NIGHT = WorkingCalendar(
    CalendarDocument(name="n", zone="Europe/Amsterdam", hours=(("00:30", "04:00"), ("20:00", "24:00")))
)
AT_CHANGES = st.builds(
    lambda change, ms: to_millis(datetime.fromisoformat(change)) + ms,
    st.sampled_from(["2026-03-29T00:00+00:00", "2026-10-25T00:00+00:00"]),
    st.integers(-60 * HOUR, 60 * HOUR),
)


@given(st.sampled_from([VN, NL, NIGHT]), INSTANTS | AT_CHANGES, st.integers(0, 60))
def test_a_limit_looked_up_by_day_is_the_clock_carried_over(calendar: WorkingCalendar, t: int, n: int) -> None:
    start = calendar.roll_forward(t)
    first = calendar.zone.day(start)
    due = calendar.next_working_day(first, n) if n else first
    assert calendar.add_working_days(t, n) == calendar.same_clock(start, due)
