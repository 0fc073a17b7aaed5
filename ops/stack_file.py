"""What runs on a data folder and where: `<data>/run/stack.json`, written by the supervisor, read by all.

Secrets that this installation made for itself stand beside it in `<data>/secrets`, readable by the owner only.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from domain.errors import Unavailable
from ops.settings import Settings

PASSWORDS = "store.json"
DEVELOPMENT_KEY = "development.json"


@dataclass(frozen=True, slots=True)
class PartState:
    """One part as the supervisor sees it. `state`: waiting, starting, ready, done, backoff, refused, stopped."""

    pid: int = 0
    state: str = "waiting"
    restarts: int = 0
    last_line: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """The running stack: process id of the supervisor, addresses, parts; empty addresses are not known yet."""

    pid: int = 0
    started_at: str = ""
    clock: str = "wall"
    ready: bool = False
    api: str = ""
    kafka: str = ""
    store_host: str = ""
    store_port: int = 0
    store_http_port: int = 0
    parts: Mapping[str, PartState] = field(default_factory=dict)

    def with_part(self, name: str, state: PartState) -> "Stack":
        """The same stack with one part's state replaced."""
        return replace(self, parts={**self.parts, name: state})


def path_of(data: Path) -> Path:
    """Where the stack of a data folder is described."""
    return data / "run" / "stack.json"


def write_stack(data: Path, stack: Stack) -> None:
    """Replaces the description in one step, so that a reader never sees half of it."""
    path = path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(asdict(stack), indent=1) + "\n")
    fresh.rename(path)


def read_stack(data: Path) -> Stack | None:
    """The description of a running stack; None when there is none or its supervisor has ended."""
    stack = last_stack(data)
    return stack if stack is not None and _runs(stack.pid) else None


def last_stack(data: Path) -> Stack | None:
    """The description that stands there, even if its supervisor was killed; None when there is none."""
    try:
        found = json.loads(path_of(data).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    found["parts"] = {name: PartState(**state) for name, state in found["parts"].items()}
    return Stack(**found)


def require_stack(data: Path) -> Stack:
    """As `read_stack`; Unavailable (exit 4) when nothing runs there."""
    stack = read_stack(data)
    if stack is None:
        raise Unavailable(f"nothing runs on {data}: start it with `gs766 up --data {data}`")
    return stack


def forget_stack(data: Path) -> None:
    """Takes the description away when the stack has ended."""
    path_of(data).unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


# --- ports that are picked once ---


def read_ports(data: Path) -> dict[str, int]:
    """The ports of earlier starts, by part; empty before the first."""
    try:
        found: dict[str, int] = json.loads((data / "run" / "ports.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def write_ports(data: Path, ports: Mapping[str, int]) -> None:
    """Keeps ports for the next start."""
    path = data / "run" / "ports.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(ports)) + "\n")


# --- secrets ---


def read_secret(data: Path, name: str) -> dict[str, Any] | None:
    """The content of a secret file, None when there is none or it may not be read."""
    try:
        found: dict[str, Any] = json.loads((data / "secrets" / name).read_text())
    except (FileNotFoundError, PermissionError):
        return None
    return found


def write_secret(data: Path, name: str, content: Mapping[str, Any]) -> Path:
    """Writes a secret file that only its owner may read."""
    folder = data / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(dict(content)) + "\n")
    return path


def store_passwords(settings: Settings) -> Path:
    """The file with the passwords of the embedded store's two users; made at the first start."""
    if read_secret(settings.data, PASSWORDS) is None:
        made = {user: secrets.token_urlsafe(24) for user in ("writer", "reader")}
        return write_secret(settings.data, PASSWORDS, made)
    return settings.data / "secrets" / PASSWORDS
