"""The embedded store's kept answers, seen by its clients: equal to the table, for everybody, at once."""

import threading
from collections.abc import Iterator

import pytest
from clickhouse_driver import Client

from tests.support.embedded_store import Store

ASKED = "SELECT offset FROM positions FINAL WHERE name = 'x' ORDER BY offset"


@pytest.fixture
def place(client: Client) -> Iterator[str]:
    client.execute("CREATE DATABASE IF NOT EXISTS kept")
    client.execute("DROP TABLE IF EXISTS kept.positions")
    client.execute(
        "CREATE TABLE kept.positions (generation UInt32, name String, offset UInt64)"
        " ENGINE = ReplacingMergeTree(offset) PARTITION BY generation ORDER BY (generation, name)"
    )
    yield "kept"
    client.execute("DROP DATABASE kept")


def test_what_one_client_writes_the_others_read_at_once(store: Store, place: str) -> None:
    with store.client(database=place) as writer, store.client("reader", database=place) as reader:
        assert reader.execute(ASKED) == []
        for n in range(1, 6):
            writer.execute("INSERT INTO positions (generation, name, offset) VALUES", [(1, "x", n)])
            assert reader.execute(ASKED) == reader.execute(ASKED) == writer.execute(ASKED) == [(n,)]
        writer.execute("INSERT INTO kept.positions SELECT 1, 'x', 17")
        assert reader.execute(ASKED) == [(17,)]
        writer.execute("ALTER TABLE positions DROP PARTITION 1")
        assert reader.execute(ASKED) == []
        writer.execute("DROP TABLE positions")
        writer.execute("CREATE TABLE positions (name String, offset String) ENGINE = Memory")
        assert reader.execute("SELECT offset FROM positions", with_column_types=True) == (
            [],
            [("offset", "String")],
        )


def test_columns_come_with_a_kept_answer_also_of_no_rows(store: Store, place: str) -> None:
    with store.client(database=place) as client:
        first, again = (client.execute(ASKED, with_column_types=True) for _ in range(2))
        assert first == again == ([], [("offset", "UInt64")])


def test_no_client_sees_a_position_go_back(store: Store, place: str) -> None:
    done, wrong = threading.Event(), []

    def look() -> None:
        last = 0
        with store.client("reader", database=place) as reader:
            while not done.is_set():
                for (n,) in reader.execute(ASKED):
                    wrong.extend([(last, n)] if n < last else [])
                    last = n

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    with store.client(database=place) as writer:
        for n in range(1, 40):
            writer.execute("INSERT INTO positions (generation, name, offset) VALUES", [(1, "x", n)])
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
