"""Values through the native protocol come back as they went in."""

import ipaddress
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import PartiallyConsumedQueryError, TypeMismatchError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.embedded_store import (
    COMPRESSIONS,
    Store,
)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_rows_come_back_as_they_were_inserted_in_every_compression(
    store: Store, table: str, compression: str | bool
) -> None:
    client = store.client(compression=compression)
    rows = [(i, f"hồ sơ {i}" * (i % 50)) for i in range(20_000)]
    assert client.execute(f"INSERT INTO {table} (a, s) VALUES", rows) == 20_000
    assert client.execute(f"SELECT a, s FROM {table} ORDER BY a") == rows
    client.disconnect()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INSTANT = st.integers(31_536_000_000, 7_258_118_400_000).map(
    lambda ms: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
)
NAMED = st.sampled_from(["accepted", "finished", "a, b", "c)"])
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "UInt8": st.integers(0, 255),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "UInt256": st.integers(0, 2**256 - 1),
    "Float64": st.floats(allow_nan=False),
    "Bool": st.booleans(),
    "String": TEXT,
    "FixedString(3)": st.just("abc"),
    "UUID": st.uuids(),
    "Date": st.dates(date(1970, 1, 2), date(2100, 1, 1)),
    "Date32": st.dates(date(1910, 1, 1), date(2200, 1, 1)),
    "DateTime64(3, 'Asia/Ho_Chi_Minh')": INSTANT,
    "DateTime64(3, 'UTC')": INSTANT,
    "Nullable(DateTime64(3, 'UTC'))": st.none() | INSTANT,
    "Decimal(20, 4)": st.integers(-(10**15), 10**15).map(lambda n: Decimal(n) / 10**4),
    "Enum8('accepted' = 1, 'finished' = 2, 'a, b' = 3, 'c)' = 4)": NAMED,
    "IPv6": st.integers(2**64, 2**128 - 1).map(ipaddress.IPv6Address),
    "LowCardinality(String)": NAMED,
    "LowCardinality(Nullable(String))": st.none() | NAMED,
    "Nullable(String)": st.none() | TEXT,
    "Array(Nullable(Int32))": st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=4),
    "Array(LowCardinality(String))": st.lists(NAMED, max_size=4),
    "Array(Array(String))": st.lists(st.lists(TEXT, max_size=3), max_size=3),
    "Tuple(x UInt8, `y z` String)": st.tuples(st.integers(0, 255), TEXT),
    "Array(Tuple(LowCardinality(String), Array(Nullable(UUID))))": st.lists(
        st.tuples(NAMED, st.lists(st.none() | st.uuids(), max_size=3)), max_size=3
    ),
    "Map(LowCardinality(String), UInt32)": st.dictionaries(NAMED, st.integers(0, 2**32 - 1), max_size=3),
    "Map(String, Array(UInt8))": st.dictionaries(TEXT, st.lists(st.integers(0, 255), max_size=2), max_size=3),
}
ROWS = st.lists(st.tuples(st.sampled_from([0]), *COLUMNS.values()), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def typed(store: Store) -> Iterator[Callable[[list[Any]], list[Any]]]:
    """Writes rows of every type and gives what is then read, through a compressed connection."""
    client = store.client(compression="lz4")
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(COLUMNS))
    client.execute(f"CREATE TABLE typed (n UInt64, {columns}) ENGINE = Memory")

    def write_and_read(rows: list[Any]) -> list[Any]:
        client.execute("TRUNCATE TABLE typed")
        client.execute("INSERT INTO typed VALUES", [(n, *row[1:]) for n, row in enumerate(rows)])
        return [row[1:] for row in client.execute("SELECT * FROM typed ORDER BY n")]

    yield write_and_read
    client.disconnect()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=ROWS)
def test_every_type_of_the_schema_survives_a_round_trip(
    typed: Callable[[list[Any]], list[Any]], rows: list[Any]
) -> None:
    for wrote, read in zip(rows, typed(rows), strict=True):
        for kind, left, right in zip(COLUMNS, wrote[1:], read, strict=True):
            assert left == right, kind


def test_an_empty_result_still_has_names_and_types(client: Client, table: str) -> None:
    _, columns = client.execute(f"SELECT a AS `mã`, toLowCardinality(s) AS l FROM {table}", with_column_types=True)
    assert columns == [("mã", "UInt64"), ("l", "LowCardinality(String)")]
    rows, columns = client.execute(
        "SELECT 1 AS a, 'x' AS b, [number] AS c FROM numbers(2)", with_column_types=True
    )
    assert rows == [(1, "x", [0]), (1, "x", [1])]
    assert columns == [("a", "UInt8"), ("b", "String"), ("c", "Array(UInt64)")]
    _, columns = client.execute("SHOW TABLES LIKE 'no such'", with_column_types=True)
    assert columns == [("name", "String")]
    _, columns = client.execute("WITH 1 AS x SELECT x, NULL AS n WHERE 0 -- end", with_column_types=True)
    assert columns == [("x", "UInt8"), ("n", "Nullable(Nothing)")]


def test_show_describe_explain_and_exists_answer(client: Client, table: str) -> None:
    assert (table,) in client.execute("SHOW TABLES")
    assert [row[:2] for row in client.execute(f"DESCRIBE TABLE {table}")] == [("a", "UInt64"), ("s", "String")]
    assert client.execute(f"EXISTS TABLE {table}") == [(1,)]
    assert client.execute("EXPLAIN SELECT 1")
    assert client.execute("(SELECT 1) UNION ALL (SELECT 1)") == [(1,), (1,)]
    assert client.execute("FROM system.one SELECT dummy FORMAT JSON;") == [(0,)]


