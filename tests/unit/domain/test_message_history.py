"""Alerts as they were known then: versions by moments of knowledge, and a week played with them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.messages.history import FOREVER, Known, versions
from domain.messages.rules import decode_rules
from domain.messages.simulation import simulated
from domain.messages.values import Alert
from tests.support.messages import ZONE, Town, alert, at, province

A, B = (alert("A04", "2026-11-09T07:00", name, due="2026-11-09T07:00") for name in "ab")


def shown(found: tuple[Known, ...]) -> list[tuple[str, int, int | None, int | None]]:
    return sorted(
        (
            one.alert.id,
            one.alert.known_at,
            None if one.replaced_at == FOREVER else one.replaced_at,
            one.alert.until,
        )
        for one in found
    )


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(1, [A])], [("a", 1, None, None)]),
        ([(1, [A]), (5, [A])], [("a", 1, None, None)]),  # nothing about it changed
        ([(1, [A]), (5, [A, B])], [("a", 1, None, None), ("b", 5, None, None)]),
        ([(1, [A]), (5, [])], [("a", 1, 5, None)]),  # withdrawn
        ([(1, [A]), (5, [replace(A, until=9)])], [("a", 1, 5, None), ("a", 5, None, 9)]),
        ([(1, [A]), (5, []), (7, [A])], [("a", 1, 5, None), ("a", 7, None, None)]),
        ([(1, [A]), (5, [replace(A, unit="H44.2")])], [("a", 1, 5, None), ("a", 5, None, None)]),
    ],
)
def test_a_version_lasts_from_one_change_to_the_next(points: list[Any], expected: list[Any]) -> None:
    assert shown(versions([(known, True, alerts) for known, alerts in points])) == expected


states = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 9)), max_size=3, unique_by=lambda s: s[0]
)


@given(st.lists(states, max_size=6), st.integers(0, 70))
def test_what_was_known_at_an_instant_is_what_the_last_word_before_it_said(said: list[Any], now: int) -> None:
    points = [
        (
            10 * n,
            True,
            [Alert(i, "A04", "red", "D", "H44.1", s, None, 0, until=s + lasts) for i, s, lasts in state],
        )
        for n, state in enumerate(said)
    ]
    found = sorted(one.alert.id for one in versions(points) if one.holds(now))
    last = [alerts for known, _, alerts in points if known <= now][-1:] or [[]]
    assert found == sorted(a.id for a in last[0] if a.start <= now < (a.until or now + 1))


def played(*known: Known, before: Any = ()) -> list[tuple[str, str, int]]:
    """(when, account, alerts) of the messages of a week, without the digest of a first run."""
    first, last = ZONE.day(at("2026-11-09T00:00")), ZONE.day(at("2026-11-15T00:00"))
    rounds = simulated(first, last, known, (), province(decode_rules({"digest": False})), before=before)
    return [
        (ZONE.local(r.at).strftime("%d %H:%M"), m.message.account, len(m.message.alerts))
        for r in rounds
        for m in r.plan.messages
    ]


def test_a_week_tells_what_was_thought_then_although_it_turned_out_otherwise() -> None:
    known = at("2026-11-06T09:00")
    wrong = Known(replace(A, known_at=known), replaced_at=at("2026-11-11T09:00"))
    told = played(wrong)
    assert told[:4] == [("09 07:15", "head-1", 1), ("09 07:15", "officer-1", 1),
                        ("10 07:15", "head-1", 1), ("10 07:15", "officer-1", 1)]  # fmt: skip
    assert {when[:2] for when, _, _ in told} == {"09", "10", "11"}, "heard on Wednesday 09:00 that it was not so"


def test_what_became_known_late_is_told_from_then_on() -> None:
    late = Known(replace(A, known_at=at("2026-11-10T10:00")))
    assert played(late)[0] == ("10 10:15", "head-1", 1), "the guard, and nobody had a message in the slot of 07:15"
    long_ago = replace(A, start=at("2026-09-01T07:00"), known_at=at("2026-11-10T10:00"))
    assert played(Known(long_ago)), "heard of by live intake"
    assert played(Known(long_ago, live=False)) == [], "an import of history tells nobody"


def test_the_ledger_of_what_was_really_done_is_gone_on_with() -> None:
    town = Town()
    early = replace(A, start=at("2026-11-02T07:00"), known_at=at("2026-10-30T07:00"))
    town.round("2026-11-02T07:15", early)
    assert [m for m in played(Known(early), before=town.acts) if m[1] == "room"][:1] == [("09 07:15", "room", 1)]
