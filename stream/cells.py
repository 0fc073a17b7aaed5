"""Cells: how a subject's bookings are summed under the grains of the store (store.md, "Grains")."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from domain.daily import DayBookings, DayCell
from domain.instants import Day, date_day, day_date
from domain.measures import INDEX, MEASURES, PROCEDURE_MEASURES
from domain.rows import ROW_TYPES
from stream.port import FoldState
from stream.state import CellKey

Dimensions = tuple[str, str, str]
"""(unit, procedure, channel)."""
_WIDTH = len(MEASURES)
_COUNTED = len(PROCEDURE_MEASURES)
_PLACES = {INDEX[name]: n for n, name in enumerate(PROCEDURE_MEASURES)}


@lru_cache(maxsize=10_000)
def month_of(day: Day) -> Day:
    """The first day of a day's month."""
    return date_day(day_date(day).replace(day=1))


class Ledger:
    """Books changes of subjects into cells, and remembers which were touched, and by which log record last."""

    def __init__(self, store: FoldState) -> None:
        self._store = store
        self.touched: dict[CellKey, list[Any]] = {}
        """For each cell its values and the offset of the last record that touched it."""

    def move(
        self,
        old: tuple[Dimensions, DayBookings],
        new: tuple[Dimensions, DayBookings],
        known_day: Day,
        version: int,
    ) -> None:
        """Replaces a subject's old bookings by its new ones; a move of unit, procedure or channel moves all."""
        (old_dimensions, old_days), (new_dimensions, new_days) = old, new
        if old_days == new_days and (old_dimensions == new_dimensions or not new_days):
            return
        if old_days and old_dimensions == new_dimensions:
            self._add(new_dimensions, _difference(old_days, new_days), known_day, version)
            return
        if old_days:
            gone = [(d, tuple([(m, -v) for m, v in cell])) for d, cell in old_days]
            self._add(old_dimensions, gone, known_day, version)
        self._add(new_dimensions, new_days, known_day, version)

    def _add(
        self, dimensions: Dimensions, days: Iterable[tuple[Day, DayCell]], known_day: Day, version: int
    ) -> None:
        unit, procedure, channel = dimensions
        cell, touched = self._cell, self.touched.get
        for day, change in days:
            month = month_of(day)
            found = []
            for key in (
                ("unit_cells", "day", unit, day, 0),
                ("unit_cells", "month", unit, month, 0),
                ("unit_cells", "day_known", unit, day, known_day),
                ("unit_cells", "month_known", unit, month, known_day),
                ("cells", day, unit, procedure, channel),
            ):
                known = touched(key)
                if known is None:
                    found.append(cell(key, version))
                else:
                    known[1] = version
                    found.append(known[0])
            a, b, c, d, e = found
            for measure, value in change:
                a[measure] += value
                b[measure] += value
                c[measure] += value
                d[measure] += value
                e[measure] += value
            if procedure:
                counted = [(_PLACES[measure], value) for measure, value in change if measure in _PLACES]
                if counted:
                    f = cell(("procedure_days", day, unit, procedure, known_day), version, _COUNTED)
                    for place, value in counted:
                        f[place] += value

    def _cell(self, key: CellKey, version: int, width: int = _WIDTH) -> list[int]:
        found = self.touched.get(key)
        if found is None:
            found = self.touched[key] = [self._store.cell(key, width), version]
        else:
            found[1] = version
        values: list[int] = found[0]
        return values

    def take(self) -> dict[CellKey, list[int]]:
        """The cells touched since the last call."""
        touched, self.touched = self.touched, {}
        return {key: values for key, (values, _) in touched.items()}


def _difference(old: DayBookings, new: DayBookings) -> Iterator[tuple[Day, DayCell]]:
    before = dict(old)
    for day, cell in new:
        earlier = before.pop(day, ())
        if earlier is cell or earlier == cell:
            continue
        if not earlier:
            yield day, cell
            continue
        change = dict(cell)
        for measure, value in earlier:
            change[measure] = change.get(measure, 0) - value
        yield day, tuple([(m, v) for m, v in change.items() if v])
    for day, cell in before.items():
        yield day, tuple([(m, -v) for m, v in cell])


def cell_row(key: CellKey, values: list[int], version: int) -> Struct:
    """The row of a cell; a cell that fell to zero is emitted with zeros."""
    return ROW_TYPES[key[0]](*key[1:], version, tuple(values))
