"""Viet Nam's default working calendar: public holidays with Tết, days in lieu, and the Government's swap days.

Sources: Labour Code 2019 art. 112 and its predecessors, and the dispatches on swapped working days, both as
collected by the `holidays` package (its Vietnam module names each dispatch); what that package does not hold
stands in `MORE_SWAPS` with its dispatch. Years to come are the package's estimate until a province publishes
the Government's calendar (`calendar.published`), which replaces this one.
"""

from datetime import date
from functools import lru_cache

from domain.calendar import CalendarDocument, WorkingCalendar
from domain.instants import DEFAULT_ZONE

FIRST_YEAR = 2000
LAST_YEAR = 2045

MORE_SWAPS: tuple[tuple[date, date, str], ...] = (
    (date(2026, 1, 2), date(2026, 1, 10), "12729/VPCP-KGVX, 2025-12-25"),
)
"""(day off, the Saturday worked instead, dispatch) where the package is silent; for public offices."""


@lru_cache(maxsize=8)
def vietnam_document(
    first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR, zone: str = DEFAULT_ZONE
) -> CalendarDocument:
    """The calendar of those years, both included. Its version names the release of the package it rests on."""
    # Imported here because it costs some 40 ms, which commands that need no calendar should not pay.
    import holidays
    from holidays.countries.vietnam import Vietnam

    found = Vietnam(years=range(first_year, last_year + 1), language="en_US")
    days, swaps = set(found), set(found.weekend_workdays)
    for off, worked, _ in MORE_SWAPS:
        days.add(off)
        swaps.add(worked)
    return CalendarDocument(
        name="vietnam",
        version=f"holidays-{holidays.__version__}",
        zone=zone,
        holidays=tuple(sorted(d for d in days if first_year <= d.year <= last_year)),
        swap_days=tuple(sorted(d for d in swaps if first_year <= d.year <= last_year)),
        source="Labour Code 2019 art. 112; Government dispatches on swapped working days",
    )


@lru_cache(maxsize=8)
def vietnam_calendar(zone: str = DEFAULT_ZONE) -> WorkingCalendar:
    """The default calendar, ready to ask; in another time zone only for trying out foreign logs."""
    return WorkingCalendar(vietnam_document(zone=zone))
