"""Derived rows as plain values, for comparison: every column of a table, exactly, instants in milliseconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from msgspec import Struct

from domain.measures import FAMILIES, MEASURES, PROCEDURE_MEASURES, suffix
from domain.rows import ROW_TYPES, STOPPED
from sinks.clickhouse import clean_errors
from sinks.migrations.m0002_rows import PACKED, TARGETS
from sinks.migrations.m0006_indexes import PAUSES
from sinks.rows_sql import Column, row_sql

Flat = tuple[Any, ...]
PART_OF = {"dossier_versions": "dossiers", "open_dossiers": "dossiers"}
"""Tables that hold copies of another part's rows."""


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """One table of the fold: its columns in order, and which of them name a row."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    key_places: tuple[int, ...]

    @property
    def part(self) -> str:
        """The part of a change record that fills it."""
        return PART_OF.get(self.name, self.name)

    def place(self, column: str) -> int:
        """The index of a column; raises ValueError for one that the table lacks."""
        return [c.name for c in self.columns].index(column)

    def key_of(self, row: Flat) -> Flat:
        """What names a row inside one generation and partition."""
        return tuple([row[place] for place in self.key_places])


def _table(name: str) -> DerivedTable:
    part = PART_OF.get(name, name)
    measures = PROCEDURE_MEASURES if part == "procedure_days" else MEASURES
    keyed = (k.strip().strip("`") for k in TARGETS[name].key.split(","))
    key = tuple(k for k in keyed if k != "partition")
    columns = row_sql(ROW_TYPES[part], measures).columns
    names = [c.name for c in columns]
    return DerivedTable(name, columns, key, tuple(map(names.index, key)))


DERIVED_TABLES: tuple[DerivedTable, ...] = tuple(_table(name) for name in TARGETS)


def flatten(row: Struct) -> Flat:
    """A row of the fold in the order of its table's columns."""
    flat: list[Any] = []
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if name in ("values", "late_from"):
            flat += value
        else:
            flat.append(value)
    return tuple(flat)


def read_rows(
    client: Any, table: DerivedTable, generation: int, partition: int, above: int | None = None
) -> Iterator[Flat]:
    """All rows that count, of one generation and log partition, streamed; only those with a version above
    `above` where it is given."""
    listed = ", ".join(_plain(c) for c in table.columns)
    version = "`offset`" if table.name == "dead_letters" else "version"
    newer = "" if above is None else f" AND {version} > {int(above)}"
    sql = (
        f"SELECT {listed} FROM {table.name} FINAL WHERE generation = {int(generation)} "
        f"AND partition = {int(partition)}{newer}"
    )
    with clean_errors():
        for row in client.execute_iter(sql):
            yield tuple(tuple(v) if isinstance(v, list) else v for v in row)


def row_sum(client: Any, table: DerivedTable, generation: int, partition: int) -> tuple[int, int]:
    """(count, sum of hashes) of all rows that `read_rows` would give: the store's side of `hash_of`, in which the
    order of rows plays no part. Takes the store a small part of what handing the rows over takes both."""
    held = "`field` != %(stopped)s" if table.name == "dead_letters" else "1"
    row = f"toJSONString(tuple({', '.join(_elements(table))}))"
    sql = (
        f"SELECT count(), sum(reinterpretAsUInt64(substring(SHA256({row}), 1, 8))) FROM {table.name} FINAL "
        f"WHERE generation = {int(generation)} AND partition = {int(partition)} AND {held}"
    )
    with clean_errors():
        rows = client.execute(sql, {"stopped": STOPPED}, settings=_AS_JSON)
    return rows[0][0], rows[0][1]


_AS_JSON = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_escape_forward_slashes": 0,
    "output_format_json_named_tuples_as_objects": 0,
}


def hash_of(encoded: bytes) -> int:
    """The hash of a row as the fold emits it, a JSON array. Where the store writes a text in another way (control
    characters, line separators) the two differ though the row is the same."""
    return int.from_bytes(sha256(encoded).digest()[:8], "little")


def _elements(table: DerivedTable) -> Iterator[str]:
    """The fields of a row of the fold, from the columns of its table."""
    columns = {c.name: _plain(c) for c in table.columns}
    measures = [c.name for c in table.columns if c.type == "Int32"]
    for name in ROW_TYPES[table.part].__struct_fields__:
        if name == "values":
            yield "`values`" if table.name in PACKED else f"[{', '.join(columns[m] for m in measures)}]"
        elif name == "late_from":
            yield f"[{', '.join(columns[f'late_from_{suffix(f)}'] for f in FAMILIES)}]"
        else:
            yield columns[name]


def odd_pauses(client: Any, generation: int, partition: int) -> list[tuple[str, int]]:
    """(code, version) of open dossiers whose column `pauses`, which no change record carries, is not what their
    timeline says."""
    sql = (
        f"SELECT dossier_code, version FROM open_dossiers FINAL WHERE generation = {int(generation)}"
        f" AND partition = {int(partition)} AND pauses != {PAUSES} ORDER BY dossier_code LIMIT 100"
    )
    with clean_errors():
        return [(str(code), int(version)) for code, version in client.execute(sql)]


def dossier_version(client: Any, generation: int, code: str) -> int:
    """The version at which a dossier stands, −1 when it has no row."""
    sql = "SELECT max(version) FROM dossiers WHERE generation = %(g)s AND dossier_code = %(code)s HAVING count()"
    with clean_errors():
        rows = client.execute(sql, {"g": generation, "code": code})
    return rows[0][0] if rows else -1


def read_log(client: Any, topic: str, partition: int, start: int, stop: int) -> Iterator[tuple[int, int, bytes]]:
    """(offset, append time in ms, value) of log records in [start, stop), in order, bytes verbatim."""
    sql = (
        "SELECT offset, toUnixTimestamp64Milli(appended_at), value FROM records FINAL "
        "WHERE topic = %(topic)s AND partition = %(partition)s AND offset >= %(start)s AND offset < %(stop)s "
        "ORDER BY offset"
    )
    place = {"topic": topic, "partition": partition, "start": start, "stop": stop}
    with clean_errors():
        yield from client.execute_iter(sql, place, settings={"strings_as_bytes": True})


def log_end(client: Any, topic: str, partition: int) -> int:
    """The offset of the last log record in the store, −1 when there is none."""
    sql = "SELECT max(offset) FROM records WHERE topic = %(topic)s AND partition = %(partition)s HAVING count()"
    with clean_errors():
        rows = client.execute(sql, {"topic": topic, "partition": partition})
    return rows[0][0] if rows else -1


def _plain(column: Column) -> str:
    name = f"`{column.name}`"
    if column.type.startswith("Array(Date32"):
        return f"arrayMap(d -> toInt32(d), {name})"
    if "DateTime64" in column.type:
        return f"toUnixTimestamp64Milli({name})"
    if column.type.startswith("Date32"):
        return f"toInt32({name})"
    return name
