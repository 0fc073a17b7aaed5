"""Every trap that real exports hold, and what must come of it."""

import unicodedata
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.instants import format_rfc3339
from producers.sheets.importing import open_source
from producers.sheets.oldfonts import _TCVN3, _VNI
from producers.sheets.sheet_mapping import SheetMapping
from tests.support.spreadsheets import write_xls, write_xlsx
from tests.unit.producers.sheets.conftest import Run

HEAD = ["Mã hồ sơ", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày kết thúc", "Trạng thái"]


def local(t: Any) -> str:
    """An instant on the province's clock."""
    return format_rfc3339(round(t.timestamp() * 1000) + 7 * 3_600_000)[:16]


def test_a_header_over_three_rows_at_an_offset_with_totals_and_numbers(run: Run, tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        [None, "UBND TỈNH", None, None, None, None, None, None],
        [None, "DANH SÁCH HỒ SƠ", None, None, None, None, None, None],
        [],
        [None, "STT", "Số\nbiên nhận", "Thời gian", None, None, "Kết quả", "Chủ hồ sơ"],
        [None, None, None, "Ngày", None, "Hạn trả", None, None],
        [None, None, None, "tiếp nhận", "kết thúc", None, None, None],
        [None, "(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)"],
        [None, 1, "H44-1", "03/08/2026 08:15", "05/08/2026 09:00", "10/08/2026 17:00", "Trước hạn", "Bí Mật A"],
        [None, 2, "H44-2", "13/08/2026", None, "20/08/2026", "Đang xử lý", "Bí Mật B"],
        [None, "Trong đó: quá hạn", None, None, None, None, 1, None],
        [None, "STT", "Số biên nhận", "tiếp nhận", "kết thúc", "Hạn trả", "Kết quả", "Chủ hồ sơ"],
        [None, 3, "H44-3", "14/08/2026 10:00", "15/08/2026 10:00", None, "Đã trả kết quả - Đúng hạn", "Bí Mật C"],
        [None, "Tổng cộng", None, None, None, None, 3, None],
        [],
        [None, None, None, None, "Ngày 31 tháng 8 năm 2026", None, None, None],
        [None, None, None, None, "NGƯỜI LẬP BIỂU", None, None, None],
    ]
    merges = [(3, 1, 5, 1), (3, 2, 5, 2), (3, 3, 3, 5), (4, 3, 4, 4), (4, 5, 5, 5), (3, 6, 5, 6), (3, 7, 5, 7)]
    path = write_xlsx(tmp_path / "a.xlsx", {"Hồ sơ": rows, "Ghi chú": [["x"]]}, {"Hồ sơ": merges})
    done = run(path)
    core = done.report.core
    assert (core.read, core.accepted, core.rejected, done.report.undated, core.date_only) == (3, 3, 0, 1, 1)
    assert done.report.sheets[0].header_row in (4, 5)
    first, second, third = (done.records[f"H44-{n}"] for n in (1, 2, 3))
    assert local(first.accepted_at) == "2026-08-03T08:15"
    assert local(first.finished_at) == "2026-08-05T09:00"
    assert local(first.due_at) == "2026-08-10T17:00"
    assert (first.source_verdict, first.status) == ("early", None)
    assert (second.status, local(second.accepted_at)) == ("processing", "2026-08-13T17:00")
    assert (third.status, third.source_verdict, third.due_at) == ("returned", "on_time", None)
    assert "Mật".encode() not in done.raw
    assert done.report.core.dropped_fields["Chủ hồ sơ"] == 3
    assert done.report.furniture["total"] == 2
    assert [s.skipped != "" for s in done.report.sheets] == [False, True]


def test_several_sheets_the_hidden_one_stays_out(run: Run, tmp_path: Path) -> None:
    row = ["03/08/2026 08:00", "10/08/2026 17:00", None, "Đang xử lý"]
    sheets: dict[str, list[list[Any]]] = {
        "Xã A": [HEAD, ["A-1", *row]],
        "Xã B": [[], [None], HEAD, ["B-1", *row], ["A-1", *row]],
        "Cũ": [HEAD, ["C-1", *row]],
    }
    done = run(write_xlsx(tmp_path / "a.xlsx", sheets, hidden=["Cũ"]))
    assert set(done.records) == {"A-1", "B-1"}
    assert (done.report.core.read, done.report.core.duplicates) == (3, 1)


def test_old_xls_and_html_and_xml_and_text_under_that_name_are_told_by_what_they_hold(
    run: Run, tmp_path: Path
) -> None:
    cells = ["H44-1", datetime(2026, 8, 3, 8, 30), date(2026, 8, 10), None, "Đang xử lý"]  # noqa: DTZ001
    texts = ["H44-1", "03/08/2026 08:30", "10/08/2026", "", "Đang xử lý"]
    table = "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in (HEAD, [f"<b>{c}</b>" for c in texts])
    )
    html = (
        '<html><head><meta charset="utf-8"><style>td{}</style></head><body><table><tr><td colspan=5>DANH SÁCH'
        f"</td></tr>{table}</table>"
    )
    xml = (
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Tờ 1"><Table>'
        + "".join(
            "<Row>" + "".join(f'<Cell><Data ss:Type="String">{c}</Data></Cell>' for c in row) + "</Row>"
            for row in (HEAD, texts)
        )
        + "</Table></Worksheet></Workbook>"
    )
    text = "\n".join("\t".join(row) for row in (HEAD, texts))
    paths = {"xls": write_xls(tmp_path / "a.xls", [HEAD, cells])}
    for form, content in (("html", html), ("xml", xml), ("text", text)):
        paths[form] = tmp_path / f"{form}.xls"
        paths[form].write_text(content, "utf-8")
    paths["xlsx"] = write_xlsx(tmp_path / "misnamed.xls", {"A": [HEAD, cells]})
    for form, path in paths.items():
        done = run(path, source=f"/{form}")
        assert done.report.sheets[0].form == form
        record = done.records["H44-1"]
        assert (local(record.accepted_at), local(record.due_at)) == ("2026-08-03T08:30", "2026-08-10T17:00"), form
        assert done.report.core.date_only == 1