def test_a_long_result_can_be_read_row_by_row(client: Client) -> None:
    rows = client.execute_iter("SELECT number FROM numbers(300000)", settings={"max_block_size": 5000})
    assert sum(row[0] for row in rows) == 300_000 * 299_999 // 2


def test_a_result_left_half_read_does_not_spoil_the_next_connection(store: Store) -> None:
    client = store.client()
    rows = client.execute_iter("SELECT number FROM numbers(50000000)", settings={"max_block_size": 1000})
    assert next(iter(rows)) == (0,)
    with pytest.raises(PartiallyConsumedQueryError):
        client.execute("SELECT 1")
    assert client.execute("SELECT 1") == [(1,)]


def test_columnar_dictionary_and_small_block_inserts_write_the_same(client: Client, table: str) -> None:
    client.execute(f"INSERT INTO {table} VALUES", [[1, 2], ["a", "b"]], columnar=True)
    client.execute(f"INSERT INTO {table} VALUES", [{"a": 3, "s": "c"}], types_check=True)
    client.execute(
        f"INSERT INTO {table} (s, a) VALUES",
        ((str(n), n) for n in range(4, 1000)),
        settings={"insert_block_size": 7},
    )
    assert client.execute(f"SELECT count(), sum(a), min(s) FROM {table}") == [(999, 999 * 1000 // 2, "10")]


def test_a_value_of_the_wrong_type_is_refused_before_anything_is_written(client: Client, table: str) -> None:
    with pytest.raises(TypeMismatchError):
        client.execute(f"INSERT INTO {table} VALUES", [("x", "y")], types_check=True)
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def test_columns_left_out_get_their_defaults(client: Client) -> None:
    client.execute(
        "CREATE TABLE defaults (a UInt8, d UInt16 DEFAULT a + 1, m UInt8 MATERIALIZED 7,"
        " l String ALIAS toString(a)) ENGINE = Memory"
    )
    client.execute("INSERT INTO defaults (a) VALUES", [(1,)])
    client.execute("INSERT INTO defaults VALUES", [(2, 9)])
    assert client.execute("SELECT a, d, m, l FROM defaults ORDER BY a") == [(1, 2, 7, "1"), (2, 9, 7, "2")]


def test_awkward_column_names_can_be_inserted(client: Client) -> None:
    client.execute("CREATE TABLE awkward (`a, b` UInt8, `c\\`d` String, n Nested(x UInt8)) ENGINE = Memory")
    client.execute("INSERT INTO awkward (`c\\`d`, `a, b`, n.x) VALUES", [("s", 1, [2, 3])])
    client.execute("INSERT INTO awkward VALUES", [(4, "t", [])])
    assert client.execute("SELECT * FROM awkward ORDER BY 1") == [(1, "s", [2, 3]), (4, "t", [])]


def test_inline_values_and_insert_select_work(client: Client, table: str) -> None:
    client.execute(f"INSERT INTO {table} VALUES (1, 'x;y'), (2, 'VALUES')")
    client.execute(f"INSERT INTO {table} SELECT number, 'z' FROM numbers(3, 2)")
    client.execute(f"WITH 5 AS five INSERT INTO {table} SELECT five, 'w'")
    expected = [(1, "x;y"), (2, "VALUES"), (3, "z"), (4, "z"), (5, "w")]
    assert client.execute(f"SELECT a, s FROM {table} ORDER BY a") == expected


def test_parameters_are_substituted_with_their_quotes(client: Client) -> None:
    awkward = "O'Hara \\ \n \t %(x)s ; --"
    rows = client.execute(
        "SELECT %(s)s, %(n)s, %(l)s, toDate(%(d)s), toUUID(%(u)s)",
        {"s": awkward, "n": None, "l": ["a'", "b"], "d": date(2026, 8, 1), "u": uuid.UUID(int=7)},
    )
    assert rows == [(awkward, None, ["a'", "b"], date(2026, 8, 1), uuid.UUID(int=7))]


def test_a_null_table_explodes_json_into_rows_by_views(client: Client) -> None:
    for statement in (
        "CREATE TABLE raw (partition UInt8, offset UInt64, value String) ENGINE = Null",
        "CREATE TABLE exploded (code String, n Int32, version UInt64, is_deleted UInt8, day Date)"
        " ENGINE = ReplacingMergeTree(version, is_deleted) PARTITION BY toYYYYMM(day) ORDER BY (code, day)",
        "CREATE MATERIALIZED VIEW explode TO exploded AS SELECT row.1 AS code, row.2 AS n, offset AS version,"
        " row.3 AS is_deleted, toDate(row.4) AS day FROM raw ARRAY JOIN"
        " JSONExtract(value, 'rows', 'Array(Tuple(String, Int32, UInt8, String))') AS row",
        "CREATE VIEW current AS SELECT code, n FROM exploded FINAL",
    ):
        client.execute(statement)
    value = json.dumps({"rows": [["đ-1", 1, 0, "2026-07-01"], ["đ-2", 2, 0, "2026-08-01"]]})
    client.execute("INSERT INTO raw VALUES", [(0, 1, value)])
    value = json.dumps({"rows": [["đ-1", 5, 0, "2026-07-01"], ["đ-2", 2, 1, "2026-08-01"]]})
    for _ in range(2):
        client.execute("INSERT INTO raw VALUES", [(0, 2, value)])
    assert client.execute("SELECT * FROM current") == [("đ-1", 5)]
    client.execute("ALTER TABLE exploded DROP PARTITION 202607")
    assert client.execute("SELECT count() FROM exploded FINAL") == [(0,)]
