"""One embedded store for all of these tests, and clients of it."""

import uuid
from collections.abc import Iterator

import pytest
from clickhouse_driver import Client

from tests.support.embedded_store import Store, start


@pytest.fixture(scope="session")
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
