"""Form II.06a as a workbook: totals are formulas with their values beside them, lists behind every late column.

Deterministic: no clock, entries of the archive in a fixed order at a fixed time (XlsxWriter), the date of creation
is the instant that the figures speak of. Texts are written as texts, so that a unit's name is never a formula.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from api.papers.ii06a import DossierLine, Form, Line
from api.papers.questions import Heading
from dashboards.papers.words import REASONS, STATES, source_line, span, standing_line

SHEETS = ("II.06a", "Danh sách quá hạn", "Đối chiếu 766", "Không có hạn", "Ghi chú")
WIDE = "Mẫu mở rộng"
MOST_ROWS = 1_000_000
"""Lines of a list: a sheet ends a little later. What is left out is counted on the sheet."""
_TOP = 8
"""The first row of figures on the form's sheet, counted from 0."""
_STATED = ("online", "direct", "carried", "early", "on_time", "late", "open_in_time", "open_late")
_COLUMN = dict(zip(_STATED, "DEFHIJLM", strict=True))
_FORMULAS = {
    "C": ("=D{r}+E{r}+F{r}", "received"),
    "G": ("=H{r}+I{r}+J{r}", "done"),
    "K": ("=L{r}+M{r}", "in_process"),
}
_LETTERS = "CDEFGHIJKLM"
_WIDE = (
    ("Đã giải quyết, quá hạn: đã có thư xin lỗi", "late_with_apology"),
    ("Đã giải quyết, quá hạn: chưa có", "late_without_apology"),
    ("Đang giải quyết, quá hạn: đã có thư xin lỗi", "open_late_with_apology"),
    ("Đang giải quyết, quá hạn: chưa có", "open_late_without_apology"),
    ("Tiếp nhận phi địa giới", "outside"),
    ("Có nghĩa vụ tài chính", "payable"),
    ("Thanh toán trực tuyến", "paid_online"),
    ("Công dân rút", "withdrawn"),
    ("Dừng xử lý", "stopped"),
    ("Tạm dừng", "paused"),
    ("Không có hạn", "undated"),
    ("Chờ tiếp nhận", "waiting"),
)


