"""The planner at slot boundaries, in quiet hours, on holidays and swap days; ceilings, guard, silence."""

from dataclasses import replace

import pytest

from domain.message import Recipient
from domain.messages.ledger import Act, Ledger
from domain.messages.planning import plan, urgent_kinds
from domain.messages.rules import decode_rules
from domain.messages.values import Unreached
from tests.support.messages import PEOPLE, ZONE, Town, alert, at, noted, province, to, who

DUE = "2026-11-10T16:30"
A02 = alert("A02", "2026-11-09T00:00", due=DUE)
A01 = alert("A01", "2026-11-09T00:00", due="2026-11-12T16:30", level="amber")
A04 = alert("A04", "2026-11-09T09:00", due="2026-11-09T09:00")


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("2026-11-09T00:00", set()),
        ("2026-11-09T07:14:59.999", set()),
        ("2026-11-09T07:15", {"officer-1", "head-1"}),
        ("2026-11-09T07:15:00.001", {"officer-1", "head-1"}),
        ("2026-11-09T13:29:59.999", {"officer-1", "head-1"}),
        ("2026-11-09T16:59:59.999", {"officer-1", "head-1"}),
        ("2026-11-09T17:00", set()),
        ("2026-11-07T07:15", set()),
        ("2026-11-08T13:30", set()),
    ],
)
def test_a_slot_begins_to_the_millisecond_and_quiet_hours_end_it(when: str, told: set[str]) -> None:
    early = replace(A02, start=A02.start - 5 * 86_400_000)
    assert set(Town().told(when, early)) == told


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("2026-01-10T07:15", True),  # a Saturday worked for 2 January
        ("2026-01-02T07:15", False),
        ("2026-01-17T07:15", False),
        ("2026-02-13T07:15", True),
        ("2026-02-16T07:15", False),  # Tết
        ("2026-02-20T13:30", False),
        ("2026-02-23T07:15", True),
    ],
)
def test_holidays_are_quiet_and_swap_saturdays_work(when: str, told: bool) -> None:
    early = alert("A04", "2026-01-01T09:00", due="2026-01-01T09:00")
    assert bool(Town().told(when, early)) is told


def test_one_message_a_unit_and_slot_whatever_the_kinds() -> None:
    several = [alert("A04", "2026-11-09T07:00", f"a{n}", due="2026-11-09T07:00") for n in range(14)]
    found = Town().round("2026-11-09T07:15", A01, A02, *several)
    assert sorted(m.message.account for m in found.messages) == ["head-1", "officer-1"]
    assert len(to(found, "officer-1").message.alerts) == 16
    assert to(found, "officer-1").message.kinds == ("A02", "A04", "A01"), "the most urgent first"


def test_planning_twice_gives_nothing_twice() -> None:
    town = Town()
    assert town.told("2026-11-09T07:15", A01, A02)
    assert town.told("2026-11-09T07:15", A01, A02) == {}
    assert town.told("2026-11-09T13:29", A01, A02) == {}


def test_no_alert_no_message() -> None:
    assert Town().round("2026-11-09T07:15").messages == ()


def test_what_begins_between_slots_waits_for_the_next_one() -> None:
    town = Town()
    town.told("2026-11-09T07:15", A02)
    assert town.told("2026-11-09T09:00", A02, A04) == {}
    assert "A04-2026-11-09T09:00" in town.told("2026-11-09T13:30", A02, A04)["officer-1"]


def test_the_last_slot_is_only_for_what_is_due_today_and_open() -> None:
    late = alert("A04", "2026-11-09T14:00", due="2026-11-08T14:00")
    assert Town().told("2026-11-09T15:30", late).keys() == {"officer-1", "head-1"}, "the slot of 13:30 still runs"
    town = Town()
    town.told("2026-11-09T13:30", A02)
    assert town.told("2026-11-09T15:30", A02, late) == {}
    due_today = alert("A03", "2026-11-09T13:30", due="2026-11-09T16:30")
    town = Town()
    assert town.told("2026-11-09T13:30", due_today).keys() == {"officer-1"}
    assert town.told("2026-11-09T15:29:59", due_today) == {}
    assert town.told("2026-11-09T15:30", due_today).keys() == {"officer-1", "head-1"}


