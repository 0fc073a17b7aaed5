"""How a row struct of the fold becomes columns: the one place that maps `domain/rows.py` to ClickHouse.

Types come from the structs' type hints; what a hint cannot say (an `int` may be an instant, a day, a mask) is
said by the field's name, and a name that is not known here is an error rather than a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from msgspec import Struct

from domain.measures import FAMILIES, suffix

INSTANT = "DateTime64(3,'UTC')"
DAY = "Date32"

_INSTANTS = frozenset({"due_at_original", "start", "until"})
_DAYS = frozenset({"day", "known_day", "month", "booking_days"})
_NUMBERS = {
    "version": "UInt64",
    "offset": "UInt64",
    "index": "UInt32",
    "supplements": "UInt32",
    "moves": "UInt32",
    "events": "UInt32",
    "attributes": "UInt32",
    "ok": "UInt32",
    "early": "UInt32",
}
# Few distinct values a part; everything else (codes of dossiers, evidence, timelines) is a plain String.
_FEW = frozenset(
    "unit receiving_unit procedure channel applicant_kind service_level status due_basis end_kind step office "
    "kind source reason field about grain".split()
)
_CODECS = {"timeline": " CODEC(ZSTD(1))", "history": " CODEC(ZSTD(3))"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: `name` unquoted, `type`, `expression` over one extracted JSON row, `codec`."""

    name: str
    type: str
    expression: str
    codec: str = ""

    @property
    def definition(self) -> str:
        """The column as it stands in CREATE TABLE; always quoted, since `left` is a reserved word."""
        return f"`{self.name}` {self.type}{self.codec}"


@dataclass(frozen=True, slots=True)
class RowSql:
    """A struct in SQL: the type that its JSON array is read as, its columns, and what must hold of a row.

    `json_type` ends in one element more than the struct has fields: it must stay empty, and the last field's
    must not, or the row has another number of fields than we read.
    """

    json_type: str
    columns: tuple[Column, ...]
    valid: str
    packed: tuple[Column, ...] = ()
    """The columns where the measures stand in one array instead of a column each."""


def row_sql(struct: type[Struct], measures: Sequence[str] = (), row: str = "r") -> RowSql:
    """The mapping of one struct; `measures` names the columns of its `values`, `row` the SQL name of a row.

    Raises LookupError for a field whose SQL type nobody decided.
    """
    hints = get_type_hints(struct)
    fields = struct.__struct_fields__
    types: list[str] = []
    columns: list[Column] = []
    packed: list[Column] = []
    checks: list[str] = []
    for n, name in enumerate(fields, 1):
        element = f"{row}.{n}"
        wire, found = _field(name, hints[name], element, measures)
        if name == "values":
            checks.append(f"length({element}) = {len(measures)}")
        elif name == "late_from":
            checks.append(f"length({element}) = {len(FAMILIES)}")
        elif n == len(fields):
            wire = f"Nullable({wire})"
            checks.append(f"isNotNull({element})")
            found = [Column(c.name, c.type, f"assumeNotNull({c.expression})", c.codec) for c in found]
        types.append(wire)
        columns += found
        packed += [Column("values", wire, element)] if name == "values" else found
    checks.append(f"isNull({row}.{len(fields) + 1})")
    json_type = f"Tuple({', '.join(types)}, Nullable(String))"
    return RowSql(json_type, tuple(columns), " AND ".join(checks), tuple(packed))


def _field(name: str, hint: Any, element: str, measures: Sequence[str]) -> tuple[str, list[Column]]:
    """(type on the wire, columns) of one field."""
    if name == "values":
        return "Array(Int32)", [Column(m, "Int32", f"{element}[{n}]") for n, m in enumerate(measures, 1)]
    if name == "late_from":
        return "Array(Nullable(Int64))", [
            Column(f"late_from_{suffix(f)}", f"Nullable({INSTANT})", _instant(f"{element}[{n}]"))
            for n, f in enumerate(FAMILIES, 1)
        ]
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        if inner is str:
            return "Array(String)", [Column(name, "Array(LowCardinality(String))", element)]
        if name in _DAYS:
            return "Array(Int32)", [Column(name, f"Array({DAY})", f"arrayMap(d -> toDate32(d), {element})")]
        raise LookupError(f"no SQL type is decided for the field {name}: {hint}")
    nullable = isinstance(hint, UnionType) and NoneType in get_args(hint)
    kind = next(t for t in get_args(hint) if t is not NoneType) if nullable else hint
    wire, column, expression = _scalar(name, kind, element)
    if nullable:
        wire, column = f"Nullable({wire})", f"Nullable({column})"
    return wire, [Column(name, column, expression, _CODECS.get(name, ""))]


def _scalar(name: str, kind: type, element: str) -> tuple[str, str, str]:
    """(type on the wire, type of the column, expression) of a plain value."""
    if kind is bool:
        return "Bool", "Bool", element
    if kind is str:
        return "String", "LowCardinality(String)" if name in _FEW else "String", element
    if kind is int and (name.endswith("_at") or name in _INSTANTS):
        return "Int64", INSTANT, _instant(element)
    if kind is int and name in _DAYS:
        return "Int32", DAY, f"toDate32({element})"
    if kind is int and name in _NUMBERS:
        return _NUMBERS[name], _NUMBERS[name], element
    raise LookupError(f"no SQL type is decided for the field {name}: {kind}")


def _instant(element: str) -> str:
    return f"fromUnixTimestamp64Milli({element}, 'UTC')"
