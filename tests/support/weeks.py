"""Four quiet weeks of two communes, and a Friday on which one falls silent: what raised kinds are judged on."""

from collections.abc import Iterator
from typing import Any

from domain.calendar_vn import vietnam_calendar
from domain.instants import Millis, Zone, day_date, format_rfc3339
from domain.periods import parse_instant

ZONE = Zone()
CALENDAR = vietnam_calendar(ZONE.name)
HOURS = ("07:30", "08:30", "09:30", "10:30", "13:30", "14:30", "15:30", "16:30")
FRIDAY = "2026-11-20"
Said = tuple[Millis, str, str, dict[str, Any]]
"""(occurred, type, subject, data)."""


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


def accepted(when: Millis, code: str, due: Millis) -> Said:
    unit = code.split("-", maxsplit=1)[0]
    return when, "dossier.accepted", code, {"unit": unit, "procedure": "1.001", "due_at": format_rfc3339(due)}


def story() -> list[Said]:
    """In order of time. H44.100 takes a dossier every hour and finishes it a working day later, until it falls
    silent on Friday after 09:30 with 40 more due on Tuesday and 60 that were due on Thursday; H44.101 is heard
    every hour."""
    return sorted((*_ordinary(), *_friday()), key=lambda said: (said[0], said[2]))


def _ordinary() -> Iterator[Said]:
    friday = ZONE.day(at(f"{FRIDAY}T12:00"))
    yield accepted(at("2026-10-20T08:00"), "H44.101-1", at("2027-03-01T17:00"))
    yield at("2026-10-20T09:00"), "unit.registered", "H44.100", {"name": "Xã A", "kind": "commune"}
    figures = {f"PROCESSED_ON_TIME.{n}": x for n, x in (("numerator", 10), ("denominator", 400), ("score", 0.5))}
    yield at("2026-11-02T09:00"), "unit.portal_figures_received", "H44", {"period": "2026-10", "figures": figures}
    for back in range(20, -1, -1):
        day = friday if not back else CALENDAR.previous_working_day(friday, back)
        for n, hour in enumerate(HOURS):
            when = at(f"{day_date(day).isoformat()}T{hour}")
            yield when, "dossier.step_started", "H44.101-1", {"step": f"S{day}-{n}"}
            if back or n <= 2:
                code = f"H44.100-{day}-{n}"
                yield accepted(when, code, CALENDAR.add_working_ms(when, 2 * CALENDAR.day_ms))
                if back:
                    done = CALENDAR.add_working_days(when, 1)
                    if done < at(f"{FRIDAY}T09:45"):
                        yield done, "dossier.finished", code, {}


def _friday() -> Iterator[Said]:
    for n in range(40):
        yield accepted(at(f"{FRIDAY}T09:30"), f"H44.100-t{n:02d}", at("2026-11-24T17:00"))
    for n in range(60):
        yield accepted(at("2026-11-02T09:30"), f"H44.100-l{n:02d}", at("2026-11-19T16:00"))
    yield at("2026-11-18T09:30"), "dossier.finished", "H44.100-l00", {}
    yield at("2026-11-18T09:40"), "dossier.step_completed", "H44.100-l00", {"step": "after its end"}
