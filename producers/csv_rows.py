"""Reads CSV files row by row: encoding by BOM or option, delimiter by header, only mapped columns kept."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from domain.errors import InvalidInput
from producers.mapping import CASE_PREFIX, CsvOptions, Mapping
from producers.mapping_file import did_you_mean
from producers.open_file import BROKEN, Input, open_input
from producers.text import column_name

DELIMITERS = (",", ";", "\t", "|")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


_SEP = re.compile(r'"?sep=([;,|\t])"?', re.IGNORECASE)


class CsvRow(NamedTuple):
    """One row: its last line's number and its cells, or (with `problem`, a reason code) why it has none."""

    line: int
    cells: list[str]
    problem: str = ""


class CsvFile:
    """An open CSV file after its header. `header` has unique names; `rows` reads once, to the end."""

    def __init__(self, source: Input, options: CsvOptions) -> None:
        encoding = options.encoding or _encoding(source)
        # Bytes that are not text become lone surrogates, so that one bad cell costs its row and not the file.
        text = io.TextIOWrapper(source.stream, encoding, "surrogateescape", newline="")
        self._path = source.path
        try:
            for _ in range(options.header_row - 1):
                text.readline()
            first = text.readline()
        except (*BROKEN, UnicodeError) as error:
            raise InvalidInput(f"{source.path} cannot be read as {encoding}: {error}") from error
        self._skipped = options.header_row - 1
        said = _SEP.fullmatch(first.strip("\r\n"))
        if said and options.header_row == 1:  # the line that spreadsheets put first: sep=;
            first, self._skipped = text.readline(), 1
        _check_text(source.path, first, encoding)
        self.delimiter = options.delimiter or (said[1] if said else max(DELIMITERS, key=first.count))
        self._reader = csv.reader(_with_first(first, text), delimiter=self.delimiter)
        header = next(self._reader, [])
        if not any(name.strip() for name in header):
            raise InvalidInput(
                f"{source.path} has no header in line {options.header_row}: set csv.header_row in the mapping"
                if source.size
                else f"{source.path} is empty: it has no header"
            )
        self.header = _unique(header)

    def rows(self) -> Iterator[CsvRow]:
        """All rows but empty ones."""
        width = len(self.header)
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield CsvRow(self._line(), [], "too_long" if "limit" in str(error) else "not_csv")
                continue
            except (*BROKEN, UnicodeError):
                yield CsvRow(self._line(), [], "broken_file")
                return
            if not any(cells):
                continue
            if len(cells) > width and any(c.strip() for c in cells[width:]):
                yield CsvRow(self._line(), [], "too_many_cells")
            else:
                yield CsvRow(self._line(), cells)

    def _line(self) -> int:
        return self._skipped + self._reader.line_num


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cells of a file become which columns of the mapping; the names of the others."""

    kept: tuple[tuple[str, int], ...]
    others: tuple[tuple[str, int], ...]

    def row(self, cells: list[str]) -> dict[str, str]:
        """The mapped columns of a row; missing cells at its end are empty."""
        width = len(cells)
        return {name: cells[n] if n < width else "" for name, n in self.kept}

    def dropped(self, cells: list[str]) -> tuple[str, ...]:
        """Names of the columns that hold something and are not kept."""
        width = len(cells)
        return tuple(name for name, n in self.others if n < width and cells[n])


class Role(NamedTuple):
    """What a file is for a mapping: its case file or its rows."""

    path: Path
    is_cases: bool
    columns: Columns


def roles(files: list[Path], mapping: Mapping) -> tuple[Role, ...]:
    """Recognises by their headers which file holds cases and which rows; case files come first.

    Raises InvalidInput naming the columns that are missing, with names that look like them.
    """
    found = []
    for path in files:
        with open_input(path) as source:
            header = CsvFile(source, mapping.csv).header
        found.append(_role(path, header, mapping))
    if mapping.case_subject and mapping.case_columns() and not any(r.is_cases for r in found):
        missing = sorted(
            CASE_PREFIX + c for c in mapping.case_columns() if CASE_PREFIX + c not in dict(found[0].columns.kept)
        )
        if missing:
            raise InvalidInput(
                f"{mapping.name} also needs a case file, with the columns {mapping.case_subject} and "
                f"{', '.join(sorted(mapping.case_columns()))}: give it beside {files[0].name}"
            )
    return tuple(sorted(found, key=lambda role: not role.is_cases))


def _role(path: Path, header: tuple[str, ...], mapping: Mapping) -> Role:
    as_rows, rows_lack = _columns_of_rows(header, mapping)
    if not mapping.case_subject:
        if rows_lack:
            raise _missing(path, header, mapping, rows_lack)
        return Role(path, False, as_rows)
    as_cases, cases_lack = _columns_of_cases(header, mapping)
    if not rows_lack:
        return Role(path, False, as_rows)
    if not cases_lack:
        return Role(path, True, as_cases)
    raise _missing(path, header, mapping, min(rows_lack, cases_lack, key=len))


def _columns_of_rows(header: tuple[str, ...], mapping: Mapping) -> tuple[Columns, list[str]]:
    """Row columns by name; a case's attribute repeated in each row stands under `case.x` or `case:x`."""
    places = {name: n for n, name in enumerate(header)}
    kept, lack = [], []
    for name in sorted(mapping.used()):
        repeated = name.replace(CASE_PREFIX, "case:", 1) if name.startswith(CASE_PREFIX) else name
        place = places.get(name, places.get(repeated))
        if place is not None:
            kept.append((name, place))
        elif not (name.startswith(CASE_PREFIX) and mapping.case_subject):
            lack.append(name)
    return _columns(kept, header), sorted(mapping.lacks(frozenset(lack)))


