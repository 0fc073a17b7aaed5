"""The kinds that the notifier raises, as rules over plain figures: the instant before, at and after."""

from dataclasses import replace

import pytest

from domain.calendar_vn import vietnam_calendar
from domain.crunch import crunch, usual_output
from domain.falls import Card, Fall, falls, rose
from domain.faults import Fault, raised, seen
from domain.instants import Day, Millis, Zone
from domain.periods import parse_instant
from domain.portal_gap import unexplained
from domain.raised import RaisedThresholds
from domain.silence import filled, silent_since, usual_gap

ZONE = Zone()
CALENDAR = vietnam_calendar(ZONE.name)
HOUR, MINUTE = 3_600_000, 60_000
T = RaisedThresholds()


def ms(text: str) -> Millis:
    return parse_instant(f"2026-{text[:5]}T{text[6:]}", ZONE)


def day(text: str) -> Day:
    return ZONE.day(ms(f"{text} 00:00"))


# --- A13 ---


def beat(days: int, every_minutes: int, until: str = "08-14") -> list[Millis]:
    """Arrivals in working hours of the working days before a day."""
    found = []
    for n in range(1, days + 1):
        d = CALENDAR.previous_working_day(day(until), n)
        at = CALENDAR.start_of_working_day(d)
        while at <= CALENDAR.end_of_working_day(d):
            found.append(at)
            at += every_minutes * MINUTE
    return found


def test_what_is_usual_is_the_median_of_the_days_longest_pauses() -> None:
    today = day("08-14")
    assert usual_gap(beat(20, 30), today, CALENDAR) == 30 * MINUTE
    assert usual_gap(beat(9, 30), today, CALENDAR) is None, "on fewer than half of the days there is no beat"
    assert usual_gap([], today, CALENDAR) is None
    at_night = [CALENDAR.zone.midnight(CALENDAR.previous_working_day(today, n)) for n in range(1, 21)]
    assert usual_gap(at_night, today, CALENDAR) == 8 * HOUR, "what comes at night does not shorten the day's pause"
    on_saturdays = [ms("08-08 09:00")]
    assert usual_gap([*beat(20, 30), *on_saturdays], today, CALENDAR) == 30 * MINUTE


SILENT: list[tuple[str, str, str, int | None, str | None]] = [
    ("just not yet", "08-13 09:00", "08-13 11:00", 30 * MINUTE, None),
    ("the instant after", "08-13 09:00", "08-13 11:00:00.001", 30 * MINUTE, "08-13 11:00"),
    ("three times a long usual pause", "08-13 08:00", "08-13 15:00", 60 * MINUTE, "08-13 11:00"),
    ("noon does not count", "08-13 11:00", "08-13 14:59", 30 * MINUTE, None),
    ("noon does not count, and then", "08-13 11:00", "08-13 15:01", 30 * MINUTE, "08-13 15:00"),
    ("the night does not count", "08-13 16:00", "08-14 07:59", 30 * MINUTE, None),
    ("a weekend does not count", "08-14 16:30", "08-17 08:30", 30 * MINUTE, None),
    ("a Saturday that works does", "08-21 16:00", "08-22 08:01", 30 * MINUTE, "08-22 08:00"),
    ("holidays do not", "08-29 16:00", "09-03 08:59", 30 * MINUTE, None),
    ("Tết does not", "02-13 16:00", "02-23 07:59", 30 * MINUTE, None),
    ("no usual beat", "08-03 09:00", "08-14 09:00", None, None),
    ("a clock that jumps a day back", "08-13 09:00", "08-12 09:00", 30 * MINUTE, None),
    ("a clock that jumps a day ahead", "08-12 16:00", "08-13 16:00", 30 * MINUTE, "08-13 08:00"),
]


@pytest.mark.parametrize(("last", "now", "usual", "since"), [s[1:] for s in SILENT], ids=[s[0] for s in SILENT])
def test_silence_is_working_time(last: str, now: str, usual: int | None, since: str | None) -> None:
    found = silent_since(ms(last), usual, ms(now), CALENDAR, 120 * MINUTE, 3.0)
    assert found == (None if since is None else ms(since))


FILLED: list[tuple[str, str, str | None, str, bool]] = [
    ("the first of what was missing", "08-13 14:00", "08-13 09:01", "08-13 14:00:10", False),
    ("up to a usual pause ago", "08-13 14:00", "08-13 11:00", "08-13 15:00", True),
    ("the instant before that", "08-13 14:00", "08-13 10:59:59.999", "08-13 15:00", False),
    ("all of it", "08-13 14:00", "08-13 13:59", "08-13 14:00:30", True),
    ("back at night, all up to the evening", "08-13 22:00", "08-13 16:59", "08-14 06:00", True),
    ("back at night, half of it", "08-13 22:00", "08-13 11:00", "08-14 06:00", False),
    ("back on Monday, all up to Friday evening", "08-17 07:00", "08-14 16:30", "08-17 07:30", True),
    ("Saturday works: a day is missing", "08-24 07:00", "08-21 16:30", "08-24 07:30", False),
    ("holidays: nothing is missing", "09-03 07:00", "08-29 16:30", "09-03 07:30", True),
    ("Tết: nothing is missing", "02-23 07:00", "02-13 16:30", "02-23 07:30", True),
    ("days without hours, not for long enough", "08-13 14:00", "08-13 00:00", "08-13 16:00", False),
    ("days without hours, flowing for as long as a pause may last", "08-13 14:00", "08-13 00:00",
     "08-13 16:00:00.001", True),
    ("nothing that is a fact", "08-13 14:00", None, "08-13 14:10", False),
    ("a clock that jumps a day back", "08-13 14:00", "08-13 13:59", "08-12 14:00", True),
]  # fmt: skip


