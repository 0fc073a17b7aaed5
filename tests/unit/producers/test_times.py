"""Times as files write them."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.instants import format_rfc3339, parse_rfc3339, zone
from producers.times import DateOnly, TimeReader, UnreadableTime

ZONE = zone("Asia/Ho_Chi_Minh")
ALL = ("iso", "%d/%m/%Y %H:%M", "%Y%m%d%H%M%S", "%d/%m/%Y", "epoch", "epoch_ms", "excel")


def read(text: str, *formats: str, date_only: DateOnly = "end") -> str:
    return format_rfc3339(TimeReader(formats or ("iso",), ZONE, date_only).read(text).ms)


@pytest.mark.parametrize(
    ("text", "formats", "wanted"),
    [
        ("2026-08-03T09:12:00.123+07:00", ("iso",), "2026-08-03T02:12:00.123Z"),
        ("2026-08-03T02:12:00Z", ("iso",), "2026-08-03T02:12:00.000Z"),
        ("2026-08-03 09:12", ("iso",), "2026-08-03T02:12:00.000Z"),
        ("03/08/2026 09:12", ("%d/%m/%Y %H:%M",), "2026-08-03T02:12:00.000Z"),
        ("20260803091200", ("%Y%m%d%H%M%S",), "2026-08-03T02:12:00.000Z"),
        ("1785723120", ("epoch",), "2026-08-03T02:12:00.000Z"),
        ("1785723120123", ("epoch_ms",), "2026-08-03T02:12:00.123Z"),
        ("46237.38333333333", ("excel",), "2026-08-03T02:12:00.000Z"),
    ],
)
def test_a_time_is_read_by_its_format_in_the_zone_of_the_mapping(
    text: str, formats: tuple[str, ...], wanted: str
) -> None:
    assert read(text, *formats) == wanted


@pytest.mark.parametrize(
    ("date_only", "wanted"),
    [
        ("end", "2026-08-03T10:00:00.000Z"),
        ("start", "2026-08-03T00:00:00.000Z"),
        ("midnight", "2026-08-02T17:00:00.000Z"),
    ],
)
@pytest.mark.parametrize(
    ("text", "pattern"), [("2026-08-03", "iso"), ("03/08/2026", "%d/%m/%Y"), ("46237", "excel")]
)
def test_a_date_without_an_hour_takes_the_hour_that_the_mapping_names(
    date_only: DateOnly, wanted: str, text: str, pattern: str
) -> None:
    reading = TimeReader((pattern,), ZONE, date_only).read(text)
    assert (format_rfc3339(reading.ms), reading.date_only) == (wanted, True)


def test_the_first_format_that_fits_counts() -> None:
    assert read("03/08/2026", "%m/%d/%Y", "%d/%m/%Y", date_only="midnight") == "2026-03-07T17:00:00.000Z"
    assert read("13/08/2026", "%m/%d/%Y", "%d/%m/%Y", date_only="midnight") == "2026-08-12T17:00:00.000Z"


@pytest.mark.parametrize("bad", ["yesterday", "iso8601", ""])
def test_a_format_that_is_none_is_refused_when_the_mapping_is_read(bad: str) -> None:
    with pytest.raises(InvalidInput, match="time format"):
        TimeReader((bad,), ZONE)


@given(st.text() | st.from_regex(r"\d{1,20}[-/.:T ]?\d{0,6}[-/:]?\d{0,5}"))
def test_any_text_is_a_time_or_unreadable(text: str) -> None:
    with suppress(UnreadableTime):
        assert isinstance(TimeReader(ALL, ZONE).read(text).ms, int)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 1, 1)))  # noqa: DTZ001
def test_what_was_written_as_iso_is_read_back(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    assert TimeReader(("iso",), ZONE).read(aware.isoformat()).ms == parse_rfc3339(aware.isoformat())