def _columns_of_cases(header: tuple[str, ...], mapping: Mapping) -> tuple[Columns, list[str]]:
    places = {name: n for n, name in enumerate(header)}
    wanted = sorted({mapping.case_subject, *mapping.case_columns()})
    kept = [(CASE_PREFIX + name, places[name]) for name in wanted if name in places]
    absent = frozenset(CASE_PREFIX + name for name in wanted if name not in places)
    lack = mapping.lacks(absent) | (absent & {CASE_PREFIX + mapping.case_subject})
    return _columns(kept, header), sorted(name.removeprefix(CASE_PREFIX) for name in lack)


def _columns(kept: list[tuple[str, int]], header: tuple[str, ...]) -> Columns:
    taken = {n for _, n in kept}
    return Columns(tuple(kept), tuple((name, n) for n, name in enumerate(header) if n not in taken))


def _missing(path: Path, header: tuple[str, ...], mapping: Mapping, lack: list[str]) -> InvalidInput:
    name = lack[0]
    rule = next(
        (r.where for r in mapping.rules if name in r.columns() or CASE_PREFIX + name in r.columns()), "rows"
    )
    hint = did_you_mean(name, header) or f"; it has {', '.join(header[:40])}"
    more = f" (and {len(lack) - 1} more)" if len(lack) > 1 else ""
    return InvalidInput(f"{mapping.name}: {rule}: {path.name} has no column '{name}'{more}{hint}")


def _check_text(path: Path, header: str, encoding: str) -> None:
    """Refuses what is plainly not the text that it was taken for, with the remedy."""
    if header.startswith("PK\x03\x04"):
        raise InvalidInput(f"{path} is a ZIP archive or a workbook, not CSV: unpack it, or save it as CSV")
    if "\0" in header:
        raise InvalidInput(f"{path} is not {encoding} text: set csv.encoding in the mapping, perhaps 'utf-16-le'")
    if any("\ud800" <= c <= "\udfff" for c in header):
        raise InvalidInput(
            f"the header of {path} is not {encoding}: set csv.encoding in the mapping, for example 'cp1258' "
            "(Vietnamese) or 'latin-1'"
        )


def _encoding(source: Input) -> str:
    """By byte order mark, else UTF-8."""
    head = source.stream.read(4)
    source.stream.seek(0)
    return next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")


def _with_first(first: str, rest: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from rest


def _unique(header: list[str]) -> tuple[str, ...]:
    """Header names, stripped; the second 'x' becomes 'x (2)', a nameless column its number."""
    names: list[str] = []
    for n, cell in enumerate(header, start=1):
        name = base = column_name(cell) or f"column {n}"
        again = 1
        while name in names:
            again += 1
            name = f"{base} ({again})"
        names.append(name)
    return tuple(names)
