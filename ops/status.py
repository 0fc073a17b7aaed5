"""`gs766 status`: what the supervisor sees, joined with what /v1/health says."""

from dataclasses import asdict
from typing import Any

from domain.errors import Unavailable
from ops.client import Client
from ops.commands.shell import print_facts, print_table
from ops.settings import Settings
from ops.stack_file import read_stack

GOOD = frozenset({"ready", "done"})


def read_status(settings: Settings) -> dict[str, Any]:
    """`{"status", "stack", "health"}`; the status is green, amber, or red, as when the API is silent.

    Unavailable when nothing runs.
    """
    stack = None if settings.api else read_stack(settings.data)
    if stack is None and not settings.api:
        raise Unavailable(f"nothing runs on {settings.data}: start it with `gs766 up --data {settings.data}`")
    try:
        health: Any = Client(settings, timeout=10).health().body
        status = health["status"]
    except Unavailable as error:
        if settings.api:
            raise
        health, status = {"detail": str(error)}, "red"
    if stack is not None and not all(part.state in GOOD for part in stack.parts.values()):
        status = "red"
    return {
        "status": status,
        "stack": None if stack is None else asdict(stack),
        "health": health,
    }


def print_status(found: dict[str, Any]) -> None:
    """The same for a person."""
    stack, health = found["stack"], found["health"]
    print(f"status  {found['status']}")
    if stack is not None:
        where = {name: stack[name] for name in ("api", "kafka", "clock", "started_at", "pid")}
        print_facts(where)
        columns = ("part", "state", "pid", "restarts", "last line before it ended")
        rows = [
            (name, *(p[k] for k in ("state", "pid", "restarts", "last_line")))
            for name, p in stack["parts"].items()
        ]
        print_table(columns, rows)
    if isinstance(health, dict):
        _print_health(health)


def _print_health(health: dict[str, Any]) -> None:
    """What is judged as a table with its reasons, positions by partition, everything else as lines."""
    judged = health.get("parts") or {}
    positions = ("complete_to", "end_offsets")
    print_facts({name: value for name, value in health.items() if name not in ("parts", *positions)})
    rows = [(name, part["status"], "; ".join(part["reasons"])) for name, part in judged.items()]
    if rows:
        print_table(("health of", "status", "why"), rows)
    places = [health.get(name) or () for name in positions]
    rows_by_partition = [
        (n, end - 1, done, end - 1 - done) for n, (done, end) in enumerate(zip(*places, strict=False))
    ]
    if rows_by_partition:
        print_table(("partition", "last record", "queryable to", "lag in records"), rows_by_partition)
