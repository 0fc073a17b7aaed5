"""The mapping of row structs to columns."""

import pytest
from msgspec import Struct

from domain.errors import Refused
from domain.measures import FAMILIES, MEASURES, PROCEDURE_MEASURES, suffix
from domain.rows import ROW_TYPES
from sinks.migrations import MIGRATIONS
from sinks.migrations.m0002_rows import SOURCES, TARGETS
from sinks.rows_sql import row_sql
from sinks.schema import check


@pytest.mark.parametrize("part", ROW_TYPES)
def test_every_field_has_its_column_under_its_own_name_and_in_its_order(part: str) -> None:
    measures = PROCEDURE_MEASURES if part == "procedure_days" else MEASURES
    expected: list[str] = []
    for name in ROW_TYPES[part].__struct_fields__:
        if name == "values":
            expected += measures
        elif name == "late_from":
            expected += [f"late_from_{suffix(f)}" for f in FAMILIES]
        else:
            expected.append(name)
    assert [c.name for c in row_sql(ROW_TYPES[part], measures).columns] == expected


def test_a_field_whose_type_nobody_decided_is_an_error() -> None:
    class New(Struct, array_like=True):
        weight: int

    with pytest.raises(LookupError, match="weight"):
        row_sql(New)


def test_every_part_has_a_table_and_one_way_into_it() -> None:
    assert sorted(part for parts in SOURCES.values() for part in parts) == sorted(ROW_TYPES)
    assert set(TARGETS) == set(ROW_TYPES) | {"dossier_versions", "open_dossiers"}


def test_migrations_are_numbered_without_gaps_and_their_docstrings_say_why() -> None:
    assert [m.number for m in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_store_made_by_an_edited_or_an_unknown_step_is_refused() -> None:
    digests = {m.number: m.digest for m in MIGRATIONS}
    check(digests)
    check({})
    with pytest.raises(Refused, match="another form"):
        check(digests | {2: "edited"})
    with pytest.raises(Refused, match="does not know"):
        check(digests | {99: "newer"})
