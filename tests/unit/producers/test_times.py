"""Times as files write them."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.instants import format_rfc3339, parse_rfc3339, to_millis, zone
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


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("2026-03-08 02:12:00 UTC", ("iso",), "2026-03-08T02:12:00.000Z"),
        ("2026-03-08 09:12:00 +07:00", ("iso",), "2026-03-08T02:12:00.000Z"),
        ("2026-03-08 02:12 GMT", ("%Y-%m-%d %H:%M %Z",), "2026-03-08T02:12:00.000Z"),
        ("03/08/2026 2:12 CH", ("%d/%m/%Y %I:%M %p",), "2026-08-03T07:12:00.000Z"),
        ("03/08/2026 12:12:00 AM", ("%m/%d/%Y %I:%M:%S %p",), "2026-03-07T17:12:00.000Z"),
        ("1704122100000", ("iso", "epoch_ms"), "2024-01-01T15:15:00.000Z"),
    ],
)
def test_offsets_halves_of_the_day_and_epochs_are_understood(
    text: str, formats: tuple[str, ...], expected: str
) -> None:
    assert format_rfc3339(TimeReader(formats, ZONE).read(text).ms) == expected


def test_names_of_zones_other_than_utc_are_not_guessed() -> None:
    with pytest.raises(UnreadableTime):
        TimeReader(("%Y-%m-%d %H:%M %Z",), ZONE).read("2026-03-08 02:12 EST")


@pytest.mark.parametrize("pattern", ["%-d/%m/%Y", "%H:%M", "%Q/%Y"])
def test_a_pattern_that_fits_nothing_is_refused_when_the_mapping_is_read(pattern: str) -> None:
    with pytest.raises(InvalidInput, match=r"no year|not a time format"):
        TimeReader((pattern,), ZONE)


def test_midnight_is_a_date_where_the_log_writes_whole_days() -> None:
    reader = TimeReader(("iso",), zone("Europe/Rome"), whole_days=True)
    assert reader.read("2006-07-23T22:00:00Z") == reader.read("2006-07-24")
    assert reader.read("2006-07-24T00:00:01").date_only is False


@given(
    st.sampled_from(
        ("%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S.%f", "%Y%m%d%H%M%S", "%d.%m.%Y")
    ),
    st.datetimes(datetime(1900, 1, 2), datetime(2999, 12, 30)),  # noqa: DTZ001 - wall clocks
    st.integers(0, 40),
    st.sampled_from(("", "0", "9", " ", "/", "A")),
)
def test_patterns_are_read_as_strptime_reads_them(pattern: str, moment: datetime, place: int, change: str) -> None:
    text = moment.strftime(pattern)
    text = text[:place] + change + text[place + 1 :] if place else text
    reader = TimeReader((pattern,), ZONE, date_only="midnight")
    try:
        expected = datetime.strptime(text, pattern).replace(tzinfo=ZONE.info)
    except ValueError:
        with pytest.raises(UnreadableTime):
            reader.read(text)
        return
    if 1900 < expected.year < 2999:
        assert reader.read(text).ms == to_millis(expected)