def test_quiet_hours_hold_and_release_and_drop_what_cleared() -> None:
    town = Town()
    evening = [alert("A04", "2026-11-09T18:00", name, due="2026-11-09T17:00") for name in ("one", "two")]
    assert noted(town.round("2026-11-09T18:00", *evening)) == {("held", "quiet_hours")}
    assert town.round("2026-11-09T18:01", *evening).decisions == (), "held once"
    found = town.round("2026-11-10T07:15", evening[0])
    assert to(found, "officer-1").message.alerts == ("one",)
    assert [(d.alert, d.verb, d.reason) for d in found.decisions] == [("two", "suppressed", "cleared")]
    assert town.round("2026-11-10T07:16", evening[0]).decisions == ()


def test_what_was_held_is_told_although_the_horizon_has_passed_it() -> None:
    town = Town()
    evening = alert("A04", "2026-02-13T18:00", due="2026-02-13T17:00")
    town.round("2026-02-13T18:00", evening)
    assert town.told("2026-02-23T07:15", replace(evening, fresh=False)).keys() == {"officer-1", "head-1"}


@pytest.mark.parametrize(
    ("known", "when", "told"),
    [
        ("2026-11-09T13:25", "2026-11-09T13:34:59.999", False),
        ("2026-11-09T13:25", "2026-11-09T13:35", True),
        ("2026-11-09T08:59", "2026-11-09T13:30", True),
    ],
)
def test_a_verdict_of_facts_holds_ten_minutes_and_the_clocks_own_none(known: str, when: str, told: bool) -> None:
    moved = alert("A06", "2026-11-09T09:00", known=known)
    assert bool(Town().told(when, moved)) is told
    clock = alert("A04", "2026-11-09T13:30", known="2026-11-06T09:00", due="2026-11-09T13:29")
    assert Town().told("2026-11-09T13:30", clock)


def test_a_verdict_that_flaps_is_never_told() -> None:
    town = Town()
    for minute in range(31, 60, 2):
        known = f"2026-11-09T13:{minute - 1}"
        assert town.told(f"2026-11-09T13:{minute}", alert("A06", "2026-11-09T13:30", known=known)) == {}
        town.round(f"2026-11-09T13:{minute}")
    assert town.acts == []


def test_a_silent_feed_mutes_its_units_and_gives_them_back() -> None:
    silent = alert("A13", "2026-11-09T08:12", unit="H44.1")
    other = alert("A02", "2026-11-09T00:00", "other", unit="H44.2", due=DUE)
    below = alert("A02", "2026-11-09T00:00", "below", unit="H44.1.2", due=DUE)
    town = Town()
    found = town.round("2026-11-09T13:30", A02, other, below, silent)
    assert {m.message.account for m in found.messages} == {"officer-2", "head-2", "it", "room"}
    assert noted(found) == {("suppressed", "inhibited")}
    assert {d.alert for d in found.decisions} == {A02.id, "below"}
    whole = alert("A13", "2026-11-09T08:12", "whole", unit="H44")
    assert {m.message.account for m in Town().round("2026-11-09T13:30", A02, other, whole).messages} == {
        "it",
        "room",
    }
    assert A02.id in town.told("2026-11-09T14:00", replace(A02, fresh=False))["officer-1"], "when it came back"


def test_a_silence_hides_only_what_it_names_until_its_end() -> None:
    town = Town()
    second = replace(A02, id="second")
    town.act("2026-11-09T06:00", "silenced", A02, "2026-11-09T13:00")
    found = town.round("2026-11-09T07:15", A02, second)
    assert to(found, "officer-1").message.alerts == ("second",)
    assert [(d.alert, d.reason) for d in found.decisions] == [(A02.id, "silenced")]
    assert A02.id in town.told("2026-11-09T13:30", A02, second)["officer-1"]


