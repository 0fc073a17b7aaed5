"""POST /v1/events: an answer per item, nothing personal kept, nothing hostile breaks it."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.intake import ItemResult, status_of
from domain.instants import zone
from producers.edge import Edge
from producers.keys import IdentifierKeys

Headers = dict[str, str]


def event(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/h44/one-stop",
        "type": "dossier.accepted",
        "time": "2026-08-03T09:12:00.1239+07:00",
        "subject": "H44.1-1",
        "data": {"procedure": "2.000815", "unit": "H44.1", "channel": "online"},
    }
    return found | more


def send(client: TestClient, headers: Headers, body: Any, kind: str = "application/json") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/v1/events", content=content, headers={**headers, "Content-Type": kind})


def test_one_event_is_stamped_and_answered_with_its_place(remote: TestClient, bench: Any, owner: Headers) -> None:
    answer = send(remote, owner, event(recordedtime="2001-01-01T00:00:00Z"), "application/cloudevents+json")
    assert answer.status_code == 202
    (result,) = answer.json()["results"]
    assert (result["status"], result["index"], result["id"]) == ("accepted", 0, "a-1")
    assert isinstance(result["offset"], int)
    (stored,) = bench.events()
    wire = json.loads(stored)
    assert wire["recordedtime"] == "2026-08-20T03:00:00.000Z"
    assert wire["time"] == "2026-08-03T02:12:00.123Z"


@pytest.mark.parametrize(
    "kind", ["application/json", "application/cloudevents-batch+json", "application/x-ndjson"]
)
def test_a_batch_is_answered_item_by_item(remote: TestClient, bench: Any, owner: Headers, kind: str) -> None:
    items = [event(), event(id="a-2", type="dossier.eaten"), event(id="a-3", data={"channel": "pigeon"}), 7]
    body = json.dumps(items).encode()
    if kind.endswith("ndjson"):
        body = b"\n".join(json.dumps(item).encode() for item in items) + b"\n\n"
    answer = send(remote, owner, body, kind)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [r["status"] for r in results] == ["accepted", "rejected", "rejected", "rejected"]
    assert [r["index"] for r in results] == [0, 1, 2, 3]
    assert results[1]["field"] == "type"
    assert results[2]["field"] == "data.channel"
    assert len(bench.events()) == 1


def test_unknown_fields_are_dropped_and_only_their_names_told(
    remote: TestClient, bench: Any, owner: Headers
) -> None:
    data = {"unit": "H44.1", "owner_name": "Nguyễn Văn Bí Mật", "phone": "0900000000"}
    answer = send(remote, owner, event(data=data, comment="Bí Mật"))
    assert answer.json()["results"][0]["dropped_fields"] == ["comment", "data.owner_name", "data.phone"]
    assert "Bí Mật" not in answer.text
    assert "0900" not in answer.text
    stored = bench.events()[0]
    assert "Mật".encode() not in stored
    assert b"0900" not in stored


def test_all_rejected_is_422_with_the_results(remote: TestClient, owner: Headers) -> None:
    answer = send(remote, owner, [event(type="x")])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["results"][0]["status"] == "rejected"


def test_a_key_writes_its_sources_and_its_units_only(remote: TestClient, bench: Any) -> None:
    key = bench.key("intake", units=("H44.1",), sources=("/h44/one-stop",))
    items = [
        event(),
        event(id="2", source="/other"),
        event(id="3", data={"unit": "H44.10"}),
        event(id="4", data={"unit": "H44.1.2"}),
        event(id="5", data={}),
        event(id="6", type="procedure.limit_set", subject="P", data={"amount": 3}),
    ]
    answer = send(remote, key, items)
    assert answer.status_code == 207
    assert [(r["status"], r["http"]) for r in answer.json()["results"]] == [
        ("accepted", 202),
        ("rejected", 403),
        ("rejected", 403),
        ("accepted", 202),
        ("accepted", 202),
        ("rejected", 403),
    ]
    assert send(remote, key, [items[1]]).status_code == 403
    assert bench.log.records[-1][4].startswith("k")


def test_the_products_own_acts_cannot_be_sent_from_outside(remote: TestClient, bench: Any, owner: Headers) -> None:
    before = len(bench.log.records)
    items = [
        event(id=str(n), type=kind, subject="x", data={"log_id": "x"})
        for n, kind in enumerate(("alert.acknowledged", "system.key_created", "log.created"))
    ]
    assert send(remote, owner, items).status_code == 403
    assert len(bench.log.records) == before


def test_a_broadcast_document_reaches_every_partition(remote: TestClient, bench: Any, owner: Headers) -> None:
    answer = send(remote, owner, event(type="procedure.limit_set", subject="P", data={"amount": 5}))
    assert answer.status_code == 202
    assert sorted(record[1] for record in bench.log.records if record[2] == "P") == [0, 1]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("calendar.published", {"holidays": "many"}),
        ("calendar.published", {"zone": "Mars/Olympus"}),
        ("alert_rules.published", {"due_soon_working_days": "three"}),
        ("alert_rules.published", {"due_soon_days": 3}),
        ("message_rules.published", {"slots": ["7:15"]}),
        ("message_rules.published", {"slot": ["07:15"]}),
        ("indicator_set.published", {"name": 7}),
        ("indicator_set.published", {}),
    ],
)
def test_a_document_that_could_not_be_used_is_refused(
    remote: TestClient, owner: Headers, kind: str, document: Any
) -> None:
    answer = send(remote, owner, event(type=kind, subject="default", data={"document": document}))
    assert answer.status_code == 422, answer.text
    assert answer.json()["results"][0]["field"].startswith("data")


def test_the_same_event_twice_in_a_request_is_written_once(remote: TestClient, bench: Any, owner: Headers) -> None:
    answer = send(remote, owner, [event(), event(), event(data={})])
    assert [r["status"] for r in answer.json()["results"]] == ["accepted", "duplicate", "accepted"]
    assert len(bench.events()) == 2


def test_while_kafka_is_away_an_event_is_accepted_into_the_spool(
    remote: TestClient, bench: Any, owner: Headers
) -> None:
    bench.log.away = True
    answer = send(remote, owner, event())
    assert (answer.status_code, answer.json()["spooled"]) == (202, 1)
    assert answer.json()["results"][0]["offset"] is None


def test_a_full_spool_is_503_with_retry_after(remote: TestClient, bench: Any, owner: Headers) -> None:
    bench.log.full = True
    answer = send(remote, owner, event())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b'{"a":' * 20_000, "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"{}", "text/xml", 415),
        (b"{}", "multipart/form-data; boundary=x", 415),
        (b" " * 300_001, "application/json", 413),
        (json.dumps([1] * 501).encode(), "application/json", 422),
        (b'{"id":"a","id":"b"}', "application/json", 422),
        (b'{"id": NaN}', "application/json", 422),
        (b'{"id": ' + b"9" * 5000 + b"}", "application/json", 422),
        (b'{"id":"\\ud800"}', "application/json", 422),
    ],
)
def test_a_body_that_is_no_batch_is_a_clean_error(
    remote: TestClient, owner: Headers, body: bytes, kind: str, status: int
) -> None:
    answer = send(remote, owner, body, kind)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_compressed_body_is_refused(remote: TestClient, owner: Headers) -> None:
    headers = {**owner, "Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert remote.post("/v1/events", content=b"x", headers=headers).status_code == 415


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_TYPES = ["dossier.accepted", "calendar.published", "target.published", "indicator_set.published"]
_TIMES = ["2026-08-03T09:12:00+07:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
_hostile_event = st.fixed_dictionaries(
    {},
    optional={
        "id": _json | st.just("a"),
        "source": _json | st.just("/a"),
        "type": _json | st.sampled_from(_TYPES),
        "time": _json | st.sampled_from(_TIMES),
        "subject": _json | st.just("s"),
        "data": _json | st.fixed_dictionaries({"document": _json}),
        "dataversion": _json,
        "recordedtime": _json,
    },
)  # fmt: skip


@given(st.binary(max_size=300) | _hostile_event.map(lambda e: json.dumps(e, ensure_ascii=True).encode())
       | st.lists(_hostile_event, max_size=4).map(lambda e: json.dumps(e).encode()))  # fmt: skip
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_makes_the_server_fail(remote: TestClient, owner: Headers, body: bytes) -> None:
    for kind in ("application/json", "application/x-ndjson"):
        answer = send(remote, owner, body, kind)
        assert answer.status_code in (202, 207, 403, 413, 422), answer.text
        assert answer.json()


def test_the_status_of_a_request_follows_from_its_items() -> None:
    def result(status: Any, http: int) -> ItemResult:
        return ItemResult(index=0, id=None, status=status, http=http)

    good, bad, forbidden = result("accepted", 202), result("rejected", 422), result("rejected", 403)
    assert status_of([good]) == 202
    assert status_of([result("duplicate", 202)]) == 202
    assert status_of([good, bad]) == 207
    assert status_of([bad, forbidden]) == 422
    assert status_of([forbidden]) == 403


def test_a_source_above_five_percent_bad_has_to_wait(remote: TestClient, bench: Any) -> None:
    key = bench.key("intake", sources=("/h44/one-stop",))
    good = [event(id=str(n)) for n in range(200)]
    assert send(remote, key, [*good, *(event(id=f"b{n}", type="x") for n in range(10))]).status_code == 207
    assert send(remote, key, [event(type="x")]).status_code == 422
    answer = send(remote, key, event())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    bench.wall += 60_000
    assert send(remote, key, event()).status_code == 202


def test_a_few_bad_events_brake_nobody(remote: TestClient, bench: Any) -> None:
    key = bench.key("intake", sources=("/h44/one-stop",))
    for _ in range(20):
        assert send(remote, key, [event(type="x")] * 5).status_code == 422


def test_an_event_without_a_unit_belongs_to_the_unit_that_holds_its_dossier(
    remote: TestClient, bench: Any
) -> None:
    key = bench.key("intake", units=("H44.1",), sources=("/h44/one-stop",))
    holders = {"theirs": "H44.2", "ours": "H44.1.7"}
    remote.app.state.services.units_of_dossiers = lambda codes: {c: u for c, u in holders.items() if c in codes}  # type: ignore[attr-defined]
    items = [
        event(id=code, subject=code, type="dossier.finished", data={}) for code in ("theirs", "ours", "unknown")
    ]
    answer = send(remote, key, items)
    assert [(r["http"], r["field"]) for r in answer.json()["results"]] == [
        (403, "subject"),
        (202, None),
        (202, None),
    ]


def test_an_officer_and_a_link_enter_as_keyed_hashes_only(
    remote: TestClient, bench: Any, owner: Headers, tmp_path: Path
) -> None:
    remote.app.state.services.edge = Edge(  # type: ignore[attr-defined]
        IdentifierKeys(tmp_path / "keys.json", zone("Asia/Ho_Chi_Minh"), lambda: 1_785_700_000_000)
    )
    step = event(id="s", type="dossier.step_completed", data={"step": "1", "officer": "Nobody Invented"})
    end = event(id="f", type="dossier.finished", data={"result_files": [{"link": "http://files/1.pdf"}]})
    assert remote.post("/v1/events", json=[step, end], headers=owner).status_code == 202
    written = b"".join(value for record in bench.log.records for value in record if isinstance(value, bytes))
    assert b"Nobody" not in written
    assert b"1.pdf" not in written
    assert written.count(b'"k2026-') == 2
