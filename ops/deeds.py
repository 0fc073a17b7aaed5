"""What a command did to the installation as a whole, as an act of the alert log: copies, trims, switches, keys.

A command holds no way to the log: the act waits in the private store, and the API writes it when it runs.
"""

import getpass
import time
import uuid
from typing import Any

from api.due_acts import DueActs
from domain.events import make_event
from domain.instants import Millis
from ops.configs import PRIVATE
from ops.settings import Settings

SOURCE = "/gs766/ops"


def actor() -> str:
    """The account of the machine that runs the command."""
    try:
        return f"shell:{getpass.getuser()}"[:128]
    except (KeyError, OSError):  # a container's user without a name
        return "shell"


def note_deed(settings: Settings, verb: str, subject: str, now: Millis | None = None, **evidence: Any) -> None:
    """Keeps `system.<verb>` about a subject until the log has it. Evidence holds numbers and codes, never a path.
    Of an installation that lies elsewhere (no data folder here) nothing can be kept."""
    if not settings.data.is_dir():
        return
    at = time.time_ns() // 1_000_000 if now is None else now
    data: dict[str, Any] = {"actor": actor(), "evidence": evidence}
    name = f"system.{verb}"
    event = make_event(name, subject, at, data, source=SOURCE, id=uuid.uuid4().hex, recorded_at=at)
    DueActs(settings.folder(PRIVATE)).add([event])
