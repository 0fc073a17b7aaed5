"""Dashboards as files, and pushing them to a Grafana of ten lines."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana import build, queries
from dashboards.grafana.push import StoreAddress, push
from domain.errors import InvalidInput, Refused, Unavailable

GRAFANA = Path(build.__file__).parent


def panels() -> list[dict[str, Any]]:
    return [panel for dashboard in build.dashboards() for panel in dashboard["panels"]]


def test_the_files_are_what_the_builders_build() -> None:
    for dashboard in build.dashboards():
        file = build.JSON_FOLDER / f"{dashboard['uid'].removeprefix('gs766-')}.json"
        assert file.read_text(encoding="utf-8") == build.text(dashboard), "run python -m dashboards.grafana.build"


def test_every_statement_reads_the_active_generation_with_final() -> None:
    statements = {t["rawSql"] for p in panels() for t in p["targets"]} | {queries.months()}
    assert len(statements) == 8
    for sql in statements:
        for after in sql.split("FROM ")[1:]:
            if after[0] != "(":
                assert after.split()[1] == "FINAL", after[:80]
        assert "state = 'active'" in sql


def test_panels_do_not_overlap_and_have_a_title_each() -> None:
    for dashboard in build.dashboards():
        seen: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            g = panel["gridPos"]
            cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
            assert not cells & seen, panel["title"]
            assert g["x"] + g["w"] <= 24
            assert panel["title"]
            seen |= cells


def test_what_is_provisioned_is_what_the_dashboards_name() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/gs766.yaml").read_text())["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == build.DATASOURCE
    assert source["jsonData"]["username"] == "reader"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/gs766.yaml").read_text())["providers"]
    assert provider["folderUid"] == build.FOLDER_UID


class FakeGrafana(HTTPServer):
    """Keeps what is posted; `fail` answers everything with a status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, list[dict[str, Any]]] = {"/api/folders": [], "/api/datasources": []}
        self.fail: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeGrafana

    def do_GET(self) -> None:
        self._say(self.server.fail or 200, self.server.kept.get(self.path.split("?")[0], []))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kept = self.server.kept.setdefault(self.path, [])
        kept.append({"id": len(kept) + 1, **body})
        status = 401 if self.headers["Authorization"] != "Bearer right" else self.server.fail or 200
        self._say(status, {"url": "/d/x"})

    do_PUT = do_POST  # noqa: N815

    def _say(self, status: int, answer: Any) -> None:
        body = json.dumps(answer if status < 400 else {"message": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    server = FakeGrafana()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


STORE = StoreAddress("127.0.0.1", 8123, "secret")


def test_push_makes_folder_data_source_and_both_dashboards(grafana: FakeGrafana) -> None:
    found = push(grafana.url + "/", "right", STORE)
    assert found == [grafana.url + "/d/x"] * 2
    assert [f["uid"] for f in grafana.kept["/api/folders"]] == ["gs766"]
    (source,) = grafana.kept["/api/datasources"]
    assert source["jsonData"]["username"] == "reader"
    assert source["secureJsonData"] == {"password": "secret"}
    pushed = grafana.kept["/api/dashboards/db"]
    assert [p["dashboard"]["uid"] for p in pushed] == ["gs766-province", "gs766-overdue"]
    assert all(p["overwrite"] and p["folderUid"] == "gs766" for p in pushed)


def test_pushing_again_replaces_and_makes_nothing_twice(grafana: FakeGrafana) -> None:
    push(grafana.url, "right", STORE)
    push(grafana.url, "right", STORE)
    assert len(grafana.kept["/api/folders"]) == 1
    assert len(grafana.kept["/api/datasources"]) == 1
    assert len(grafana.kept["/api/datasources/1"]) == 1


def test_a_wrong_token_and_a_missing_role_say_what_to_do(grafana: FakeGrafana) -> None:
    with pytest.raises(Refused, match="does not know this token"):
        push(grafana.url, "wrong", STORE)
    grafana.fail = 403
    with pytest.raises(Refused, match="role Editor"):
        push(grafana.url, "right")
    grafana.fail = 500
    with pytest.raises(Unavailable, match="look into its log"):
        push(grafana.url, "right")


def test_an_address_that_is_none_or_does_not_answer_is_one_sentence(grafana: FakeGrafana) -> None:
    with pytest.raises(InvalidInput, match="not Grafana's address"):
        push("localhost:3000", "right")
    with pytest.raises(InvalidInput, match="token"):
        push(grafana.url, "")
    with pytest.raises(Unavailable, match="cannot be reached"):
        push("http://127.0.0.1:9", "right", timeout_s=2)


def test_the_password_is_not_in_a_printed_address() -> None:
    assert "secret" not in repr(STORE)
