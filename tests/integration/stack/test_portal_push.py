"""The portal push as a second receiver, and a watched folder that is killed: nothing twice, nothing lost."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stack.conftest import Start
from tests.support.spreadsheets import write_xlsx
from tests.support.stack import RunningStack
from tests.support.waiting import until

HEAD = ["Mã hồ sơ", "Đơn vị", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày trả", "Trạng thái"]


def record(n: int, **more: Any) -> dict[str, Any]:
    found = {
        "MaHoSo": f"P-{n}",
        "NgayTiepNhan": "20260803080000",
        "NgayHenTra": "20260810170000",
        "TrangThaiHoSo": "4",
        "DonViXuLy": "H44.100",
        "ChuHoSo": "Bí Mật",
        "DanhSachLePhi": [{"Gia": "8000"}],
    }
    return found | more


def push(stack: RunningStack, items: list[dict[str, Any]]) -> dict[str, Any]:
    with stack.http() as client:
        answer = client.post("/v1/portal/dossiers", json=items)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def events(stack: RunningStack) -> int:
    """How many records the log holds of what was brought in."""
    (row,) = stack.json("sql", "SELECT count() AS n FROM events WHERE type = 'dossier.snapshot_received'")
    return int(row["n"])


@pytest.fixture
def stack(start: Start) -> RunningStack:
    return start("--clock", "2026-08-31T18:00:00+07:00")


def test_pushes_files_and_a_killed_watch(stack: RunningStack, tmp_path: Path) -> None:
    over = {"TrangThaiHoSo": "9", "NgayKetThucXuLy": "20260807100000", "DuocThanhToanTrucTuyen": "2"}
    assert push(stack, [record(n) for n in range(10)])["accepted"] == 10
    assert push(stack, [record(n) for n in range(10)])["duplicates"] == 10
    assert push(stack, [record(0, **over)])["accepted"] == 1
    assert push(stack, [record(0)])["accepted"] == 1, "taken back: an event, though it was said before"
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps([record(n, **over) for n in range(10, 20)]))
    report = stack.json("import", "portal", str(dump), "--wait")
    assert (report["accepted"], report["events"], report["rejected"]) == (10, 10, 0)
    stack.settle()
    totals = stack.json("overdue")["totals"]
    # The clock stands in August and the pushes came today: by then P-0 had ended and was not yet taken back.
    assert (totals["finished_on_time"], totals["open_late"]) == (11, 9)
    rows = stack.json("scorecard", "H44", "--period", "2026-08", "--as-of", "2026-08-31")["indicators"]
    paid = next(r for r in rows if r["code"] == "DOSSIER_PAID_ONLINE")
    assert paid["denominator"] is not None
    assert ("snapshot_recalled", "P-0") in {(row[0], row[1]) for row in stack.rows()["findings"]}

    folder = tmp_path / "watched"
    folder.mkdir()
    body = [[f"W-{n}", "H44.101", "03/08/2026 08:00", "10/08/2026", "", "Đang xử lý"] for n in range(3000)]
    before = events(stack)

    def watch() -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "ops.cli",
            "watch",
            str(folder),
            "--every",
            "0.2",
            "--data",
            str(stack.data),
        ]
        return subprocess.Popen(command, env=stack.environ, stderr=subprocess.DEVNULL)

    first = watch()
    write_xlsx(folder / "a.xlsx", {"A": [HEAD, *body]})
    memory = stack.data / "imports.sqlite-wal"
    size = memory.stat().st_size if memory.exists() else 0
    until(lambda: memory.exists() and memory.stat().st_size != size, "the import to have begun", 60)
    first.kill()
    first.wait(30)
    second = watch()
    try:
        until(lambda: (folder / "done" / "a.xlsx.report.json").exists(), "the file to be imported", 90)
        write_xlsx(folder / "again.xlsx", {"A": [HEAD, *reversed(body)]})
        (folder / "broken.xlsx").write_bytes(b"PK\x03\x04 broken")
        until(lambda: (folder / "done" / "again.xlsx").exists(), "the second file", 90)
        until(lambda: (folder / "rejected" / "broken.xlsx").exists(), "the broken file", 90)
    finally:
        second.send_signal(signal.SIGINT)
        assert second.wait(30) == 0
    assert not (folder / "a.xlsx").exists()
    assert json.loads((folder / "done" / "again.xlsx.report.json").read_text())["events"] == 0
    stack.settle()
    assert events(stack) == before + 3000
    assert len([row for row in stack.rows()["findings"] if row[0] == "id_reused"]) == 0
    assert stack.json("reconcile")["verdict"] == "holds"