def test_ceilings_bound_a_day_and_what_is_cut_is_noted() -> None:
    town = Town(decode_rules({"ceilings": {"officer": 1}}))
    assert "officer-1" in town.told("2026-11-09T07:15", A02)
    found = town.round("2026-11-09T13:30", A02, A04)
    assert "officer-1" not in {m.message.account for m in found.messages}
    assert ("suppressed", "ceiling") in noted(found)
    assert A04.id in town.told("2026-11-10T07:15", replace(A04, fresh=False))["officer-1"]


def test_a_reminder_does_not_take_the_last_message_of_a_head_whose_dossiers_are_due_today() -> None:
    town = Town()
    due_today = alert("A03", "2026-11-09T13:30", due="2026-11-09T16:30")
    town.told("2026-11-09T07:15", A02)
    assert "head-1" not in town.told("2026-11-09T13:30", A02, due_today)
    assert due_today.id in town.told("2026-11-09T15:30", A02, due_today)["head-1"]


def test_at_once_is_in_working_hours_gathered_and_leaves_room_for_a_slot() -> None:
    town = Town()

    def waiting(when: str) -> object:
        return alert("A07", when, due="2026-11-09T17:00", level="amber")

    first, second, third = (alert("A07", f"2026-11-09T{t}", level="amber") for t in ("09:02", "09:05", "10:00"))
    assert town.told("2026-11-09T09:02", first) == {"officer-1": (first.id,)}
    assert town.told("2026-11-09T09:05", first, second) == {}, "gathered"
    assert town.told("2026-11-09T09:15", first, second) == {"officer-1": (second.id,)}
    assert town.told("2026-11-09T10:00", first, second, third) == {}, "the third message is a slot's"
    assert A02.id in town.told("2026-11-09T13:30", first, second, third, A02)["officer-1"]
    night = alert("A07", "2026-11-08T20:00", level="amber")
    held = Town()
    assert noted(held.round("2026-11-08T20:00", night)) == {("held", "quiet_hours")}
    assert held.told("2026-11-09T07:14", night) == {}
    assert held.told("2026-11-09T07:15", night) == {"officer-1": (night.id,)}


def test_what_concerns_the_system_goes_at_any_hour_and_under_no_ceiling() -> None:
    town = Town(decode_rules({"ceilings": {"it": 1}}))
    for hour in ("01:00", "02:00", "03:00"):
        failing = alert("A19", f"2026-11-08T{hour}")
        assert town.told(f"2026-11-08T{hour}", failing) == {"it": (failing.id,)}


def test_the_brief_goes_before_the_first_slot_to_room_and_chairman() -> None:
    ready = alert("A20", "2026-11-09T06:40", level="grey")
    town = Town()
    assert town.told("2026-11-09T06:44", ready) == {}
    assert town.told("2026-11-09T06:45", ready).keys() == {"room", "chairman"}
    assert town.told("2026-11-09T07:15", ready, A02).keys() == {"officer-1", "head-1"}
    assert Town().told("2026-11-08T06:45", replace(ready, start=ready.start - 86_400_000)) == {}, "a Sunday"


def test_weekly_kinds_wait_for_the_first_working_day_of_the_week_although_older_than_the_horizon() -> None:
    forgotten = alert("A08", "2026-11-10T00:00", level="amber", fresh=False)
    town = Town(decode_rules({"digest": False}))
    assert town.told("2026-11-11T07:15", replace(forgotten, fresh=True)) == {}
    assert town.told("2026-11-16T07:15", forgotten) == {"officer-1": (forgotten.id,)}


def test_overdue_is_never_claimed_of_an_undated_dossier() -> None:
    found = Town().round("2026-11-09T07:15", replace(A02, kind="A04", due_at=None))
    assert found.messages == ()
    assert noted(found) == {("suppressed", "undated")}


def test_the_nearest_holder_of_a_post_is_told_and_a_post_without_one_is_named() -> None:
    below = alert("A02", "2026-11-09T00:00", unit="H44.1.2", due=DUE)
    assert Town().told("2026-11-09T07:15", below).keys() == {"officer-1", "head-1"}
    found = Town(people=(PEOPLE[0],)).round("2026-11-09T07:15", below)
    assert found.unreached == (Unreached("head", "H44.1.2", "vacant", "", 1),)


