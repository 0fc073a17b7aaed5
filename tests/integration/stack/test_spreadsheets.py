"""A spreadsheet brought in as history: real counts, and null where the file cannot tell."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.stack.conftest import Start
from tests.support.spreadsheets import write_xlsx
from tests.support.stack import RunningStack

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


@pytest.fixture
def stack(start: Start) -> RunningStack:
    return start("--clock", "2026-08-31T18:00:00+07:00")


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
