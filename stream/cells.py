"""Cells: how a subject's bookings are summed under the grains of the store (store.md, "Grains")."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from domain.daily import DayBookings
from domain.instants import Day, date_day, day_date
from domain.measures import INDEX, MEASURES, PROCEDURE_MEASURES
from domain.rows import CellRow, UnitDayKnownRow, UnitDayRow, UnitProcedureRow
from stream.port import FoldState
from stream.state import CellKey

Dimensions = tuple[str, str, str]
"""(unit, procedure, channel)."""
_WIDTH = len(MEASURES)
_PROCEDURE_INDEX = {INDEX[name]: n for n, name in enumerate(PROCEDURE_MEASURES)}


@lru_cache(maxsize=10_000)
def month_of(day: Day) -> Day:
    """The first day of a day's month."""
    return date_day(day_date(day).replace(day=1))


class Ledger:
    """Books changes of subjects into cells, and remembers which cells one log record touched."""

    def __init__(self, store: FoldState) -> None:
        self._store = store
        self.touched: dict[CellKey, list[int]] = {}

    def move(
        self, old: tuple[Dimensions, DayBookings], new: tuple[Dimensions, DayBookings], known_day: Day
    ) -> None:
        """Replaces a subject's old bookings by its new ones; a move of unit, procedure or channel moves all."""
        if old == new:
            return
        (old_dimensions, old_days), (new_dimensions, new_days) = old, new
        if old_dimensions == new_dimensions:
            self._add(new_dimensions, _difference(old_days, new_days), known_day)
            return
        self._add(old_dimensions, ((d, tuple((m, -v) for m, v in cell)) for d, cell in old_days), known_day)
        self._add(new_dimensions, new_days, known_day)

    def _add(
        self,
        dimensions: Dimensions,
        days: Iterable[tuple[Day, tuple[tuple[int, int], ...]]],
        known_day: Day,
    ) -> None:
        unit, procedure, channel = dimensions
        touched, stored = self.touched, self._store.cell
        for day, cell in days:
            month = month_of(day)
            for key in (
                ("unit_days", unit, day),
                ("unit_months", unit, month),
                ("unit_day_known", unit, day, known_day),
                ("unit_month_known", unit, month, known_day),
                ("cells", day, unit, procedure, channel),
            ):
                values = touched.get(key)
                if values is None:
                    values = touched[key] = stored(key, _WIDTH)
                for measure, value in cell:
                    values[measure] += value
            self._add_procedure(("unit_procedures", month, channel, unit, procedure), cell)

    def _add_procedure(self, key: CellKey, cell: tuple[tuple[int, int], ...]) -> None:
        if not key[4]:
            return
        for measure, value in cell:
            place = _PROCEDURE_INDEX.get(measure)
            if place is not None:
                self._values(key, len(PROCEDURE_MEASURES))[place] += value

    def _values(self, key: CellKey, width: int) -> list[int]:
        values = self.touched.get(key)
        if values is None:
            values = self.touched[key] = self._store.cell(key, width)
        return values

    def take(self) -> dict[CellKey, list[int]]:
        """The cells touched since the last call."""
        touched, self.touched = self.touched, {}
        return touched


def _difference(old: DayBookings, new: DayBookings) -> Iterator[tuple[Day, tuple[tuple[int, int], ...]]]:
    before = dict(old)
    for day, cell in new:
        earlier = before.pop(day, ())
        if earlier == cell:
            continue
        change = dict(cell)
        for measure, value in earlier:
            change[measure] = change.get(measure, 0) - value
        yield day, tuple((m, v) for m, v in change.items() if v)
    for day, cell in before.items():
        yield day, tuple((m, -v) for m, v in cell)


def cell_row(key: CellKey, values: list[int], version: int) -> tuple[str, Struct]:
    """(table, row) of a cell; a cell that fell to zero is emitted with zeros."""
    table, *rest = key
    frozen = tuple(values)
    row: Struct
    if table in ("unit_days", "unit_months"):
        row = UnitDayRow(rest[0], rest[1], version, frozen)
    elif table in ("unit_day_known", "unit_month_known"):
        row = UnitDayKnownRow(rest[0], rest[1], rest[2], version, frozen)
    elif table == "cells":
        row = CellRow(rest[0], rest[1], rest[2], rest[3], version, frozen)
    else:
        row = UnitProcedureRow(rest[0], rest[1], rest[2], rest[3], version, frozen)
    return table, row
