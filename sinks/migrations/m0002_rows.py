"""The tables that the fold fills, and the views that unpack change records into them.

The writer inserts each part of a change record as one row of a Null table; one view per part parses its JSON
once and unfolds it. There are several such tables, because an INSERT plans every view of its table (4 ms each)
whether or not its part is there: what nearly every record carries, cells, and each of what is rare. Dossiers go
through one more Null table, so that three tables share one parse. These views trust our own format, but a row with
another number of fields or values, or a part that does not unpack, throws: the insert fails, the writer stops
there and its position stays. Nothing is aggregated; every target is a ReplacingMergeTree keyed by coordinates,
because an INSERT over several views is not atomic and is repeated as it was.

Measure columns come from `domain.measures`. Tables are never altered in place: a new measure is a new migration
that makes the table anew, with a new generation to fill it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from domain.instants import Day
from domain.measures import MEASURES, PROCEDURE_MEASURES
from domain.rows import ROW_TYPES
from sinks.rows_sql import RowSql, row_sql


@dataclass(frozen=True, slots=True)
class Target:
    """Where a part's rows go: sorting key behind `generation`, engine arguments, table settings."""

    key: str
    engine: str = "ReplacingMergeTree(version)"
    settings: str = ""


# Closed dossiers are forgotten when their generation's rows have rested for an hour: merged whole, cleaned up.
_FORGET = (
    "allow_experimental_replacing_merge_with_cleanup = 1,"
    " enable_replacing_merge_with_cleanup_for_min_age_to_force_merge = 1,"
    " min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1"
)

TARGETS: dict[str, Target] = {
    "dossiers": Target("dossier_code"),
    "dossier_versions": Target("dossier_code, version", "ReplacingMergeTree", "index_granularity = 2048"),
    "open_dossiers": Target("dossier_code", "ReplacingMergeTree(version, is_deleted)", _FORGET),
    "unit_cells": Target("grain, day, unit, partition, known_day"),
    "cells": Target("day, unit, procedure, channel, partition"),
    "procedure_days": Target("day, unit, procedure, partition, known_day"),
    "recalls": Target("dossier_code, stopped_open, out_at, in_at, version", "ReplacingMergeTree"),
    "conditions": Target("kind, subject, episode"),
    "findings": Target("kind, subject"),
    "dead_letters": Target("partition, offset, `index`", "ReplacingMergeTree"),
    "petitions": Target("petition"),
    "documents": Target("kind, subject"),
}
"""Every derived table. A sorting key holds only what never changes for a subject: with a mutable column in it
the old row stays and FINAL counts two."""

RARE = ("recalls", "findings", "dead_letters", "petitions", "documents")
SOURCES: dict[str, tuple[str, ...]] = {
    "change_parts_dossiers": ("dossiers", "conditions"),
    "change_parts_cells": ("unit_cells", "cells", "procedure_days"),
    **{f"change_parts_{part}": (part,) for part in RARE},
}
"""The Null tables that take the parts; `change_parts` takes any and passes it on to them."""

PACKED = frozenset({"unit_cells"})
"""Tables that keep all measures of a row in one array, `values`, and give each its name as an ALIAS: they are few
rows, always read and written whole, and a column each cost 10 ms of planning at every INSERT and 30 ms at every
sum. `cells`, which are many and read by the measure, have columns."""

PARTS = """
CREATE TABLE IF NOT EXISTS {name} (
    `generation` UInt32,
    `partition` UInt16,
    `offset` UInt64,
    `part` LowCardinality(String),
    `value` String
) ENGINE = Null
"""


_MEASURES, _PROCEDURE_MEASURES = MEASURES[:76], PROCEDURE_MEASURES[:6]
"""Those of this step: later steps add the ones that were appended since."""


class _UnitDayRow(Struct, array_like=True, frozen=True, gc=False):
    """Two tables of this step that a later one replaces (migration 11)."""

    unit: str
    day: Day
    version: int
    values: tuple[int, ...]


class _UnitDayKnownRow(Struct, array_like=True, frozen=True, gc=False):
    """Two more of them."""

    unit: str
    day: Day
    known_day: Day
    version: int
    values: tuple[int, ...]


class _UnitProcedureRow(Struct, array_like=True, frozen=True, gc=False):
    """A table of this step that a later one replaces (migration 9)."""

    month: Day
    channel: str
    unit: str
    procedure: str
    version: int
    values: tuple[int, ...]


