"""The embedded store as its clients see it: a real process, clickhouse-driver and HTTP."""

import base64
import contextlib
import ipaddress
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.errors import PartiallyConsumedQueryError, ServerException, TypeMismatchError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Unavailable
from sinks.clickhouse import StoreError, clean_error, clean_errors, connect

PASSWORDS = {"writer": "w-đúng", "reader": "r-đúng"}
COMPRESSIONS = [False, "lz4", "lz4hc", "zstd"]


@dataclass
class Store:
    """A running store process."""

    process: "subprocess.Popen[str]"
    native: int
    http: int

    def client(self, user: str = "writer", **options: Any) -> Client:
        options = {"password": PASSWORDS.get(user, ""), **options}
        return connect({"host": "127.0.0.1", "port": self.native, "user": user}, **options)

    def get(self, query: str, **options: Any) -> httpx.Response:
        params = {"query": query, **options.pop("params", {})}
        options.setdefault("auth", ("reader", PASSWORDS["reader"]))
        return httpx.get(f"http://127.0.0.1:{self.http}/", params=params, **options)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


def start(folder: Path) -> Store:
    passwords = folder / "passwords.json"
    folder.mkdir(exist_ok=True)
    passwords.write_text(json.dumps(PASSWORDS))
    command = [sys.executable, "-m", "sinks.embedded", "--path", str(folder / "store")]
    process = subprocess.Popen(
        [*command, "--passwords-file", str(passwords)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[0] == "ready", words
    ports = dict(word.split("=") for word in words[1:])
    return Store(process, int(ports["native"]), int(ports["http"]))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    running = start(tmp_path_factory.mktemp("embedded"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(store: Store) -> Iterator[Client]:
    found = store.client()
    yield found
    found.disconnect()


@pytest.fixture
def reader(store: Store) -> Iterator[Client]:
    found = store.client("reader")
    yield found
    found.disconnect()


@pytest.fixture
def table(client: Client) -> str:
    name = "t_" + uuid.uuid4().hex
    client.execute(f"CREATE TABLE {name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    return name


def code_of(call: Callable[[], Any]) -> int:
    with pytest.raises(ServerException) as caught:
        call()
    return int(caught.value.code)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def running_queries(client: Client, mark: str) -> int:
    found = client.execute(
        "SELECT count() FROM system.processes WHERE query LIKE %(like)s AND query NOT LIKE '%%system.processes%%'",
        {"like": f"%{mark}%"},
    )
    return int(found[0][0])


# Values through the native protocol


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


# Errors, settings, sessions


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


def test_external_tables_are_refused_clearly(client: Client) -> None:
    tables = [{"name": "ext", "structure": [("x", "Int32")], "data": [{"x": 1}]}]
    assert code_of(lambda: client.execute("SELECT * FROM ext", external_tables=tables)) == 48
    assert client.execute("SELECT 1") == [(1,)]


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


# Whole inserts


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
    assert broken.connection.receive_packet().exception.code == 40
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def test_a_cancelled_insert_writes_nothing_and_the_connection_goes_on(store: Store, table: str) -> None:
    client = begin_insert(store, table)
    client.connection.send_cancel()
    client.connection.receive_packet()
    client.connection.is_query_executing = False
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


# Many clients, clients that leave


def test_four_clients_write_and_read_at_once_without_mixing(store: Store, client: Client, table: str) -> None:
    failures: list[BaseException] = []

    def work(who: int) -> None:
        try:
            own = store.client(compression=COMPRESSIONS[who % 4])
            for turn in range(10):
                own.execute(
                    f"INSERT INTO {table} VALUES", [(who * 10_000 + turn * 100 + n, str(who)) for n in range(100)]
                )
                found = own.execute(f"SELECT count(), uniqExact(s) FROM {table} WHERE s = %(w)s", {"w": str(who)})
                assert found == [((turn + 1) * 100, 1)]
            own.disconnect()
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert client.execute(f"SELECT count(), uniqExact(a) FROM {table}") == [(4000, 4000)]


def test_a_client_that_does_not_read_its_answer_holds_up_nobody(store: Store, client: Client, table: str) -> None:
    lazy = store.client()
    lazy.execute("SELECT 1")
    lazy.connection.send_query("SELECT number, 'lazy' FROM numbers(1000000000)")
    lazy.connection.send_external_tables(None)
    until(lambda: running_queries(client, "'lazy'") == 1)
    client.execute(f"INSERT INTO {table} VALUES", [(1, "x")])
    assert client.execute(f"SELECT count() FROM {table}") == [(1,)]
    client.execute(f"DROP TABLE {table}")
    lazy.disconnect()
    until(lambda: running_queries(client, "'lazy'") == 0)


def test_a_statement_whose_client_has_gone_is_stopped(store: Store, client: Client) -> None:
    gone = store.client()
    gone.execute("SELECT 1")
    gone.connection.send_query("SELECT sum(sipHash64(number, 'left')) FROM numbers(1000000000000)")
    gone.connection.send_external_tables(None)
    until(lambda: running_queries(client, "'left'") == 1)
    gone.disconnect()
    until(lambda: running_queries(client, "'left'") == 0)


def test_a_cancelled_statement_ends_and_the_connection_goes_on(store: Store, client: Client) -> None:
    own = store.client()
    own.execute("SELECT 1")
    own.connection.send_query("SELECT sum(sipHash64(number, 'stop')) FROM numbers(1000000000000)")
    own.connection.send_external_tables(None)
    until(lambda: running_queries(client, "'stop'") == 1)
    own.connection.send_cancel()
    until(lambda: running_queries(client, "'stop'") == 0)
    own.connection.receive_packet()
    own.connection.is_query_executing = False
    assert own.execute("SELECT 3") == [(3,)]


def test_bytes_that_are_no_protocol_do_not_disturb_others(store: Store, client: Client) -> None:
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x00", b"\xff" * 100, b"\x00\x05abc"):
        with socket.create_connection(("127.0.0.1", store.native)) as sock, contextlib.suppress(OSError):
            sock.sendall(rubbish)
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(30)
            while sock.recv(1 << 16):
                pass
    assert client.execute("SELECT 1") == [(1,)]


# Users


@pytest.mark.parametrize(
    ("user", "password"), [("writer", "wrong"), ("reader", ""), ("nobody", "x"), ("reader", "w-đúng")]
)
def test_a_wrong_name_or_password_is_refused(store: Store, user: str, password: str) -> None:
    client = store.client(user, password=password)
    assert code_of(lambda: client.execute("SELECT 1")) == 516


def test_a_reader_reads(reader: Client, table: str) -> None:
    assert reader.execute(f"WITH 1 AS one SELECT one, count() FROM {table}") == [(1, 0)]
    assert (table,) in reader.execute("SHOW TABLES")
    assert reader.execute("SELECT sum(number) FROM numbers(10)") == [(45,)]
    assert reader.execute("SELECT max(number) FROM numbers(10)", settings={"max_block_size": 3}) == [(9,)]


WRITES = [
    "INSERT INTO {t} SELECT 1, 'x'",
    "CREATE TABLE other (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE other (a UInt8)",
    "DROP TABLE {t}",
    "TRUNCATE TABLE {t}",
    "ALTER TABLE {t} DELETE WHERE 1",
    "OPTIMIZE TABLE {t}",
    "SET readonly = 0",
    "SET max_execution_time = 0",
    "KILL QUERY WHERE 1",
    "SYSTEM STOP MERGES",
    "EXPLAIN SELECT 1; DROP TABLE {t}",
    "WITH 1 AS x INSERT INTO {t} SELECT x, 'x'",
    "SELECT 1 SETTINGS max_result_rows = 0, max_execution_time = 0",
    "SELECT 1 SETTINGS readonly = 0",
]


@pytest.mark.parametrize("statement", WRITES)
def test_a_reader_cannot_write_or_lift_its_limits(
    store: Store, table: str, client: Client, statement: str
) -> None:
    text = statement.format(t=table)
    reader = store.client("reader")
    assert code_of(lambda: reader.execute(text)) in (62, 164, 497)
    assert store.get(text).status_code in (400, 403)
    assert client.execute(f"EXISTS TABLE {table}") == [(1,)]
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


OUTSIDE = [
    "SELECT * FROM file('{f}')",
    "SELECT file('{f}')",
    "SELECT `file`('{f}')",
    "SELECT \"f\\x69le\"('{f}')",
    "SELECT file /* */ ('{f}')",
    "SELECT arrayMap(file, ['{f}'])",
    "SELECT arrayMap(x -> file(x), ['{f}'])",
    "SELECT * APPLY file FROM (SELECT '{f}')",
    "SELECT * APPLY(file) FROM (SELECT '{f}')",
    "SELECT (SELECT * FROM (SELECT * FROM file('{f}', 'LineAsString')) LIMIT 1)",
    "DESCRIBE TABLE file('{f}')",
    "EXPLAIN SELECT file('{f}')",
    "SELECT * FROM `{f}`",
    "SELECT * FROM '{f}'",
    "SELECT * FROM default.`{f}`",
    "SELECT 1 INTO OUTFILE '{f}.out'",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM (SELECT * FROM UrL('http://127.0.0.1:1/', 'CSV', 'a String'))",
    "SELECT * FROM s3('http://127.0.0.1:1/b/k')",
    "SELECT * FROM remote('127.0.0.1', 'system.one')",
    "SELECT * FROM executable('cat', 'CSV', 'a String')",
    "SELECT * FROM loop(sqlite('{f}', 't'))",
    "SELECT * FROM Python('passwords')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT aiGenerate('a', 'b')",
]


@pytest.mark.parametrize("statement", OUTSIDE)
def test_a_reader_cannot_reach_outside_the_store(store: Store, tmp_path: Path, statement: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a-secret,1\n")
    text = statement.format(f=secret)
    assert code_of(lambda: store.client("reader").execute(text)) in (48, 60, 164, 497)
    answer = store.get(text)
    assert answer.status_code in (403, 404, 501)
    assert "a-secret" not in answer.text
    assert list(tmp_path.iterdir()) == [secret]


def test_a_parameter_cannot_name_a_function_for_a_reader(store: Store, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a-secret")
    answer = store.get(f"SELECT arrayMap({{f:Identifier}}, ['{tmp_path}/s'])", params={"param_f": "file"})
    assert answer.status_code == 403
    assert "a-secret" not in answer.text


def test_a_reader_may_lower_its_limits_but_not_raise_them(reader: Client) -> None:
    probe = "SELECT getSetting('max_execution_time'), getSetting('max_result_rows')"
    ceiling = reader.execute(probe)
    assert ceiling[0][0] > 0
    assert reader.execute(probe, settings={"max_execution_time": 0, "max_result_rows": 10**12}) == ceiling
    assert reader.execute(probe, settings={"max_result_rows": 1})[0][1] == 1
    rows = "SELECT number FROM numbers(1000)"
    assert code_of(lambda: reader.execute(rows, settings={"max_result_rows": 10, "max_block_size": 10})) == 396
    assert len(reader.execute(rows)) == 1000


# HTTP


def test_ping_needs_no_password(store: Store) -> None:
    assert httpx.get(f"http://127.0.0.1:{store.http}/ping").text == "Ok.\n"


def test_http_takes_the_readers_password_in_every_usual_way(store: Store) -> None:
    address = f"http://127.0.0.1:{store.http}/"
    password = PASSWORDS["reader"]
    ask = {"query": "SELECT 1"}
    assert httpx.get(address, params=ask, auth=("reader", password)).text == "1\n"
    assert httpx.get(address, params={**ask, "user": "reader", "password": password}).text == "1\n"
    headers = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "wrong"}
    assert httpx.get(address, params=ask, headers=headers).status_code == 403
    assert httpx.get(address, params=ask).status_code == 401
    wrong = httpx.get(address, params=ask, auth=("reader", "wrong"))
    assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert httpx.get(address, params=ask, auth=("writer", PASSWORDS["writer"])).status_code == 403


def test_http_answers_in_the_format_asked_for(store: Store) -> None:
    rows = "SELECT 1 AS a, 'x' AS b"
    assert store.get(rows + " FORMAT JSON").json()["data"] == [{"a": 1, "b": "x"}]
    answer = store.get(rows, params={"default_format": "JSONCompact"})
    assert answer.json()["data"] == [[1, "x"]]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert store.get(rows + " FORMAT CSVWithNames").text == '"a","b"\n1,"x"\n'
    posted = httpx.post(
        f"http://127.0.0.1:{store.http}/", content=rows.encode(), auth=("reader", PASSWORDS["reader"])
    )
    assert posted.text == "1\tx\n"


def test_http_takes_parameters_databases_and_settings(store: Store) -> None:
    answer = store.get(
        "SELECT {n:UInt8}, {s:String}, currentDatabase(), getSetting('max_block_size')",
        params={"param_n": "7", "param_s": "x'y", "database": "system", "max_block_size": "11"},
    )
    assert answer.text == "7\tx\\'y\tsystem\t11\n"


def test_http_gives_native_blocks_at_the_revision_a_client_names(store: Store) -> None:
    rows = "SELECT 1::UInt8 AS a FORMAT Native"
    assert store.get(rows).content == b"\1\1\1a\5UInt8\1"
    info = b"\1\0\2\xff\xff\xff\xff\0"
    old, new = {"client_protocol_version": "54442"}, {"client_protocol_version": "54460"}
    assert store.get(rows, params=old).content == info + b"\1\1\1a\5UInt8\1"
    assert store.get(rows, params=new).content == info + b"\1\1\1a\5UInt8\0\1"


def test_a_http_statement_whose_client_has_gone_is_stopped(store: Store, client: Client) -> None:
    with socket.create_connection(("127.0.0.1", store.http)) as sock:
        token = base64.b64encode(f"reader:{PASSWORDS['reader']}".encode()).decode()
        query = b"SELECT sum(sipHash64(number, 'web')) FROM numbers(1000000000000)"
        head = f"POST / HTTP/1.1\r\nAuthorization: Basic {token}\r\nContent-Length: {len(query)}\r\n\r\n"
        sock.sendall(head.encode() + query)
        until(lambda: running_queries(client, "'web'") == 1)
    until(lambda: running_queries(client, "'web'") == 0)


def test_http_errors_carry_code_and_status(store: Store) -> None:
    for query, status, code in (
        ("SELECT * FROM no_such", 404, "60"),
        ("SELEC 1", 403, "497"),
        ("SELECT (", 400, "62"),
    ):
        answer = store.get(query)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
        assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


# What the schema relies on


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


# The process


def test_what_was_written_is_there_after_a_restart_and_no_process_stays(tmp_path: Path) -> None:
    first = start(tmp_path)
    client = first.client()
    client.execute("CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO kept VALUES", [(1,), (2,)])
    assert first.stop() == 0
    assert not psutil.pid_exists(first.process.pid)
    second = start(tmp_path)
    try:
        assert second.client("reader").execute("SELECT sum(a) FROM kept") == [(3,)]
    finally:
        assert second.stop() == 0


def test_a_stop_ends_statements_that_would_run_on(tmp_path: Path) -> None:
    running = start(tmp_path)
    busy, probe = running.client(), running.client()
    busy.execute("SELECT 1")
    busy.connection.send_query("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)")
    busy.connection.send_external_tables(None)
    until(lambda: running_queries(probe, "sipHash64") == 1)
    assert running.stop() == 0


def test_a_folder_in_use_is_refused_with_one_line(tmp_path: Path) -> None:
    first = start(tmp_path)
    try:
        command = [sys.executable, "-m", "sinks.embedded", "--path", str(tmp_path / "store")]
        second = subprocess.run(
            [*command, "--passwords-file", str(tmp_path / "passwords.json")],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            timeout=60,
            check=False,
        )
        assert second.returncode == 4
        assert len(second.stderr.strip().splitlines()) == 1
    finally:
        first.stop()


# The client factory


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
