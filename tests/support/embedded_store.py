"""An embedded store as its clients see it: a real process, and what tests ask of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import ServerPacketTypes

from ops.lifeline import dies_with_me
from sinks.clickhouse import connect

PASSWORDS = {"writer": "w-đúng", "reader": "r-đúng"}
COMPRESSIONS = [False, "lz4", "lz4hc", "zstd"]
ROOT = Path(__file__).parents[2]


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


def start(folder: Path, *options: str) -> Store:
    passwords = folder / "passwords.json"
    folder.mkdir(exist_ok=True)
    passwords.write_text(json.dumps(PASSWORDS))
    command = [sys.executable, "-m", "sinks.embedded", "--path", str(folder / "store")]
    process = subprocess.Popen(
        [*command, "--passwords-file", str(passwords), *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=dies_with_me(),
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[0] == "ready", words
    ports = dict(word.split("=") for word in words[1:])
    return Store(process, int(ports["native"]), int(ports["http"]))


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


def until_the_end(client: Client) -> int:
    """Reads packets of a statement up to its last one: 0, or the number of the error that it ended with."""
    while True:
        packet = client.connection.receive_packet()
        if packet.exception is not None or packet.type == ServerPacketTypes.END_OF_STREAM:
            client.connection.is_query_executing = False
            return int(packet.exception.code) if packet.exception is not None else 0
