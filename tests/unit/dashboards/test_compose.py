"""docker-compose.yml holds together without an engine: references, ports, pins, variables, commands."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from ops.part import RUN
from ops.settings import load

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENVIRONMENT = "^[A-Z][A-Z0-9_]*$"
TEXTS = {"type": "array", "items": {"type": "string"}}
SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "environment", "volumes"],
    "properties": {
        "build": {"const": "."},
        "image": {"type": "string"},
        "restart": {"enum": ["unless-stopped", "on-failure"]},
        "init": {"type": "boolean"},
        "read_only": {"type": "boolean"},
        "tmpfs": TEXTS,
        "cap_drop": TEXTS,
        "security_opt": TEXTS,
        "stop_grace_period": {"type": "string", "pattern": r"^\d+s$"},
        "command": TEXTS,
        "ports": TEXTS,
        "volumes": TEXTS,
        "ulimits": {"type": "object"},
        "environment": {
            "type": "object",
            "additionalProperties": False,
            # Numbers and booleans must be quoted: YAML would change their spelling.
            "patternProperties": {ENVIRONMENT: {"type": "string"}},
        },
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["condition"],
                "properties": {"condition": {"enum": ["service_healthy", "service_completed_successfully"]}},
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test", "interval", "timeout", "retries"],
            "properties": {
                "test": {"type": "array", "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}], "minItems": 2},
                "interval": {"type": "string"},
                "timeout": {"type": "string"},
                "retries": {"type": "integer"},
                "start_period": {"type": "string"},
            },
        },
    },
}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_only_keys_that_compose_knows(name: str) -> None:
    jsonschema.validate(SERVICES[name], SERVICE)


def test_every_image_is_pinned() -> None:
    for name, service in SERVICES.items():
        image, _, tag = service["image"].partition(":")
        assert re.fullmatch(r"\d+(\.\d+)+", tag), f"{name}: {image}"
    assert SERVICES["kafka"]["image"] == "apache/kafka:4.3.0"
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert bases
    assert all(re.search(r":\d+\.\d+", base) for base in bases)


def test_every_file_and_volume_that_is_mounted_exists() -> None:
    for service in SERVICES.values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], mount


def test_nothing_is_published_beyond_loopback_and_no_port_twice() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    numbers = []
    for port in published:
        match = re.fullmatch(r"127\.0\.0\.1:\$\{GS766_\w+:-(\d+)\}:(\d+)", port)
        assert match, port
        assert all(0 < int(number) < 65536 for number in match.groups())
        numbers.append(match[1])
    assert len(set(numbers)) == len(numbers) == 2


def test_every_variable_has_a_safe_default_or_is_asked_for_and_stands_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^(\w+)=(.*)$", example, re.M))
    used = re.findall(r"\$\{(\w+)(:[-?])?([^}]*)\}", TEXT)
    assert {name for name, _, _ in used} == set(listed)
    for name, operator, default in used:
        assert operator, f"{name} has neither a default nor a message"
        if "PASSWORD" in name:
            assert (operator, listed[name]) == (":?", ""), f"{name} must have no default"
        else:
            assert (operator, default) == (":-", listed[name])


def test_commands_are_parts_of_the_command_line_and_all_that_is_needed_runs() -> None:
    ours = {name: service["command"] for name, service in SERVICES.items() if "build" in service}
    assert set(ours) == {"migrate", "writer", "worker", "api", "sealer", "notifier"}
    for name, command in ours.items():
        assert command == ["part", name]
        assert name in RUN
    assert '"-m", "ops.cli"' in (ROOT / "Dockerfile").read_text()


def test_who_is_waited_for_exists_and_can_become_what_is_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"
            else:
                assert SERVICES[other]["restart"] == "on-failure"


def test_our_parts_understand_the_environment_that_they_are_given(tmp_path: Path) -> None:
    given = dict(SERVICES["api"]["environment"])
    for name, value in given.items():
        given[name] = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value))
    found = load({**given, "GS766_DATA": str(tmp_path)})
    assert (found.kafka.bootstrap, found.clickhouse.host, found.host) == ("kafka:9092", "clickhouse", "0.0.0.0")
    assert (found.clickhouse.writer_password, found.clickhouse.reader_password) == ("secret", "secret")
    known = {name for name in given if name in found.to_environment()}
    assert {"GS766_CLOCK", "GS766_TIME_ZONE", "GS766_ROOT", "GS766_PARTITIONS", "GS766_PORT"} <= known


def test_the_store_has_a_writer_and_a_reader_that_only_reads() -> None:
    users = ElementTree.parse(ROOT / "docker/clickhouse/users.xml").getroot()
    names = {user.tag for user in users.find("users") or () if not user.get("remove")}
    assert names == {"writer", "reader"}
    for name in names:
        password = users.find(f"users/{name}/password")
        assert password is not None
        assert password.get("from_env") in SERVICES["clickhouse"]["environment"]
    grants = [query.text for query in users.findall("users/reader/grants/query")]
    assert grants == ["GRANT SELECT ON gs766.*"]
    assert users.findtext("profiles/reader/readonly") == "2"


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert lines[1] == "*"
    assert all((ROOT / path).exists() for path in kept)
    assert not {"tests", ".env", "data", ".git", "docs"} & set(kept)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(kept)


def _has_compose() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "compose", "version"], capture_output=True, timeout=30).returncode == 0


@pytest.mark.skipif(not _has_compose(), reason="the docker client has no compose plugin here")
def test_docker_compose_itself_accepts_the_file() -> None:
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    environ |= {f"GS766_{n}": "x" for n in ("CLICKHOUSE_WRITER_PASSWORD", "CLICKHOUSE_READER_PASSWORD")}
    environ["GS766_GRAFANA_PASSWORD"] = "x"
    command = ["docker", "compose", "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    found = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60)
    assert found.returncode == 0, found.stderr
