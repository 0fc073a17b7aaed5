"""Every kind in situations that no dossier tells: a silent feed, a clock that jumps, a worker that was down."""

from dataclasses import replace

import pytest

from domain.alerts import INHIBITED, KINDS
from domain.messages.values import Alert
from tests.support.messages import Town, alert, noted

ALL = tuple(sorted(KINDS))
UNIT = {"A13": "H44.1", "A14": "H44", "A19": "H44", "A20": "H44"}
MONDAY = "2026-11-02"  # the first working day of a week, and of the month
FEED = alert("A13", f"{MONDAY}T06:00", "feed")


def one(kind: str, start: str = f"{MONDAY}T06:30", known: str | None = None) -> Alert:
    """An alert of a kind that people are told of on that Monday."""
    return alert(kind, start, kind, unit=UNIT.get(kind, "H44.1"), due=f"{MONDAY}T16:30", known=known)


SLOTS = ("06:45", "07:15", "13:30", "15:30")


def day(town: Town, *alerts: Alert, on: str = MONDAY) -> list[tuple[str, str]]:
    """(slot, account) of a day's messages that speak of the first alert."""
    found = []
    for slot in SLOTS:
        for planned in town.round(f"{on}T{slot}", *alerts).messages:
            if alerts[0].id in planned.message.alerts:
                found.append((slot, planned.message.account))
    return found


@pytest.mark.parametrize("kind", ALL)
def test_a_silent_feed_mutes_a_kind_that_it_may_have_caused_and_no_other(kind: str) -> None:
    assert day(Town(), one(kind)), "it is told"
    muted = Town()
    told = day(muted, one(kind), FEED)
    assert (told == []) is (kind in INHIBITED)
    if kind in INHIBITED:
        assert ("suppressed", "inhibited") in noted(Town().round(f"{MONDAY}T07:15", one(kind), FEED))
        back = replace(one(kind), fresh=False)
        assert day(muted, back, on="2026-11-09"), "told when the feed is back"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("jump", [86_400_000, -86_400_000])
def test_a_clock_that_jumps_a_day_and_back_tells_nothing_twice(kind: str, jump: int) -> None:
    town, alerts = Town(), (one(kind),)
    first = day(town, *alerts)
    before = [(a.key, a.channel, a.alert) for a in town.acts if a.verb == "notified"]
    base = alerts[0].start + 7 * 3_600_000
    town.round(base + jump, *(a for a in alerts if a.start <= base + jump))
    assert day(town, *alerts) == [], "the slots of that day were told"
    again = [(a.key, a.channel, a.alert) for a in town.acts if a.verb == "notified"]
    assert again[: len(before)] == before
    assert len(again) == len(set(again))
    assert first


@pytest.mark.parametrize("kind", ALL)
def test_what_a_worker_that_was_down_tells_late_is_told_at_the_next_round_once(kind: str) -> None:
    """Known from 12:00 on although it began at 06:30: the instant in the row is the exact one."""
    late, town = one(kind, known=f"{MONDAY}T12:00"), Town()
    assert all(town.told(f"{MONDAY}T{slot}") == {} for slot in ("06:45", "07:15")), "nobody knew"
    told = [(slot, m.message.account) for slot in ("12:10", "13:30", "15:30")
            for m in town.round(f"{MONDAY}T{slot}", late).messages]  # fmt: skip
    asked_in_the_morning = {account for _, account in day(Town(), one(kind))}
    if kind in {"A01", "A05", "A08", "A10", "A11", "A16"}:  # told in the morning's slot only, which still runs
        assert {account for slot, account in told if slot == "12:10"} == asked_in_the_morning
    else:
        assert told, "at 12:10 or at the next slot"
    assert len(told) == len(set(told))
    assert late.start == one(kind).start


@pytest.mark.parametrize(
    ("kind", "start", "known", "told"),
    [
        ("A13", "09:00:00", "09:00:20", "09:00:30"),  # IT duty at once
        ("A19", "02:00:00", "02:00:30", "02:00:40"),  # any hour
        ("A20", "06:45:00", "06:45:05", "06:45:10"),
        ("A03", "13:30:00", "13:30:05", "13:30:10"),
        ("A18", "15:30:00", "15:30:05", "15:30:10"),
    ],
)
def test_what_the_clock_alone_causes_waits_for_no_guard_although_the_notifier_said_it_a_little_later(
    kind: str, start: str, known: str, told: str
) -> None:
    at_its_instant = one(kind, f"{MONDAY}T{start}", f"{MONDAY}T{known}")
    due = alert("A04", f"{MONDAY}T08:00", "due", due=f"{MONDAY}T08:00")  # makes 15:30 a slot
    others = () if kind == "A13" else (due,)
    messages = Town().told(f"{MONDAY}T{told}", at_its_instant, *others)
    assert any(kind in alerts for alerts in messages.values())


@pytest.mark.parametrize("kind", ALL)
def test_a_notifier_that_was_down_over_the_slot_goes_on_where_it_was(kind: str) -> None:
    if kind == "A03":  # named slots only: at 15:30
        assert Town().told(f"{MONDAY}T15:31", one(kind))
        return
    assert Town().told(f"{MONDAY}T11:00", one(kind)), "the slot of 07:15, or the brief, still runs"
