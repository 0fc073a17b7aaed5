"""Change records become rows: every value comes back as it was, and what does not fit stops the insert."""

import random
from datetime import UTC, date, datetime
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from clickhouse_driver import Client
from msgspec import Struct
from msgspec.structs import replace

from domain.changes import decode_change, pack
from domain.events import LATEST
from domain.instants import date_day, to_millis
from domain.measures import FAMILIES, MEASURES, PROCEDURE_MEASURES
from domain.rows import ROW_TYPES, DossierRow, UnitCellRow
from sinks.change_batches import PartRow, insert_parts
from sinks.clickhouse import StoreError
from sinks.migrations.m0002_rows import PACKED
from sinks.queries.derived import DERIVED_TABLES, flatten, hash_of, row_sum

TEXTS = (
    "",
    "H44-1",
    "Đã trả kết quả",
    'it\'s "quoted" \\ back',
    "tab\tnewline\n",
    "😀 {[,]}",
    "null",
    "x" * 3_000,
)
INSTANTS = (0, 1, 86_400_000, 1_785_000_000_123, LATEST - 1)
DAYS = (0, 1, 20_666, date_day(date(2199, 12, 31)))
COUNTS = (0, 1, 2**31 - 1, 2**32 - 1)
LAST_OFFSET = 2**53


@pytest.fixture
def database(emptied: str) -> str:
    return emptied


def a_value(rnd: random.Random, name: str, hint: Any, part: str) -> Any:
    if name == "values":
        count = len(PROCEDURE_MEASURES if part == "procedure_days" else MEASURES)
        return tuple(rnd.choice((0, 0, 1, -1, 2**31 - 1, -(2**31))) for _ in range(count))
    if name == "late_from":
        return tuple(rnd.choice((None, *INSTANTS)) for _ in FAMILIES)
    if get_origin(hint) is tuple:
        return tuple(rnd.choice(DAYS if name == "booking_days" else TEXTS) for _ in range(rnd.randrange(4)))
    if isinstance(hint, UnionType):
        if rnd.random() < 0.4:
            return None
        hint = get_args(hint)[0]
    if hint is bool:
        return rnd.random() < 0.5
    if hint is str:
        return rnd.choice(TEXTS)
    if name in ("version", "offset"):
        return rnd.choice((0, 7, LAST_OFFSET))
    if name in ("day", "month", "known_day"):
        return rnd.choice(DAYS)
    if name.endswith("_at") or name in ("start", "until", "due_at_original"):
        return rnd.choice(INSTANTS)
    return rnd.choice(COUNTS)


def a_row(rnd: random.Random, part: str) -> Struct:
    struct = ROW_TYPES[part]
    return struct(*(a_value(rnd, n, h, part) for n, h in get_type_hints(struct).items()))


def plain(value: Any) -> Any:
    """A value of the store as the fold wrote it: instants as milliseconds, days as numbers."""
    if isinstance(value, datetime):
        return to_millis(value.replace(tzinfo=value.tzinfo or UTC))
    if isinstance(value, date):
        return date_day(value)
    if isinstance(value, list | tuple):
        return tuple(plain(v) for v in value)
    return value


def flat(row: Struct, part: str) -> tuple[Any, ...]:
    """A struct as the columns stand: late_from unfolded, and values where the table has a column each."""
    out: list[Any] = []
    unfolded = ("late_from",) if part in PACKED else ("values", "late_from")
    for name in row.__struct_fields__:
        value = getattr(row, name)
        out += value if name in unfolded else [value]
    return tuple(out)


def parts_of(rows: dict[str, list[Struct]], generation: int = 1, partition: int = 3) -> list[PartRow]:
    packed = pack(
        rows,
        generation=generation,
        partition=partition,
        from_offset=0,
        to_offset=0,
        known_at=0,
        clock=0,
        log_id="L",
    )
    changes = [decode_change(value) for value in packed]
    return [(generation, partition, 0, name, bytes(raw)) for c in changes for name, raw in c.parts.items()]


def raw_part(part: str, rows: Any) -> PartRow:
    return (1, 0, 0, part, msgspec.json.encode(rows))


@pytest.mark.parametrize("part", ROW_TYPES)
def test_every_value_comes_back_as_it_was(client: Client, part: str) -> None:
    rnd = random.Random(part)
    rows = [a_row(rnd, part) for _ in range(200)]
    insert_parts(client, parts_of({part: rows}))
    # Rows may share a key: the versions table keeps what `dossiers` replaces; others are compared as sets.
    table = "dossier_versions" if part == "dossiers" else part
    found = client.execute(f"SELECT * FROM {table}")
    assert {row[:2] for row in found} == {(1, 3)}
    expected = {flat(row, part) for row in rows}
    seen = {plain(row[2:]) for row in found}
    assert seen <= expected
    assert len(seen) > 5


def test_a_distinct_row_of_every_part_comes_back_whole(client: Client) -> None:
    rnd = random.Random(1)
    rows = {part: [a_row(rnd, part)] for part in ROW_TYPES}
    insert_parts(client, parts_of(rows))
    for part, (row,) in rows.items():
        [found] = client.execute(f"SELECT * FROM {part} FINAL")
        assert plain(found) == (1, 3, *flat(row, part))


