"""A spreadsheet brought in as history: real counts, and null where the file cannot tell. The portal push as a
second receiver, and a watched folder that is killed: nothing twice, nothing lost."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.spreadsheets import write_xlsx
from tests.support.stack import RunningStack
from tests.support.waiting import until

HEAD = [
    "Mã hồ sơ",
    "Đơn vị xử lý",
    "Ngày tiếp nhận",
    "Ngày hẹn trả",
    "Ngày trả",
    "Trạng thái",
    "Hình thức nộp",
    "CCCD",
]
WATCHED = ["Mã hồ sơ", "Đơn vị", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày trả", "Trạng thái"]
PUSHED = "H44.200"
"""The unit whose dossiers are pushed."""
UNTOLD = (
    "DOSSIER_SYNC",
    "DOSSIER_PAID_ONLINE",
    "DOSSIER_RECEIVING_SATISFACTION",
    "PETITION_PROCESSING_ON_TIME",
    "ORIGINAL_RESULT_AVAILABLE",
    "SO_HOA_GIAY_TO_GIAI_QUYET",
    "REUSED_DIGITIZED_DATA",
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE",
    "CITIZEN_DATA_CONNECTED_DOSSIER",
)


def rows(count: int) -> list[list[Any]]:
    """Of every ten: seven over (one of them late), two open and late, one undated and open."""
    found: list[list[Any]] = []
    for n in range(count):
        due: str = "12/08/2026"
        end, state = "11/08/2026 09:00", "Đã trả kết quả"
        if n % 10 == 6:
            end = "14/08/2026 09:00"
        elif n % 10 in (7, 8):
            end, state = "", "Đang xử lý"
        elif n % 10 == 9:
            due, end, state = "", "", "Đang xử lý"
        channel = "Trực tuyến" if n % 2 else "Trực tiếp"
        found.append(
            [f"X-{n:03d}", f"H44.10{n % 2}", "04/08/2026 08:30", due, end, state, channel, "000000000000"]
        )
    return found


def card(stack: RunningStack, unit: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.json("scorecard", unit, "--period", "2026-08", "--as-of", "2026-08-31")
    return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """For both tests, in their order: the first looks at the whole province."""
    running = RunningStack(tmp_path_factory.mktemp("files"), "--clock", "2026-08-31T18:00:00+07:00")
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_spreadsheet_gives_its_figures_and_null_for_the_rest(stack: RunningStack, tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Hồ sơ": [["DANH SÁCH"], HEAD, *rows(100), ["Tổng cộng", 100]]})
    exported = ("--exported-at", "2026-08-31T17:30")
    dry = stack.json("import", "xlsx", str(path), "--dry-run", *exported)
    assert (dry["read"], dry["accepted"], dry["rejected"], dry["undated"], dry["date_only"]) == (
        100,
        100,
        0,
        10,
        90,
    )
    report = stack.json("import", "xlsx", str(path), "--wait", *exported)
    assert (report["accepted"], report["events"]) == (100, 100)
    totals = stack.json("overdue", "--rule", "timestamp")["totals"]
    assert totals == {
        "finished_on_time": 60,
        "finished_late": 10,
        "open_late": 20,
        "open_not_due": 0,
        "undated": 10,
    }
    stack.settle()
    for unit, count, undated in (("H44", 100, 10), ("H44.100", 50, 0)):
        found = {row["code"]: row for row in card(stack, unit)["indicators"]}
        assert (found["PROCESSED_ON_TIME"]["denominator"], card(stack, unit)["undated"]) == (count, undated)
        assert found["DOSSIER_SUBMITTED_ONLINE"]["numerator"] == (50 if unit == "H44" else 0)
        for code in UNTOLD:
            row = found[code]
            assert (row["rate"], row["points"], row["applies"]) == (None, None, False), code
            assert row["reason"], code
    again = stack.json("import", "xlsx", str(path), "--wait")
    assert (again["read"], again["accepted"], again["duplicates"], again["events"]) == (100, 0, 100, 0)

    recalled = rows(100)
    recalled[0][4:6] = ["", "Đang xử lý"]
    recalled[7][3] = "30/09/2026"
    second = write_xlsx(tmp_path / "b.xlsx", {"Hồ sơ": [HEAD, *recalled[:99]]})
    report = stack.json("import", "xlsx", str(second), "--wait", "--exported-at", "2026-08-31T17:45")
    assert (report["events"], report["absent"]["open"], report["absent"]["codes"]) == (2, 1, ["X-099"])
    kinds = {(row[0], row[1]) for row in stack.rows()["findings"]}
    assert {("snapshot_recalled", "X-000"), ("snapshot_due_moved", "X-007")} <= kinds
    assert stack.json("reconcile")["verdict"] == "holds"
    with stack.http() as client:
        assert "000000000000" not in client.get("/v1/dossiers/X-000/events").text


def record(n: int, **more: Any) -> dict[str, Any]:
    found = {
        "MaHoSo": f"P-{n}",
        "NgayTiepNhan": "20260803080000",
        "NgayHenTra": "20260810170000",
        "TrangThaiHoSo": "4",
        "DonViXuLy": PUSHED,
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
    totals = stack.json("overdue", PUSHED)["totals"]
    # The clock stands in August and the pushes came today: by then P-0 had ended and was not yet taken back.
    assert (totals["finished_on_time"], totals["open_late"]) == (11, 9)
    rows = stack.json("scorecard", PUSHED, "--period", "2026-08", "--as-of", "2026-08-31")["indicators"]
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
    write_xlsx(folder / "a.xlsx", {"A": [WATCHED, *body]})
    memory = stack.data / "imports.sqlite-wal"
    size = memory.stat().st_size if memory.exists() else 0
    until(lambda: memory.exists() and memory.stat().st_size != size, "the import to have begun", 60)
    first.kill()
    first.wait(30)
    second = watch()
    try:
        until(lambda: (folder / "done" / "a.xlsx.report.json").exists(), "the file to be imported", 90)
        write_xlsx(folder / "again.xlsx", {"A": [WATCHED, *reversed(body)]})
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
