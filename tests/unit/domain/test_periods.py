"""Periods and instants as people type them."""

from datetime import datetime

import pytest

from domain.errors import InvalidInput
from domain.instants import to_millis, zone
from domain.periods import parse_instant, parse_period

VN = zone("Asia/Ho_Chi_Minh")


def at(text: str) -> int:
    return to_millis(datetime.fromisoformat(text + "+07:00"))


NOW = at("2026-08-20T10:30")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-08", "2026-08-01T00:00", "2026-09-01T00:00"),
        ("2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("2026-q3", "2026-07-01T00:00", "2026-10-01T00:00"),
        ("2026-Q4", "2026-10-01T00:00", "2027-01-01T00:00"),
        ("2026", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("2026-07-15..2026-08-14", "2026-07-15T00:00", "2026-08-15T00:00"),
        ("today", "2026-08-20T00:00", "2026-08-20T10:30"),
        ("ytd", "2026-01-01T00:00", "2026-08-20T10:30"),
    ],
)
def test_periods_begin_and_end_at_midnights_of_the_province(text: str, start: str, end: str) -> None:
    period = parse_period(text, VN, NOW)
    assert (period.start_ms, period.end_ms) == (at(start), at(end))


def test_today_as_of_a_date_is_that_whole_day() -> None:
    end_of_day = parse_instant("2026-08-31", VN)
    period = parse_period("today", VN, end_of_day)
    assert (period.start_ms, period.end_ms) == (at("2026-08-31T00:00"), at("2026-09-01T00:00"))
    assert parse_period("ytd", VN, parse_instant("2026-12-31", VN)).start_ms == at("2026-01-01T00:00")


def test_an_instant_is_the_end_of_a_date_or_local_or_exact() -> None:
    assert parse_instant("2026-08-31", VN) == at("2026-09-01T00:00")
    assert parse_instant("2026-08-31T17:00", VN) == at("2026-08-31T17:00")
    assert parse_instant("2026-08-31 17:00:00.5", VN) == at("2026-08-31T17:00:00.500")
    assert parse_instant("2026-08-31T17:00:00Z", VN) == at("2026-09-01T00:00")
    assert parse_instant("2012-01-23", zone("Europe/Amsterdam")) == parse_instant("2012-01-23T23:00Z", VN)


def test_counting_stops_at_the_end_or_at_the_instant_asked_for() -> None:
    period = parse_period("2026-08", VN, NOW)
    assert period.until(NOW) == NOW
    assert period.until(at("2026-10-01T00:00")) == period.end_ms
    with pytest.raises(InvalidInput, match="had not begun"):
        period.until(period.start_ms)


@pytest.mark.parametrize(
    "text",
    ["", "2026-13", "2026-Q5", "26", "2026-8", "2026-08-14..2026-07-15", "2026-02-30..2026-03-01", "0001", "x"],
)
def test_a_period_that_cannot_be_read_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"not a period|not a date|before it begins|outside the years"):
        parse_period(text, VN, NOW)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "0001-01-01", "31/08/2026"])
def test_an_instant_that_cannot_be_read_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_instant(text, VN)