@pytest.mark.parametrize("form", ["NFD", "tcvn3", "vni"])
def test_accents_in_any_encoding_of_the_nineties(run: Run, tmp_path: Path, form: str) -> None:
    table = {"tcvn3": _TCVN3, "vni": {}}.get(form, {})
    back = {new: old for old, new in (table or _VNI).items() if old.islower() or form == "tcvn3"}

    def typed(text: str) -> str:
        if form == "NFD":
            return unicodedata.normalize("NFD", text)
        return "".join(back.get(c, c) for c in text)

    head = [typed(h) for h in HEAD]
    body = ["H44-1", "03/08/2026 08:00", "10/08/2026 17:00", None, typed("đang xử lý")]
    done = run(write_xlsx(tmp_path / "a.xlsx", {"A": [head, body]}))
    assert done.records["H44-1"].status == "processing"
    assert [c[1] for c in done.report.sheets[0].columns] == [
        "code",
        "accepted_at",
        "due_at",
        "finished_at",
        "status",
    ]
    if form != "NFD":
        assert head != HEAD


def test_dates_in_every_form_beside_each_other(run: Run, tmp_path: Path) -> None:
    forms: list[Any] = [
        "21/08/2026 08:30",
        "21-8-2026 8:30:00",
        "2026-08-21 08:30:00",
        "2026-08-21T08:30:00+07:00",
        "08:30 21/08/2026",
        "8h30 ngày 21/08/2026",
        "08:30:00 SA 21.08.26",
        "21/08/2026 8:30 AM",
        "20260821083000",
        datetime(2026, 8, 21, 8, 30),  # noqa: DTZ001
        46255.3541666667,
        "46255,3541666667",
    ]
    rows = [[f"D-{n}", form, None, None, "Đang xử lý"] for n, form in enumerate(forms)]
    days: list[Any] = [
        "21/08/2026",
        "ngày 21 tháng 8 năm 2026",
        date(2026, 8, 21),
        46255.0,
        20260821.0,
        "21/08/2026 00:00",
    ]
    rows += [[f"O-{n}", day, None, None, "Đang xử lý"] for n, day in enumerate(days)]
    done = run(write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, *rows]}))
    assert done.report.core.rejected == 0, done.report.core.examples
    for n in range(len(forms)):
        assert local(done.records[f"D-{n}"].accepted_at) == "2026-08-21T08:30", forms[n]
    for n in range(len(days)):
        assert local(done.records[f"O-{n}"].accepted_at) == "2026-08-21T17:00", days[n]
    assert done.report.core.date_only == len(days)


