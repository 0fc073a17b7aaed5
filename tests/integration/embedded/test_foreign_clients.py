"""Clients that nobody here wrote: clickhouse-go as Grafana uses it, clickhouse-connect, curl."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_driver import Client

from tests.support.embedded_store import PASSWORDS, ROOT, Store, code_of, running_queries, until

GO_PROGRAM = ROOT / "tests" / "clients" / "clickhouse-go"
GO_VALUES = {
    "time": 1785517200123,
    "day": "2199-12-31",
    "low": "Hà Nội",
    "nothing": None,
    "some": 2.5,
    "list": [1, 2, 3],
    "labels": {"a": 1},
    "amount": "1.25",
    "id": "00000000-0000-0000-0000-000000000007",
    "yes": True,
}


def test_grafanas_go_client_gets_the_same_over_both_protocols_in_every_compression(
    store: Store, client: Client, table: str, tmp_path: Path
) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("the Go toolchain is not installed")
    program = tmp_path / "asks"
    # Not optimised: on a machine without Go's cache that is a third of the time less.
    build = [go, "build", "-gcflags=all=-N -l", "-o", str(program), "."]
    built = subprocess.run(build, cwd=GO_PROGRAM, capture_output=True, text=True)
    if built.returncode and "dial tcp" in built.stderr:
        pytest.skip("the Go modules are neither cached nor reachable")
    assert built.returncode == 0, built.stderr
    asked = subprocess.run(
        [program, str(store.native), str(store.http), table],
        env={**os.environ, "STORE_PASSWORD": PASSWORDS["reader"]},
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, asked.stderr
    answers = {said.pop("way"): said for said in map(json.loads, asked.stdout.splitlines())}
    assert len(answers) == 7
    for way, said in answers.items():
        assert "default" in said["databases"], way
        assert said["tables"] == [table]
        assert said["columns"] == {"a": "UInt64", "s": "String"}
        assert said["types"]["time"] == "DateTime64(3, 'Asia/Ho_Chi_Minh')"
        assert said["values"] == GO_VALUES, way
        assert (said["sum"], said["bound"], said["code"]) == (300_000 * 299_999 // 2, "Đống Đa's", 60)
        if way.endswith("none"):
            assert (said["timeout"], said["cancelled"]) == (159, True)
            assert said["external"] == (45 if way.startswith("native") else 0)
    until(lambda: running_queries(client, "'go'") == 0)


def connected(store: Store, **options: Any) -> Any:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=store.http, username="reader", password=PASSWORDS["reader"], **options
    )


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_clickhouse_connect_streams_a_long_answer_in_every_compression(store: Store, compress: str | bool) -> None:
    client = connected(store, compress=compress)
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(300000)") as blocks:
        assert sum(row[0] for block in blocks for row in block) == 300_000 * 299_999 // 2
    client.close()


def test_clickhouse_connect_binds_parameters_and_sees_every_kind_of_statement(store: Store, table: str) -> None:
    client = connected(store)
    bound = client.query(
        "SELECT {n:UInt8}, {s:String}, {l:Array(String)}", {"n": 7, "s": "x'y\t", "l": ["a", "b'"]}
    )
    assert bound.result_rows == [(7, "x'y\t", ["a", "b'"])]
    assert ("default",) in client.query("SHOW DATABASES").result_rows
    assert client.query(f"DESCRIBE TABLE {table}").result_rows[0][:2] == ("a", "UInt64")
    assert client.query(f"SELECT * FROM {table}").column_names == ("a", "s")
    assert client.command("SELECT 1 SETTINGS max_execution_time = 5") == 1
    assert client.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
    client.close()


def test_clickhouse_connect_sees_an_error_before_and_in_the_middle_of_an_answer(store: Store) -> None:
    client = connected(store)
    for rows, bad in ((10, 1), (3_000_000, 2_900_000)):
        with pytest.raises(ClickHouseError, match="throwIf"):
            client.query(f"SELECT throwIf(number = {bad}), toString(number) FROM numbers({rows})")
    assert client.command("SELECT 1") == 1
    client.close()


def curl(store: Store, *options: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    user = f"reader:{PASSWORDS['reader']}"
    command = [program, "--silent", "--show-error", "--user", user, f"http://127.0.0.1:{store.http}/", *options]
    return subprocess.run(command, capture_output=True, text=True)


def test_curl_posts_a_statement_and_reads_any_format(store: Store) -> None:
    assert curl(store, "--data-binary", "SELECT 1 AS a FORMAT JSONEachRow").stdout == '{"a":1}\n'
    assert "application/json" in curl(store, "-i", "--data-binary", "SELECT 1 FORMAT JSON").stdout
    rows = "SELECT number FROM numbers(400000) FORMAT JSONCompact"
    for options in ([], ["--http1.0"], ["--compressed", "--url-query", "enable_http_compression=1"]):
        answer = json.loads(curl(store, *options, "--data-binary", rows).stdout)
        assert (answer["rows"], len(answer["data"])) == (400_000, 400_000)


def test_curl_fails_when_an_answer_breaks_off(store: Store) -> None:
    broken = curl(store, "--data-binary", "SELECT throwIf(number = 2900000), number FROM numbers(3000000)")
    assert broken.returncode == 18  # partial file
    assert "__exception__" in broken.stdout
    assert "Code: 395" in broken.stdout


def test_the_python_drivers_own_parameters_are_sent_to_the_engine(store: Store) -> None:
    for user in ("writer", "reader"):
        client = store.client(user, settings={"server_side_params": True})
        awkward = "O'Hara \\ \n đ"
        found = client.execute("SELECT {s:String}, {n:Nullable(Int32)}", {"s": awkward, "n": 5})
        assert found == [(awkward, 5)]
        assert code_of(lambda c=client: c.execute("SELECT {missing:String}", {"s": "x"})) == 456  # type: ignore[misc]
        client.disconnect()