_REPLACED: dict[str, type[Struct]] = {
    "unit_days": _UnitDayRow,
    "unit_months": _UnitDayRow,
    "unit_day_known": _UnitDayKnownRow,
    "unit_month_known": _UnitDayKnownRow,
    "unit_procedures": _UnitProcedureRow,
}
UNIT_TABLES = ("unit_days", "unit_months", "unit_day_known", "unit_month_known")
"""Until migration 11 each grain of a unit's sums had a table."""
_ROW_TYPES: dict[str, type[Struct]] = {
    name: _REPLACED[name] if name in _REPLACED else ROW_TYPES[name]
    for name in (
        "dossiers", *UNIT_TABLES, "cells", "unit_procedures",
        "recalls", "conditions", "findings", "dead_letters", "petitions", "documents",
    )
}  # fmt: skip
"""The parts of this step, in its order."""
_SOURCES: dict[str, tuple[str, ...]] = {
    "change_parts_dossiers": SOURCES["change_parts_dossiers"],
    "change_parts_cells": (*UNIT_TABLES, "cells", "unit_procedures"),
    "change_parts_rare": RARE,
}
_SOURCE_OF = {part: table for table, parts in _SOURCES.items() for part in parts}
_PACKED = PACKED.union(UNIT_TABLES)


def _first(part: str) -> Sequence[str]:
    return _PROCEDURE_MEASURES if part == "unit_procedures" else _MEASURES


def _definitions(part: str) -> str:
    return definitions(part, _ROW_TYPES[part], _first(part))


def definitions(part: str, row: type[Struct], measures: Sequence[str]) -> str:
    """The columns of a part's table."""
    sql = row_sql(row, measures)
    stored = [c.definition for c in (sql.packed if part in _PACKED else sql.columns)]
    named = [f"`{m}` Int32 ALIAS `values`[{n}]" for n, m in enumerate(measures, 1)] if part in _PACKED else []
    return ",\n    ".join(("`generation` UInt32", "`partition` UInt16", *stored, *named))


def table(name: str, definitions: str, target: Target) -> str:
    """The statement that makes a target."""
    settings = f"\nSETTINGS {target.settings}" if target.settings else ""
    return f"""
CREATE TABLE IF NOT EXISTS {name} (
    {definitions}
) ENGINE = {target.engine}
PARTITION BY generation
ORDER BY (generation, {target.key}){settings}
"""


def unfolding(part: str, to: str, measures: Sequence[str], source: str = "") -> str:
    """The view that unfolds a part's rows into a table, where its cells hold these measures; `source` is the Null
    table that takes them, if another than in this step."""
    sql: RowSql = row_sql(ROW_TYPES.get(part) or _ROW_TYPES[part], measures)
    stored = sql.packed if part in _PACKED else sql.columns
    columns = ",\n    ".join(f"{c.expression} AS `{c.name}`" for c in stored)
    return f"""
CREATE MATERIALIZED VIEW IF NOT EXISTS {part}_view TO {to} AS
SELECT generation, partition,
    {columns}
FROM (
    SELECT generation, partition, r
    FROM (
        SELECT generation, partition, rows
        FROM (
            SELECT generation, partition, JSONExtract(value, 'Array({sql.json_type})') AS rows
            FROM {source or _SOURCE_OF.get(part, "change_parts_cells")} WHERE part = '{part}'
        )
        WHERE throwIf(empty(rows), 'change record: {part} does not unpack') = 0
    )
    ARRAY JOIN rows AS r
)
WHERE throwIf(NOT ({sql.valid}), 'change record: a row of {part} has another number of fields') = 0
"""


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    dossier = _definitions("dossiers")
    made = [PARTS.format(name=name) for name in ("change_parts", *_SOURCES)]
    made += [passing(name, parts) for name, parts in _SOURCES.items()]
    made += [f"CREATE TABLE IF NOT EXISTS dossier_rows (\n    {dossier}\n) ENGINE = Null"]
    made += [table(name, dossier, TARGETS[name]) for name in ("dossiers", "dossier_versions")]
    made.append(table("open_dossiers", dossier + ",\n    `is_deleted` UInt8", TARGETS["open_dossiers"]))
    targets = {
        **TARGETS,
        "unit_days": Target("day, unit, partition"),
        "unit_months": Target("day, unit, partition"),
        "unit_day_known": Target("day, unit, partition, known_day"),
        "unit_month_known": Target("day, unit, partition, known_day"),
        "unit_procedures": Target("month, channel, unit, procedure, partition"),
    }
    made += [table(part, _definitions(part), targets[part]) for part in _ROW_TYPES if part != "dossiers"]
    for name, more in (
        ("dossiers", ""),
        ("dossier_versions", ""),
        ("open_dossiers", ", NOT is_open AS is_deleted"),
    ):
        view = f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name}_copy TO {name} AS SELECT *{more} FROM dossier_rows"
        made.append(view)
    made += [unfolding(part, "dossier_rows" if part == "dossiers" else part, _first(part)) for part in _ROW_TYPES]
    return tuple(made)


def passing(source: str, parts: tuple[str, ...]) -> str:
    """The view by which `change_parts` hands on what belongs to one of the three."""
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {source}_pass TO {source} AS SELECT * FROM change_parts"
        f" WHERE part IN {parts}"
    )
