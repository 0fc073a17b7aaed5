"""One table for the sums of units under all four grains, and a Null table for each part that is rare.

A table costs an INSERT 4 to 15 ms of planning and writing whatever its rows are, and half as much again when it
is merged, so that four tables of one shape cost a batch four times what their rows do. And a rare part shared its
Null table with four others, whose views were planned with it.

Generations of before keep their rows, and go on answering until they are rebuilt, which the changed rules version
asks for.
"""

from domain.measures import MEASURES
from domain.rows import ROW_TYPES
from sinks.migrations.m0002_rows import (
    PARTS,
    RARE,
    SOURCES,
    TARGETS,
    UNIT_TABLES,
    definitions,
    passing,
    table,
    unfolding,
)

_PART = "unit_cells"
_MEASURES = MEASURES[:77]
_CELLS = "change_parts_cells"
_GRAINS = dict(zip(UNIT_TABLES, ("day", "month", "day_known", "month_known"), strict=True))


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    made = [table(_PART, definitions(_PART, ROW_TYPES[_PART], _MEASURES), TARGETS[_PART])]
    for old, grain in _GRAINS.items():
        known = "known_day" if grain.endswith("_known") else "toDate32(0)"
        # Made empty where the step is run again after they were dropped.
        made += [
            f"CREATE TABLE IF NOT EXISTS {old} AS {_PART}",
            f"INSERT INTO {_PART} (generation, partition, grain, unit, day, known_day, version, `values`)"
            f" SELECT generation, partition, '{grain}', unit, day, {known}, version,"
            f" arrayResize(`values`, {len(_MEASURES)}) FROM {old} FINAL",
        ]
    made += [unfolding(_PART, _PART, _MEASURES, _CELLS), f"DROP VIEW IF EXISTS {_CELLS}_pass"]
    made.append(passing(_CELLS, SOURCES[_CELLS]))
    made += [
        statement
        for part in RARE
        for statement in (
            PARTS.format(name=f"change_parts_{part}"),
            f"DROP VIEW IF EXISTS {part}_view",
            unfolding(part, part, _MEASURES, f"change_parts_{part}"),
            passing(f"change_parts_{part}", (part,)),
        )
    ]
    made += [f"DROP VIEW IF EXISTS {name}_view" for name in UNIT_TABLES]
    made += [f"DROP TABLE IF EXISTS {name}" for name in UNIT_TABLES]
    return (*made, "DROP VIEW IF EXISTS change_parts_rare_pass", "DROP TABLE IF EXISTS change_parts_rare")
