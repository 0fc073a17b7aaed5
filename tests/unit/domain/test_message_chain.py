"""Reminders, acknowledgement, promises and the chain of escalation, in working time."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.messages.history import Known
from domain.messages.ledger import DECIDED, Act, Ledger
from domain.messages.recording import acts_of
from domain.messages.rules import decode_rules
from domain.messages.simulation import simulated
from domain.messages.values import Alert
from tests.support.messages import CALENDAR, ZONE, Town, alert, at, noted, province, to

A04 = alert("A04", "2026-11-09T07:00", due="2026-11-09T07:00")
"""Monday; officer and head are told at 07:15."""


def accounts(town: Town, when: str) -> set[str]:
    return set(town.told(when, A04))


def test_a_notice_is_repeated_each_working_day_until_someone_takes_it() -> None:
    town = Town()
    assert accounts(town, "2026-11-09T07:15") == {"officer-1", "head-1"}
    assert accounts(town, "2026-11-09T13:30") == set()
    assert accounts(town, "2026-11-10T07:15") == {"officer-1", "head-1"}
    town.act("2026-11-10T09:00", "acknowledged", A04)
    assert accounts(town, "2026-11-11T07:15") == set(), "until Wednesday 09:00"
    assert accounts(town, "2026-11-11T13:30") == {"officer-1", "head-1"}


def test_taking_back_lets_reminders_go_on() -> None:
    town = Town()
    accounts(town, "2026-11-09T07:15")
    town.act("2026-11-09T09:00", "acknowledged", A04)
    town.act("2026-11-09T10:00", "unacknowledged", A04)
    assert accounts(town, "2026-11-10T07:15") == {"officer-1", "head-1"}


def test_the_chain_climbs_in_working_time() -> None:
    """Told on Monday 07:15: a working day later is Tuesday 07:15, three Thursday, five the Monday after."""
    town = Town()
    reached: dict[str, set[str]] = {}
    days = ["09", "10", "11", "12", "13", "14", "15", "16"]
    for day in days:
        for clock in ("07:15", "13:30"):
            found = town.round(f"2026-11-{day}T{clock}", A04)
            for one in found.decisions:
                if one.verb == "escalated":
                    reached[one.post] = {f"{day}T{clock}"} | reached.get(one.post, set())
            for account in {m.message.account for m in found.messages} & {"room", "chief"}:
                reached.setdefault("told", set()).add(f"{account} {day}T{clock}")
    assert reached["head"] == {"10T07:15"}
    assert reached["room"] == {"12T07:15"}
    assert reached["chief"] == {"16T07:15"}
    assert reached["told"] == {"room 12T07:15", "chief 16T07:15"}, "each once; never the chairman"


def test_an_acknowledgement_starts_the_chain_anew() -> None:
    town = Town()
    accounts(town, "2026-11-09T07:15")
    town.act("2026-11-09T16:00", "acknowledged", A04)
    for when in ("2026-11-10T07:15", "2026-11-10T13:30", "2026-11-11T07:15"):
        assert noted(town.round(when, A04)) == set()
    assert noted(town.round("2026-11-12T07:15", A04)) == {("escalated", "unacknowledged")}


@pytest.mark.parametrize(("when", "told"), [("2026-11-13T13:30", False), ("2026-11-16T07:15", True)])
def test_a_promise_stops_everything_until_its_date(when: str, told: bool) -> None:
    town = Town()
    accounts(town, "2026-11-09T07:15")
    town.act("2026-11-09T09:00", "promised", A04, "2026-11-14")
    assert bool(town.round(when, A04).messages) is told


def test_a_broken_promise_raises_one_level_higher_each_time() -> None:
    town = Town()
    accounts(town, "2026-11-09T07:15")
    town.act("2026-11-09T09:00", "promised", A04, "2026-11-10T10:00")
    found = town.round("2026-11-10T13:30", A04)
    assert [(d.post, d.reason) for d in found.decisions] == [("head", "promise_broken")]
    assert "đã qua ngày dự kiến xong" in to(found, "head-1").message.text
    town.act("2026-11-10T14:00", "promised", A04, "2026-11-11T10:00")
    found = town.round("2026-11-11T13:30", A04)
    assert [(d.post, d.reason) for d in found.decisions] == [("room", "promise_broken")]
    assert to(found, "room").reasons == {A04.id: "promise_broken"}
    assert town.round("2026-11-11T14:00", A04).decisions == ()


def test_a_promise_that_was_kept_raises_nothing() -> None:
    town = Town()
    accounts(town, "2026-11-09T07:15")
    town.act("2026-11-09T09:00", "promised", A04, "2026-11-10T10:00")
    assert noted(town.round("2026-11-10T13:30")) == set()


def test_a_second_reappointment_is_told_until_the_room_decides_and_another_reason_decides_nothing() -> None:
    town, moved = Town(), alert("A06", "2026-11-09T07:00")
    assert town.told("2026-11-09T07:15", moved).keys() == {"head-1", "room"}
    town.acts.append(Act(moved.id, "reason_given", at("2026-11-09T09:00"), reason="staff"))
    assert town.told("2026-11-10T07:15", moved).keys() == {"head-1", "room"}
    town.acts.append(Act(moved.id, "reason_given", at("2026-11-10T09:00"), reason="partner", mark=DECIDED))
    for day in ("11", "12", "13"):
        assert town.told(f"2026-11-{day}T07:15", moved) == {}


def test_a_promise_broken_before_anybody_was_told_climbs_in_a_later_slot_not_in_the_first() -> None:
    town, late = Town(), alert("A04", "2026-11-09T09:00", due="2026-11-09T09:00")
    town.act("2026-11-09T09:30", "promised", late, until="2026-11-09T10:00")
    assert town.told("2026-11-09T13:30", late).keys() == {"officer-1", "head-1"}
    assert town.look("2026-11-09T13:30", late).decisions == (), "planning twice gives nothing twice"
    assert ("escalated", "promise_broken") in noted(town.round("2026-11-10T07:15", late))


def test_the_chairman_reads_only_the_brief_and_there_what_lies_long() -> None:
    town = Town()
    rows = [alert("A04", "2026-10-19T07:00", f"a{n}", due="2026-10-19T07:00") for n in range(3)]
    day = ZONE.day(at("2026-10-19T00:00"))
    for n in range(22):
        town.round(ZONE.midnight(day + n) + at("2026-10-19T07:15") - at("2026-10-19T00:00"), *rows)
    brief = alert("A20", "2026-11-10T06:40", level="grey")
    found = town.round("2026-11-10T06:45", *rows, brief)
    assert "Có 3 việc quá hạn kéo dài" in to(found, "chairman").message.text
    assert "kéo dài" not in to(found, "room").message.text
    assert not any(a.account == "chairman" and a.alert != brief.id for a in town.acts)


@pytest.mark.parametrize(
    ("chairman", "dossiers", "days", "told"),
    [
        ({}, 19, 9, None),
        ({}, 20, 1, "Có 20 việc"),
        ({}, 2, 10, "Có 2 việc"),
        ({"dossiers": 3}, 2, 1, None),
        ({"dossiers": 3}, 3, 1, "Có 3 việc"),
        ({"after_working_days": 4}, 1, 3, None),
        ({"after_working_days": 4}, 1, 4, "Có 1 việc"),
    ],
)
def test_the_chairmans_thresholds_are_settings(
    chairman: dict[str, int], dossiers: int, days: int, told: str | None
) -> None:
    town = Town(decode_rules({"chairman": chairman}))
    rows = [alert("A04", "2026-10-19T07:00", f"a{n}", due="2026-10-19T07:00") for n in range(dossiers)]
    twice = [replace(row, id=f"{row.id}-5", kind="A05") for row in rows]  # a dossier counts once
    town.round("2026-10-19T07:15", *rows, *twice)
    morning = CALENDAR.next_working_day(ZONE.day(at("2026-10-19T00:00")), days)
    now = ZONE.midnight(morning + 1) + 6 * HOUR + HOUR * 3 // 4
    if not CALENDAR.is_working_day(morning + 1):
        now = ZONE.midnight(CALENDAR.next_working_day(morning, 1)) + 6 * HOUR + HOUR * 3 // 4
    brief = replace(alert("A20", "2026-10-19T06:40", level="grey"), start=now - 1)
    text = to(town.round(now, *rows, *twice, brief), "chairman").message.text
    assert (told in text) if told else ("kéo dài" not in text)


KINDS = ("A01", "A02", "A04", "A05", "A06", "A07", "A08", "A12", "A13", "A19", "A20")
START = at("2026-11-05T00:00")
HOUR = 3_600_000
alerts = st.lists(
    st.builds(
        lambda kind, unit, start, lasts, known, n: Alert(
            f"{kind}{unit}{start}{n}",
            kind,
            "red",
            "D",
            unit,
            START + start * HOUR,
            START + (start + 30) * HOUR,
            START + (start + known) * HOUR,
            True,
            START + (start + lasts) * HOUR,
        ),
        st.sampled_from(KINDS),
        st.sampled_from(("H44.1", "H44.1.2", "H44.2")),
        st.integers(0, 120),
        st.integers(1, 120),
        st.integers(-20, 1),
        st.integers(0, 3),
    ),
    max_size=12,
    unique_by=lambda a: a.id,
)
steps = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(("run", "ack", "promise", "crash")), st.integers(0, 11)),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(alerts, steps)
def test_whatever_happens_nothing_is_told_twice_in_a_slot_and_ceilings_hold(
    given_alerts: list[Alert], story: list[tuple[int, str, int]]
) -> None:
    town, now = Town(), START
    for hours, what, which in story:
        now += hours * HOUR // 4
        holding = [a for a in given_alerts if a.start <= now and (a.until is None or now < a.until)]
        if what in ("ack", "promise") and given_alerts:
            one = given_alerts[which % len(given_alerts)]
            verb = "acknowledged" if what == "ack" else "promised"
            town.acts += [type(town.acts[0])(one.id, verb, now, until=now + 5 * HOUR)] if town.acts else []
        found = town.round(now, *holding)
        assert town.look(now, *holding).messages == (), "planning twice gives nothing twice"
        assert town.look(now, *holding).decisions == ()
        for planned in found.messages:
            assert planned.message.alerts
            assert len(planned.message.sms) <= 160
    keys = [(a.key, a.alert, a.channel) for a in town.acts if a.verb == "notified"]
    assert len(keys) == len(set(keys))
    slots = [(a.account, a.slot, a.alert, a.mark) for a in town.acts if a.verb == "notified"]
    assert len(slots) == len(set(slots))
    per_day: dict[tuple[str, int], set[str]] = {}
    for act in town.acts:
        if act.verb == "notified" and act.mark != "any_hour":
            per_day.setdefault((act.account.split("-")[0], ZONE.day(act.slot)), set()).add(act.key)
    ceilings = {"officer": 2 * 3, "head": 2 * 2, "chairman": 1}
    assert all(len(keys_) <= ceilings.get(post, 99) for (post, _), keys_ in per_day.items())


@settings(max_examples=20, deadline=None)
@given(alerts)
def test_the_fold_of_acts_does_not_depend_on_repeats(given_alerts: list[Alert]) -> None:
    town = Town()
    town.round("2026-11-09T07:15", *given_alerts)
    once, twice = Ledger(ZONE, town.acts), Ledger(ZONE, [*town.acts, *town.acts])
    assert once.entries() == twice.entries()
    assert (once.sent, once.marks, once.digested) == (twice.sent, twice.marks, twice.digested)


def test_a_week_that_is_played_tells_what_the_days_would_have_told() -> None:
    week = [alert("A02", "2026-11-10T00:00", due="2026-11-11T16:30"), A04]
    first, last = ZONE.day(at("2026-11-09T00:00")), ZONE.day(at("2026-11-15T00:00"))
    known = [Known(one) for one in week]
    rounds = simulated(first, last, known, (), province())
    told = [(ZONE.local(r.at).strftime("%d %H:%M"), m.message.account) for r in rounds for m in r.plan.messages]
    assert told[:2] == [("09 07:15", "head-1"), ("09 07:15", "officer-1")]
    assert ("12 07:15", "room") in told
    assert not any(day.startswith(("14", "15")) for day, _ in told), "no weekend"
    live = Town()
    for found in rounds:
        live.acts += acts_of(found.at, found.plan)
    again = simulated(first, last, known, (), province())
    assert [(r.at, r.plan.messages) for r in again] == [(r.at, r.plan.messages) for r in rounds]
    assert CALENDAR.is_working_day(first)
