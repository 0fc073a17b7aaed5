"""`gs766 status`: what the supervisor sees, joined with what /v1/health says."""

from dataclasses import asdict
from typing import Any

from domain.errors import Unavailable
from ops.client import Client
from ops.commands.shell import is_table, print_facts, print_rows, print_table
from ops.settings import Settings
from ops.stack_file import read_stack

GOOD = frozenset({"ready", "done"})


def read_status(settings: Settings) -> dict[str, Any]:
    """`{"status", "stack", "health"}`; Unavailable when nothing runs. A silent API makes the status red."""
    stack = None if settings.api else read_stack(settings.data)
    if stack is None and not settings.api:
        raise Unavailable(f"nothing runs on {settings.data}: start it with `gs766 up --data {settings.data}`")
    health: Any = None
    green = stack is None or all(part.state in GOOD for part in stack.parts.values())
    try:
        answer = Client(settings, timeout=10).health()
        health, green = answer.body, green and answer.status == 200
    except Unavailable as error:
        if settings.api:
            raise
        health, green = {"detail": str(error)}, False
    return {
        "status": "green" if green else "red",
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
    """Every list of objects as a table, everything else as a line."""
    print_facts({name: value for name, value in health.items() if not is_table(value)})
    for name, value in health.items():
        if is_table(value):
            print_rows(value, title=name)
