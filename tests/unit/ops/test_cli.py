"""Rules of the command line: exit codes, shapes, errors in one line. A ten-line API answers."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.cli import main
from ops.stack_file import Stack, write_secret, write_stack

ENVIRON = {"PATH": os.environ["PATH"]}
Run = Callable[..., tuple[int, str, str]]
CARD = {
    "unit": "H44",
    "period": "2026-08",
    "as_of": "2026-08-31T17:00:00.000Z",
    "known_at": None,
    "set": "2026",
    "total_portal": 59.91,
    "total_rebased": 66.57,
    "max_applicable": 90.0,
    "band": "average",
    "groups": [{"code": "A", "points": None, "max": 18}],
    "indicators": [
        {"code": "X", "group": "A", "numerator": None, "denominator": 0, "rate": None, "points": None, "max": 6}
    ],
}


@dataclass
class FakeApi:
    """Answers by path; remembers what was asked."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str, Any]] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str], key: str, body: Any) -> tuple[int, Any]:
        self.asked.append((path, query, key, body))
        found = self.answers.get(path + ("?" + query["cursor"] if "cursor" in query else ""))
        return found or (404, {"detail": f"there is nothing at {path}"})


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    """A running fake API that the data folder's stack file names, with a development key."""
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = fake.answer(parts.path, query, self.headers.get("Authorization", ""), body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    write_stack(tmp_path, Stack(pid=os.getpid(), api=f"http://127.0.0.1:{server.server_address[1]}"))
    write_secret(tmp_path, "development.json", {"key": "gs766_dev"})
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the test's data folder: exit code, stdout, stderr."""

    def command(*arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--data", str(tmp_path), *arguments], {**ENVIRON, **(environ or {})})
        out, err = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0 if code is None else 1), out, err

    return command


def test_a_command_without_a_stack_exits_4_with_one_line(run: Run) -> None:
    code, out, err = run("overdue", "--json")
    assert (code, out) == (4, "")
    assert err.count("\n") == 1
    assert "gs766 up" in err


def test_an_api_that_does_not_answer_exits_4(run: Run, tmp_path: Path) -> None:
    write_stack(tmp_path, Stack(pid=os.getpid(), api="http://127.0.0.1:9"))
    assert run("overdue")[0] == 4


def test_wrong_usage_exits_2(run: Run) -> None:
    assert run("scorecard")[0] == 2
    assert run("no-such-command")[0] == 2
    assert run("sql", "")[0] == 2


@pytest.mark.parametrize("status", [404, 422])
def test_what_the_api_cannot_use_exits_2_with_its_sentence(run: Run, api: FakeApi, status: int) -> None:
    api.answers["/v1/scorecards/H99"] = (status, {"title": "t", "detail": "there is no unit H99"})
    code, out, err = run("scorecard", "H99", "--period", "2026-08")
    assert (code, out, err) == (2, "", "gs766: there is no unit H99\n")


def test_a_refusal_exits_1_and_an_overload_4(run: Run, api: FakeApi) -> None:
    api.answers["/v1/overdue"] = (403, {"detail": "no"})
    assert run("overdue")[0] == 1
    api.answers["/v1/overdue"] = (503, {"detail": "later"})
    assert run("overdue")[0] == 4


def test_the_data_folder_may_stand_before_or_after_the_command(run: Run, api: FakeApi, tmp_path: Path) -> None:
    api.answers["/v1/overdue"] = (200, {"dossiers": [], "next": None})
    with pytest.raises(SystemExit) as ended:
        main(["overdue", "--json", "--data", str(tmp_path)], ENVIRON)
    assert ended.value.code in (0, None)
    with pytest.raises(SystemExit) as ended:
        main(["overdue", "--json"], {**ENVIRON, "GS766_DATA": str(tmp_path)})
    assert ended.value.code in (0, None)
    assert run("overdue", "--data", str(tmp_path / "other"))[0] == 4


def test_a_scorecard_passes_its_question_on_and_prints_the_answer_as_it_is(run: Run, api: FakeApi) -> None:
    api.answers["/v1/scorecards/H44"] = (200, CARD)
    code, out, _ = run(
        "scorecard", "H44", "--period", "2026-08", "--as-of", "2026-08-31", "--set", "2025", "--children", "--json"
    )
    assert (code, json.loads(out)) == (0, CARD)
    _, query, key, _ = api.asked[0]
    assert query == {"period": "2026-08", "as_of": "2026-08-31", "set": "2025", "children": "true"}
    assert key == "Bearer gs766_dev"


def test_nothing_is_shown_as_a_dash_and_never_as_zero(run: Run, api: FakeApi) -> None:
    api.answers["/v1/scorecards/H44"] = (200, CARD)
    _, out, _ = run("scorecard", "H44", "--period", "2026-08")
    row = next(line for line in out.splitlines() if " X " in line)
    assert row.split() == ["X", "–", "0", "–", "–", "6"]


def test_a_list_is_followed_to_its_end(run: Run, api: FakeApi) -> None:
    totals = {"open_late": 3}
    first = {
        "as_of": "t",
        "totals": totals,
        "dossiers": [{"dossier_code": "a"}, {"dossier_code": "b"}],
        "next": "p2",
    }
    api.answers["/v1/overdue"] = (200, first)
    api.answers["/v1/overdue?p2"] = (200, {**first, "dossiers": [{"dossier_code": "c"}], "next": None})
    answer = json.loads(run("overdue", "H44", "--rule", "date", "--json")[1])
    assert [d["dossier_code"] for d in answer["dossiers"]] == ["a", "b", "c"]
    assert (answer["totals"], answer["next"]) == (totals, None)
    limited = json.loads(run("overdue", "H44", "--limit", "2", "--json")[1])
    assert [d["dossier_code"] for d in limited["dossiers"]] == ["a", "b"]
    assert limited["next"] == "p2"


def test_a_dossier_is_asked_for_by_its_whole_code(run: Run, api: FakeApi) -> None:
    api.answers["/v1/dossiers/H44%2F1"] = (
        200,
        {"dossier_code": "H44/1", "verdicts": [{"rule": "766", "late": True}]},
    )
    code, out, _ = run("dossier", "H44/1")
    assert code == 0
    assert "766" in out


def test_status_is_red_when_health_is(run: Run, api: FakeApi) -> None:
    api.answers["/v1/health"] = (200, {"status": "green", "parts": {}})
    assert run("status")[0] == 0
    api.answers["/v1/health"] = (503, {"status": "red", "parts": {}})
    code, out, _ = run("status", "--json")
    assert (code, json.loads(out)["status"]) == (1, "red")


def test_publish_checks_all_files_before_it_sends_anything(run: Run, api: FakeApi, tmp_path: Path) -> None:
    good, bad = tmp_path / "units.toml", tmp_path / "bad.toml"
    good.write_text('[[units]]\ncode = "H44.1"\nname = "Xã Mẫu"\nkind = "commune"\n', encoding="utf-8")
    bad.write_text('[[units]]\ncode = "H44.2"\nkind = "village"\n', encoding="utf-8")
    code, _, err = run("publish", str(good), str(bad))
    assert (code, api.asked) == (2, [])
    assert "bad.toml" in err
    api.answers["/v1/events"] = (202, {"results": [{"status": "accepted"}]})
    assert run("publish", str(good))[0] == 0
    ((_, _, _, body),) = api.asked
    assert [(e["type"], e["subject"], e["data"]["name"]) for e in body] == [("unit.registered", "H44.1", "Xã Mẫu")]
    api.answers["/v1/events"] = (422, {"results": [{"status": "rejected", "id": "x", "reason": "no"}]})
    assert run("publish", str(good))[0] == 1


def test_score_table_needs_no_stack(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "\ufeffunit_code,metric,numerator,denominator\nH44,PROCESSED_ON_TIME,1,2\nH44,NO_SUCH,1,2\n",
        encoding="utf-8",
    )
    code, out, _ = run("score-table", str(table), "--json")
    first, second = json.loads(out)
    assert (code, first["score"], first["max"], second["score"]) == (0, 10.0, 20.0, None)
    assert run("score-table", str(table), "--set", "1999")[0] == 2
    table.write_text("a,b\n1,2\n")
    assert run("score-table", str(table))[0] == 2
    assert run("score-table", str(tmp_path / "none.csv"))[0] == 2


def test_api_keys_are_made_listed_and_revoked_without_a_stack(run: Run) -> None:
    code, out, _ = run("keys", "create", "one-stop", "--scope", "intake", "--source", "/h44/one-stop", "--json")
    made = json.loads(out)
    assert code == 0
    assert made["token"].startswith("gs766_")
    listed = json.loads(run("keys", "list", "--json")[1])
    assert [key["id"] for key in listed] == [made["id"]]
    assert made["token"] not in json.dumps(listed)
    assert run("keys", "revoke", made["id"])[0] == 0
    assert json.loads(run("keys", "list", "--json")[1])[0]["revoked_at"]
    assert run("keys", "revoke", "none")[0] == 2


def test_identifier_keys_are_rotated_and_destroyed_by_year(run: Run) -> None:
    assert run("keys", "identifiers", "rotate", "2026")[0] == 0
    (key,) = json.loads(run("keys", "identifiers", "list", "--json")[1])
    assert (key["year"], key["destroyed_at"]) == (2026, None)
    assert "secret" not in key
    assert run("keys", "identifiers", "destroy", "2026", "--yes")[0] == 0
    assert json.loads(run("keys", "identifiers", "list", "--json")[1])[0]["destroyed_at"]
    assert run("keys", "identifiers", "destroy", "2026", "--yes")[0] == 2


def test_a_dry_run_of_an_import_needs_no_stack_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "sim.jsonl"
    assert run("simulate", "--dossiers", "5", "--month", "2026-08", "--seed", "1", "--out", str(file))[0] == 0
    before = sorted(tmp_path.rglob("*"))
    with file.open("a") as more:
        more.write('{"id": "1"}\n')
    code, out, _ = run("import", "jsonl", str(file), "--dry-run", "--json")
    report = json.loads(out)
    assert (code, report["rejected"], report["accepted"]) == (0, 1, report["read"] - 1)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_import_that_rejects_everything_exits_1_and_bad_input_2(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "1"}\n')
    assert run("import", "jsonl", str(bad), "--dry-run")[0] == 1
    assert run("import", "jsonl", str(bad))[0] == 4
    assert run("import", "doc", str(bad))[0] == 2
    assert run("import", "jsonl", str(tmp_path / "none"))[0] == 2
    assert run("import", "csv", str(bad), "--dry-run")[0] == 2
    assert run("simulate", "--dossiers", "5", "--month", "2026-13", "--seed", "1", "--out", str(bad))[0] == 2


def test_an_unexpected_error_is_one_line_and_its_traceback_goes_to_the_log(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("ops.status.read_stack", broken)
    code, _, err = run("status", environ={"GS766_DATA": str(tmp_path)})
    assert code == 1
    assert err.count("\n") == 1
    assert "boom" in (tmp_path / "logs" / "commands.log").read_text()


def test_the_schemas_name_every_event_type(run: Run) -> None:
    assert "dossier.accepted" in json.loads(run("schemas")[1])["types"]
    assert run("schemas", "dossier.eaten")[0] == 2


def test_score_table_reads_what_spreadsheets_save(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "cong.csv"
    lines = [
        "",
        "Mã đơn vị;Chỉ tiêu;Tử số;Mẫu số;Ghi chú",
        "H44;PROCESSED_ON_TIME;144.625;184.513;x",
        ";;;;",
        "H44;DOSSIER_PAID_ONLINE;1,5;3,0;",
        "H44;KHONG_CO;1;2",
        "H44;DOSSIER_PAID_ONLINE;1;0;",
        "H44;FORMALITY_PAID_ONLINE;9;8;;;thừa",
        "H44;FORMALITY_PAID_ONLINE",
        "H44;GROUP_PAYMENT;;",
    ]
    table.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    code, out, _ = run("score-table", str(table), "--json")
    rows = json.loads(out)
    assert code == 0
    assert [r["metric"] for r in rows] == [line.split(";")[1] for line in lines[2:] if line.strip(";")]
    assert [r["score"] is None for r in rows] == [False, False, True, True, True, True, False]
    assert all(r["score"] is not None or r["reason"] for r in rows)
    assert "the row has 7 cells, the header 5" in rows[4]["reason"]
    table.write_bytes("unit_code\tmetric\nH1\tPROCESSED_ON_TIME\n".encode("utf-16"))
    code, out, _ = run("score-table", str(table), "--json")
    assert (code, json.loads(out)[0]["reason"]) == (
        0,
        "the table has no column numerator and no column denominator",
    )
    table.write_text("unit_code,metric,numerator,denominator\nH1,PROCESSED_ON_TIME,1,5,2\n", encoding="utf-8")
    assert "decimal comma must stand in quotes" in run("score-table", str(table))[1]
    table.write_text('metric,numerator,denominator\n"PROCESSED_ON_TIME",1,2\n"unclosed,1,2\n', encoding="utf-8")
    assert run("score-table", str(table))[0] == 0
    table.write_text("metric,Tử số,numerator,denominator\nX,1,1,2\n", encoding="utf-8")
    assert run("score-table", str(table))[0] == 2


def test_score_table_passes_over_what_excel_and_people_put_above_the_header(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "cong.csv"
    above = "sep=;\r\nBảng điểm tháng 8, năm 2026, toàn tỉnh, theo Cổng\r\n;;;\r\n"
    table.write_text(
        above + 'Mã đơn vị;Chỉ tiêu;Tử số;Mẫu số\r\n="H44";PROCESSED_ON_TIME;="1";"=""2"""\r\n', encoding="utf-8"
    )
    code, out, _ = run("score-table", str(table), "--json")
    (row,) = json.loads(out)
    assert (code, row["unit_code"], row["score"]) == (0, "H44", 10)
    for content in (b"", b"a,b\n1,2\n", bytes(range(256)), b"H44,PROCESSED_ON_TIME,1,2\n", b"\n" * 50):
        table.write_bytes(content)
        code, _, said = run("score-table", str(table))
        assert code == 2
        assert "no column metric" in said or "not UTF-8" in said


def test_the_forecast_is_printed_as_an_estimate(run: Any, api: Any) -> None:
    line = {"dossier_code": "H44.1-7", "unit": "H44.1", "procedure": "1.1", "due_at": "2026-11-24T17:00:00+07:00"}
    counted: dict[str, Any] = {
        "age_working_hours": 9.0,
        "left_working_hours": 8.0,
        "on_time": 35,
        "similar": 60,
        "risk": 0.42,
    }
    counted |= {
        "step": "B2",
        "basis": "step",
        "asked": [{"basis": "step", "of": "B2", "dossiers": 77, "p50": 3.0}],
    }
    found = {
        "unit": "H44.1",
        "as_of": "2026-11-20T15:30:00+07:00",
        "estimate": True,
        "basis": "same procedure",
        "usual_daily_output": 8.0,
        "days": [{"day": "2026-11-23", "working": True, "due": 46}],
        "crunch": {"days": 3, "due": 46, "limit": 36.0, "holds": True},
        "dossiers": [line | counted],
        "next": None,
    }
    api.answers["/v1/forecast"] = (200, found)
    code, out, _ = run("forecast", "H44.1")
    assert code == 0
    assert all(text in out for text in ("H44.1-7", "same procedure", "46", "60"))
    assert "77" not in out
    code, out, _ = run("forecast", "H44.1", "--why")
    assert all(text in out for text in ("counted from", "B2", "77"))
    code, out, _ = run("forecast", "H44.1", "--json")
    assert json.loads(out)["dossiers"][0]["similar"] == 60
