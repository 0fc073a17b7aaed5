"""Exit codes of commands and parts (the same everywhere), and which error means which."""

from domain.errors import Gs766Error, InvalidEvent, InvalidInput, Refused, Unavailable

HOLDS = 0
FAILS = 1
BAD_INPUT = 2
CANNOT_TELL = 3
UNREACHABLE = 4
REFUSED = 5
"""Of parts only: a safety check failed, so starting again would not help until a person has looked."""


def exit_code(error: Gs766Error) -> int:
    """The exit code of a command that ended with this error."""
    if isinstance(error, InvalidInput | InvalidEvent):
        return BAD_INPUT
    if isinstance(error, Unavailable):
        return UNREACHABLE
    return FAILS


def part_exit_code(error: Gs766Error) -> int:
    """The exit code of a part: the supervisor starts it again unless a person must act first."""
    return REFUSED if isinstance(error, Refused) else exit_code(error)
