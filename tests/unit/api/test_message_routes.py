"""Routes of messages: who may ask, what cannot be simulated, and that a document in the body is only tried."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.alerts.recipients import RecipientStore, new_entry
from api.messaging import routes
from domain.instants import Zone
from domain.messages.rules import default_rules
from domain.reference import AlertThresholds


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, bench: Any) -> list[tuple[Any, ...]]:
    """What a simulation was asked; the bench has one recipient."""
    found: list[tuple[Any, ...]] = []

    def simulation(_ctx: Any, week: str, people: Any, document: Any = None, *, known: str) -> dict[str, Any]:
        found.append((week, [one.account for one in people], document, known))
        return {"week": week, "messages": []}

    monkeypatch.setattr(routes, "simulation", simulation)
    entry = new_entry("k1", "officer", "H44.1", ["email:a@example.vn"], Zone())
    RecipientStore(bench.config.private).put(entry, bench.wall)
    return found


def test_a_simulation_is_asked_with_all_recipients_and_the_rules_in_the_body(
    remote: TestClient, bench: Any, asked: list[Any]
) -> None:
    admin = bench.key("admin")
    assert remote.get("/v1/messages/simulation?week=2026-W33", headers=admin).json()["week"] == "2026-W33"
    tried = remote.post("/v1/messages/simulation?week=2026-W33", json={"slots": ["08:00"]}, headers=admin)
    assert tried.status_code == 200
    assert asked == [("2026-W33", ["k1"], None, "then"), ("2026-W33", ["k1"], {"slots": ["08:00"]}, "then")]
    remote.get("/v1/messages/simulation?week=2026-W33&known=now", headers=admin)
    assert asked[-1][3] == "now"
    assert bench.events() == []
    assert not any(b"alert." in raw for raw in bench.acts())


def test_only_an_admin_of_everything_may_simulate(remote: TestClient, bench: Any, asked: list[Any]) -> None:
    for headers in (bench.key("read"), bench.key("admin", units=("H44.1",))):
        assert remote.get("/v1/messages/simulation?week=2026-W33", headers=headers).status_code == 403
    assert asked == []


def test_without_recipients_there_is_nothing_to_simulate(remote: TestClient, bench: Any) -> None:
    answer = remote.get("/v1/messages/simulation?week=2026-W33", headers=bench.key("admin"))
    assert answer.status_code == 422
    assert "gs766 recipients" in answer.json()["detail"]


def test_the_rules_in_force_are_shown_with_their_version(
    monkeypatch: pytest.MonkeyPatch, remote: TestClient, bench: Any
) -> None:
    monkeypatch.setattr(routes, "rules_in_force", lambda *_: (default_rules(), "built-in"))
    monkeypatch.setattr(routes, "thresholds_in_force", lambda _: (AlertThresholds(crunch_days=4), "event-7"))
    found = remote.get("/v1/messages/rules", headers=bench.key("read")).json()
    assert found["version"] == "built-in"
    assert (found["thresholds"]["crunch_days"], found["thresholds_version"]) == (4, "event-7")
    assert found["rules"]["quiet"] == {"from": "17:00", "to": "07:00"}
