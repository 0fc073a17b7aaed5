"""The HTTP port."""

import base64
import socket

import httpx
from clickhouse_driver import Client

from tests.support.embedded_store import (
    PASSWORDS,
    Store,
    running_queries,
    until,
)


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


def test_a_client_that_waits_or_idles_keeps_nobody_from_being_noticed(store: Store, client: Client) -> None:
    """A live statement and an idle kept connection come first; the one that hangs up must still be stopped."""
    token = base64.b64encode(f"reader:{PASSWORDS['reader']}".encode()).decode()

    def asked(mark: str) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", store.http))
        query = f"SELECT sum(sipHash64(number, '{mark}')) FROM numbers(1000000000000)".encode()
        head = f"POST / HTTP/1.1\r\nAuthorization: Basic {token}\r\nContent-Length: {len(query)}\r\n\r\n"
        sock.sendall(head.encode() + query)
        until(lambda: running_queries(client, f"'{mark}'") == 1)
        return sock

    with httpx.Client() as idle, asked("stays"):
        assert idle.get(f"http://127.0.0.1:{store.http}/ping").text == "Ok.\n"
        asked("leaves").close()
        until(lambda: running_queries(client, "'leaves'") == 0)
        assert running_queries(client, "'stays'") == 1
    until(lambda: running_queries(client, "'stays'") == 0)