def test_the_store_hashes_rows_as_the_fold_emits_them(client: Client) -> None:
    rnd = random.Random(5)
    rows = {part: [a_row(rnd, part) for _ in range(30)] for part in ROW_TYPES}
    rows["dossiers"] = [dossier(n, dossier_code=f"H44-{n}", is_open=True) for n in range(30)]
    insert_parts(client, parts_of(rows))
    for table in DERIVED_TABLES:
        ordered = sorted(rows[table.part], key=lambda row: getattr(row, "version", 0))
        stand = {table.key_of(flatten(row)): msgspec.json.encode(row) for row in ordered}
        hashes = [*map(hash_of, stand.values())]
        assert row_sum(client, table, 1, 3) == (len(hashes), sum(hashes) % 2**64), table.name
        assert row_sum(client, table, 1, 2) == (0, 0), table.name


def test_writing_twice_changes_nothing(client: Client) -> None:
    rnd = random.Random(2)
    parts = parts_of({part: [a_row(rnd, part) for _ in range(5)] for part in ROW_TYPES})
    insert_parts(client, parts)
    tables = [*ROW_TYPES, "dossier_versions", "open_dossiers"]
    before = {t: sorted(client.execute(f"SELECT * FROM {t} FINAL"), key=repr) for t in tables}
    insert_parts(client, parts)
    assert {t: sorted(client.execute(f"SELECT * FROM {t} FINAL"), key=repr) for t in tables} == before


GOOD_DAY = ["day", "H44", 20_000, 0, 5, [0] * len(MEASURES)]


@pytest.mark.parametrize(
    "rows",
    [
        [["day", "H44", 20_000, 0, 5, [0] * (len(MEASURES) - 1)]],
        [["day", "H44", 20_000, 0, 5, [0] * (len(MEASURES) + 1)]],
        [["day", "H44", 20_000, 0, [0] * len(MEASURES)]],
        [[*GOOD_DAY, "more"]],
        [GOOD_DAY, ["day", "H44", 20_000, 0, 5, "x"]],
        [GOOD_DAY, 7],
        [GOOD_DAY, None],
        [7],
        {"unit": "H44"},
        [],
    ],
)
def test_a_row_that_does_not_fit_throws_and_leaves_its_table_as_it_was(client: Client, rows: Any) -> None:
    with pytest.raises(StoreError, match="change record"):
        insert_parts(client, [raw_part("unit_cells", rows)])
    assert client.execute("SELECT count() FROM unit_cells") == [(0,)]


@pytest.mark.parametrize("fields", [-1, 1])
def test_a_dossier_with_another_number_of_fields_throws(client: Client, fields: int) -> None:
    row = msgspec.to_builtins(a_row(random.Random(3), "dossiers"))
    with pytest.raises(StoreError, match="another number of fields"):
        insert_parts(client, [raw_part("dossiers", [row[:-1] if fields < 0 else [*row, "more"]])])
    for table in ("dossiers", "dossier_versions", "open_dossiers"):
        assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def dossier(version: int, **changes: Any) -> DossierRow:
    row = a_row(random.Random(4), "dossiers")
    assert isinstance(row, DossierRow)
    return replace(row, **{"dossier_code": "H44-1", "version": version, **changes})


def test_the_greatest_version_counts_in_whatever_order_rows_come(client: Client) -> None:
    for version, unit in ((5, "H44.2"), (9, "H44.3"), (2, "H44.1")):
        insert_parts(client, parts_of({"dossiers": [dossier(version, unit=unit, is_open=True)]}))
    for table in ("dossiers", "open_dossiers"):
        assert client.execute(f"SELECT version, unit FROM {table} FINAL") == [(9, "H44.3")]
    versions = client.execute("SELECT version, unit FROM dossier_versions FINAL ORDER BY version")
    assert versions == [(2, "H44.1"), (5, "H44.2"), (9, "H44.3")]


def test_a_closed_dossier_leaves_the_open_ones_and_comes_back_when_reopened(client: Client) -> None:
    for version, is_open, count in ((1, True, 1), (2, False, 0), (3, True, 1)):
        insert_parts(client, parts_of({"dossiers": [dossier(version, is_open=is_open)]}))
        assert client.execute("SELECT count() FROM open_dossiers FINAL") == [(count,)]
        assert client.execute("SELECT count() FROM dossiers FINAL") == [(1,)]


def test_a_cell_that_falls_to_zero_replaces_the_old_one_and_generations_stay_apart(client: Client) -> None:
    ones, zeros = (1,) * len(MEASURES), (0,) * len(MEASURES)
    insert_parts(client, parts_of({"unit_cells": [UnitCellRow("day", "H44", 20_000, 0, 1, ones)]}))
    insert_parts(client, parts_of({"unit_cells": [UnitCellRow("day", "H44", 20_000, 0, 2, zeros)]}))
    insert_parts(client, parts_of({"unit_cells": [UnitCellRow("day", "H44", 20_000, 0, 1, ones)]}, generation=2))
    found = client.execute("SELECT generation, version, entered, `left` FROM unit_cells FINAL ORDER BY generation")
    assert found == [(1, 2, 0, 0), (2, 1, 1, 1)]


def test_one_table_takes_every_part(client: Client) -> None:
    rnd = random.Random(5)
    parts = parts_of({part: [a_row(rnd, part)] for part in ROW_TYPES})
    client.execute("INSERT INTO change_parts (generation, partition, offset, part, value) VALUES", parts)
    for part in ROW_TYPES:
        assert client.execute(f"SELECT count() FROM {part}") == [(1,)]