@pytest.mark.parametrize(("back", "newest", "now", "over"), [f[1:] for f in FILLED], ids=[f[0] for f in FILLED])
def test_a_silence_is_over_when_what_was_missing_has_come(
    back: str, newest: str | None, now: str, over: bool
) -> None:
    reaches = None if newest is None else ms(newest)
    assert filled(ms(back), reaches, ms(now), CALENDAR, 120 * MINUTE) is over


# --- A14 ---


@pytest.mark.parametrize(
    ("kind", "portal", "remainder", "told"),
    [
        ("score", 16.2, 0.02, False), ("score", 16.2, -0.021, True), ("numerator", 10_000, 100, False),
        ("numerator", 10_000, -101, True), ("denominator", 0, 1, True), ("denominator", 0, 0, False),
    ],
)  # fmt: skip
def test_differs_from_the_portal(kind: str, portal: float, remainder: float, told: bool) -> None:
    line = {"metric": "M", "kind": kind, "ours": 1, "portal": portal, "difference": 5, "remainder": remainder}
    assert bool(unexplained([{**line, "comparable": True}], 0.02, 0.01)) is told
    assert unexplained([{**line, "comparable": False, "remainder": None}], 0.02, 0.01) == []


# --- A15 ---

CARD = Card("2026-08", "766/1", 500, {"total": 60.0, "B": 15.0}, {"total": 100, "B": 20}, {"B1": (0.8, 500.0)})


def card(total: float = 60.0, rate: float = 0.8, **more: object) -> Card:
    changed = {"points": {"total": total, "B": 15.0}, "rates": {"B1": (rate, 500.0)}, **more}
    return replace(CARD, **changed)  # type: ignore[arg-type]


FALLS: list[tuple[str, list[Card], tuple[Fall, ...]]] = [
    ("half a point in a day", [card(59.5), card()], (Fall("total", 60.0, 59.5),)),
    ("a little less", [card(59.51), card()], ()),
    ("two points of a rate", [card(rate=0.78), card()], (Fall("B1", 0.8, 0.78),)),
    ("of few cases", [card(rates={"B1": (0.5, 29.0)}), card()], ()),
    ("a unit with few cases", [card(50.0, cases=29), card(cases=29)], ()),
    ("three days running", [card(59.7), card(59.8), card(59.9), card()], (Fall("total", 60.0, 59.7, 3),)),
    ("two days running", [card(59.8), card(59.9), card()], ()),
    ("not running", [card(59.7), card(59.9), card(59.9), card()], ()),
    ("another set", [card(50.0, set="766/2"), card()], ()),
    ("another month", [card(50.0, period="2026-09"), card()], ()),
    ("another scale", [card(50.0, maxima={"total": 94, "B": 20}), card()], ()),
    ("not known before", [card(50.0), card(points={"B": 15.0})], ()),
    ("the first day of a month", [card(50.0)], ()),
    ("a group that fell out is no fall", [card(points={"total": 60.0}), card()], ()),
]


@pytest.mark.parametrize(("cards", "expected"), [f[1:] for f in FALLS], ids=[f[0] for f in FALLS])
def test_points_lost(cards: list[Card], expected: tuple[Fall, ...]) -> None:
    assert falls(cards, T) == expected


def test_the_next_rise_ends_it() -> None:
    assert rose([card(59.6), card(59.5)])
    assert not rose([card(59.5), card(59.5)])
    assert not rose([card(70.0, set="766/2"), card(59.5)]), "another set is no rise"
    assert not rose([card(70.0)])


# --- A18 ---


def test_usual_output_counts_days_without_any() -> None:
    days = list(range(20))
    assert usual_output(dict.fromkeys(range(15), 10), days) == 10.0
    assert usual_output(dict.fromkeys(range(9), 10), days) == 0.0
    assert usual_output(dict.fromkeys(range(4), 10), days) is None, "no usual output is not an output of none"


@pytest.mark.parametrize(
    ("due", "usual", "holds"),
    [(45, 10.0, False), (46, 10.0, True), (9, 1.0, False), (10, 1.0, True), (10, 0.0, True), (999, None, False)],
)
def test_due_dates_pile_up(due: int, usual: float | None, holds: bool) -> None:
    assert crunch(due, 3, usual, 1.5, 10) is holds


# --- A19 ---


def test_a_part_is_told_when_it_was_red_for_half_a_minute_and_until_it_was_healthy_for_ten() -> None:
    healthy = 10 * MINUTE
    faults: dict[str, Fault] = {}
    told = []
    for second in range(0, 1_200, 10):
        red = {"disk": "full"} if second <= 60 or second == 300 else {}
        faults = seen(faults, red, second * 1_000, healthy)
        told.append((second, [r.subject for r in raised(faults, "H44")]))
    holding = [second for second, subjects in told if subjects]
    assert holding[0] == 30
    assert holding[-1] == 890, "red again at 300 s: ten minutes from then"
    assert len(holding) == (890 - 30) / 10 + 1


def test_a_blip_is_not_told_and_a_clock_that_goes_back_begins_anew() -> None:
    assert list(raised(seen({}, {"worker": "x"}, 0, 1), "H44")) == []
    once = seen({"worker": Fault(0, 20_000, "x")}, {}, 25_000, 10 * MINUTE)
    assert once == {}
    back = seen({"worker": Fault(1_000_000, 2_000_000, "x")}, {"worker": "x"}, 500_000, 10 * MINUTE)
    assert back == {"worker": Fault(500_000, 500_000, "x")}
