"""A sheet as rows of plain cells, whatever file it came from; merged cells are filled downwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

Cell = str | float | bool | datetime | date | time | timedelta | None
"""What a cell holds; None and '' for nothing."""
Row = tuple[Cell, ...]
Span = tuple[int, int, int, int]
"""(first row, first column, last row, last column), from 0, all included."""
XLS_ROWS = 65_536
MAX_CELLS = 40_000_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """One visible sheet. `rows[0]` is the sheet's first row, whatever it holds; `spans` are its merged cells.
    `cut` tells that it has exactly as many rows as the old format can hold."""

    name: str
    rows: tuple[Row, ...]
    spans: tuple[Span, ...] = ()
    cut: bool = False

    @property
    def width(self) -> int:
        """Cells of its longest row."""
        return max(map(len, self.rows), default=0)


@dataclass(frozen=True, slots=True)
class Workbook:
    """A file as sheets. `form` is what it really is; `hidden` are sheets that were not read."""

    form: str
    sheets: tuple[Sheet, ...]
    hidden: tuple[str, ...] = ()


def filled_down(rows: Iterable[Row], spans: Iterable[Span]) -> tuple[Row, ...]:
    """Rows in which a cell merged over several rows stands in each of them (its first column only)."""
    made = [list(row) for row in rows]
    for top, left, bottom, _ in spans:
        if bottom > top and top < len(made) and left < len(made[top]):
            value = made[top][left]
            for row in made[top + 1 : bottom + 1]:
                if left < len(row) and row[left] in (None, ""):
                    row[left] = value
    return tuple(tuple(row) for row in made)


def text_of(cell: Cell) -> str:
    """A cell as the text that a person sees, near enough; whole numbers without a point."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return " ".join(str(cell).split())
