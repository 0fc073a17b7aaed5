"""Acts of people about an alert: promises lie ahead, a dispute keeps what its author was shown."""

from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from api.alerts import routes

ALERT = "0123456789abcdef01234567"
UNTIL = "2026-08-20T17:00:00Z"
FOUND = {
    "kind": "A04",
    "subject": "D1",
    "subject_kind": "dossier",
    "dossier_code": "D1",
    "unit": "H44.1",
    "episode": "e",
}
PLACE = {"topic": "dossier-events", "partition": 1, "offset": 7, "index": 2}
TOLD = {"events": 3, "last": [{"coordinates": PLACE}], "generation": 1, "vi": "Tin cuối cùng …"}


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch, remote: TestClient, bench: Any) -> Any:
    """Posts an act with a key that may act; the alert and the last facts are given."""
    monkeypatch.setattr(routes, "show_alert", lambda *_: dict(FOUND))
    monkeypatch.setattr(routes, "received", lambda *_: dict(TOLD))
    key = bench.key("act", units=("H44.1",))
    return lambda verb, **body: remote.post(f"/v1/alerts/{ALERT}/{verb}", json=body, headers=key)


def acts(bench: Any, kind: str) -> list[dict[str, Any]]:
    found = [msgspec.json.decode(raw) for raw in bench.acts()]
    return [event for event in found if event["type"] == kind]


def test_a_promise_is_a_date_ahead(acting: Any, bench: Any) -> None:
    assert acting("promise").status_code == 422
    for passed in ("2026-08-19", "2026-08-20T10:00:00+07:00"):
        answer = acting("promise", until=passed)
        assert answer.status_code == 422
        assert "in the past" in answer.json()["detail"]
    assert acts(bench, "alert.promised") == []
    assert acting("promise", until="2026-08-20").status_code == 202, "today means its end"
    (event,) = acts(bench, "alert.promised")
    assert event["data"]["until"] == UNTIL
    assert event["subject"] == ALERT


def test_a_silence_without_an_end_ahead_is_none(acting: Any, bench: Any) -> None:
    assert acting("silence", until="2026-08-01").status_code == 422
    assert acts(bench, "alert.silenced") == []


def test_a_dispute_is_answered_and_its_ticket_keeps_what_was_shown(acting: Any, bench: Any) -> None:
    answer = acting("dispute", reason="done_not_updated", note="Đã xong hôm qua").json()
    assert answer["received"] == TOLD
    (event,) = acts(bench, "alert.disputed")
    assert answer["ticket"] == answer["id"] == event["id"]
    assert event["data"]["evidence"] == {"events": 3, **PLACE, "generation": 1}
    assert event["data"]["reason"] == "done_not_updated"
    assert "Đã xong" not in str(event), "words stay outside the log"
    assert [e["subject"] for e in acts(bench, "system.dossier_read")] == ["D1"]


def test_taking_back_is_an_act_of_its_own_and_answers_nothing_more(acting: Any, bench: Any) -> None:
    assert set(acting("unack").json()) == {"id", "act", "alert", "coordinates"}
    assert len(acts(bench, "alert.unacknowledged")) == 1
