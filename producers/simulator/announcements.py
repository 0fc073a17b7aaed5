"""Decisions that announce changed procedures, and their publication, mostly within the five working days."""

from collections.abc import Iterator
from random import Random

from domain.calendar import WorkingCalendar
from domain.instants import Day, format_rfc3339
from producers.simulator.catalogue import Catalogue
from producers.simulator.happening import HOUR, Happening
from producers.simulator.proportions import Proportions

_REACH = 90
_CLEAR = 21
"""Days before the span: what was announced by then had to be publicised before it."""


def announcements(
    rng: Random, cal: WorkingCalendar, p: Proportions, catalogue: Catalogue, first: Day, last: Day
) -> Iterator[Happening]:
    """Those of the months before the span, and those within it, of public procedures."""
    before = [d for d in range(first - _REACH, first - _CLEAR) if cal.is_working_day(d)]
    within = [d for d in range(first, last + 1) if cal.is_working_day(d)]
    wanted = p.announcements
    days = [rng.choice(before) for _ in range(wanted.before if before else 0)]
    days += [rng.choice(within) for _ in range(wanted.in_span if within else 0)]
    for number, (day, code) in enumerate(zip(days, _shuffled(rng, catalogue), strict=False), 1):
        at = cal.start_of_working_day(day) + 2 * HOUR
        in_time = rng.random() < wanted.announced_on_time
        effective = cal.add_working_days(at, rng.randint(6, 20) if in_time else rng.randint(1, 3))
        data = {"effective_at": format_rfc3339(effective), "document_number": f"QD-MAU-{number:03d}"}
        yield Happening(at, "procedure.announced", code, data)
        late = rng.random() >= wanted.publicised_on_time
        made = cal.add_working_days(at, rng.randint(6, 8) if late else rng.randint(1, 4))
        yield Happening(made, "procedure.publicised", code, {})


def _shuffled(rng: Random, catalogue: Catalogue) -> list[str]:
    return rng.sample(catalogue.public, len(catalogue.public))
