"""Millions of dossiers in minutes: a province that was really folded, copied inside the store.

A small history of the wanted length goes through the log and the fold. Then every dossier gets copies in the next
units of its kind and in other log partitions: rows of dossiers one by one, rows of sums by their number. What is
copied is equal in every column but code, unit, office and partition: every figure of the province is that of the
folded history times the copies: `tests/integration/api/test_synthetic_store.py`. The log's events are
copied, so that what reads the log meets as many; its records are not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.measures import MEASURES, PROCEDURE_MEASURES
from producers.simulator.province import COMMUNES, DEPARTMENTS

A_MONTH = 184_513
"""Dossiers that a province has in hand in a month (Phú Thọ, August 2026)."""
LAST_MONTH = date(2026, 8, 1)
BASE = 30_000
"""So many dossiers at most go through the fold."""
UNITS = 8
"""A copy moves to one of so many units: sums fill up as a province's do, and units keep different sizes."""
AT_ONCE = 8
"""Copies an INSERT: each leaves parts that are merged later, as live ones do."""
LIVE_INSERTS = 20
DATABASE = "gs766"

LOG = ("events",)
DOSSIERS = ("dossiers", "dossier_versions", "conditions", "findings", "recalls", "open_dossiers")
SUMS = ("unit_cells", "procedure_days", "cells")
_CODES = ("dossier_code", "subject", "petition")
_UNITS = ("unit", "receiving_unit")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How the wanted number comes about: `folded` dossiers over `months`, each standing for `copies`."""

    folded: int
    months: int
    copies: int

    @property
    def first(self) -> date:
        """The first month, so that the last one is always the same."""
        number = LAST_MONTH.year * 12 + LAST_MONTH.month - self.months
        return date(number // 12, number % 12 + 1, 1)


def size_of(dossiers: int) -> Size:
    """The size for a number of dossiers; one copy means that all go through the fold."""
    copies = max(1, -(-dossiers // BASE))
    return Size(-(-dossiers // copies), max(1, round(dossiers / A_MONTH)), copies)


def multiply(client: Any, copies: int, partitions: int, say: Say) -> None:
    """Fills the derived tables of a store that stands still; `client` is the writer's, on our database."""
    for n, table in enumerate(SUMS, 1):
        say(f"sums {n} of {len(SUMS)}: {table}")
        _multiply_sums(client, table, copies, partitions)
    tables = ("petitions", *DOSSIERS, *LOG)
    for n, table in enumerate(tables, 1):
        for low in range(1, copies, AT_ONCE):
            high = min(copies, low + AT_ONCE)
            say(f"rows {n} of {len(tables)}: {table}, copies {low}–{high - 1} of {copies - 1}")
            client.execute(_copy(client, table, low, high, partitions))


def leave_as_live(client: Any) -> None:
    """Small parts as the writer's inserts leave them: some rows once more, which changes nothing (rule 3)."""
    for table in (*SUMS, *DOSSIERS):
        listed = ", ".join(f"`{c}`" for c in _columns(client, table))
        for n in range(LIVE_INSERTS):
            piece = f"SELECT {listed} FROM {table} LIMIT 300 OFFSET {n * 1000}"
            client.execute(f"INSERT INTO {table} ({listed}) {piece}")


def unit_expression(column: str, shift: str) -> str:
    """The unit `shift` places further in the circle of its kind; a unit of another form stays."""
    tail = f"splitByChar('.', toString({column}))[2]"
    head = f"splitByChar('.', toString({column}))[1]"
    number = f"toUInt32OrZero({tail})"
    department = f"leftPad(toString(({number} - 1 + {shift}) % {DEPARTMENTS} + 1), 2, '0')"
    commune = f"toString(({number} - 100 + {shift}) % {COMMUNES} + 100)"
    below = (
        f"arrayStringConcat(arrayMap(p -> concat('.', p), arraySlice(splitByChar('.', toString({column})), 3)))"
    )
    moved = f"concat({head}, '.', if({number} < 100, {department}, {commune}), {below})"
    return f"if({number} > 0, {moved}, toString({column}))"


def code_expression(column: str, shift: str, copy: str) -> str:
    """A code that no other dossier has: of the copy's unit, its day and number, and the copy's number."""
    unit = unit_expression(f"splitByChar('-', {column})[1]", shift)
    rest = f"substring({column}, position({column}, '-'))"
    number = f"leftPad(toString({copy}), 4, '0')"
    return f"if(position({column}, '-') > 0, concat({unit}, {rest}, {number}), concat({column}, '-', {number}))"


