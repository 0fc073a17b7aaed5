"""Who may ask: keys, scopes, subtrees, and what loopback means."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.access import in_subtree

CARD = "/v1/scorecards/H44.1?period=2026-08"


def test_from_elsewhere_a_key_is_needed(remote: TestClient) -> None:
    answer = remote.get(CARD)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert remote.get(CARD, headers={"Authorization": "Bearer gs766_wrong"}).status_code == 401
    assert remote.get(CARD, headers={"Authorization": "Basic eDp5"}).status_code == 401


def test_on_loopback_reading_needs_no_key_but_writing_does(local: TestClient) -> None:
    assert local.get(CARD).status_code == 200
    assert local.post("/v1/events", json={}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}, {"Host": "evil.example"}],
)
def test_a_proxy_or_a_rebound_name_is_not_loopback(local: TestClient, headers: dict[str, str]) -> None:
    assert local.get(CARD, headers=headers).status_code == 401


def test_a_wrong_key_is_refused_on_loopback_too(local: TestClient) -> None:
    assert local.get(CARD, headers={"X-GS766-Key": "gs766_wrong"}).status_code == 401


def test_scopes_decide(remote: TestClient, bench: Any, owner: dict[str, str]) -> None:
    display, intake = bench.key("display"), bench.key("intake", sources=("/a",))
    assert remote.get(CARD, headers=display).status_code == 200
    assert remote.get("/v1/dossiers/X", headers=display).status_code == 403
    assert remote.get(CARD, headers=intake).status_code == 403
    assert remote.get("/v1/dossiers/X", headers=owner).status_code == 200


def test_outside_the_subtree_a_unit_does_not_exist(remote: TestClient, bench: Any) -> None:
    key = bench.key("read", units=("H44.1",))
    assert remote.get(CARD, headers=key).status_code == 200
    assert remote.get("/v1/scorecards/H44.10?period=2026-08", headers=key).status_code == 404
    assert remote.get("/v1/overdue?unit=H44", headers=key).status_code == 404


def test_a_code_that_begins_alike_is_no_child() -> None:
    assert in_subtree("H44.1", "H44.1")
    assert in_subtree("H44.1.2", "H44.1")
    assert not in_subtree("H44.10", "H44.1")


def test_reading_a_dossier_is_a_recorded_act_once_a_minute(
    remote: TestClient, bench: Any, owner: dict[str, str]
) -> None:
    before = len(bench.acts())
    for _ in range(3):
        assert remote.get("/v1/dossiers/D-1", headers=owner).status_code == 200
    (act,) = bench.acts()[before:]
    assert b'"system.dossier_read"' in act
    assert b'"D-1"' in act
    bench.wall += 60_000
    remote.get("/v1/dossiers/D-1/events", headers=owner)
    assert len(bench.acts()) == before + 2


def test_a_dossier_that_is_not_there_was_not_read(remote: TestClient, bench: Any, owner: dict[str, str]) -> None:
    before = len(bench.acts())
    assert remote.get("/v1/dossiers/missing", headers=owner).status_code == 404
    assert len(bench.acts()) == before


def test_new_keys_are_recorded_in_the_alert_log_at_the_start(remote: TestClient, bench: Any) -> None:
    del remote
    assert sum(b'"system.key_created"' in act for act in bench.acts()) == 1
