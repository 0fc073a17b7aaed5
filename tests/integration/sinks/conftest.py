"""One store process for the tests of the tables and the writer, and a database of its own for each test."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_driver import Client

from sinks.clickhouse import connect
from sinks.schema import migrate
from tests.support.ready_store import embedded_address


@pytest.fixture(scope="session")
def store_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `connect` needs to reach the store as its writer."""
    with embedded_address(tmp_path_factory.mktemp("store")) as writer:
        yield writer


@pytest.fixture
def empty_database(store_address: dict[str, Any]) -> Iterator[str]:
    """The name of a database that does not exist yet."""
    name = f"t{uuid.uuid4().hex[:10]}"
    yield name
    with connect(store_address) as client:
        client.execute(f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture
def database(store_address: dict[str, Any], empty_database: str) -> str:
    """The name of a database with the whole schema."""
    migrate(store_address, empty_database)
    return empty_database


@pytest.fixture(scope="module")
def one_database(store_address: dict[str, Any]) -> Iterator[str]:
    """A database with the whole schema for the tests of a file."""
    name = f"m{uuid.uuid4().hex[:10]}"
    migrate(store_address, name)
    yield name
    with connect(store_address) as client:
        client.execute(f"DROP DATABASE {name}")


@pytest.fixture
def emptied(store_address: dict[str, Any], one_database: str) -> Iterator[str]:
    """That database for a test that only writes rows: no other finds them. Making the schema takes a second."""
    yield one_database
    filled = "SELECT name FROM system.tables WHERE database = %(name)s AND total_rows > 0 AND name != 'migrations'"
    with connect(store_address, database=one_database) as client:
        for (table,) in client.execute(filled, {"name": one_database}):
            client.execute(f"TRUNCATE TABLE `{table}`")


@pytest.fixture
def client(store_address: dict[str, Any], database: str) -> Iterator[Client]:
    """A client of that database."""
    with connect(store_address, database=database) as connected:
        yield connected
