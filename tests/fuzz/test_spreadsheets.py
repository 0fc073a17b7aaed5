"""Whatever bytes come as a spreadsheet: a report or a sentence, never a traceback."""

import io
import zipfile
from datetime import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.instants import Zone
from producers.sheets.grid import Sheet, Workbook
from producers.sheets.headings import find_header
from producers.sheets.oldfonts import converted, font_of
from producers.sheets.table import Notes, Reading, Table
from producers.sheets.values import DateColumn, Unreadable, judge_dates, read_amount, read_instant, read_state
from producers.sheets.workbook import read_workbook
from tests.support.spreadsheets import write_xls, write_xlsx

ZONE = Zone("Asia/Ho_Chi_Minh")
READING = Reading(ZONE, time(17), None, "", {}, {}, {})
ROWS: list[list[Any]] = [
    ["Mã hồ sơ", "Ngày tiếp nhận", "Hạn trả", "Trạng thái", "Phí"],
    ["D-1", "03/08/2026 08:00", "10/08/2026", "Đang xử lý", "8.000"],
    ["D-2", 46000.5, "2026-08-10", "Đã trả kết quả", 8000],
]
slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def seeds() -> list[bytes]:
    with TemporaryDirectory() as folder:
        xlsx = write_xlsx(Path(folder) / "a.xlsx", {"A": ROWS}).read_bytes()
        xls = write_xls(Path(folder) / "a.xls", ROWS).read_bytes()
    table = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in ROWS)
    return [
        xlsx,
        xls,
        f"<html><table>{table}</table>".encode(),
        "\n".join("\t".join(map(str, r)) for r in ROWS).encode(),
    ]


SEEDS = seeds()


def read(content: bytes) -> None:
    """Everything that an import does with a file before it writes."""
    try:
        book: Workbook = read_workbook(Path("x.xls"), content)
    except InvalidInput:
        return
    for sheet in book.sheets:
        header = find_header(sheet, {})
        if header is not None:
            table = Table(sheet, header, READING, Notes())
            table.state_words()
            list(table.rows())


@given(st.binary(max_size=3000))
@slow
def test_any_bytes(content: bytes) -> None:
    read(content)
    for start in (
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\x09\x08\x10\0\0\x06\x05\0",
        b"<html><table>",
    ):
        read(start + content)


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=12),
    st.data(),
)
@slow
def test_damaged_files(seed: bytes, changes: list[tuple[int, int]], data: st.DataObject) -> None:
    damaged = bytearray(seed)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    read(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    read(bytes(damaged))


@given(st.text(max_size=200))
@slow
def test_damaged_sheets_within_a_whole_archive(text: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SEEDS[0])) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                content = content[: len(text) * 7] + text.encode("utf-8", "replace") + content[len(text) * 9 :]
            new.writestr(name, content)
    read(made.getvalue())


CELLS = st.one_of(
    st.none(),
    st.text(max_size=24),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
)


@given(st.lists(st.lists(CELLS, max_size=6), max_size=8), CELLS)
@slow
def test_any_cells(rows: list[list[Any]], cell: Any) -> None:
    sheet = Sheet("A", (tuple(ROWS[0]), *(tuple(row) for row in rows)))
    header = find_header(sheet, {})
    assert header is not None
    list(Table(sheet, header, READING, Notes()).rows())
    for how in (DateColumn(), DateColumn("mdy", swapped=True), judge_dates([cell])):
        try:
            read_instant(cell, how, ZONE, time(17))
            read_amount(cell)
        except Unreadable:
            continue
    text = str(cell)
    read_state(text, {})
    converted(text, font_of([text]))
