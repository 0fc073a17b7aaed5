"""The edge: allow-list, keyed hashes, no personal value behind it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidEvent, NewerEvent
from domain.events import MAX_EVENT_BYTES
from domain.instants import parse_rfc3339, zone
from producers.edge import Admitted, Edge
from producers.keys import IdentifierKeys

AT = "2026-08-03T09:12:00+07:00"
EDGE = Edge(IdentifierKeys(None, zone("Asia/Ho_Chi_Minh"), lambda: 0))


def event(verb: str, **data: Any) -> dict[str, Any]:
    return {"id": "1", "source": "/t", "type": f"dossier.{verb}", "time": AT, "subject": "H44.100-1", "data": data}


def admit(raw: dict[str, Any] | bytes, edge: Edge = EDGE, at: int | None = None) -> Admitted:
    return edge.admit(raw, received_at_ms=at)


def test_what_is_not_on_the_list_is_dropped_and_only_its_name_is_told() -> None:
    admitted = admit({**event("accepted", unit="H44.100", ChuHoSo="Nguyễn Văn A"), "phone": "0912345678"})
    assert admitted.dropped == ("data.ChuHoSo", "phone")
    assert b"Nguy" not in admitted.encoded
    assert b"0912345678" not in admitted.encoded


def test_an_officer_becomes_a_keyed_hash_under_the_key_of_the_events_year() -> None:
    encoded = json.loads(admit(event("step_completed", officer="Trần Thị B")).encoded)
    assert encoded["data"]["officer"].startswith("k2026-1:")
    again = json.loads(admit(event("step_completed", officer="  trần thị  b ")).encoded)
    assert again["data"]["officer"] == encoded["data"]["officer"]


def test_the_year_of_the_key_is_that_of_the_province_and_not_of_utc() -> None:
    raw = {**event("step_completed", officer="B"), "time": "2025-12-31T20:00:00Z"}
    assert b"k2026-1:" in admit(raw).encoded


def test_a_keyed_hash_is_left_as_it_is() -> None:
    keyed = "k2026-1:" + "a" * 64
    assert f'"officer":"{keyed}"'.encode() in admit(event("step_completed", officer=keyed)).encoded


def test_a_number_as_officer_is_hashed_too() -> None:
    assert b"4711" not in admit(event("step_completed", officer=4711)).encoded


def test_a_file_link_leaves_presence_and_a_hash() -> None:
    admitted = admit(event("finished", result_files=[{"link": "https://x/cccd-001.pdf", "owner": "A"}, {}]))
    files = json.loads(admitted.encoded)["data"]["result_files"]
    assert len(files) == 2
    assert files[0]["hash"].startswith("k2026-1:")
    assert b"cccd" not in admitted.encoded
    assert admitted.dropped == ("data.result_files.owner",)


def test_the_same_text_as_officer_and_as_link_gives_two_hashes() -> None:
    officer = json.loads(admit(event("step_completed", officer="same")).encoded)["data"]["officer"]
    link = json.loads(admit(event("components_recorded", components=[{"link": "same"}])).encoded)
    assert officer != link["data"]["components"][0]["hash"]


def test_without_keys_identifiers_are_dropped_not_kept() -> None:
    admitted = admit(event("step_completed", officer="Trần Thị B", step="B1"), Edge(None))
    assert admitted.dropped == ("data.officer",)
    assert admitted.event.body == b'{"step":"B1"}'


def test_an_applicant_is_kept_as_a_hash_only_where_it_was_decided() -> None:
    raw = event("submitted", applicant="000 000 000 000", unit="H44.100")
    for edge in (EDGE, Edge(None), Edge(None, applicants=True)):
        assert admit(raw, edge).dropped == ("data.applicant",)
        assert admit(raw, edge).event.body == b'{"unit":"H44.100"}'
    already = event("submitted", applicant="k2026-1:" + "a" * 64)
    assert admit(already).dropped == ("data.applicant",)
    keys = IdentifierKeys(None, zone("Asia/Ho_Chi_Minh"), lambda: 0)
    found = [
        json.loads(admit(event(verb, applicant=text), Edge(keys, applicants=True)).encoded)["data"]["applicant"]
        for verb, text in (("submitted", "000 000 000 000"), ("accepted", "000000000000"), ("accepted", "1"))
    ]
    assert found[0].startswith("k2026-1:")
    assert found[0] == found[1] != found[2]


def test_an_applicant_of_two_years_is_told_across_new_year_only_where_applicants_are_kept() -> None:
    def kept(at: str, **data: object) -> dict[str, Any]:
        raw = {**event("submitted", **data), "time": f"{at}T09:00:00+07:00"}
        found: dict[str, Any] = json.loads(admit(raw, edge).encoded)["data"]
        return found

    keys = IdentifierKeys(None, zone("Asia/Ho_Chi_Minh"), lambda: 0)
    edge = Edge(keys, applicants=True)
    before, now = (kept(day, applicant="000 000 000 000") for day in ("2026-12-28", "2027-01-05"))
    assert "applicant_before" not in before
    assert edge.opened(now["applicant"], now["applicant_before"]) == before["applicant"]
    assert Edge(keys).opened(now["applicant"], now["applicant_before"]) is None
    # A source's own word for it is kept only as a hash, beside a hash.
    assert "applicant_before" not in kept("2026-12-28", applicant_before="000 000 000 000")
    assert kept("2026-12-28", **now)["applicant_before"] == now["applicant_before"]
    assert admit(event("submitted", **now), Edge(keys)).dropped == (
        "data.applicant",
        "data.applicant_before",
    )


def test_the_edge_dates_the_reception_and_not_the_source() -> None:
    now = parse_rfc3339("2026-08-03T09:13:00+07:00")
    raw = {**event("accepted"), "recordedtime": "2020-01-01T00:00:00Z"}
    assert admit(raw, at=now).event.recorded_at == now
    assert admit(raw).event.recorded_at == parse_rfc3339("2020-01-01T00:00:00Z")


def test_the_object_given_in_is_not_changed() -> None:
    raw = event("step_completed", officer="B")
    admit(raw, at=1_800_000_000_000)
    assert raw == event("step_completed", officer="B")


@pytest.mark.parametrize("kind", ["alert.raised", "system.key_created", "log.created"])
def test_what_only_the_system_writes_is_refused(kind: str) -> None:
    with pytest.raises(InvalidEvent, match="system itself"):
        admit({**event("accepted"), "type": kind})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"id":"\xff"}',
        b"[" * 100_000,
        b'{"data":' * 5_000,
        b'{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}',
    ],
)
def test_bytes_that_are_no_event_are_an_answer_and_not_a_crash(raw: bytes) -> None:
    with pytest.raises(InvalidEvent):
        admit(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(("officer", "result_files", "components", "unit", "due_at")), JSON),
    st.sampled_from(("step_completed", "finished", "components_recorded", "accepted", "nonsense")),
    JSON,
)
def test_no_input_raises_anything_but_the_two_errors(data: dict[str, Any], verb: str, time: Any) -> None:
    for raw in ({**event(verb), "data": data}, {**event(verb, **data), "time": time}):
        try:
            admitted = admit(raw)
        except (InvalidEvent, NewerEvent):
            continue
        assert admit(admitted.encoded).encoded == admitted.encoded
