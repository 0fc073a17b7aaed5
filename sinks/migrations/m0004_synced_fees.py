"""Cells learn one more measure, `acc_fee_synced`: dossiers whose fee stood in what was synchronised.

Cells of older generations hold 0 of it until they are rebuilt, which the changed rules version asks for. Views
check the number of values, so each is made anew; the tables only grow.
"""

from domain.measures import MEASURES, PROCEDURE_MEASURES
from sinks.migrations.m0002_rows import UNIT_TABLES, unfolding

_MEASURES, _PROCEDURE_MEASURES = MEASURES[:77], PROCEDURE_MEASURES[:7]
_NEW = _MEASURES[-1]
_PARTS = (*UNIT_TABLES, "cells", "unit_procedures")


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    made: list[str] = []
    for part in _PARTS:
        measures = _PROCEDURE_MEASURES if part == "unit_procedures" else _MEASURES
        column = f"`{_NEW}` Int32" + (f" ALIAS `values`[{len(measures)}]" if part in UNIT_TABLES else "")
        made += [
            f"DROP VIEW IF EXISTS {part}_view",
            f"ALTER TABLE {part} ADD COLUMN IF NOT EXISTS {column}",
            unfolding(part, part, measures),
        ]
    return tuple(made)
