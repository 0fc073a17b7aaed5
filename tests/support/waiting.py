"""Waiting for conditions, never for time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LONGEST_PAUSE = 0.2


def until(condition: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """The first truthy value of a condition; an AssertionError that says what was waited for."""
    deadline, pause = time.monotonic() + seconds, 0.02
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, 1.2 * pause)  # looking costs whom we wait for its processor time