def test_the_order_of_day_and_month_is_decided_over_the_whole_column(run: Run, tmp_path: Path) -> None:
    def accepted(name: str, texts: list[Any], **mapping: Any) -> tuple[str, list[str]]:
        path = write_xlsx(
            tmp_path / f"{name}.xlsx", {"A": [HEAD, *([f"D-{n}", t, None, None, ""] for n, t in enumerate(texts))]}
        )
        done = run(path, source=f"/{name}", **mapping)
        return local(done.records["D-0"].accepted_at)[:10], list(done.report.core.warnings)

    assert accepted("dmy", ["03/08/2026", "21/08/2026"]) == ("2026-08-03", [])
    assert accepted("mdy", ["08/03/2026", "08/21/2026"]) == ("2026-08-03", [])
    day, warnings = accepted("undecided", ["03/08/2026", "04/08/2026"])
    assert day == "2026-08-03"
    assert any("nothing tells day from month" in w for w in warnings)
    assert accepted("told", ["08/03/2026"], date_order="mdy") == ("2026-08-03", [])
    _, warnings = accepted("mixed", ["03/08/2026", "21/08/2026", "08/21/2026"])
    assert any("both orders" in w for w in warnings)
    # Excel with another country's settings took what it could for dates, day for month, and left the rest as text.
    swapped = [datetime(2026, n, 8, 9, 0) for n in range(1, 10)]  # noqa: DTZ001
    day, warnings = accepted("swapped", [*swapped, "21/08/2026 09:00", "22/08/2026 09:00"])
    assert day == "2026-08-01"
    assert any("exchanged back" in w for w in warnings)


def test_codes_that_became_numbers(run: Run, tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["0012", "03/08/2026"],
        [13.0, "03/08/2026"],
        [2.60801e17, "03/08/2026"],
        ["2.6E+17", "21/08/2026"],
    ]
    done = run(write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD[:2], *rows]}))
    assert set(done.records) == {"0012", "13"}  # a text with an exponent ends the guess about widths
    assert done.report.core.reasons == {"code_as_number": 2}
    done = run(write_xlsx(tmp_path / "b.xlsx", {"A": [HEAD[:2], *rows[:2]]}), source="/b")
    assert set(done.records) == {"0012", "0013"}
    assert any("codes stood as numbers" in w for w in done.report.core.warnings)
    row = ["D-1", "21/08/2026", 1.00161]
    done = run(write_xlsx(tmp_path / "c.xlsx", {"A": [[*HEAD[:2], "Mã TTHC"], row]}), source="/c")
    assert done.records["D-1"].procedure == "1.001610"


def test_money_units_channels_and_places(run: Run, tmp_path: Path) -> None:
    head = [
        *HEAD[:2],
        "Đơn vị xử lý",
        "Nơi tiếp nhận",
        "Hình thức nộp",
        "Phí",
        "Lệ phí",
        "Hình thức thanh toán",
        "Cán bộ xử lý",
        "Tên TTHC",
    ]
    name = "Đăng ký " + "rất dài " * 30
    rows: list[list[Any]] = [
        [
            "D-1",
            "21/08/2026",
            "UBND phường X",
            "Một cửa tỉnh",
            "Trực tuyến",
            "1.234,5",
            "150.000 đ",
            "Tiền mặt",
            "Bí Mật",
            name,
        ],
        [
            "D-2",
            "21/08/2026",
            "H44.07",
            "",
            "Trực tiếp",
            8000.0,
            "Miễn phí",
            "Thanh toán trực tuyến",
            "",
            "1.001193 - Khai sinh",
        ],
        [
            "D-3",
            "21/08/2026",
            "",
            "Một cửa tỉnh",
            "bồ câu",
            "tám nghìn",
            None,
            "",
            "Bí Mật",
            "2.000815.000.00.00.H44",
        ],
    ]
    done = run(write_xlsx(tmp_path / "a.xlsx", {"A": [head, *rows]}), units={"UBND Phường X": "H44.100"})
    one, two, three = (done.records[f"D-{n}"] for n in (1, 2, 3))
    assert (one.unit, one.receiving_unit, one.channel, one.gateway) == (
        "H44.100",
        "Một cửa tỉnh",
        "online",
        "other",
    )
    assert (one.amounts, two.amounts, three.amounts) == ((1235, 150_000), (8000, 0), ())
    assert (two.unit, two.channel, two.gateway, two.procedure) == (
        "H44.07",
        "counter",
        "local_gateway",
        "1.001193",
    )
    assert (three.unit, three.channel, three.procedure) == ("Một cửa tỉnh", None, "2.000815")
    assert one.officer is not None
    assert one.officer.startswith("k2026-")
    assert one.procedure is not None
    assert len(one.procedure) <= 128
    assert "Mật".encode() not in done.raw
    assert any("bồ câu" in w for w in done.report.core.warnings)
    assert any("amounts could not be read" in w for w in done.report.core.warnings)


