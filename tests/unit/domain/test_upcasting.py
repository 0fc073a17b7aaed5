"""Old bytes stay readable for ever: an older dataversion goes through its upcasters, a newer one stops."""

import msgspec
import pytest

from domain import events
from domain.errors import InvalidEvent, NewerEvent
from domain.event_data import Sync
from domain.event_types import EVENT_TYPES, EventType
from domain.events import decode_event, encode_event, upcast

GOLDEN = (
    b'{"specversion":"1.0","id":"g-1","source":"/h44/one-stop","type":"dossier.synced",'
    b'"time":"2026-08-03T09:12:00+07:00","subject":"H44.100-1","data":{"state":"refused","code":"E7"}}'
)


def as_version_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if 'synced' had changed twice: a word became a flag, then `code` became `reason`."""
    kind = EventType(
        "dossier.synced",
        "dossier",
        Sync,
        13,
        version=3,
        upcasters={
            1: lambda d: {"accepted": d["state"] == "ok", "code": d.get("code")},
            2: lambda d: {"accepted": d["accepted"], "reason": d["code"]},
        },
    )
    monkeypatch.setitem(EVENT_TYPES, "dossier.synced", kind)


def test_golden_bytes_of_the_first_version_decode_to_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    as_version_3(monkeypatch)
    event = decode_event(GOLDEN)
    assert event.data == Sync(accepted=False, reason="E7")
    again = encode_event(event)
    assert b'"dataversion":3' in again
    assert decode_event(again) == event


def test_each_step_is_applied_in_turn_from_where_the_data_stands() -> None:
    kind = EventType(
        "x.y", "x", Sync, 0, version=3, upcasters={1: lambda d: {**d, "a": 1}, 2: lambda d: {**d, "b": 2}}
    )
    assert upcast(kind, 1, {}) == {"a": 1, "b": 2}
    assert upcast(kind, 2, {}) == {"b": 2}


@pytest.mark.parametrize("version", [0, -1, "x"])
def test_a_dataversion_that_cannot_be_is_a_bad_event(version: object) -> None:
    wire = msgspec.json.decode(GOLDEN) | {"dataversion": version, "data": {}}
    with pytest.raises(InvalidEvent, match="dataversion"):
        decode_event(msgspec.json.encode(wire))


def test_a_newer_dataversion_asks_for_a_newer_release() -> None:
    wire = msgspec.json.decode(GOLDEN) | {"dataversion": 2, "data": {}}
    with pytest.raises(NewerEvent, match=r"dossier\.synced has dataversion 2; this release knows 1"):
        events.decode_event(msgspec.json.encode(wire))
