"""Waiting until what was appended to the log is queryable in the store."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from domain.errors import Unavailable

PAUSE_SECONDS = 0.1
Progress = Callable[[int], None]


def wait_until_queryable(
    health: Callable[[], Mapping[str, Any]],
    ends: Mapping[int, int],
    progress: Progress,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Returns when every partition's `complete_to` has reached the record before its end.

    `ends`: by partition, the offset behind the last record appended. `health` gives /v1/health's body, `progress`
    gets how many records are still to come. Raises Unavailable when a fault or a standstill says that it never
    will be.
    """
    while True:
        found = health()
        missing = records_missing(found, ends)
        progress(missing)
        if not missing:
            return
        stopped = reasons_to_give_up(found)
        if stopped:
            raise Unavailable(
                f"{missing} log records are safe in the log but not queryable yet, and work on them stands still: "
                f"{stopped}; see `gs766 status`"
            )
        pause(PAUSE_SECONDS)


def records_missing(health: Mapping[str, Any], ends: Mapping[int, int]) -> int:
    """How many records before those ends are not queryable; without positions, all that there are."""
    done = dict(enumerate(health.get("complete_to") or ()))
    return sum(max(0, end - 1 - done.get(partition, -1)) for partition, end in ends.items())


def reasons_to_give_up(health: Mapping[str, Any]) -> str:
    """Why positions will not move by themselves, '' when they may: lag alone is no reason."""
    parts = health.get("parts") or {}
    judged = [parts[name] for name in ("faults", "log", "worker", "writer") if name in parts]
    return "; ".join(reason for part in judged if part["status"] == "red" for reason in part["reasons"])
