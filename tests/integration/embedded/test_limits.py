"""No client exhausts the store: limits of time, memory, rows, statements and connections."""

import threading
from collections.abc import Iterator

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from clickhouse_driver import Client

from tests.support.embedded_store import PASSWORDS, Store, code_of, running_queries, start, until

ENDLESS = "SELECT sum(sipHash64(number, '{}')) FROM numbers(1000000000000)"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with room for 12 clients, 10 of them readers, and for 4 statements, 2 of them readers'."""
    running = start(tmp_path_factory.mktemp("small"), "--clients", "12", "--statements", "4")
    try:
        yield running
    finally:
        running.stop()


def asking(client: Client, statement: str) -> Client:
    client.execute("SELECT 1")
    client.connection.send_query(statement)
    client.connection.send_external_tables(None)
    return client


@pytest.mark.parametrize("user", ["writer", "reader"])
def test_a_statement_ends_at_its_time_and_at_its_memory(store: Store, user: str) -> None:
    client = store.client(user)
    assert code_of(lambda: client.execute(ENDLESS.format("t"), settings={"max_execution_time": 1})) == 159
    greedy = "SELECT length(groupArray(number)) FROM numbers(100000000)"
    assert code_of(lambda: client.execute(greedy, settings={"max_memory_usage": 50_000_000})) == 241
    assert client.execute("SELECT 1") == [(1,)]


def test_limits_hold_over_http_too_with_their_status(store: Store) -> None:
    for settings, status, code in (
        ({"max_execution_time": "1"}, 408, "159"),
        ({"max_memory_usage": "50000000"}, 507, "241"),
    ):
        query = "SELECT length(groupArray(sipHash64(number))) FROM numbers(1000000000)"
        if code == "159":
            query = ENDLESS.format("h")
        answer = store.get(query, params=settings)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    answer = store.get(
        "SELECT number FROM numbers(1000)", params={"max_result_rows": "10", "max_block_size": "10"}
    )
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "396")


def test_a_reader_may_lower_its_limits_in_a_settings_clause(store: Store) -> None:
    reader = store.client("reader")
    probe = "SELECT getSetting('max_execution_time') SETTINGS max_execution_time = {}, max_block_size = 10"
    assert reader.execute(probe.format(7)) == [(7.0,)]
    assert code_of(lambda: reader.execute(probe.format(9999))) == 164
    assert store.get(probe.format("7 FORMAT CSV").replace("7 FORMAT CSV, max_block_size = 10", "7")).text == "7\n"


def test_a_connection_too_many_is_refused_and_a_place_left_is_taken(small: Store) -> None:
    readers = [small.client("reader") for _ in range(10)]
    for reader in readers:
        assert reader.execute("SELECT 1") == [(1,)]
    assert code_of(lambda: small.client("reader").execute("SELECT 1")) == 202
    refused = small.get("SELECT 1")
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (503, "202")
    writer = small.client()
    assert writer.execute("SELECT 1") == [(1,)]
    for reader in readers:
        reader.disconnect()

    def admitted() -> bool:
        return small.get("SELECT 1").status_code == 200

    until(admitted)
    writer.disconnect()


def test_readers_who_wait_too_long_for_their_turn_get_202_while_the_writer_works_on(small: Store) -> None:
    busy = [asking(small.client("reader"), ENDLESS.format("full")) for _ in range(2)]
    writer = small.client()
    until(lambda: running_queries(writer, "'full'") == 2)
    assert code_of(lambda: small.client("reader").execute("SELECT 1")) == 202
    assert writer.execute("SELECT 1") == [(1,)]
    for client in busy:
        client.disconnect()
    until(lambda: running_queries(writer, "'full'") == 0)
    assert small.get("SELECT 1").text == "1\n"


def test_two_hundred_idle_and_twenty_active_clients_are_all_served(
    store: Store, client: Client, table: str
) -> None:
    idle = [store.client("reader" if n % 2 else "writer") for n in range(200)]
    for one in idle:
        assert one.execute("SELECT 1") == [(1,)]
    failures: list[BaseException] = []

    def work(who: int) -> None:
        try:
            own = store.client()
            for turn in range(5):
                own.execute(
                    f"INSERT INTO {table} VALUES", [(who * 1000 + turn * 10 + n, str(who)) for n in range(10)]
                )
                asked = f"SELECT count() FROM {table} WHERE s = %(w)s"
                assert own.execute(asked, {"w": str(who)}) == [((turn + 1) * 10,)]
                assert store.get(f"SELECT count() >= 10 FROM {table}").text == "1\n"
            own.disconnect()
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert client.execute(f"SELECT count(), uniqExact(a) FROM {table}") == [(1000, 1000)]
    for one in idle:
        one.disconnect()


def test_a_large_http_answer_takes_bounded_memory(store: Store) -> None:
    process = psutil.Process(store.process.pid)
    store.get("SELECT number FROM numbers(100000)")
    before, most, size = process.memory_info().rss, 0, 0
    query = "SELECT repeat('x', 100) FROM numbers(3000000)"
    address = f"http://127.0.0.1:{store.http}/"
    with httpx.stream("GET", address, params={"query": query}, auth=("reader", PASSWORDS["reader"])) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
            most = max(most, process.memory_info().rss)
    assert size == 3_000_000 * 101
    assert most - before < 200 << 20
