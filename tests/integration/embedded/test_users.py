"""What each user may do."""

from pathlib import Path

import pytest
from clickhouse_driver import Client

from tests.support.embedded_store import (
    Store,
    code_of,
)


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
