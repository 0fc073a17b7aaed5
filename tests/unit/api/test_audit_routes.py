"""Routes of an auditor's questions: what is asked, and what is refused before the store is."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import audit
from api.acts import Acts
from api.app import create_app
from api.audit.answers import verdict
from api.audit.chains import missing, proof
from api.due_acts import DueActs
from api.keys import KeyStore
from api.reads import DOSSIERS, LISTS, NAMES_NOBODY, THEMSELVES
from dashboards.papers.routes import mount_papers
from domain.events import make_event
from domain.periods import parse_instant
from producers.keys import IdentifierKeys
from tests.unit.api.conftest import NOW, Bench, FakeLog
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


def test_a_bundle_of_an_answer_needs_a_question_that_there_is(local: TestClient) -> None:
    assert local.get("/v1/audit/bundles/answers/nonsense").status_code == 404
    answer = local.get("/v1/audit/bundles/answers/moved-due?unit=H44.1")
    assert (answer.status_code, "this question needs period" in answer.text) == (409, False)
    assert local.get("/v1/audit/bundles/figures/PROCESSED_ON_TIME?unit=H44").status_code == 422


def test_sent_is_not_known() -> None:
    assert proof([]) == proof(["notify_intended", "held"]) == "not_told"
    assert proof(["notified"]) == proof(["notified", "delivered"]) == "sent"
    assert proof(["notified", "opened"]) == proof(["acknowledged"]) == "known"
    assert missing(["notified", "delivered", "opened"]) == ["nobody acknowledged it"]


def test_reading_a_list_is_recorded_once_with_its_filters_and_not_when_it_was_refused(
    bench: Bench, local: TestClient
) -> None:
    for path in ("/v1/overdue?unit=H44.1&min_days=3", "/v1/overdue?unit=H44.1&min_days=3&limit=5", "/v1/due"):
        assert local.get(path).status_code == 200
    assert local.get("/v1/due?nonsense=1").status_code == 422
    assert local.get("/v1/scorecards/H44?period=2026-08").status_code == 200
    told = [json.loads(act) for act in bench.acts() if b"list_read" in act]
    assert [(act["subject"], act["data"].get("unit"), act["data"]["actor"]) for act in told] == [
        ("overdue", "H44.1", "loopback"),
        ("due", None, "loopback"),
    ]
    assert told[0]["data"]["evidence"] == {"min_days": "3"}


def test_the_read_log_is_for_administrators_of_the_whole_province(
    bench: Bench, local: TestClient, remote: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def reads(_: Any, *given: Any) -> dict[str, Any]:
        asked.append(given)
        return {"verdict": "holds"}

    monkeypatch.setattr(audit, "reads", reads)
    path = "/v1/audit/reads?who=k1&dossier=D1&between=2026-08-01,2026-08-02"
    assert local.get(path).status_code == 403
    assert remote.get(path, headers=bench.key("read")).status_code == 403
    assert remote.get(path, headers=bench.key("admin", units=("H44.1",))).status_code == 403
    assert remote.get("/v1/audit/reads?between=x", headers=bench.key("admin")).status_code == 422
    admin = bench.key("admin")
    assert remote.get(path, headers=admin).json() == {"verdict": "holds"}
    bounds = tuple(parse_instant(t, ZONE) for t in ("2026-08-01", "2026-08-02"))
    assert asked[0][:5] == ("k1", "D1", bounds, 200, 0)
    assert any(b'"audit/reads"' in act for act in bench.acts())


def test_what_commands_decided_and_keys_of_identifiers_become_acts_once(tmp_path: Path) -> None:
    log, due = FakeLog(), DueActs(tmp_path / "p.sqlite")
    keys = IdentifierKeys(None, ZONE, lambda: NOW)
    keys.keyed("ai đó", NOW, purpose="officer")
    acts = Acts(log, "alert-log", KeyStore(tmp_path / "p.sqlite"), due, keys.all_keys)
    note = make_event("system.note_erased", "a", NOW, {"note_hash": "h"}, source="/gs766/ops", id="x")
    due.add([note, note])
    log.full = True
    acts.flush_keys()
    assert (log.records, acts.pending > 0) == ([], True)
    log.full = False
    for _ in range(2):
        acts.flush_keys()
    keys.destroy(2026)
    acts.flush_keys()
    told = [json.loads(record[3])["type"] for record in log.records]
    assert told == ["system.note_erased", "system.identifier_key_created", "system.identifier_key_destroyed"]


def test_every_route_that_reads_is_recorded_or_said_to_name_nobody(bench: Bench) -> None:
    app = create_app(bench.config, bench.open)
    mount_papers(app)
    operations = [op["operationId"] for ops in app.openapi()["paths"].values() for op in ops.values()]
    assert len(operations) == len(set(operations)), "two routes of one name would be one row of the tables"
    reading = {ops["get"]["operationId"] for ops in app.openapi()["paths"].values() if "get" in ops}
    kinds = (frozenset(LISTS), frozenset(DOSSIERS), THEMSELVES, NAMES_NOBODY)
    assert reading == frozenset().union(*kinds)
    assert sum(map(len, kinds)) == len(reading), "each stands in one table"
