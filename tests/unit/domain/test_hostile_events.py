"""Events that broken or malicious sources send: each has an answer that names the field and no value."""

import json
from typing import Any

import msgspec
import pytest

from domain.blocks import split_block
from domain.changes import decode_change
from domain.errors import InvalidEvent, NewerEvent
from domain.events import decode_event, without_values
from domain.facts import MAX_FACTS, MAX_FACTS_BYTES, Fact, fact_of, fits
from domain.instants import HORIZON, Zone, parse_rfc3339
from domain.nesting import MAX_EVENT_DEPTH, too_deep
from domain.reference import Reference, check_document
from tests.support.events import T0, limit_event


def wire(**changes: Any) -> bytes:
    """An event's JSON with some members replaced."""
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "dossier.accepted",
        "time": "2026-08-03T09:12:00+07:00",
        "subject": "A",
        "data": {},
    }
    return json.dumps({**event, **changes}).encode()


def refusal(raw: bytes) -> InvalidEvent:
    """Why an event is invalid."""
    with pytest.raises(InvalidEvent) as found:
        decode_event(raw)
    return found.value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data": {"channel": "Nguyễn Văn A"}}, "data.channel"),
        ({"data": {"channel": "it's Nguyễn Văn A"}}, "data.channel"),
        ({"type": "Nguyễn Văn A"}, "type"),
        ({"time": "Nguyễn Văn A"}, "time"),
        ({"dataversion": "Nguyễn Văn A"}, "dataversion"),
        ({"data": {"due_at": "Nguyễn Văn A"}}, "data.due_at"),
    ],
)
def test_a_reason_never_repeats_the_value_at_fault(changes: dict[str, Any], field: str) -> None:
    error = refusal(wire(**changes))
    assert "Nguy" not in str(error)
    assert error.field == field
    assert error.reason


def test_quoted_values_are_cut_out_and_apostrophes_stay() -> None:
    assert without_values("Invalid enum value 'it's me'") == "Invalid enum value the value"
    assert without_values("send it with the record's key") == "send it with the record's key"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"])
@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("dossier.accepted", "due_at"),
        ("dossier.due_date_moved", "to"),
        ("dossier.supplement_received", "due_after"),
        ("procedure.limit_set", "effective_at"),
    ],
)
def test_a_time_in_no_possible_year_is_refused_wherever_it_stands(event_type: str, data: str, at: str) -> None:
    rest = {"amount": 3} if event_type == "procedure.limit_set" else {}
    error = refusal(wire(type=event_type, data={**rest, data: at}))
    assert (error.field, error.reason) == (f"data.{data}", "the year is outside 1970 to 2199")


def test_the_times_of_a_snapshots_supplements_are_checked_too() -> None:
    data = {"supplements": [{"requested_at": "0001-01-01T00:00:00Z"}]}
    assert "requested_at" in str(refusal(wire(type="dossier.snapshot_received", data=data)))


@pytest.mark.parametrize("version", [0, -1, 1000, 10**30, "٣", "1_0", " 1", "9" * 5000])
def test_a_dataversion_that_no_release_will_have_is_invalid(version: Any) -> None:
    assert refusal(wire(dataversion=version)).field == "dataversion"


def test_the_next_dataversion_is_newer_rather_than_invalid() -> None:
    with pytest.raises(NewerEvent):
        decode_event(wire(dataversion=2))


def test_nesting_is_limited_by_its_depth_and_not_by_the_callers_stack() -> None:
    deep = b'"data": {"document": ' + b'{"a":' * MAX_EVENT_DEPTH + b"1" + b"}" * MAX_EVENT_DEPTH + b"}"
    raw = wire(type="target.published").replace(b'"data": {}', deep)
    assert "nests deeper" in refusal(raw).reason
    with pytest.raises(InvalidEvent, match="nests deeper"):
        split_block(b"[" * 401 + b"]" * 401)
    assert len(split_block(b"[" + b"[" * 300 + b"]" * 300 + b"]")) == 1


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        (b"[" * 5, False),
        (b"[" * 6, True),
        (b'["' + b"[" * 90 + b'"]', False),
        (b'["\\"' + b"[" * 90 + b'"]', False),
        (b'["\\\\",' + b"[" * 9, True),
        (b"[{}]" * 90, False),
        (b'["a' + b"[" * 90, False),
    ],
)
def test_brackets_inside_strings_are_no_depth(text: bytes, deep: bool) -> None:
    assert too_deep(text, 5) is deep


@pytest.mark.parametrize("value", [b"\xff", b'{"generation":"\xff"}', b"[" * 100_000, b"", b"null"])
def test_what_is_no_change_record_is_a_decode_error(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_change(value)


@pytest.mark.parametrize(
    "rules",
    [
        {"due_soon_working_days": 0},
        {"due_soon_working_days": 10**9},
        {"forgotten_working_days": -1},
        {"acceptance_hours": 10**15},
    ],
)
def test_alert_thresholds_that_no_calendar_could_work_out_are_refused(rules: dict[str, int]) -> None:
    event = decode_event(wire(type="alert_rules.published", data={"document": rules}))
    with pytest.raises(InvalidEvent):
        check_document(event, Zone())


def test_a_clock_time_with_thousands_of_digits_is_refused() -> None:
    document = {"name": "x", "hours": [["9" * 5000 + ":00", "11:30"]]}
    event = decode_event(wire(type="calendar.published", data={"document": document}))
    with pytest.raises(InvalidEvent):
        check_document(event, Zone())


@pytest.mark.parametrize("unit", ["working_days", "calendar_days", "working_hours", "months"])
def test_the_longest_limit_under_the_emptiest_calendar_is_due_at_the_horizon(unit: str) -> None:
    document = {"name": "x", "weekend": [0, 1, 2, 3, 4, 5], "hours": [["00:00", "00:01"]]}
    calendar = decode_event(
        wire(type="calendar.published", time="1970-01-03T00:00:00Z", data={"document": document})
    )
    limit = limit_event("P", 10_000, parse_rfc3339("1970-01-03T00:00:00Z"), unit)
    documents = {("calendar", "A"): (fact_of(calendar),), ("procedure", "P"): (fact_of(limit),)}
    found = Reference(documents, Zone()).computed_due("P", parse_rfc3339("2199-12-30T00:00:00Z"))
    assert found is not None
    assert T0 < found[0] <= HORIZON


def test_a_subject_holds_only_so_many_events_and_so_many_bytes() -> None:
    def facts(count: int, size: int) -> tuple[Fact, ...]:
        return tuple(Fact(n, 0, None, "s", str(n), b"", "t", b"x" * size) for n in range(count))

    assert fits("dossier", facts(MAX_FACTS, 10))
    assert not fits("dossier", facts(MAX_FACTS + 1, 10))
    assert fits("unit", facts(MAX_FACTS + 1, 10))
    assert not fits("unit", facts(7, MAX_FACTS_BYTES // 7))
