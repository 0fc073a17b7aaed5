"""Acts of people about an alert: promises lie ahead, a dispute keeps what its author was shown."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from api.alerts import acting as deeds
from api.alerts.service import ago, tickets
from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidInput
from domain.instants import parse_rfc3339, zone
from domain.messages.ledger import DECIDED, act_of

ALERT = "0123456789abcdef01234567"
UNTIL = "2026-08-20T17:00:00Z"
FOUND: dict[str, Any] = {
    "dispute_tickets": [],
    "kind": "A04",
    "subject": "D1",
    "subject_kind": "dossier",
    "dossier_code": "D1",
    "unit": "H44.1",
    "episode": "e",
}
PLACE = {"topic": "dossier-events", "partition": 1, "offset": 7, "index": 2}
TOLD = {"events": 3, "last": [{"coordinates": PLACE}], "generation": 1, "vi": "Tin cuối cùng …"}


TICKETS: list[dict[str, Any]] = []


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch, remote: TestClient, bench: Any) -> Any:
    """Posts an act with a key that may act; the alert and the last facts are given."""
    monkeypatch.setattr(deeds, "show_alert", lambda *_: FOUND | {"dispute_tickets": list(TICKETS)})
    TICKETS.clear()
    monkeypatch.setattr(deeds, "received", lambda *_: dict(TOLD))
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
    assert acting("silence", until="2026-08-01", reason="duplicate").status_code == 422
    without = acting("silence", until="2026-08-21")
    assert without.status_code == 422
    assert "needs a reason" in without.json()["detail"]
    assert acts(bench, "alert.silenced") == []
    assert acting("silence", until="2026-08-21", reason="duplicate").status_code == 202
    (event,) = acts(bench, "alert.silenced")
    assert event["data"]["reason"] == "duplicate"


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


def ticket(by: str, **closed: Any) -> dict[str, Any]:
    return {"ticket": "t1", "by": by, "outcome": None, "closed_at": None, "closed_by": None, **closed}


def test_a_dispute_is_closed_by_somebody_else_with_an_outcome_and_a_reason(acting: Any, bench: Any) -> None:
    assert acting("resolve", ticket="t1", outcome="stands", note="Đã đối chiếu").status_code == 422, (
        "no such dispute"
    )
    TICKETS.append(ticket("k-other"))
    for lacking in ({"note": None}, {"outcome": "who knows"}, {"outcome": None}, {"ticket": None}):
        said = {"ticket": "t1", "outcome": "stands", "note": "Đã đối chiếu"} | lacking
        assert acting("resolve", **said).status_code == 422
    assert acting("resolve", ticket="t1", outcome="withdrawn", note="x").status_code == 403
    assert acts(bench, "alert.commented") == []
    answer = acting("resolve", ticket="t1", outcome="corrected", note="Nguồn đã gửi lại")
    assert answer.status_code == 202
    assert answer.json()["received"] == TOLD
    (event,) = acts(bench, "alert.commented")
    assert event["data"]["evidence"] == {
        "events": 3,
        **PLACE,
        "generation": 1,
        "ticket": "t1",
        "outcome": "corrected",
    }
    assert "Nguồn" not in str(event)


def test_a_dispute_is_closed_once_and_taken_back_only_by_who_raised_it(acting: Any, bench: Any) -> None:
    assert acting("ack").status_code == 202
    mine = acts(bench, "alert.acknowledged")[0]["data"]["actor"]
    TICKETS.append(ticket(mine))
    assert acting("resolve", ticket="t1", outcome="stands", note="x").status_code == 403
    assert acting("resolve", ticket="t1", outcome="withdrawn", note="nhầm").status_code == 202
    TICKETS[0] = ticket("k-other", outcome="stands", closed_at="2026-08-20")
    assert acting("resolve", ticket="t1", outcome="corrected", note="x").status_code == 422


def test_tickets_tell_how_each_dispute_ended_the_first_answer_counts() -> None:
    def act(kind: str, id_: str, **evidence: Any) -> dict[str, Any]:
        return {"act": kind, "id": id_, "at": f"at {id_}", "actor": f"by {id_}", "evidence": evidence or None}

    found = tickets(
        [
            act("disputed", "t1", events=1),
            act("disputed", "t2", events=1),
            act("commented", "c0"),
            act("commented", "c1", ticket="t1", outcome="stands"),
            act("commented", "c2", ticket="t1", outcome="corrected"),
        ]
    )
    assert found[0] == {
        "ticket": "t1", "at": "at t1", "by": "by t1", "outcome": "stands",
        "closed_at": "at c1", "closed_by": "by c1",
    }  # fmt: skip
    assert found[1]["outcome"] is None


@pytest.mark.parametrize(
    ("age", "before"),
    [
        ("2d", "2026-08-18T10:00:00.001+07:00"),
        ("36h", "2026-08-18T22:00:00.001+07:00"),
        ("3wd", "2026-08-18T00:00:00+07:00"),
        ("0wd", "2026-08-21T00:00:00+07:00"),
    ],
)
def test_an_age_is_counted_back_from_now(age: str, before: str) -> None:
    now = parse_rfc3339("2026-08-20T10:00:00+07:00")
    province = zone("Asia/Ho_Chi_Minh")
    ctx: Any = SimpleNamespace(now_ms=now, zone=province, calendar=lambda _: vietnam_calendar())
    assert ago(ctx, age) == parse_rfc3339(before)


@pytest.mark.parametrize("age", ["", "wd", "3", "-1d", "3 d", "2000d", "8wh"])
def test_what_is_no_age_is_refused(age: str) -> None:
    with pytest.raises(InvalidInput, match="3wd"):
        ago(SimpleNamespace(), age)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "units", "decides"), [("A06", (), True), ("A06", ("H44.1",), False), ("A04", (), False)]
)
def test_only_the_rooms_reason_decides_about_a_second_reappointment(
    monkeypatch: pytest.MonkeyPatch,
    remote: TestClient,
    bench: Any,
    kind: str,
    units: tuple[str, ...],
    decides: bool,
) -> None:
    monkeypatch.setattr(deeds, "show_alert", lambda *_: FOUND | {"kind": kind})
    key = bench.key("act", units=units)
    assert remote.post(f"/v1/alerts/{ALERT}/reason", json={"reason": "partner"}, headers=key).status_code == 202
    (event,) = acts(bench, "alert.reason_given")
    said = act_of(ALERT, "reason_given", 0, event["data"])
    assert (said.mark == DECIDED) is decides