@pytest.mark.parametrize(
    ("kind", "missing", "told", "instead"),
    [
        ("A01", {"officer-1"}, {"head-1"}, "head"),
        ("A01", {"officer-1", "head-1"}, {"room"}, "room"),
        ("A01", {"officer-1", "head-1", "room"}, {"chief"}, "chief"),
        ("A01", {"officer-1", "head-1", "room", "chief"}, set(), ""),  # never the chairman
        ("A02", {"officer-1"}, {"head-1"}, "head"),
        ("A02", {"head-1"}, {"officer-1", "room"}, "room"),
        ("A10", {"room"}, {"chief"}, "chief"),  # never down to the office concerned
        ("A19", {"it"}, {"room"}, "room"),
    ],
)
@pytest.mark.parametrize("why", ["vacant", "no_channel"])
def test_what_a_post_cannot_be_told_goes_to_the_next_above_and_says_why(
    kind: str, missing: set[str], told: set[str], instead: str, why: str
) -> None:
    people = tuple(
        replace(p, channels=()) if p.account in missing else p
        for p in PEOPLE
        if why == "no_channel" or p.account not in missing
    )
    one = alert(kind, "2026-11-09T00:00", due=DUE, unit="H44" if kind == "A19" else "H44.1")
    town = Town(people=people)
    found = town.round("2026-11-09T07:15", one)
    assert {m.message.account for m in found.messages} == told
    lost = {"A10": "room", "A19": "it", "A01": "officer"}.get(kind) or min(missing).partition("-")[0]
    (asked,) = [u for u in found.unreached if u.post == lost]
    assert (asked.why, asked.instead, asked.alerts) == (why, instead, 1)
    up = [m for m in found.messages if m.reasons[one.id] == "vacant"]
    assert len(up) == (1 if instead else 0)
    assert all("chưa có người giữ, hoặc người giữ không có kênh nhận tin" in m.message.text for m in up)
    assert town.round("2026-11-09T07:16", one).messages == (), "once"


def test_a_holder_without_a_channel_is_named_although_the_post_above_is_told_in_his_place() -> None:
    mute = Recipient("o", "officer", "H44.1.2", (), None, None, None)
    below = alert("A01", "2026-11-09T00:00", unit="H44.1.2", due=DUE)
    found = Town(people=(*PEOPLE, mute)).round("2026-11-09T07:15", below)
    assert [m.message.account for m in found.messages] == ["officer-1"]
    assert found.unreached == (Unreached("officer", "H44.1.2", "no_channel", "officer", 1),)


def test_the_chain_passes_over_a_post_that_nobody_holds() -> None:
    late = alert("A04", "2026-11-09T07:00", due="2026-11-09T07:00")
    town = Town(people=tuple(p for p in PEOPLE if p.account not in ("room", "head-1")))
    assert town.told("2026-11-09T07:15", late).keys() == {"officer-1", "chief"}, "head and room are vacant"
    town = Town(people=tuple(p for p in PEOPLE if p.account != "room"))
    for day in ("09", "10", "11"):
        assert "chief" not in town.told(f"2026-11-{day}T07:15", late)
    assert "chief" in town.told("2026-11-12T07:15", late), "the room's step, after three working days"


def test_a_first_run_tells_each_unit_once_of_what_lies_before_the_horizon() -> None:
    old = [alert("A04", "2026-09-01T09:00", f"old{n}", fresh=False, due="2026-09-01T09:00") for n in range(40)]
    town = Town()
    found = town.round("2026-11-09T07:15", *old, A02)
    one = to(found, "head-1")
    assert len(one.message.alerts) == 41
    assert sum(reason == "digest" for reason in one.reasons.values()) == 40
    more = alert("A04", "2026-09-02T09:00", fresh=False, due="2026-09-02T09:00")
    assert town.told("2026-11-09T13:30", *old, more) == {}, "no second digest"
    assert Town(decode_rules({"digest": False})).told("2026-11-09T07:15", *old) == {}


