"""Spreadsheets for tests: .xlsx by a library, the old .xls by hand (its last writer library is dead)."""

import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

Merge = tuple[int, int, int, int]


def write_xlsx(
    path: Path,
    sheets: Mapping[str, Sequence[Sequence[Any]]],
    merges: dict[str, list[Merge]] | None = None,
    hidden: Iterable[str] = (),
) -> Path:
    """Rows of cells by sheet; None is no cell; dates get a format of dates, with an hour where they have one."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    day, moment = (book.add_format({"num_format": f}) for f in ("dd/mm/yyyy", "dd/mm/yyyy hh:mm"))
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(r, c, cell, moment)
                elif isinstance(cell, date):
                    sheet.write_datetime(r, c, cell, day)
                elif isinstance(cell, str):
                    sheet.write_string(r, c, cell)
                elif cell is not None:
                    sheet.write_number(r, c, cell)
        for top, left, bottom, right in (merges or {}).get(name, ()):
            value = rows[top][left] if left < len(rows[top]) else ""
            sheet.merge_range(top, left, bottom, right, value)
    book.close()
    path.write_bytes(made.getvalue())
    return path


def write_xls(path: Path, rows: Sequence[Sequence[Any]], name: str = "Sheet1") -> Path:
    """One sheet of texts, numbers and dates in BIFF8 within an OLE2 file, as Excel 97 to 2003 wrote it."""
    book = _workbook(rows, name)
    path.write_bytes(_ole(book))
    return path


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _workbook(rows: Sequence[Sequence[Any]], name: str) -> bytes:
    bof = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    general, dates = (_record(0xE0, struct.pack("<HHHBBBBIIH", 0, f, 1, 0x20, 0, 0, 0, 0, 0, 0)) for f in (0, 22))
    head = _record(0x809, bof) + _record(0x42, struct.pack("<H", 1200)) + _record(0x22, b"\0\0") + general + dates
    encoded = name.encode("utf-16-le")
    size = len(head) + 4 + 8 + len(encoded) + 4
    head += _record(0x85, struct.pack("<IBBBB", size, 0, 0, len(name), 1) + encoded) + _record(0x0A)
    assert len(head) == size
    width = max(map(len, rows), default=0)
    sheet = [_record(0x809, bof[:2] + struct.pack("<H", 0x10) + bof[4:])]
    sheet.append(_record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0)))
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if isinstance(cell, str):
                text = cell.encode("utf-16-le")
                sheet.append(_record(0x204, struct.pack("<HHHHB", r, c, 0, len(cell), 1) + text))
            elif isinstance(cell, date):
                whole = cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001
                serial = (whole - datetime(1899, 12, 30)).total_seconds() / 86_400  # noqa: DTZ001
                sheet.append(_record(0x203, struct.pack("<HHHd", r, c, 1, serial)))
            elif cell is not None:
                sheet.append(_record(0x203, struct.pack("<HHHd", r, c, 0, float(cell))))
    return head + b"".join(sheet) + _record(0x0A)


def _ole(stream: bytes) -> bytes:
    """A compound file of one stream named Workbook: header, FAT, directory, data, in sectors of 512 bytes."""
    stream = stream.ljust(4096, b"\0")
    stream += b"\0" * (-len(stream) % 512)
    data = len(stream) // 512
    fats = 1
    while (data + 1 + fats) > fats * 128:
        fats += 1
    assert fats <= 109, "larger than these tests need"
    chain = [-3] * fats + [-2] + [fats + 2 + n for n in range(data - 1)] + [-2]
    table = struct.pack(f"<{fats * 128}i", *chain, *[-1] * (fats * 128 - len(chain)))
    difat = [*range(fats), *[-1] * (109 - fats)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHH6xIIiIIiIiI", 0x3E, 3, 0xFFFE, 9, 6, 0, fats, fats, 0, 4096, -2, 0, -2, 0)
    header += struct.pack("<109i", *difat)
    return header + table + _directory(fats + 1, len(stream)) + stream


def _directory(start: int, size: int) -> bytes:
    def entry(name: str, kind: int, child: int, first: int, length: int) -> bytes:
        encoded = name.encode("utf-16-le")
        body = encoded.ljust(64, b"\0") + struct.pack(
            "<HBBiii", len(encoded) + 2 if name else 0, kind, 1, -1, -1, child
        )
        return body + b"\0" * 36 + struct.pack("<iII", first, length, 0)

    return entry("Root Entry", 5, 1, -2, 0) + entry("Workbook", 2, -1, start, size) + entry("", 0, -1, 0, 0) * 2
