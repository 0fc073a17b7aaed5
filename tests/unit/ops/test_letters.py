"""The letter at the command line: warnings are said, and recording it is one event however often it is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops import client as clients
from ops.cli import main

TOLD: dict[str, Any] = {
    "dossier_code": "D/1", "unit": "H44.1", "unit_name": "Xã Mẫu", "procedure": "1.001", "accepted_at": None,
    "due_at": "2026-11-23T16:30:00.000+07:00", "last_day": "2026-11-20", "reason": None, "new_due_proposed": True,
    "new_due_at": "2026-12-01T16:30:00.000+07:00", "reappointment": 1, "allowed": 1,
    "as_of": "2026-11-21T10:00:00.000+07:00",
    "warnings": [{"code": "too_late", "vi": "ĐÃ QUÁ HẠN", "en": "TOO LATE"}],
}  # fmt: skip


class Api:
    """Keeps what was asked and sent."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.status = "accepted"

    def get(self, path: str, **_: Any) -> Any:
        self.asked.append(path)
        if path.endswith("/events"):
            return [{**event, "occurred_at": event["time"]} for event in self.sent]
        return dict(TOLD)

    def file(self, method: str, path: str, **_: Any) -> tuple[bytes, dict[str, str]]:
        self.asked.append(f"{method} {path}")
        return b"PK", {}

    def post(self, _: str, body: Any) -> Any:
        self.sent.append(body)
        return {"results": [{"status": self.status, "reason": "no"}]}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    found = Api()
    monkeypatch.setattr(clients, "Client", lambda _: found)
    return found


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments, {"PATH": "/usr/bin"})
    return int(ended.value.code or 0)


def test_a_draft_is_written_and_its_warnings_are_said(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "mau-04.docx"
    assert run("apology", "D/1", "--out", str(out), "--json") == 0
    told, said = capsys.readouterr()
    assert out.read_bytes() == b"PK"
    assert "ĐÃ QUÁ HẠN (TOO LATE)" in said
    assert json.loads(told)["new_due_at"] == TOLD["new_due_at"]
    assert api.asked[0] == "/v1/dossiers/D%2F1/apology-letter"
    assert api.sent == []


def test_a_letter_that_went_out_is_recorded_under_an_id_of_its_own(api: Api) -> None:
    assert run("apology", "D/1", "--record", "--number", "15/PXL") == 0
    assert run("apology", "D/1", "--record", "--number", "15/PXL") == 0
    assert run("apology", "D/1", "--record", "--number", "16/PXL") == 0
    first, other = api.sent
    assert first["id"] != other["id"]
    assert (first["type"], first["subject"], first["time"]) == ("dossier.apology_sent", "D/1", TOLD["as_of"])
    assert first["data"] == {"document_number": "15/PXL", "new_due_at": TOLD["new_due_at"]}


def test_what_was_not_taken_is_no_success(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.status = "rejected"
    assert run("apology", "D/1", "--record", "--number", "15") == 1
    assert "NOT recorded: no" in capsys.readouterr()[1]


@pytest.mark.parametrize("arguments", [("--record",), ("--number", "15")])
def test_recording_needs_a_number_and_a_number_is_for_recording(api: Api, arguments: tuple[str, ...]) -> None:
    assert run("apology", "D/1", *arguments) == 2
    assert api.asked == []