def test_a_person_is_told_within_their_own_hours_and_while_they_hold_the_post() -> None:
    late = Town(people=(who("o", "officer", "H44.1", hours=("08:00", "16:00")),))
    assert late.told("2026-11-09T07:15", A02) == {}
    assert late.told("2026-11-09T08:00", A02) == {"o": (A02.id,)}
    left = Town(people=(replace(who("o", "officer", "H44.1"), until=A02.start + 1),))
    assert left.told("2026-11-09T07:15", A02) == {}


def test_a_message_that_some_channels_took_goes_to_the_others_with_the_same_alerts() -> None:
    town = Town(people=(who("o", "officer", "H44.1", "email", "sms"),))
    town.round("2026-11-09T07:15", A02)
    town.acts = [act for act in town.acts if act.channel != "sms"]
    (one,) = town.round("2026-11-09T07:20", A02, A04).messages
    assert (one.channels, one.message.alerts, one.message.retried) == (("sms",), (A02.id,), True), (
        "whether it arrived nobody knows"
    )
    assert town.look("2026-11-09T07:21", A02).messages == ()


def test_what_was_meant_and_not_confirmed_goes_again_and_says_so() -> None:
    town = Town()
    town.round("2026-11-09T07:15", A02)
    town.acts = [act for act in town.acts if act.verb == "notify_intended"]
    same, later = town.look("2026-11-09T07:20", A02), town.look("2026-11-09T13:30", A02)
    assert all(
        m.message.retried and "đã được gửi một lần" in m.message.text for m in (*same.messages, *later.messages)
    )
    assert to(same, "officer-1").message.key == town.acts[0].key or town.acts[0].account != "officer-1"
    assert len(same.messages) == len(later.messages) == 2


def test_between_slots_only_what_waits_for_none_is_planned_and_as_a_whole_round_would() -> None:
    holding = [
        A04,
        A01,
        alert("A07", "2026-11-09T09:50"),
        alert("A13", "2026-11-09T09:55", unit="H44.2"),
        alert("A04", "2026-11-09T09:00", "held", unit="H44.2", due="2026-11-09T09:00"),
        alert("A07", "2026-11-09T09:50", "muted", unit="H44.2"),
    ]
    rules = decode_rules({})
    soon = urgent_kinds(rules)
    assert soon == {"A07", "A13", "A19"}
    now, town = at("2026-11-09T10:00"), Town()
    town.acts = [Act("gone", "held", now - 1, key="k")]
    whole = town.look(now, *holding)
    some = plan(now, [a for a in holding if a.kind in soon], Ledger(ZONE, town.acts), province(rules), whole=False)
    assert list(some.messages) == [one for one in whole.messages if one.mark]
    assert len(some.messages) == 3, "an officer, the room, IT"
    assert noted(whole) - noted(some) == {("suppressed", "cleared")}, "what is not read has not cleared"


def test_what_began_during_an_outage_is_one_digest_a_unit_however_long_it_lasted() -> None:
    missed = [
        alert("A04", f"2026-11-0{n}T09:00", fresh=False, missed=True, due=f"2026-11-0{n}T09:00") for n in (3, 4, 5)
    ]
    older = alert("A04", "2026-10-01T09:00", fresh=False, due="2026-10-01T09:00")
    town = Town()
    town.round("2026-11-02T07:15", older)  # the digest of the first run is long past
    found = town.round("2026-11-09T18:00", *missed, older)
    assert found.messages == ()
    assert noted(found) == {("held", "outage")}, "people sleep: it is kept for them"
    later = [replace(one, missed=False) for one in missed]  # a round has been since
    found = town.round("2026-11-10T07:15", *later, older)
    one = to(found, "officer-1")
    assert [one.reasons[alert.id] for alert in later] == ["outage"] * 3
    assert "3 việc phát sinh trong lúc hệ thống gián đoạn" in one.message.text
    assert town.look("2026-11-10T07:16", *later, older).messages == ()


def test_what_an_outage_hid_and_cleared_before_anybody_woke_is_not_told() -> None:
    town = Town()
    missed = alert("A04", "2026-11-04T09:00", fresh=False, missed=True, due="2026-11-04T09:00")
    town.round("2026-11-09T18:00", missed)
    assert noted(town.round("2026-11-10T07:15")) == {("suppressed", "cleared")}
