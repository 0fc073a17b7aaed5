"""The raised kinds, in the order in which they are judged."""

from api.raising.briefs import Briefs
from api.raising.due_today import DueToday
from api.raising.runner import Rule


def rules() -> tuple[Rule, ...]:
    """New ones, without memory."""
    return (Briefs(), DueToday())
