"""Clients that are many, that cancel, or that leave."""

import contextlib
import socket
import threading

from clickhouse_driver import Client

from tests.support.embedded_store import (
    COMPRESSIONS,
    Store,
    running_queries,
    until,
    until_the_end,
)


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
    assert until_the_end(own) == 0
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