def _columns(client: Any, table: str) -> list[str]:
    sql = (
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = %(table)s"
        " AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position"
    )
    return [name for (name,) in client.execute(sql, {"table": table})]


def _copy(client: Any, table: str, low: int, high: int, partitions: int) -> str:
    columns = _columns(client, table)
    shift = f"(copy % {UNITS})"
    chosen = []
    for name in columns:
        if name in _CODES:
            chosen.append(code_expression(f"b.`{name}`", shift, "copy"))
        elif name in _UNITS:
            chosen.append(unit_expression(f"b.`{name}`", shift))
        elif name == "office":
            unit = unit_expression("b.unit", shift)
            chosen.append(f"if(b.office = '', '', concat({unit}, '.', splitByChar('.', toString(b.office))[-1]))")
        elif name == "partition":
            chosen.append(f"toUInt16((b.partition + intDiv(copy, {UNITS})) % {partitions})")
        else:
            chosen.append(f"b.`{name}`")
    listed = ", ".join(f"`{c}`" for c in columns)
    code = next(c for c in columns if c in _CODES)
    # What was folded, and no copy of before: those have four digits more.
    base = f"match(`{code}`, '-[0-9]{{4}}$')"
    if "generation" in columns:
        base += f" AND generation = (SELECT max(generation) FROM {table})"
    else:  # of the log's events those of dossiers: a document stands once, however many dossiers there are
        base += " AND startsWith(type, 'dossier.')"
    values = ", ".join(f"{e} AS c{n}" for n, e in enumerate(chosen))
    return (
        f"INSERT INTO {table} ({listed}) SELECT {values}"
        f" FROM (SELECT * FROM {table} FINAL WHERE {base}) AS b ARRAY JOIN range({low}, {high}) AS copy"
    )


def _multiply_sums(client: Any, table: str, copies: int, partitions: int) -> None:
    """Makes the table anew from its own rows: each stands in `UNITS` units and all partitions, so many times as
    copies go there."""
    places: dict[tuple[int, int], int] = {}
    for copy in range(copies):
        place = copy % UNITS, copy // UNITS % partitions
        places[place] = places.get(place, 0) + 1
    listed = ", ".join(f"({unit}, {partition}, {n})" for (unit, partition), n in places.items())
    columns = _columns(client, table)
    base = f"bench_{table}"
    client.execute(f"DROP TABLE IF EXISTS {base}")
    client.execute(f"CREATE TABLE {base} AS {table}")
    plain = ", ".join(f"`{c}`" for c in columns)
    client.execute(f"INSERT INTO {base} ({plain}) SELECT {plain} FROM {table} FINAL")
    client.execute(f"TRUNCATE TABLE {table}")
    months = client.execute(f"SELECT DISTINCT toYYYYMM(day) AS m FROM {base} ORDER BY m")
    wide = table in ("cells", "procedure_days")
    for (month,) in months if wide else [(0,)]:
        only = f"WHERE toYYYYMM(day) = {month}" if wide else ""
        client.execute(_summed(table, columns, base, listed, partitions, only))
    client.execute(f"DROP TABLE {base}")


def _summed(table: str, columns: list[str], base: str, places: str, partitions: int, only: str) -> str:
    keys, values = [], []
    summed = frozenset({"values", "version", *MEASURES, *PROCEDURE_MEASURES})
    for name in columns:
        if name == "unit":
            keys.append((name, unit_expression("b.unit", "place.1")))
        elif name == "partition":
            keys.append((name, f"toUInt16((b.partition + place.2) % {partitions})"))
        elif name not in summed:
            keys.append((name, f"b.`{name}`"))
        elif name == "version":
            values.append((name, "max(b.version)"))
        elif name == "values":
            values.append((name, "sumForEach(arrayMap(v -> v * place.3, b.`values`))"))
        else:
            values.append((name, f"sum(b.`{name}` * place.3)"))
    chosen = ", ".join(f"{expression} AS x_{name}" for name, expression in (*keys, *values))
    listed = ", ".join(f"`{name}`" for name, _ in (*keys, *values))
    grouped = ", ".join(f"x_{name}" for name, _ in keys)
    return (
        f"INSERT INTO {table} ({listed}) SELECT {chosen} FROM {base} AS b"
        f" ARRAY JOIN [{places}] AS place {only} GROUP BY {grouped}"
    )
