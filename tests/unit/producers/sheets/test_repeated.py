"""Repeated exports are sets of snapshots: the same row is no event, absence is no end."""

import random
from pathlib import Path
from typing import Any

from tests.support.spreadsheets import write_xlsx
from tests.unit.producers.sheets.conftest import EXPORTED, Run

HEAD = ["Mã hồ sơ", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày kết thúc", "Trạng thái", "Cán bộ xử lý"]
DAY = 86_400_000


def rows(count: int, **changed: list[Any]) -> list[list[Any]]:
    found = [
        [f"D-{n}", "03/08/2026 08:00", "21/08/2026 17:00", "", "Đang xử lý", "Một Người"] for n in range(count)
    ]
    return [[row[0], *changed.get(row[0].replace("-", ""), row[1:])] for row in found]


def test_the_same_file_again_and_the_same_rows_in_another_file_are_no_events(run: Run, tmp_path: Path) -> None:
    first = write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, *rows(30)]})
    assert run(first).report.core.events == 30
    again = run(first, at=EXPORTED + DAY)
    assert (again.report.core.events, again.report.core.duplicates, again.events) == (0, 30, [])
    shuffled = rows(
        30, D3=["03/08/2026 08:00", "21/08/2026 17:00", "20/08/2026 10:00", "Đã trả kết quả", "Một Người"]
    )
    random.Random(1).shuffle(shuffled)
    second = write_xlsx(tmp_path / "b.xlsx", {"A": [HEAD, *shuffled]})
    done = run(second, at=EXPORTED + DAY)
    assert [e.subject for e in done.events] == ["D-3"]
    assert done.events[0].occurred_at == EXPORTED + DAY
    assert done.report.absent == {"since": "2026-09-01T11:00:00.000Z", "count": 0, "open": 0, "codes": []}


def test_what_went_away_and_came_back_as_it_was_is_an_event_each_time(run: Run, tmp_path: Path) -> None:
    over = ["03/08/2026 08:00", "21/08/2026 17:00", "20/08/2026 10:00", "Đã xử lý xong", "Một Người"]
    seen = []
    for n, changed in enumerate(({}, {"D0": over}, {}, {"D0": over})):
        path = write_xlsx(tmp_path / f"{n}.xlsx", {"A": [HEAD, *rows(3, **changed), [f"N-{n}", "21/08/2026"]]})
        seen.append([e for e in run(path, at=EXPORTED + n * DAY).events if e.subject == "D-0"])
    assert [len(s) for s in seen] == [1, 1, 1, 1]
    assert len({s[0].id for s in seen}) == 4


def test_absence_is_reported_and_mass_absence_warned_of(run: Run, tmp_path: Path) -> None:
    run(write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, *rows(40)]}))
    done = run(write_xlsx(tmp_path / "b.xlsx", {"A": [HEAD, *rows(38)]}), at=EXPORTED + DAY)
    assert done.report.absent["open"] == 2
    assert done.report.absent["codes"] == ["D-38", "D-39"]
    assert done.report.core.findings["absent_open"] == 2
    assert not done.events
    done = run(write_xlsx(tmp_path / "c.xlsx", {"A": [HEAD, *rows(20)]}), at=EXPORTED + 2 * DAY)
    assert done.report.absent["count"] == 18
    assert any("is it filtered" in w for w in done.report.core.warnings)


def test_a_dry_run_says_the_same_and_remembers_nothing(run: Run, tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, *rows(5)]})
    dry = run(path, dry_run=True)
    assert (dry.report.core.accepted, dry.report.core.dry_run) == (5, True)


def test_rows_of_one_code_that_differ_give_one_record_whatever_their_order(run: Run, tmp_path: Path) -> None:
    twice = [
        ["D-1", "03/08/2026 08:00", "21/08/2026 17:00", "", "Đang xử lý", ""],
        ["D-1", "03/08/2026 08:00", "21/08/2026 17:00", "20/08/2026 10:00", "Đã trả kết quả", ""],
    ]
    one = run(write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, *twice]}), source="/a")
    two = run(write_xlsx(tmp_path / "b.xlsx", {"A": [HEAD, *reversed(twice)]}), source="/b")
    assert one.records == two.records
    assert one.records["D-1"].status == "returned"
    core = one.report.core
    assert core.read == core.accepted + core.duplicates + core.rejected + core.ignored
    assert core.findings["case_twice"] == 1
