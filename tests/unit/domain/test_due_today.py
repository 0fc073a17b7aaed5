"""A03 and A20: the instant before, at and after a slot; days off, swap Saturdays, ends, pauses, moved dates."""

import pytest

from domain.briefs import morning_brief
from domain.calendar_vn import vietnam_calendar
from domain.dossier import Due, Pause
from domain.due_today import due_today
from domain.instants import Millis, Zone
from domain.periods import parse_instant
from domain.raised import Raised, changes, episode_of, slots_so_far
from domain.timeline import Stay, Timeline

ZONE = Zone()
CALENDAR = vietnam_calendar(ZONE.name)
SLOTS = ("13:30", "15:30")


def ms(text: str) -> Millis:
    return parse_instant(f"2026-{text[:5]}T{text[6:]}", ZONE)


def told(now: str, due: str, *, end: str | None = None, since: str = "08-03 08:00", **more: object) -> object:
    """(from, until) in minutes of the day and month, or None."""
    stays = (Stay(ms(since), ms(end) if end else None, "finished" if end else ""),)
    tl = Timeline(stays=stays, dues=(Due(ms(since), ms(due)),), original=ms(due), **more)  # type: ignore[arg-type]
    found = due_today("D", "H44.1", "1.001", tl, slots_so_far(CALENDAR, ms(now), SLOTS), CALENDAR)
    if found is None:
        return None
    assert found.until is not None
    return tuple(f"{ZONE.local(at):%m-%d %H:%M}" for at in (found.start, found.until))