def workbook(head: Heading, body: Form) -> bytes:
    """The XLSX file."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        created = datetime.fromisoformat(head.as_of).replace(tzinfo=None, microsecond=0)
        book.set_properties({"title": f"II.06a {head.period}", "author": "Giám Sát 766", "created": created})
        book.set_calc_mode("auto")
        styles = _styles(book)
        _form(book.add_worksheet(SHEETS[0]), styles, head, body)
        _list(book.add_worksheet(SHEETS[1]), styles, _OVERDUE, body.overdue, "Hồ sơ quá hạn theo ngày (II.06a)")
        _list(book.add_worksheet(SHEETS[2]), styles, _DISAGREE, body.disagree, _WHY_766)
        _list(book.add_worksheet(SHEETS[3]), styles, _UNDATED, body.undated, _WHY_UNDATED)
        if head.options.get("form") == "wide":
            _wide(book.add_worksheet(WIDE), styles, head, body)
        _notes(book.add_worksheet(SHEETS[4]), styles, head, body)
    return out.getvalue()


def _styles(book: Any) -> dict[str, Any]:
    base = {"font_name": "Times New Roman", "font_size": 12, "valign": "vcenter"}
    cell = {**base, "border": 1}
    return {
        "title": book.add_format({**base, "bold": True, "font_size": 14, "align": "center"}),
        "middle": book.add_format({**base, "align": "center"}),
        "plain": book.add_format(base),
        "wrap": book.add_format({**base, "text_wrap": True, "valign": "top"}),
        "bold": book.add_format({**base, "bold": True}),
        "head": book.add_format(
            {**cell, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#F0EEEA"}
        ),
        "text": book.add_format({**cell, "text_wrap": True}),
        "number": book.add_format({**cell, "num_format": "#,##0"}),
        "total": book.add_format({**cell, "bold": True, "num_format": "#,##0"}),
        "total_text": book.add_format({**cell, "bold": True}),
        "check": book.add_format({**base, "bold": True, "font_color": "#8A1C1C"}),
    }


def _form(sheet: Any, styles: dict[str, Any], head: Heading, body: Form) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_column("A:A", 6)
    sheet.set_column("B:B", 42)
    sheet.set_column("C:M", 12)
    sheet.merge_range(0, 0, 0, 12, "TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH", styles["title"])
    sheet.merge_range(1, 0, 1, 12, "(Biểu số II.06a/VPCP/KSTT)", styles["middle"])
    sheet.merge_range(2, 0, 2, 12, f"{head.unit_name}. Kỳ {head.period}: {span(head)}", styles["middle"])
    sheet.merge_range(3, 0, 3, 12, f"{standing_line(head)} Đơn vị tính: hồ sơ", styles["middle"])
    _form_header(sheet, styles, body.by)
    lines = body.lines
    for n, line in enumerate(lines):
        _form_row(sheet, styles, _TOP + n, n + 1, line)
    row = _TOP + len(lines)
    sheet.write_string(row, 0, "", styles["total_text"])
    sheet.write_string(row, 1, "Tổng cộng", styles["total_text"])
    for letter in _LETTERS:
        formula = f"=SUM({letter}{_TOP + 1}:{letter}{row})" if lines else "=0"
        sheet.write_formula(f"{letter}{row + 1}", formula, styles["total"], _total(lines, letter))
    _check(sheet, styles, row + 2, row + 1, lines)
    for n, text in enumerate(_FOOTNOTES):
        sheet.write_string(row + 4 + n, 1, text, styles["plain"])
    sheet.freeze_panes(_TOP, 2)
    sheet.repeat_rows(4, 7)


def _form_header(sheet: Any, styles: dict[str, Any], by: str) -> None:
    style = styles["head"]
    sheet.merge_range("A5:A7", "STT", style)
    sheet.merge_range("B5:B7", "Lĩnh vực" if by == "field" else "Đơn vị", style)
    sheet.merge_range("C5:F5", "Số lượng hồ sơ tiếp nhận", style)
    sheet.merge_range("G5:J5", "Số lượng hồ sơ đã giải quyết", style)
    sheet.merge_range("K5:M5", "Số lượng hồ sơ đang giải quyết", style)
    sheet.merge_range("C6:C7", "Tổng số", style)
    sheet.merge_range("D6:E6", "Trong kỳ", style)
    sheet.write_string("D7", "Trực tuyến", style)
    sheet.write_string("E7", "Trực tiếp, dịch vụ bưu chính", style)
    sheet.merge_range("F6:F7", "Từ kỳ trước", style)
    for letter, text in zip("GHIJKLM", _ENDS, strict=True):
        sheet.merge_range(f"{letter}6:{letter}7", text, style)
    numbers = ("(1)", "(2)", "(3)=(4)+(5)+(6)", "(4)", "(5)", "(6)", "(7)=(8)+(9)+(10)", "(8)", "(9)", "(10)")
    for n, text in enumerate((*numbers, "(11)=(12)+(13)", "(12)", "(13)")):
        sheet.write_string(_TOP - 1, n, text, style)


_ENDS = ("Tổng số", "Trước hạn", "Đúng hạn", "Quá hạn", "Tổng số", "Trong hạn", "Quá hạn")


def _form_row(sheet: Any, styles: dict[str, Any], row: int, number: int, line: Line) -> None:
    sheet.write_number(row, 0, number, styles["number"])
    sheet.write_string(row, 1, line.name, styles["text"])
    for name, letter in _COLUMN.items():
        sheet.write_number(f"{letter}{row + 1}", getattr(line, name), styles["number"])
    for letter, (formula, name) in _FORMULAS.items():
        sheet.write_formula(f"{letter}{row + 1}", formula.format(r=row + 1), styles["number"], getattr(line, name))


def _total(lines: Sequence[Line], letter: str) -> int:
    name = {**{v: k for k, v in _COLUMN.items()}, **{k: v for k, (_, v) in _FORMULAS.items()}}[letter]
    return sum(getattr(line, name) for line in lines)


def _check(sheet: Any, styles: dict[str, Any], row: int, total: int, lines: Sequence[Line]) -> None:
    """The identity of the totals, and of every row."""
    first, last = _TOP + 1, _TOP + len(lines)
    whole = f"C{total}=G{total}+K{total}"
    each = f"SUMPRODUCT(--(C{first}:C{last}<>G{first}:G{last}+K{first}:K{last}))=0" if lines else "TRUE"
    holds = _total(lines, "C") == _total(lines, "G") + _total(lines, "K")
    holds = holds and all(x.received == x.done + x.in_process for x in lines)
    sheet.write_string(row, 1, "Kiểm tra (tổng và từng dòng):", styles["bold"])
    sheet.write_formula(
        row,
        2,
        f'="(3) = (7) + (11): "&IF(AND({whole},{each}),"ĐÚNG","SAI")',
        styles["check"],
        f"(3) = (7) + (11): {'ĐÚNG' if holds else 'SAI'}",
    )


_FOOTNOTES = (
    "Ghi chú: so theo ngày (trước ngày hẹn trả: trước hạn; trong ngày: đúng hạn; sau ngày: quá hạn).",
    "Hồ sơ công dân rút tính đúng hạn; hồ sơ tạm dừng tính trong hạn; hồ sơ không được tiếp nhận không tính.",
    "Hồ sơ không có ngày hẹn trả không tính quá hạn; danh sách ở trang “Không có hạn”.",
)
_WHY_766 = "Hồ sơ mà hai cách so khác nhau: theo ngày (II.06a) và theo giờ (QĐ 766)"
_WHY_UNDATED = "Hồ sơ không có ngày hẹn trả (không tính quá hạn)"
_Column = tuple[str, int, str]
_OVERDUE: tuple[_Column, ...] = (
    ("Mã hồ sơ", 26, "code"),
    ("Đơn vị", 34, "name"),
    ("Thủ tục", 40, "procedure"),
    ("Tiếp nhận", 18, "accepted"),
    ("Hẹn trả gốc", 18, "due_original"),
    ("Hẹn trả", 18, "due"),
    ("Kết thúc", 18, "ended"),
    ("Trạng thái", 26, "by_date"),
    ("Trễ (ngày làm việc)", 12, "late_days"),
    ("Văn bản xin lỗi", 18, "apology"),
)
_DISAGREE: tuple[_Column, ...] = (
    *_OVERDUE[:7],
    ("Theo ngày (II.06a)", 26, "by_date"),
    ("Theo giờ (QĐ 766)", 26, "by_time"),
    ("Vì (QĐ 766)", 30, "reason"),
)
_UNDATED: tuple[_Column, ...] = (*_OVERDUE[:4], ("Kết thúc", 18, "ended"), ("Theo giờ (QĐ 766)", 26, "by_time"))


def _list(
    sheet: Any, styles: dict[str, Any], columns: Sequence[_Column], lines: Sequence[DossierLine], title: str
) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.write_string(0, 0, title, styles["bold"])
    sheet.write_string(1, 0, "Số hồ sơ:", styles["plain"])
    shown = lines[:MOST_ROWS]
    counted = f"=COUNTA(B4:B{len(shown) + 3})" if shown else "=0"
    sheet.write_formula(1, 1, counted, styles["bold"], len(shown))
    if len(lines) > len(shown):
        sheet.write_string(
            1, 2, f"(còn {len(lines) - len(shown)} hồ sơ không ghi được ở trang này)", styles["bold"]
        )
    sheet.write_string(2, 0, "STT", styles["head"])
    sheet.set_column(0, 0, 11)
    for n, (name, width, _) in enumerate(columns, 1):
        sheet.set_column(n, n, width)
        sheet.write_string(2, n, name, styles["head"])
    for row, line in enumerate(shown, 3):
        sheet.write_number(row, 0, row - 2, styles["number"])
        for n, (_, _, field) in enumerate(columns, 1):
            value = getattr(line, field)
            if isinstance(value, int):
                sheet.write_number(row, n, value, styles["number"])
            else:
                sheet.write_string(row, n, _words(field, value), styles["text"])
    sheet.freeze_panes(3, 2)
    if shown:
        sheet.autofilter(2, 0, len(shown) + 2, len(columns))


def _words(field: str, value: str | None) -> str:
    if field in ("by_date", "by_time"):
        return STATES.get(value or "", value or "")
    if field == "reason":
        return REASONS.get(value or "", value or "")
    return value or ("chưa gửi" if field == "apology" else "")


def _wide(sheet: Any, styles: dict[str, Any], head: Heading, body: Form) -> None:
    """The wider form that provinces keep beside it; its sums come from the form's sheet."""
    sheet.set_landscape()
    sheet.set_paper(8)
    sheet.fit_to_pages(1, 0)
    sheet.set_column("A:A", 6)
    sheet.set_column("B:B", 42)
    sheet.set_column(2, 4 + len(_WIDE), 14)
    sheet.write_string(0, 0, f"Biểu II.06a mở rộng: {head.unit_name}, {span(head)}", styles["bold"])
    names = (
        "STT",
        "Lĩnh vực" if body.by == "field" else "Đơn vị",
        "Tiếp nhận",
        "Đã giải quyết",
        "Đang giải quyết",
    )
    for n, name in enumerate((*names, *(title for title, _ in _WIDE))):
        sheet.write_string(2, n, name, styles["head"])
    for row, line in enumerate(body.lines, 3):
        sheet.write_number(row, 0, row - 2, styles["number"])
        sheet.write_string(row, 1, line.name, styles["text"])
        for n, (letter, name) in enumerate((("C", "received"), ("G", "done"), ("K", "in_process")), 2):
            formula = f"='{SHEETS[0]}'!{letter}{_TOP + row - 2}"
            sheet.write_formula(row, n, formula, styles["number"], getattr(line, name))
        for n, (_, field) in enumerate(_WIDE, 5):
            sheet.write_number(row, n, wide_value(line, field), styles["number"])
    last = 3 + len(body.lines)
    sheet.write_string(last, 1, "Tổng cộng", styles["total_text"])
    for n in range(2, 5 + len(_WIDE)):
        letter = chr(ord("A") + n)
        formula = f"=SUM({letter}4:{letter}{last})" if body.lines else "=0"
        values = [_wide_cell(line, n) for line in body.lines]
        sheet.write_formula(last, n, formula, styles["total"], sum(values))


