"""Tables in HTML, and the XML of Excel 2003, which systems hand out under the name of .xls."""

from html.parser import HTMLParser

from producers.sheets.grid import MAX_CELLS, Cell, Row, Sheet, Span

_CELLS = frozenset({"td", "th", "cell", "ss:cell"})
_ROWS = frozenset({"tr", "row", "ss:row"})
_TABLES = frozenset({"table", "worksheet", "ss:worksheet"})
_BREAKS = frozenset({"br", "p", "div", "li"})
_SILENT = frozenset({"script", "style", "title"})
_MOST_SPAN = 1000
_MOST_COLUMNS = 2000


def read_markup(text: str) -> tuple[Sheet, ...]:
    """Every table that has rows, in order; nested ones apart from those that hold them."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    parser.end_all()
    return tuple(sheet for sheet in parser.done if sheet.rows)


class _Table:
    """A table while it is read: cells by place, so that spans push later cells aside."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[list[Cell]] = []
        self.spans: list[Span] = []
        self.taken: set[tuple[int, int]] = set()
        self.cell: list[str] | None = None
        self.number: float | None = None
        self.place = (1, 1, 0)
        self.column = 0
        self.size = 0

    def start_row(self) -> None:
        self.end_cell()
        self.rows.append([])
        self.column = 0

    def start_cell(self, down: int, across: int, number: float | None, at: int | None) -> None:
        self.end_cell()
        if not self.rows:
            self.rows.append([])
        if at is not None:
            self.column = max(self.column, at)
        self.cell, self.number, self.place = [], number, (down, across, 0)

    def end_cell(self) -> None:
        if self.cell is None:
            return
        text = " ".join("".join(self.cell).replace("\xa0", " ").split())
        value: Cell = text if self.number is None else self.number
        self.cell = None
        here = len(self.rows) - 1
        while (here, self.column) in self.taken:
            self.column += 1
        down, across, _ = self.place
        if self.column >= _MOST_COLUMNS or self.size > MAX_CELLS:
            return
        row = self.rows[here]
        row.extend([""] * (self.column - len(row)))
        row.extend([value, *[""] * (across - 1)])
        self.size += len(row)
        if down > 1 or across > 1:
            self.spans.append((here, self.column, here + down - 1, self.column + across - 1))
            for r in range(here + 1, here + down):
                self.taken.update((r, c) for c in range(self.column, self.column + across))
        self.column += across

    def sheet(self, number: int) -> Sheet:
        self.end_cell()
        width = max(map(len, self.rows), default=0)
        rows: list[Row] = [tuple(row) + ("",) * (width - len(row)) for row in self.rows]
        return Sheet(self.name or f"Bảng {number}", tuple(rows), tuple(self.spans))


class _Tables(HTMLParser):
    """Collects tables; broken nesting ends cells and rows early, as browsers do."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[_Table] = []
        self.done: list[Sheet] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One opening tag."""
        given = {name: value or "" for name, value in attrs}
        if tag in _SILENT:
            self._silent += 1
        elif tag in _TABLES:
            if tag == "table" and self.open and self.open[-1].name and not self.open[-1].rows:
                return  # the table of an XML worksheet
            if len(self.open) < 20:
                self.open.append(_Table(given.get("ss:name", "")[:64]))
        elif not self.open:
            return
        elif tag in _ROWS:
            self._rows_before(given)
            self.open[-1].start_row()
        elif tag in _CELLS:
            down = max(_whole(given, "rowspan", 1), _whole(given, "ss:mergedown", 0) + 1)
            across = max(_whole(given, "colspan", 1), _whole(given, "ss:mergeacross", 0) + 1)
            at = _whole(given, "ss:index", 0)
            self.open[-1].start_cell(down, across, _number(given.get("x:num")), at - 1 if at else None)
        elif tag in _BREAKS and self.open[-1].cell is not None:
            self.open[-1].cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """One closing tag."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _TABLES and self.open:
            if tag == "table" and self.open[-1].name:
                return
            self._end_table()
        elif tag in _CELLS and self.open:
            self.open[-1].end_cell()

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if not self._silent and self.open and self.open[-1].cell is not None:
            self.open[-1].cell.append(data)

    def end_all(self) -> None:
        """What was never closed ends with the file."""
        while self.open:
            self._end_table()

    def _end_table(self) -> None:
        self.done.append(self.open.pop().sheet(len(self.done) + 1))

    def _rows_before(self, given: dict[str, str]) -> None:
        """XML may jump to a row's number."""
        at = _whole(given, "ss:index", 0, most=1_048_576)
        rows = self.open[-1].rows
        if at and len(rows) < at - 1 <= len(rows) + 100_000:
            self.open[-1].end_cell()
            rows.extend([] for _ in range(at - 1 - len(rows)))


def _whole(given: dict[str, str], name: str, default: int, most: int = _MOST_SPAN) -> int:
    text = given.get(name, "").strip()
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 9 else default


def _number(text: str | None) -> float | None:
    """Excel's own value of an HTML cell, such as the serial behind a date."""
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < 1e18 else None
