"""Columns that the store keeps: equal to what the engine says, and never older than the tables."""

from clickhouse_driver import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.embedded.described import Described, shape
from tests.support.embedded_store import Store


def columns(client: Client, sql: str) -> list[tuple[str, str]]:
    _, found = client.execute(sql, with_column_types=True)
    return [(name, kind) for name, kind in found]


def test_an_empty_answer_has_its_columns_also_after_the_table_has_changed(client: Client, table: str) -> None:
    asked = f"SELECT * FROM {table} WHERE a = 99999999999"
    assert columns(client, asked) == columns(client, asked) == [("a", "UInt64"), ("s", "String")]
    client.execute(f"ALTER TABLE {table} MODIFY COLUMN s LowCardinality(String)")
    client.execute(f"ALTER TABLE {table} ADD COLUMN b Int8")
    assert columns(client, asked) == [
        ("a", "UInt64"),
        ("s", "LowCardinality(String)"),
        ("b", "Int8"),
    ]


def test_an_insert_meets_the_columns_of_now(client: Client, store: Store, table: str) -> None:
    client.execute(f"INSERT INTO {table} VALUES", [(1, "x")])
    other = store.client()
    other.execute(f"ALTER TABLE {table} ADD COLUMN b Int8")
    client.execute(f"INSERT INTO {table} VALUES", [(2, "y", 3)])
    assert client.execute(f"SELECT * FROM {table} ORDER BY a") == [(1, "x", 0), (2, "y", 3)]
    other.execute(f"DROP TABLE {table}")
    other.execute(f"CREATE TABLE {table} (s String) ENGINE = MergeTree ORDER BY s")
    client.execute(f"INSERT INTO {table} VALUES", [("z",)])
    assert other.execute(f"SELECT * FROM {table}") == [("z",)]


def test_a_table_of_one_session_is_not_another_ones(client: Client, store: Store, table: str) -> None:
    client.execute(f"CREATE TEMPORARY TABLE u{table} (mine Date)")
    client.execute(f"INSERT INTO u{table} VALUES", [])
    assert columns(client, f"SELECT * FROM u{table}") == [("mine", "Date")]
    other = store.client()
    other.execute(f"CREATE TABLE u{table} (a UInt8) ENGINE = MergeTree ORDER BY a")
    assert columns(other, f"SELECT * FROM u{table}") == [("a", "UInt8")]
    assert columns(client, f"SELECT * FROM u{table}") == [("mine", "Date")]


def test_settings_are_part_of_the_question(client: Client, table: str) -> None:
    asked = f"SELECT l.a, r.s FROM {table} AS l LEFT JOIN {table} AS r ON l.a = r.a"
    assert columns(client, asked)[1] == ("r.s", "String")
    _, found = client.execute(asked, with_column_types=True, settings={"join_use_nulls": 1})
    assert found[1] == ("r.s", "Nullable(String)")
    client.execute("SET join_use_nulls = 1")
    assert columns(client, asked)[1] == ("r.s", "Nullable(String)")


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_statements_of_one_shape_have_one_set_of_columns(store: Store, one: int, other: int) -> None:
    asked = [f"SELECT {n} AS a, -{n} AS b, {n}.5 AS c, toTypeName({n}) AS d WHERE 0" for n in (one, other)]
    if shape(asked[0]) == shape(asked[1]):
        with store.client() as client:
            assert columns(client, asked[0]) == columns(client, asked[1])


def test_what_is_said_while_a_table_changes_is_not_kept() -> None:
    described = Described()

    def ask() -> list[tuple[str, str]]:
        described.forget()
        return [("old", "Int8")]

    assert described.columns("x", ask) == [("old", "Int8")]
    assert described.columns("x", lambda: [("new", "Int8")]) == [("new", "Int8")]
    assert described.columns("x", ask) == [("new", "Int8")]
