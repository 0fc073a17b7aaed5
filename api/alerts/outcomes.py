"""What became of a delivery, in words whose beginning says whether to try again."""

from typing import Literal

PERMANENT = "permanent: "
"""How a reason begins where trying again cannot help."""
UNANSWERED = "no answer: "
"""How a reason begins where the message may have arrived all the same: the next attempt is marked."""

Outcome = Literal["permanent", "unanswered", "transient"]


def outcome(reason: str) -> Outcome:
    """The class of a failure: `permanent` (record, show, do not repeat), `unanswered` (repeat, marked as perhaps
    the second), `transient` (repeat)."""
    if reason.startswith(PERMANENT):
        return "permanent"
    return "unanswered" if reason.startswith(UNANSWERED) else "transient"


def is_permanent(reason: str) -> bool:
    """Whether trying again cannot help (an unknown address, a refused text): record it and show it, once."""
    return outcome(reason) == "permanent"
