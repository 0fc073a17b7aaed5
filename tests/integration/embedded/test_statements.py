"""Errors, settings and databases of one connection."""

import pytest
from clickhouse_driver import Client

from domain.errors import Unavailable
from sinks.clickhouse import StoreError, clean_error, clean_errors, connect
from sinks.embedded.errors import EngineError
from sinks.embedded.sql import guard_type
from tests.support.embedded_store import (
    PASSWORDS,
    Store,
    code_of,
)


def test_errors_carry_the_number_of_clickhouse_and_leave_the_connection_usable(client: Client, table: str) -> None:
    assert code_of(lambda: client.execute("SELECT * FROM no_such")) == 60
    assert code_of(lambda: client.execute("SELEC 1")) == 62
    assert code_of(lambda: client.execute("SELECT 1; SELECT 2")) == 62
    assert code_of(lambda: client.execute("INSERT INTO no_such VALUES", [(1,)])) == 60
    assert code_of(lambda: client.execute(f"INSERT INTO {table} (a, b) VALUES", [(1, 2)])) == 16
    assert code_of(lambda: client.execute("SELECT throwIf(number = 99999) FROM numbers(100000)")) == 395
    assert code_of(lambda: client.execute("SELECT 1 INTO OUTFILE '/tmp/never'")) == 48
    assert client.execute("SELECT 1") == [(1,)]


def test_an_error_does_not_close_the_socket(store: Store) -> None:
    client = store.client(disable_reconnect=True)
    client.execute("SELECT 1")
    wire = client.connection
    for statement, code in (("SELECT * FROM no_such", 60), ("SELECT throwIf(1)", 395)):
        wire.send_query(statement)
        wire.send_external_tables(None)
        packet = wire.receive_packet()
        while packet.exception is None:
            packet = wire.receive_packet()
        assert packet.exception.code == code
    wire.is_query_executing = False
    assert client.execute("SELECT 2") == [(2,)]


def test_external_tables_live_as_long_as_their_statement(client: Client, reader: Client) -> None:
    rows = [{"x": 1, "s": "a"}, {"x": 2, "s": None}]
    tables = [
        {"name": "ext", "structure": [("x", "Int32"), ("s", "LowCardinality(Nullable(String))")], "data": rows}
    ]
    for who in (client, reader):
        found = who.execute(
            "SELECT x, s FROM ext WHERE x IN (SELECT x FROM ext) ORDER BY x", external_tables=tables
        )
        assert found == [(1, "a"), (2, None)]
        assert code_of(lambda who=who: who.execute("SELECT * FROM ext")) == 60  # type: ignore[misc]


@pytest.mark.parametrize(
    "kind", ["Int32) ENGINE = URL('http://127.0.0.1:1/'", "Int32 DEFAULT file('/etc/passwd')"]
)
def test_the_type_of_an_external_column_is_nothing_but_a_type(kind: str) -> None:
    with pytest.raises(EngineError):
        guard_type(kind)


def test_settings_of_a_statement_end_with_it(store: Store, client: Client) -> None:
    other = store.client()
    probe = "SELECT getSetting('max_block_size'), getSetting('max_threads')"
    before = client.execute(probe)
    assert client.execute(probe, settings={"max_block_size": 123, "max_threads": 7}) == [(123, 7)]
    assert client.execute(probe) == before
    assert client.execute(probe, settings={"max_block_size": 5, "no_such_setting": 1})[0][0] == 5
    assert other.execute(probe) == before
    client.execute("SET max_block_size = 77")
    assert client.execute(probe, settings={"max_block_size": 9})[0][0] == 9
    assert client.execute(probe)[0][0] == 77
    assert other.execute(probe) == before
    assert client.execute("SELECT getSetting('async_insert')") == [(False,)]


def test_an_important_setting_that_does_not_exist_is_an_error(store: Store) -> None:
    client = store.client(settings_is_important=True)
    assert code_of(lambda: client.execute("SELECT 1", settings={"no_such_setting": 1})) == 115


def test_a_connection_has_its_own_database(store: Store, client: Client) -> None:
    client.execute("CREATE DATABASE IF NOT EXISTS own")
    client.execute("CREATE TABLE IF NOT EXISTS own.here (a UInt8) ENGINE = Memory")
    inside = store.client(database="own")
    assert inside.execute("SELECT currentDatabase()") == [("own",)]
    inside.execute("INSERT INTO here VALUES", [(1,)])
    assert client.execute("SELECT currentDatabase(), (SELECT count() FROM own.here)") == [("default", 1)]
    client.execute("USE own")
    assert client.execute("SELECT count() FROM here") == [(1,)]
    assert code_of(lambda: store.client(database="nowhere").execute("SELECT 1")) == 81


def test_errors_are_clean_at_the_boundary(store: Store) -> None:
    url = f"clickhouse://writer:{PASSWORDS['writer']}@127.0.0.1:{store.native}/default?compression=zstd"
    client = connect(url)
    with pytest.raises(StoreError) as caught, clean_errors():
        client.execute("SELECT * FROM no_such")
    assert caught.value.code == 60
    assert "Stack trace" not in str(caught.value)
    with pytest.raises(Unavailable), clean_errors():
        connect("clickhouse://127.0.0.1:1/", connect_timeout=1).execute("SELECT 1")
    assert isinstance(clean_error(EOFError()), Unavailable)