def test_rows_that_cannot_be_used_are_named_by_line_and_column(run: Run, tmp_path: Path) -> None:
    rows = [
        ["D-1", "32/08/2026", "", "", "Đang xử lý"],
        ["", "21/08/2026", "22/08/2026", "", "Đang xử lý"],
        ["D-3", "", "22/08/2026", "", "Đang xử lý"],
        ["D-4", "21/08/2026", "hôm nào rảnh", "", "Đang xử lý"],
        ["D-5", "21/08/2026", "Không thời hạn", "01/01/1900", "Chưa rõ"],
    ]
    done = run(write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, *rows]}))
    core = done.report.core
    assert (core.read, core.accepted, core.rejected) == (5, 1, 4)
    assert [(e.line, e.reason, e.field) for e in core.examples] == [
        (2, "bad_time", "Ngày tiếp nhận"),
        (3, "no_code", "Mã hồ sơ"),
        (4, "no_time", "Ngày tiếp nhận"),
        (5, "bad_time", "Ngày hẹn trả"),
    ]
    assert done.records["D-5"].due_at is None
    assert done.report.unknown_words == {"Chưa rõ": 1}
    done = run(tmp_path / "a.xlsx", source="/b", status={"CHƯA RÕ": "stopped"})
    assert done.records["D-5"].status == "stopped"


def test_a_cut_export_and_an_overdue_only_one_are_told(run: Run, tmp_path: Path) -> None:
    late = [[f"D-{n}", "03/08/2026 08:00", "10/08/2026 17:00", None, "Quá hạn"] for n in range(30)]
    done = run(write_xlsx(tmp_path / "late.xlsx", {"A": [HEAD, *late]}))
    assert any("nothing but overdue" in w for w in done.report.core.warnings)
    assert done.report.verdicts == {"same": 30}
    whole = [*late, ["D-99", "03/08/2026 08:00", "10/09/2026 17:00", None, "Trong hạn"]]
    done = run(write_xlsx(tmp_path / "whole.xlsx", {"A": [HEAD, *whole]}), source="/w")
    assert not any("nothing but overdue" in w for w in done.report.core.warnings)
    cut = [["Mã hồ sơ", "Ngày nộp"], *([f"D-{n}", "21/08/2026"] for n in range(65_535))]
    assert open_source(write_xls(tmp_path / "cut.xls", cut), SheetMapping(), 0).tables[0][0].cut
    assert not open_source(write_xls(tmp_path / "ok.xls", cut[:-1]), SheetMapping(), 0).tables[0][0].cut


def test_a_file_without_a_table_says_what_it_saw(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"A": [["Báo cáo", "Quý 3"]]})
    with pytest.raises(InvalidInput, match="'Báo cáo', 'Quý 3'"):
        open_source(path, SheetMapping(), 0)
    mapping = SheetMapping(columns={"Báo cáo": "code", "quy  3": "accepted_at"})
    assert open_source(path, mapping, 0).tables


def test_what_the_file_cannot_tell_is_in_the_capability_table(run: Run, tmp_path: Path) -> None:
    done = run(
        write_xlsx(tmp_path / "a.xlsx", {"A": [HEAD, ["D-1", "21/08/2026", "22/08/2026", "", "Đang xử lý"]]})
    )
    can = {a.code: a.can for a in done.report.abilities}
    assert can["PROCESSED_ON_TIME"] == "yes"
    for code in ("DOSSIER_SUBMITTED_ONLINE", "DOSSIER_PAID_ONLINE", "ORIGINAL_RESULT_AVAILABLE", "DOSSIER_SYNC"):
        assert can[code] == "no"
    assert can["FORMALITY_ONLINE_SERVICE"] == "other"
    described = next(e for e in done.events if e.type == "unit.source_described")
    assert described.subject == "H44"
    assert set(described.data.cannot_tell) == set(done.report.cannot_tell)  # type: ignore[attr-defined]
    without = run(write_xlsx(tmp_path / "b.xlsx", {"A": [HEAD[:2], ["D-1", "21/08/2026"]]}), source="/b")
    assert {a.code: a.can for a in without.report.abilities}["PROCESSED_ON_TIME"] == "no"
    assert {"due_at", "ended_at"} <= set(without.report.cannot_tell)