TABLE = [
    ("the instant before the slot", "08-14 13:29:59.999", "08-14 17:00", {}, None),
    ("at the slot", "08-14 13:30", "08-14 17:00", {}, ("08-14 13:30", "08-15 00:00")),
    ("after it, the notifier was away", "08-14 16:10", "08-14 17:00", {}, ("08-14 13:30", "08-15 00:00")),
    ("late by the hour, not by the day", "08-14 13:30", "08-14 10:00", {}, ("08-14 13:30", "08-15 00:00")),
    ("due at 00:00 of the next day", "08-14 13:30", "08-15 00:00", {}, None),
    ("due the day before", "08-14 13:30", "08-13 23:59", {}, None),
    ("finished at the slot", "08-14 14:00", "08-14 17:00", {"end": "08-14 13:30"}, None),
    ("finished after it", "08-14 14:00", "08-14 17:00", {"end": "08-14 13:31"}, ("08-14 13:30", "08-14 13:31")),
    ("accepted between the slots", "08-14 15:30", "08-14 17:00", {"since": "08-14 14:00"},
     ("08-14 15:30", "08-15 00:00")),
    ("a holiday", "09-02 13:30", "09-02 17:00", {}, None),
    ("a Saturday", "08-15 13:30", "08-15 17:00", {}, None),
    ("a Saturday that works", "08-22 13:30", "08-22 17:00", {}, ("08-22 13:30", "08-23 00:00")),
    ("the Monday that does not work for it", "08-31 13:30", "08-31 17:00", {}, None),
    ("due at 07:00", "08-14 13:30", "08-14 07:00", {}, ("08-14 13:30", "08-15 00:00")),
    ("in the last minute of the day", "08-14 23:59", "08-14 17:00", {}, ("08-14 13:30", "08-15 00:00")),
    ("the day is over", "08-15 00:00", "08-14 17:00", {}, None),
    ("a clock that jumps a day ahead", "08-15 13:30", "08-14 17:00", {}, None),
    ("a clock that jumps a day back", "08-13 13:30", "08-14 17:00", {}, None),
    ("the day before Tết", "02-13 15:30", "02-13 17:00", {}, ("02-13 13:30", "02-14 00:00")),
    ("in Tết", "02-17 13:30", "02-17 17:00", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("now", "due", "more", "expected"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE])
def test_due_today_and_open(now: str, due: str, more: dict[str, str], expected: object) -> None:
    since = "02-02 08:00" if due.startswith("02") else "08-03 08:00"
    assert told(now, due, **{"since": since, **more}) == expected


def test_a_pause_is_no_alarm_and_ends_one() -> None:
    during = Pause(ms("08-14 09:00"), ms("08-14 15:00"))
    assert told("08-14 13:30", "08-14 17:00", supplements=(during,)) is None
    assert told("08-14 15:30", "08-14 17:00", supplements=(during,)) == ("08-14 15:30", "08-15 00:00")
    later = Pause(ms("08-14 14:00"), None)
    assert told("08-14 14:30", "08-14 17:00", payments=(later,)) == ("08-14 13:30", "08-14 14:00")


def test_a_second_supplement_is_a_pause_like_the_first() -> None:
    first, second = Pause(ms("08-05 08:00"), ms("08-06 08:00")), Pause(ms("08-14 14:00"), None)
    until = ("08-14 13:30", "08-14 14:00")
    assert told("08-14 13:30", "08-14 17:00", supplements=(first, second)) == until
    assert told("08-14 15:30", "08-14 17:00", supplements=(first, Pause(ms("08-14 09:00"), None))) is None


def test_what_has_no_due_date_is_never_due_today() -> None:
    tl = Timeline(stays=(Stay(ms("08-03 08:00")),), dues=(Due(ms("08-03 08:00"), None),))
    assert due_today("D", "U", "", tl, slots_so_far(CALENDAR, ms("08-14 15:30"), SLOTS), CALENDAR) is None
    later = Timeline(stays=tl.stays, dues=(*tl.dues, Due(ms("08-14 14:00"), ms("08-14 17:00"))))
    found = due_today("D", "U", "", later, slots_so_far(CALENDAR, ms("08-14 15:30"), SLOTS), CALENDAR)
    assert found is not None
    assert found.start == ms("08-14 15:30"), "dated between the slots"


def test_a_moved_date_ends_it() -> None:
    tl = Timeline(
        stays=(Stay(ms("08-03 08:00")),),
        dues=(Due(ms("08-03 08:00"), ms("08-14 17:00")), Due(ms("08-14 14:00"), ms("08-20 17:00"))),
    )
    found = due_today("D", "U", "", tl, slots_so_far(CALENDAR, ms("08-14 15:30"), SLOTS), CALENDAR)
    assert found is not None
    assert found.until == ms("08-14 14:00")


@pytest.mark.parametrize(
    ("now", "holds"),
    [("08-14 06:44:59.999", False), ("08-14 06:45", True), ("08-14 23:59", True), ("08-15 06:45", False),
     ("08-22 06:45", True), ("08-31 06:45", False), ("02-17 06:45", False)],
)  # fmt: skip
def test_the_morning_brief_of_each_working_day(now: str, holds: bool) -> None:
    found = morning_brief("H44", ms(now), CALENDAR, "06:45", ("08-31",), 3)
    assert (found is not None) is holds


@pytest.mark.parametrize(("now", "days"), [("09-09 07:00", []), ("09-10 07:00", [2]), ("09-14 07:00", [0])])
def test_the_brief_says_which_reports_come_near(now: str, days: list[int]) -> None:
    found = morning_brief("H44", ms(now), CALENDAR, "06:45", ("09-14", "12-14"), 2)
    assert found is not None
    assert [r["working_days"] for r in found.evidence["reports"]] == days
    leap = morning_brief("H44", ms("02-26 07:00"), CALENDAR, "06:45", ("02-29",), 3)
    assert leap is not None
    assert [r["day"] for r in leap.evidence["reports"]] == ["2026-02-28"]


def one(until: Millis | None = None, start: Millis = 10, subject: str = "D") -> Raised:
    return Raised("A03", subject, episode_of(1), "U", start, until)


def test_what_was_said_is_not_said_again() -> None:
    new = one()
    assert list(changes({}, [new], 20)) == [new]
    assert list(changes({new.key: new}, [one(start=15)], 20)) == [], "the start that was said first stays"


def test_what_is_not_found_any_more_is_over_now_and_an_end_that_moves_is_said() -> None:
    said = one(until=100)
    assert [c.until for c in changes({said.key: said}, [], 20)] == [20]
    assert [c.until for c in changes({said.key: said}, [one(until=15)], 20)] == [15]
    over = one(until=15)
    assert list(changes({over.key: over}, [], 20)) == []
    assert [c.until for c in changes({over.key: over}, [one(until=100)], 20)] == [100], "reopened the same day"
    assert list(changes({}, [one(until=15)], 20)) == [], "over before anybody could be told"
