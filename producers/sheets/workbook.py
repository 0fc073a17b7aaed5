"""Opens a spreadsheet by what it holds, never by its name: .xlsx, .xls, or HTML, XML and text called .xls."""

import csv
import io
import re
import zipfile
import zlib
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from domain.errors import InvalidInput
from producers.sheets.grid import MAX_CELLS, XLS_ROWS, Row, Sheet, Span, Workbook
from producers.sheets.markup import read_markup

MAX_BYTES = 256 * 1024 * 1024
MAX_UNPACKED = 1536 * 1024 * 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_BIFF = (b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00")
_MARKUP = re.compile(
    rb"^\s*(<!--.*?-->\s*)*<(\?xml|!doctype|html|head|meta|style|table|body|div|font|center)", re.I | re.S
)
_CELL = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})(\d{1,7})"[^>]*[^/]>')
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
Limits = tuple[int, int]


def read_workbook(path: Path, content: bytes | None = None) -> Workbook:
    """The visible sheets of a file.

    InvalidInput says what the file is instead, and what to do: never a traceback, whatever the bytes.
    """
    raw = _content(path) if content is None else content
    if not raw.strip():
        raise InvalidInput(f"{path.name} is empty")
    if raw.startswith(_ZIP):
        return _calamine(path, raw, "xlsx")
    if raw.startswith(_OLE):
        if _ENCRYPTED in raw:
            raise InvalidInput(f"{path.name} is protected by a password: save it without one")
        return _calamine(path, raw, "xls")
    if raw[:2] in _BIFF:
        return _calamine(path, raw, "xls")
    text = _decoded(raw)
    if _MARKUP.match(text[:4096].encode("utf-8", "replace")):
        sheets = read_markup(text)
        form = "xml" if "urn:schemas-microsoft-com:office:spreadsheet" in text[:4096] else "html"
        if not sheets:
            raise InvalidInput(f"{path.name} is a page of {form.upper()} without a table: export it as .xlsx")
        return Workbook(form, sheets)
    if text.lstrip()[:13].lower() == "mime-version:":
        raise InvalidInput(f"{path.name} is a web archive: open it in Excel and save it as .xlsx")
    return Workbook("text", (_text_sheet(path, text),))


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder: name its files")
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path.name} is larger than {MAX_BYTES >> 20} MiB: export it in parts")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error


def _calamine(path: Path, raw: bytes, form: str) -> Workbook:
    broken = InvalidInput(f"{path.name} is damaged, or no spreadsheet: open it in Excel and save it as .xlsx")
    try:
        if form == "xlsx":
            _check_archive(path, raw)
        with CalamineWorkbook.from_filelike(io.BytesIO(raw)) as book:
            sheets, hidden = [], []
            for n, about in enumerate(book.sheets_metadata):
                if about.typ != SheetTypeEnum.WorkSheet:
                    continue
                if about.visible != SheetVisibleEnum.Visible:
                    hidden.append(about.name)
                    continue
                sheets.append(_sheet(book, n, about.name, form))
    except PasswordError as error:
        raise InvalidInput(f"{path.name} is protected by a password: save it without one") from error
    except InvalidInput:
        raise
    except (CalamineError, OSError, ValueError, KeyError, OverflowError, zipfile.BadZipFile, zlib.error) as error:
        raise broken from error
    except BaseException as error:
        # A panic of the reader's Rust code is no Exception; anything else that is none goes on its way.
        if type(error).__name__ != "PanicException":
            raise
        raise broken from error
    return Workbook(form, tuple(sheets), tuple(hidden))


def _sheet(book: CalamineWorkbook, number: int, name: str, form: str) -> Sheet:
    sheet = book.get_sheet_by_index(number)
    left = sheet.start[1] if sheet.start else 0
    pad: Row = ("",) * left
    rows = tuple((*pad, *row) for row in sheet.iter_rows())
    spans: tuple[Span, ...] = tuple((*a, *b) for a, b in sheet.merged_cell_ranges or ())
    return Sheet(name, rows, spans, cut=form == "xls" and len(rows) >= XLS_ROWS)


def _check_archive(path: Path, raw: bytes) -> None:
    """Refuses what would not fit into memory: the reader holds a sheet as one full rectangle."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        listed = archive.infolist()
        if sum(entry.file_size for entry in listed) > MAX_UNPACKED:
            raise InvalidInput(f"{path.name} unpacks to more than {MAX_UNPACKED >> 20} MiB: export it in parts")
        names = [entry.filename for entry in listed]
        if "mimetype" not in names and not any(n.lower().startswith("xl/") for n in names):
            raise InvalidInput(f"{path.name} is a ZIP archive, not a spreadsheet: unpack it first")
        for entry in listed:
            if entry.filename.lower().startswith("xl/worksheets/") and entry.filename.lower().endswith(".xml"):
                _check_area(path, archive.read(entry))


def _check_area(path: Path, sheet: bytes) -> None:
    """The first and last rows and columns that hold something, found without building the sheet."""
    columns: set[bytes] = set()
    low, high = 1 << 30, 0
    for column, row in _CELL.findall(sheet):
        columns.add(column)
        number = int(row)
        low, high = min(low, number), max(high, number)
    if columns:
        places = [_place(c) for c in columns]
        area = (max(places) - min(places) + 1) * (high - low + 1)
        if area > MAX_CELLS:
            raise InvalidInput(
                f"{path.name} has a sheet with cells far apart ({area:,} in between): delete the empty rows and "
                "columns behind the table, save, and try again"
            )


def _place(column: bytes) -> int:
    found = 0
    for letter in column:
        found = found * 26 + letter - 64
    return found


_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]+)|encoding\s*=\s*[\"']([A-Za-z0-9_-]+)", re.I)


def _decoded(raw: bytes) -> str:
    """Text by its byte order mark, by what it says of itself, as UTF-8, else as Windows writes it."""
    for bom, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(bom):
            return raw.decode(name, "replace")
    said = _CHARSET.search(raw[:4096])
    named = (said[1] or said[2]).decode() if said else ""
    for encoding in (named, "utf-8"):
        try:
            return raw.decode(encoding) if encoding else raw.decode("utf-8")
        except (LookupError, UnicodeError):
            continue
    return raw.decode("cp1252", "replace")


def _text_sheet(path: Path, text: str) -> Sheet:
    """Text with tabs, semicolons or commas that was given a spreadsheet's name."""
    sample = text[:20_000]
    delimiter = max("\t;,", key=sample.count)
    if "\0" in sample or not sample.count(delimiter):
        raise InvalidInput(f"{path.name} is no spreadsheet: export it as .xlsx")
    rows: list[Row] = []
    try:
        rows.extend(tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InvalidInput(f"{path.name} is no spreadsheet ({error}): export it as .xlsx") from error
    if len(rows) * max(map(len, rows), default=0) > MAX_CELLS:
        raise InvalidInput(f"{path.name} has too many columns: export it as .xlsx")
    return Sheet(path.stem, tuple(rows))
