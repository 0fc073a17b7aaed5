"""Routes of an auditor's questions: what is asked, and what is refused before the store is."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api import audit
from api.audit.answers import verdict
from api.audit.chains import missing, proof
from domain.periods import parse_instant
from tests.unit.api.test_comparing import ZONE


def test_what_differs_outweighs_what_is_unknown() -> None:
    assert verdict(True, True) == "fails"
    assert verdict(False, True) == "cannot_tell"
    assert verdict(False) == "holds"


def test_changes_are_asked_between_two_instants(local: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def changes(_: Any, *given: Any) -> dict[str, Any]:
        asked.append(given)
        return {"verdict": "holds"}

    monkeypatch.setattr(audit, "changes", changes)
    path = "/v1/audit/changes?unit=H44.1&period=2026-08"
    assert local.get(f"{path}&between=2026-08-31,2026-09-30T08:00").json() == {"verdict": "holds"}
    instants = tuple(parse_instant(t, ZONE) for t in ("2026-08-31", "2026-09-30T08:00"))
    assert asked[0][:4] == ("H44.1", "2026-08", *instants)
    for between in ("2026-08-31", "2026-08-31,", "a,b", "2026-08-31,2026-09-01,2026-09-02"):
        assert local.get(f"{path}&between={between}").status_code == 422, between


def test_sent_is_not_known() -> None:
    assert proof([]) == proof(["notify_intended", "held"]) == "not_told"
    assert proof(["notified"]) == proof(["notified", "delivered"]) == "sent"
    assert proof(["notified", "opened"]) == proof(["acknowledged"]) == "known"
    assert missing(["notified", "delivered", "opened"]) == ["nobody acknowledged it"]
