"""The one builder of reading statements: every table is read under one generation and one set of units.

No other code writes FROM: a statement that forgets the generation or the units cannot be made.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from domain.instants import Day, Millis, day_date
from domain.rows import ROW_TYPES
from sinks.clickhouse import clean_errors

T = TypeVar("T")
Rows = list[tuple[Any, ...]]
DERIVED = frozenset({*ROW_TYPES, "dossier_versions", "open_dossiers"})
"""The tables that the fold fills, keyed by generation."""
LOG = frozenset({"records", "events", "alert_acts"})
"""Reading copies of the logs: they have no generation, and units only through the dossier they speak of."""
_WITHOUT_UNIT = frozenset({"documents", "dead_letters"})


@dataclass(frozen=True, slots=True)
class Reader:
    """A client bound to a generation and to units; `units` None means all, '?' included."""

    client: Any
    generation: int
    units: tuple[str, ...] | None = None

    def within(self, units: Iterable[str] | None) -> "Reader":
        """The same reader for other units (the caller has checked that they may be seen)."""
        return replace(self, units=None if units is None else tuple(sorted(units)))

    def includes(self, unit: str) -> bool:
        """Whether a unit is among these."""
        return self.units is None or unit in self.units

    def source(self, table: str, *where: str, final: bool = True, scoped: bool = True, first: str = "") -> str:
        """FROM and WHERE over a table of the fold. `scoped=False` only where units are judged afterwards, on
        the row that counts (a dossier's older versions may stand under other units). `first`: a condition on
        columns of the sorting key, equal in all versions of a row: the other columns are read only for what it
        holds of."""
        if table not in DERIVED:
            raise LookupError(f"{table} is not filled by the fold")
        conditions = [f"generation = {int(self.generation)}", *(f"({w})" for w in where if w)]
        if scoped and self.units is not None and table not in _WITHOUT_UNIT:
            conditions.append("unit IN %(scope_units)s" if self.units else "0")
        earlier = f" PREWHERE {first}" if first else ""
        return f"FROM {table}{' FINAL' if final else ''}{earlier} WHERE {' AND '.join(conditions)}"

    def log(self, table: str, *where: str) -> str:
        """FROM and WHERE over a log. The caller has checked that the subject asked for may be seen."""
        if table not in LOG:
            raise LookupError(f"{table} is not a log")
        return f"FROM {table} FINAL WHERE {' AND '.join(f'({w})' for w in where if w) or '1'}"

    def raised(self, *where: str, first: str = "") -> str:
        """FROM and WHERE over the alerts that the notifier raised, under the reader's units; no generation."""
        conditions = [f"({w})" for w in where if w]
        if self.units is not None:
            conditions.append("unit IN %(scope_units)s" if self.units else "0")
        earlier = f" PREWHERE {first}" if first else ""
        return f"FROM raised FINAL{earlier} WHERE {' AND '.join(conditions) or '1'}"

    def rows(self, sql: str, **params: Any) -> Rows:
        """The rows of a statement whose tables came from `source`."""
        with clean_errors():
            found: Rows = self.client.execute(sql, self._params(params))
        return found

    def _params(self, params: dict[str, Any]) -> dict[str, Any]:
        return {**params, "scope_units": list(self.units or ())}


def instant(name: str) -> str:
    """A parameter in milliseconds as an instant of the store."""
    return f"fromUnixTimestamp64Milli(toInt64(%({name})s), 'UTC')"


def millis(column: str) -> str:
    """An instant's column as milliseconds: integers cross the wire exactly and need no time zone."""
    return f"toUnixTimestamp64Milli({column})"


def on(day: Day) -> str:
    """A day as a literal."""
    return f"toDate32('{day_date(day).isoformat()}')"


def at(ms: Millis) -> str:
    """An instant as a literal."""
    return f"fromUnixTimestamp64Milli(toInt64({int(ms)}), 'UTC')"


def chunks(codes: Sequence[T], size: int = 5_000) -> Iterator[list[T]]:
    """Codes in pieces that fit a statement."""
    for n in range(0, len(codes), size):
        yield list(codes[n : n + size])
