"""On which days and from which instant the kinds that have a slot are told: each of them in every situation.

In 2026: Saturday 22 August works instead of Monday 31; 31 August to 2 September and 16–20 February (Tết) are off.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from api.figures.context import FigureContext
from api.raising import falls, pace
from api.raising.briefs import Briefs
from api.raising.crunch import Crunch
from api.raising.due_today import DueToday
from api.raising.falls import Falls
from api.raising.findings import Findings
from api.raising.pace import Pace
from api.raising.runner import Rule
from domain.alerts import alert_id
from domain.calendar_vn import vietnam_calendar
from domain.dossier import Due
from domain.instants import MS_DAY, Day, Millis, Zone
from domain.periods import parse_instant
from domain.raised import Key, Raised, changes
from domain.timeline import Stay, Timeline
from sinks.queries import alerts, beat, dossiers
from tests.support.conditions import reference

ZONE = Zone()
CALENDAR = vietnam_calendar(ZONE.name)
UNIT = "H44.1"
RULES: dict[str, type[Any]] = {
    "A03": DueToday, "A10": Findings, "A15": Falls, "A16": Pace, "A18": Crunch, "A20": Briefs,
}  # fmt: skip


def at(text: str) -> Millis:
    return parse_instant(f"2026-{text[:5]}T{text[6:]}", ZONE)


class Province:
    """A province in which every kind holds on each day on which it may; what was said is kept as the log does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: dict[Key, Raised] = {}
        self.acts: list[Any] = []
        self.timeline = ""
        for where, name, answer in (
            (FigureContext, "reference", reference({})),
            (FigureContext, "calendar", lambda *_: CALENDAR),
            (beat, "findings_known", lambda *_: [("late_event", UNIT, 3, ["D"])]),
            (alerts, "acts", lambda *_: self.acts),
            (alerts, "raised", lambda _, since: [row for row in self._rows() if row[6] is None or row[6] > since]),
            (dossiers, "open_at", lambda *_: ["D"]),
            (
                dossiers,
                "timed",
                lambda *_: [SimpleNamespace(code="D", unit=UNIT, procedure="", timeline=self.timeline)],
            ),
            (beat, "due_by_day", self._due_by_day),
            (beat, "finished_by_day", lambda _, since, until: [(UNIT, d, 1) for d in range(since, until)]),
            (falls, "scorecard", lambda *asked, **_: card(asked[3])),
            (pace, "targets", lambda *_, **__: OUT_OF_REACH),
        ):
            monkeypatch.setattr(where, name, answer)
        self.until: list[Day] = []
        """Up to which days was asked what falls due."""

    def says(self, rule: Rule, now: Millis, last: Millis | None = None) -> list[Millis]:
        """When what a round says began."""
        ctx = FigureContext(None, 1, ZONE, "H44", now)
        due = ZONE.midnight(ZONE.day(now) + 1) - 1
        tl = Timeline(stays=(Stay(0),), dues=(Due(0, due),), original=due)
        self.timeline = tl.encode()
        if not rule.due(ctx, last):
            return []
        new = list(changes(self.said, rule.judge(ctx, self.said), now))
        self.said.update((one.key, one) for one in new)
        return [one.start for one in new if one.until is None or one.until > now]

    def _due_by_day(self, _: object, __: Millis, end: Millis, ___: str) -> list[tuple[str, Day, int]]:
        self.until.append(ZONE.day(end - 1))
        return [(UNIT, ZONE.day(end - 1), 20)]

    def _rows(self) -> list[tuple[Any, ...]]:
        return [(r.kind, r.subject, r.episode, r.unit, "", r.start, r.until) for r in self.said.values()]


OUT_OF_REACH: dict[str, Any] = {
    "unit": "H44",
    "targets_set": {"name": "t"},
    "children": [],
    "targets": [
        dict.fromkeys(("basis", "assigned", "achieved", "needed_rate", "best_month", "needed_a_month"), 1)
        | {"code": "B", "status": "hard"}
    ],
}


def card(until: Millis) -> dict[str, Any]:
    """A scorecard that loses a point a day, and begins each month anew."""
    day = ZONE.day(until - 1)
    return {
        "unit": "H44",
        "period": f"{ZONE.local(until - 1):%Y-%m}",
        "versions": {"set": "766/1"},
        "volumes": {"received": 500},
        "groups": [],
        "indicators": [],
        "max_applicable": 100,
        "total_portal": 40_000.0 - day,
        "children": [],
    }


@pytest.fixture
def province(monkeypatch: pytest.MonkeyPatch) -> Province:
    return Province(monkeypatch)


DAILY = {"A03": "13:30", "A15": "06:15", "A18": "15:30", "A20": "06:45"}
"""Kinds that are told on every working day, and from when on."""
DAYS = [
    ("a Friday", "08-14", True),
    ("a Saturday", "08-15", False),
    ("a Sunday", "08-16", False),
    ("swap Saturday", "08-22", True),
    ("the Monday off for it", "08-31", False),
    ("a holiday", "09-02", False),
    ("the day after it", "09-03", True),
    ("Tết", "02-18", False),
    ("the day after Tết", "02-23", True),
]


