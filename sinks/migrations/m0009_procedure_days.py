"""Counts of procedures by the day of acceptance and the day on which it became known, instead of by month.

What was known at the end of a day had no table of its own: it was counted from the versions of all dossiers, two
thirds of the time that a province's scorecard of then took over five million. With few dossiers a procedure and
day there are hardly more rows than by month and channel, and the days at the ends of a period need no other table.

Generations of before get their rows from the cells, so that they go on answering until they are rebuilt, which the
changed rules version asks for; as known then they count by the day of acceptance until that is done.
"""

from domain.measures import PROCEDURE_MEASURES
from domain.rows import ROW_TYPES
from sinks.migrations.m0002_rows import TARGETS, UNIT_TABLES, definitions, passing, table, unfolding

_PART = "procedure_days"
_MEASURES = PROCEDURE_MEASURES[:7]


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    keys = "generation, partition, day, unit, procedure"
    named = ", ".join(f"`{m}`" for m in _MEASURES)
    sums = ", ".join(f"sum(`{m}`)" for m in _MEASURES)
    counted = " OR ".join(f"`{m}` != 0" for m in _MEASURES)
    return (
        table(_PART, definitions(_PART, ROW_TYPES[_PART], _MEASURES), TARGETS[_PART]),
        f"INSERT INTO {_PART} ({keys}, known_day, version, {named})"
        f" SELECT {keys}, day, max(version), {sums} FROM cells FINAL WHERE procedure != '' AND ({counted})"
        f" GROUP BY {keys}",
        unfolding(_PART, _PART, _MEASURES),
        "DROP VIEW IF EXISTS change_parts_cells_pass",
        passing("change_parts_cells", (*UNIT_TABLES, "cells", _PART)),
        "DROP VIEW IF EXISTS unit_procedures_view",
        "DROP TABLE IF EXISTS unit_procedures",
    )
