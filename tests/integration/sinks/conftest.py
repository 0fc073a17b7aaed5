"""One store process for the tests of the tables and the writer, and a database of its own for each test."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_driver import Client

from ops.lifeline import dies_with_me
from sinks.clickhouse import connect
from sinks.schema import migrate


@pytest.fixture(scope="session")
def store_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `connect` needs to reach the store as its writer."""
    folder = tmp_path_factory.mktemp("store")
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({"writer": "w", "reader": "r"}))
    command = [sys.executable, "-m", "sinks.embedded", "--path", str(folder / "data")]
    process = subprocess.Popen(
        [*command, "--passwords-file", str(passwords)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dies_with_me(),
    )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        port = int(ready.split("native=")[1].split()[0])
        yield {"host": "127.0.0.1", "port": port, "user": "writer", "password": "w"}
    finally:
        process.terminate()
        process.wait(30)


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


@pytest.fixture
def client(store_address: dict[str, Any], database: str) -> Iterator[Client]:
    """A client of that database."""
    with connect(store_address, database=database) as connected:
        yield connected
