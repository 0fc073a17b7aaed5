"""An INSERT is written whole or not at all."""

from collections.abc import Iterator

import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock

from tests.support.embedded_store import (
    Store,
    code_of,
    until_the_end,
)


@pytest.fixture
def exploding(client: Client) -> Iterator[str]:
    """A Null table with two views, the second of which throws at a = 99."""
    for statement in (
        "CREATE TABLE boom (a UInt64) ENGINE = Null",
        "CREATE TABLE boom_1 (a UInt64) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE boom_2 (a UInt64) ENGINE = MergeTree ORDER BY a",
        "CREATE MATERIALIZED VIEW boom_v1 TO boom_1 AS SELECT a FROM boom",
        "CREATE MATERIALIZED VIEW boom_v2 TO boom_2 AS SELECT a FROM boom WHERE throwIf(a = 99) = 0",
    ):
        client.execute(statement)
    yield "boom"
    for name in ("boom_v1", "boom_v2", "boom", "boom_1", "boom_2"):
        client.execute(f"DROP TABLE {name}")


def test_a_view_that_throws_is_reported_and_leaves_nothing_of_any_block(client: Client, exploding: str) -> None:
    small = {"insert_block_size": 2}
    bad = [(n,) for n in range(1, 10)] + [(99,)]
    assert code_of(lambda: client.execute(f"INSERT INTO {exploding} VALUES", bad, settings=small)) == 395
    assert client.execute("SELECT (SELECT count() FROM boom_1), (SELECT count() FROM boom_2)") == [(0, 0)]
    client.execute(f"INSERT INTO {exploding} VALUES", bad[:-1], settings=small)
    assert client.execute("SELECT (SELECT count() FROM boom_1), (SELECT count() FROM boom_2)") == [(9, 9)]


def begin_insert(store: Store, table: str, compression: str | bool = False) -> Client:
    """A client that has sent one good block of an INSERT and not its end."""
    client = store.client(compression=compression)
    client.execute("SELECT 1")
    client.connection.send_query(f"INSERT INTO {table} VALUES")
    client.connection.send_external_tables(None)
    assert client.connection.receive_packet().block is not None
    block = ColumnOrientedBlock([("a", "UInt64"), ("s", "String")], [[1, 2], ["x", "y"]])
    client.connection.send_data(block)
    return client


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_an_abandoned_insert_writes_nothing(
    store: Store, client: Client, table: str, compression: str | bool
) -> None:
    begin_insert(store, table, compression).disconnect()
    client.execute(f"INSERT INTO {table} VALUES", [(5, "after")])
    assert client.execute(f"SELECT * FROM {table}") == [(5, "after")]


def test_an_insert_with_a_broken_block_writes_nothing_and_is_answered(
    store: Store, client: Client, table: str
) -> None:
    broken = begin_insert(store, table, "lz4")
    broken.connection.fout.write(
        b"\x02\x00" + b"\xff" * 16 + b"\x82" + b"\x14\x00\x00\x00\x10\x00\x00\x00" + b"x" * 11
    )
    broken.connection.fout.flush()
    assert until_the_end(broken) == 40
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def test_a_cancelled_insert_writes_nothing_and_the_connection_goes_on(store: Store, table: str) -> None:
    client = begin_insert(store, table)
    client.connection.send_cancel()
    assert until_the_end(client) == 0
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]
