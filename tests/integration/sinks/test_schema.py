"""Migrations on a real store."""

from datetime import date
from typing import Any

import pytest
from clickhouse_driver import Client

from domain.errors import Refused
from domain.measures import MEASURES, PROCEDURE_MEASURES
from domain.rows import ROW_TYPES
from sinks.clickhouse import connect
from sinks.migrations import MIGRATIONS, Migration
from sinks.migrations.m0002_rows import PACKED, TARGETS
from sinks.rows_sql import row_sql
from sinks.schema import migrate


def columns(client: Client, table: str) -> list[tuple[str, str]]:
    return [(row[0], row[1].replace("\\'", "'")) for row in client.execute(f"DESCRIBE TABLE {table}")]


def test_migrations_are_applied_once_and_in_order(store_address: dict[str, Any], empty_database: str) -> None:
    assert migrate(store_address, empty_database) == tuple(m.number for m in MIGRATIONS)
    assert migrate(store_address, empty_database) == ()


def test_a_migration_that_was_interrupted_anywhere_is_completed(
    store_address: dict[str, Any], empty_database: str
) -> None:
    class Crash(Exception):
        pass

    def broken(migration: Migration) -> Migration:
        statements = migration.statements()
        half = (*statements[: len(statements) // 2], "SELECT throwIf(1, 'crash')")
        return Migration(migration.number, migration.name, lambda: half)

    for n in range(len(MIGRATIONS)):
        with pytest.raises(Exception, match="crash"):
            migrate(store_address, empty_database, [*MIGRATIONS[:n], broken(MIGRATIONS[n])])
        assert migrate(store_address, empty_database, MIGRATIONS[: n + 1]) == (n + 1,)
    with connect(store_address, database=empty_database) as client:
        tables = {row[0] for row in client.execute("SHOW TABLES")}
    assert set(TARGETS) | {"records", "events", "alert_acts", "positions", "generations", "faults"} <= tables


def test_an_edited_migration_is_refused(store_address: dict[str, Any], database: str) -> None:
    edited = Migration(1, "log", lambda: ("SELECT 1",))
    with pytest.raises(Refused, match="another form"):
        migrate(store_address, database, [edited, *MIGRATIONS[1:]])


@pytest.mark.parametrize("table", TARGETS)
def test_the_columns_of_a_table_are_the_fields_of_its_struct(
    store_address: dict[str, Any], one_database: str, table: str
) -> None:
    part = "dossiers" if table in ("dossier_versions", "open_dossiers") else table
    measures = PROCEDURE_MEASURES if part == "procedure_days" else MEASURES
    expected = [("generation", "UInt32"), ("partition", "UInt16")]
    sql = row_sql(ROW_TYPES[part], measures)
    stored = sql.packed if table in PACKED else sql.columns
    expected += [(c.name, c.type.replace("3,'UTC'", "3, 'UTC'")) for c in stored]
    if table in PACKED:
        expected += [(m, "Int32") for m in MEASURES]
    if table == "open_dossiers":
        expected.append(("is_deleted", "UInt8"))
        expected.append(("pauses", "Array(Tuple(Int64, Nullable(Int64), Bool))"))
    with connect(store_address, database=one_database) as client:
        assert columns(client, table) == expected


def test_rows_of_the_four_unit_tables_stay_when_they_become_one(
    store_address: dict[str, Any], empty_database: str
) -> None:
    migrate(store_address, empty_database, MIGRATIONS[:10])
    values = list(range(len(MEASURES)))
    with connect(store_address, database=empty_database) as client:
        for table, known in (("unit_days", ()), ("unit_months", ()), ("unit_day_known", (date(2026, 3, 2),))):
            names = "generation, partition, unit, day, version, values" + (", known_day" if known else "")
            for version in (1, 2):
                row = (3, 1, "H44.1", date(2026, 3, 1), version, [v * version for v in values], *known)
                client.execute(f"INSERT INTO {table} ({names}) VALUES", [row])
        migrate(store_address, empty_database)
        found = client.execute(
            "SELECT grain, generation, partition, unit, day, known_day, version, values FROM unit_cells FINAL"
            " ORDER BY grain"
        )
        tables = {row[0] for row in client.execute("SHOW TABLES")}
    twice, first, never = [v * 2 for v in values], date(2026, 3, 1), date(1970, 1, 1)
    assert found == [
        ("day", 3, 1, "H44.1", first, never, 2, twice),
        ("day_known", 3, 1, "H44.1", first, date(2026, 3, 2), 2, twice),
        ("month", 3, 1, "H44.1", first, never, 2, twice),
    ]
    assert not tables & {"unit_days", "unit_months", "unit_day_known", "unit_month_known", "change_parts_rare"}
