"""Rules of what a data folder remembers: stack, ports, secrets, generations, addresses."""

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import InvalidInput, Refused, Unavailable
from ops.addresses import kafka_config, store_target, store_url
from ops.generation import Generations, read_generations, write_generations
from ops.ports import with_free_port
from ops.settings import load
from ops.stack_file import (
    PartState,
    Stack,
    forget_stack,
    read_ports,
    read_secret,
    read_stack,
    require_stack,
    store_passwords,
    write_ports,
    write_stack,
)
from ops.up import development_key
from ops.web import address_of

NO_SUCH_PROCESS = 2**22 + 1


def test_a_stack_is_found_while_its_supervisor_runs(tmp_path: Path) -> None:
    stack = Stack(pid=os.getpid(), kafka="127.0.0.1:1").with_part("api", PartState(3, "ready"))
    write_stack(tmp_path, stack)
    assert read_stack(tmp_path) == stack
    write_stack(tmp_path, Stack(pid=NO_SUCH_PROCESS))
    assert read_stack(tmp_path) is None
    forget_stack(tmp_path)
    with pytest.raises(Unavailable):
        require_stack(tmp_path)


def test_ports_are_kept(tmp_path: Path) -> None:
    assert read_ports(tmp_path) == {}
    write_ports(tmp_path, {"store": 5})
    assert read_ports(tmp_path) == {"store": 5}


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    path = store_passwords(settings)
    first = path.read_text()
    key = development_key(tmp_path)
    assert store_passwords(settings).read_text() == first
    assert development_key(tmp_path) == key
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}
    assert read_secret(tmp_path, "other.json") is None


def test_the_local_store_and_kafka_are_those_of_the_stack(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    with pytest.raises(Unavailable):
        kafka_config(settings)
    store_passwords(settings)
    write_stack(tmp_path, Stack(pid=os.getpid(), kafka="127.0.0.1:1", store_port=2))
    assert kafka_config(settings).bootstrap == "127.0.0.1:1"
    target = store_target(settings, "reader")
    assert (target["host"], target["port"], target["user"]) == ("127.0.0.1", 2, "reader")
    assert target["password"] != store_target(settings, "writer")["password"]


def test_configured_servers_need_no_stack(tmp_path: Path) -> None:
    environ = {
        "GS766_KAFKA_BOOTSTRAP": "k1:9092,k2:9092",
        "GS766_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "GS766_KAFKA_SASL_USERNAME": "gs766",
        "GS766_CLICKHOUSE_HOST": "ch",
        "GS766_CLICKHOUSE_READER_PASSWORD": "p/w@",
    }
    settings = load(environ, tmp_path)
    kafka = kafka_config(settings)
    assert (kafka.bootstrap, kafka.security_protocol, kafka.sasl_username) == (
        "k1:9092,k2:9092",
        "SASL_SSL",
        "gs766",
    )
    assert kafka.ssl_cafile is None
    assert store_url(store_target(settings, "reader")) == "clickhouse://reader:p%2Fw%40@ch:9000/gs766"


def test_generations_begin_with_the_first_and_a_broken_file_is_refused(tmp_path: Path) -> None:
    assert read_generations(tmp_path) == Generations(1, None)
    write_generations(tmp_path, Generations(1, 2))
    assert read_generations(tmp_path) == Generations(1, 2)
    (tmp_path / "generation.json").write_text("{")
    with pytest.raises(Refused):
        read_generations(tmp_path)


def test_the_usual_port_gives_way_and_a_chosen_one_does_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings, said = with_free_port(replace(load({}, tmp_path), port=port))
        assert settings.port > port
        assert str(settings.port) in said
        with pytest.raises(InvalidInput, match="--port"):
            with_free_port(load({}, tmp_path, port=port))


def test_commands_reach_an_api_that_listens_everywhere_by_loopback(tmp_path: Path) -> None:
    assert address_of(load({}, tmp_path, host="0.0.0.0", port=1)) == "http://127.0.0.1:1"
    assert address_of(load({}, tmp_path, host="::1", port=1)) == "http://[::1]:1"
