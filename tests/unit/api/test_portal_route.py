"""POST /v1/portal/dossiers: an answer per item with a stable code; pushing again is harmless."""

import json
from typing import Any

from fastapi.testclient import TestClient

Headers = dict[str, str]


def record(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "MaHoSo": "H44.1-1",
        "MaTTHC": "1.001193",
        "NgayTiepNhan": "20260803091200",
        "NgayHenTra": "20260810170000",
        "TrangThaiHoSo": "4",
        "DonViXuLy": "H44.1",
        "ChuHoSo": "Nguyễn Văn Bí Mật",
    }
    return found | more


def push(client: TestClient, headers: Headers, body: Any, kind: str = "application/json", **query: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        "/v1/portal/dossiers", content=content, headers={**headers, "Content-Type": kind}, params=query
    )


def outcome(answer: Any) -> list[tuple[str, str | None, str | None]]:
    return [(r["status"], r["code"], r["field"]) for r in answer.json()["results"]]


def test_items_are_answered_one_by_one_and_again_as_duplicates(
    remote: TestClient, bench: Any, owner: Headers
) -> None:
    step = {"MaHoSo": "H44.1-1", "ThoiDiemXuLy": "20260804101112", "NguoiXuLy": "Bí Mật"}
    items = [record(), record(MaHoSo="H44.1-2", NgayHenTra="hôm nay"), 7, record(), step]
    answer = push(remote, owner, items)
    assert answer.status_code == 207
    assert outcome(answer) == [
        ("accepted", None, None),
        ("rejected", "BAD_TIME", "NgayHenTra"),
        ("rejected", "NOT_AN_OBJECT", None),
        ("duplicate", None, None),
        ("accepted", None, None),
    ]
    assert answer.json()["results"][0]["dropped_fields"] == ["ChuHoSo"]
    assert answer.json()["results"][1]["MaHoSo"] == "H44.1-2"
    written = b"".join(bench.events())
    assert "Mật".encode() not in written
    wire = json.loads(bench.events()[0])
    assert (wire["type"], wire["source"], wire["data"]["channel"]) == (
        "dossier.snapshot_received",
        "/portal",
        "counter",
    )
    before = len(bench.events())
    again = push(remote, owner, record())
    assert (again.status_code, outcome(again)) == (202, [("duplicate", None, None)])
    assert len(bench.events()) == before


def test_a_record_that_goes_back_and_forth_is_an_event_each_time(
    remote: TestClient, bench: Any, owner: Headers
) -> None:
    for status in ("4", "9", "4"):
        more = {"NgayKetThucXuLy": "20260805080000"} if status == "9" else {}
        assert push(remote, owner, record(TrangThaiHoSo=status, **more)).json()["accepted"] == 1
    events = [json.loads(e) for e in bench.events()]
    assert len({e["id"] for e in events}) == 3
    assert [e["time"] for e in events] == sorted({e["time"] for e in events})


def test_what_was_not_safe_is_sent_again_as_the_same_event(remote: TestClient, bench: Any, owner: Headers) -> None:
    bench.log.full = True
    assert push(remote, owner, record()).status_code == 503
    bench.log.full, bench.wall = False, bench.wall + 60_000
    assert outcome(push(remote, owner, record())) == [("accepted", None, None)]
    (event,) = (json.loads(e) for e in bench.events())
    assert event["time"] == "2026-08-20T03:00:00.000Z", "the instant of the first push"
    assert outcome(push(remote, owner, record())) == [("duplicate", None, None)]


def test_a_key_reaches_its_units_and_sources_only(remote: TestClient, bench: Any) -> None:
    key = bench.key("intake", units=("H44.1",), sources=("/h44/portal",))
    answer = push(remote, key, [record(), record(MaHoSo="X", DonViXuLy="H44.10")])
    assert outcome(answer) == [("accepted", None, None), ("rejected", "OUT_OF_SCOPE", "DonViXuLy")]
    assert json.loads(bench.events()[-1])["source"] == "/h44/portal"
    assert push(remote, key, record(), source="/other").status_code == 403
    assert push(remote, bench.key("read"), record()).status_code == 403
    assert push(remote, {}, record()).status_code == 401


def test_a_source_that_sends_rubbish_has_to_wait(remote: TestClient, bench: Any) -> None:
    key = bench.key("intake", sources=("/h44/portal",))
    assert push(remote, key, [record(MaHoSo="")] * 250).status_code == 422
    answer = push(remote, key, record())
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_lines_and_bodies_that_cannot_be_read(remote: TestClient, owner: Headers) -> None:
    lines = b"\n".join(json.dumps(record(MaHoSo=f"L{n}")).encode() for n in range(3))
    assert push(remote, owner, lines, "application/x-ndjson").json()["accepted"] == 3
    assert push(remote, owner, b"<xml/>", "application/xml").status_code == 415
    assert push(remote, owner, b"[{", "application/json").status_code in (400, 422)