def _wide_cell(line: Line, column: int) -> int:
    return (
        (line.received, line.done, line.in_process)[column - 2]
        if column < 5
        else wide_value(line, _WIDE[column - 5][1])
    )


def wide_value(line: Line, field: str) -> int:
    """A figure of the wider form."""
    if field == "late_without_apology":
        return line.late - line.late_with_apology
    if field == "open_late_without_apology":
        return line.open_late - line.open_late_with_apology
    value: int = getattr(line, field)
    return value


def _notes(sheet: Any, styles: dict[str, Any], head: Heading, body: Form) -> None:
    sheet.set_column(0, 0, 58)
    sheet.set_column(1, 1, 60)
    total = _TOP + len(body.lines) + 1
    unknown = sum(line.unknown_channel for line in body.lines)
    stopped = "vẫn tính đang giải quyết" if head.options.get("stopped") == "open" else "tính là kết thúc"
    facts = (
        ("Nguồn và cách tính", source_line(head)),
        ("Tình trạng bản này", standing_line(head)),
        ("Kỳ báo cáo", f"{span(head)} (ngày đầu kỳ đặt được; mặc định ngày 15 đến ngày 14)"),
        ("Hồ sơ dừng xử lý", stopped),
        ("Không rõ kênh nộp, xếp vào cột (5)", f"{unknown} hồ sơ"),
        ("Mở lại", "hồ sơ kết thúc rồi mở lại trong kỳ tính một lần, theo lần kết thúc sau"),
        ("Hẹn lại", "so với ngày hẹn đang có hiệu lực; ngày hẹn gốc ghi trong danh sách"),
    )
    for n, (name, text) in enumerate(facts):
        sheet.write_string(n, 0, name, styles["bold"])
        sheet.write_string(n, 1, text, styles["wrap"])
    row = len(facts) + 1
    form = f"'{SHEETS[0]}'!"
    late = _total(body.lines, "J") + _total(body.lines, "M")
    test = f"'{SHEETS[1]}'!B2={form}J{total}+{form}M{total}"
    _agrees(sheet, styles, row, "Danh sách quá hạn = (10) + (13)", test, min(len(body.overdue), MOST_ROWS) == late)
    holds = _total(body.lines, "C") == _total(body.lines, "G") + _total(body.lines, "K")
    _agrees(sheet, styles, row + 1, "(3) = (7) + (11)", f"{form}C{total}={form}G{total}+{form}K{total}", holds)


def _agrees(sheet: Any, styles: dict[str, Any], row: int, name: str, test: str, holds: bool) -> None:
    sheet.write_string(row, 0, f"Kiểm tra: {name}", styles["bold"])
    sheet.write_formula(row, 1, f'=IF({test},"ĐÚNG","SAI")', styles["check"], "ĐÚNG" if holds else "SAI")