@pytest.mark.parametrize("kind", DAILY)
@pytest.mark.parametrize(("day", "works"), [d[1:] for d in DAYS], ids=[d[0] for d in DAYS])
def test_a_slot_is_one_of_working_days_and_its_instant_stands_whenever_the_notifier_came(
    kind: str, day: str, works: bool, province: Province
) -> None:
    slot = at(f"{day} {DAILY[kind]}")
    told = slot
    if kind == "A15":  # it speaks of the end of the working day before, however long ago that is
        told = ZONE.midnight(CALENDAR.previous_working_day(ZONE.day(slot)) + 1)
    expected = [told] if works else []
    assert province.says(RULES[kind](), slot - 1) == []
    late = province.says(RULES[kind](), slot + 90 * 60_000)
    assert late == expected, "a notifier that was down over the slot"
    assert province.says(RULES[kind](), slot + 91 * 60_000) == [], "once, after whatever restart"
    province.said.clear()
    assert province.says(RULES[kind](), slot) == expected
    assert province.says(RULES[kind](), slot + 1) == []


@pytest.mark.parametrize("kind", DAILY)
def test_a_clock_that_jumps_a_day_and_back_tells_each_day_once(kind: str, province: Province) -> None:
    rule, slot = RULES[kind](), at(f"08-13 {DAILY[kind]}")
    said = [
        len(province.says(rule, now)) for now in (slot, slot + MS_DAY, slot + 1, slot + MS_DAY + 1, slot - MS_DAY)
    ]
    again = {"A18": 0}.get(kind, 1)  # a crunch that goes on stays the same alert
    assert said == [1, again, 0, 0, 1]


@pytest.mark.parametrize(
    ("today", "last"),
    [("08-12", "08-17"), ("08-20", "08-24"), ("08-28", "09-07"), ("02-12", "02-24")],
    ids=["a weekend", "swap Saturday", "holiday", "Tết"],
)
def test_due_dates_pile_up_over_working_days(today: str, last: str, province: Province) -> None:
    province.says(Crunch(), at(f"{today} 15:30"))
    assert province.until == [ZONE.day(at(f"{last} 12:00"))]


MONTHS = [
    ("the first, a holiday", "09-01 06:20", "09-01 00:00"),
    ("the instant before the slot", "09-01 06:19:59", None),
    ("the notifier was down that day", "09-03 06:20", "09-01 00:00"),
    ("swap Saturday", "08-22 06:20", "08-01 00:00"),
    ("Tết", "02-18 06:20", "02-01 00:00"),
]


@pytest.mark.parametrize(("now", "start"), [m[1:] for m in MONTHS], ids=[m[0] for m in MONTHS])
def test_targets_are_those_of_the_month_on_any_day_of_it(now: str, start: str | None, province: Province) -> None:
    assert province.says(Pace(), at(now)) == ([] if start is None else [at(start)])
    assert province.says(Pace(), at(now) + 60_000) == ([at("09-01 00:00")] if start is None else [])


WEEKS = [
    ("the instant before", "08-10 07:14:59", None),
    ("Monday", "08-10 07:15", "08-10 07:15"),
    ("the notifier was down on Monday", "08-12 06:00", "08-10 07:15"),
    ("up to Sunday night", "08-16 23:59", "08-10 07:15"),
    ("Monday is off for a Saturday", "08-31 12:00", None),
    ("the first day after holidays", "09-03 07:15", "09-03 07:15"),
    ("Tết", "02-18 12:00", None),
    ("after Tết", "02-23 07:15", "02-23 07:15"),
    ("a Saturday that works ends its week", "08-22 07:15", "08-17 07:15"),
]


@pytest.mark.parametrize(("now", "slot"), [w[1:] for w in WEEKS], ids=[w[0] for w in WEEKS])
def test_findings_are_told_once_a_week_also_by_a_notifier_that_was_away_on_its_first_day(
    now: str, slot: str | None, province: Province
) -> None:
    expected = [] if slot is None else [at(slot)]
    assert province.says(Findings(), at(now)) == expected
    assert province.says(Findings(), at(now) + 60_000) == (
        [] if slot or now[6:] != "07:14:59" else [at("08-10 07:15")]
    )


def test_findings_that_the_room_closed_long_ago_are_not_told_again_later_in_the_week(province: Province) -> None:
    province.says(Findings(), at("08-10 07:15"))
    (one,) = province.said.values()
    reason = at("08-10 09:00")
    province.acts = [(alert_id(*one.key), "alert.reason_given", reason)]
    province.says(Findings(), at("08-10 09:01"))
    province.acts = []
    log = dict(province.said)
    forgetful = Findings()
    province._rows = lambda: [("A10", "", "", "", "", o.start, o.until) for o in log.values()]  # type: ignore[method-assign]
    province.said = {}
    assert province.says(forgetful, at("08-14 10:00")) == []
