"""What a timeline tells of promises: moves, apologies, ends taken back, ends recorded late."""

import pytest

from api.audit.promises import apology, moves, recalls, turned_by_backdating
from domain.dossier import Due, Pause
from domain.instants import Millis, parse_rfc3339
from domain.reference import Reference
from domain.timeline import Stay, Timeline
from tests.unit.domain.random_dossiers import ZONE

CALENDAR = Reference({}, ZONE).calendar_at(0)[0]


def at(text: str) -> Millis:
    return parse_rfc3339(f"2026-{text}:00+07:00")


START, DUE, LATER = at("08-03T08:00"), at("08-10T17:00"), at("08-20T17:00")  # DUE is a Monday
FIRST = Due(START, DUE)


def line(**more: object) -> Timeline:
    given = {"stays": (Stay(START),), "dues": (FIRST,), "original": DUE} | more
    return Timeline(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moved_at", "letters", "wrongs"),
    [
        ("08-06T09:00", ("08-06T09:00",), ()),
        ("08-06T09:00", (), ("no_apology",)),
        ("08-10T09:00", ("08-10T09:00",), ("apology_late",)),
        ("08-11T09:00", ("08-11T09:00",), ("after_late", "apology_late")),
    ],
)
def test_a_move_is_lawful_before_the_due_date_with_a_letter(
    moved_at: str, letters: tuple[str, ...], wrongs: tuple[str, ...]
) -> None:
    tl = line(dues=(FIRST, Due(at(moved_at), LATER)), apologies=tuple(map(at, letters)))
    (found,) = moves(tl, ZONE, CALENDAR, 1)
    assert (found.old, found.new, found.wrongs) == (DUE, LATER, wrongs)


def test_a_second_move_and_one_after_the_end_are_told() -> None:
    dues = (FIRST, Due(at("08-05T09:00"), at("08-12T17:00")), Due(at("08-11T09:00"), LATER))
    tl = line(stays=(Stay(START, at("08-10T16:00"), "finished"),), dues=dues, apologies=(at("08-04T09:00"),))
    first, second = moves(tl, ZONE, CALENDAR, 1)
    assert first.wrongs == ()
    assert second.wrongs == ("after_end", "second_move")
    ended = line(stays=tl.stays, dues=(FIRST, Due(at("08-12T09:00"), LATER)))
    assert [m.wrongs for m in moves(ended, ZONE, CALENDAR, 1)] == [("after_end",)]


def test_what_a_pause_moves_an_earlier_date_and_a_date_said_again_are_no_wrongs() -> None:
    back = at("08-07T10:00")
    tl = line(supplements=(Pause(at("08-05T10:00"), back, True),), dues=(FIRST, Due(back, LATER)))
    assert [m.wrongs for m in moves(tl, ZONE, CALENDAR, 1)] == [()]
    earlier = line(dues=(FIRST, Due(at("08-05T09:00"), at("08-07T17:00"))))
    assert [m.wrongs for m in moves(earlier, ZONE, CALENDAR, 1)] == [()]
    assert moves(line(dues=(FIRST, Due(at("08-05T09:00"), DUE))), ZONE, CALENDAR, 1) == []
    assert moves(line(dues=(Due(START, None), Due(at("08-05T09:00"), DUE))), ZONE, CALENDAR, 1) == []


@pytest.mark.parametrize(("sent", "found"), [("08-07T23:59", "in_time"), ("08-08T00:00", "late"), (None, "none")])
def test_a_letter_is_in_time_until_the_end_of_the_working_day_before(sent: str | None, found: str) -> None:
    tl = line(apologies=() if sent is None else (at(sent),))
    assert apology(tl, DUE, ZONE, CALENDAR, 1) == found


def test_an_end_taken_back_keeps_the_verdict_it_had() -> None:
    stays = (Stay(START, at("08-10T16:00"), "finished"), Stay(at("08-11T09:00"), at("08-14T09:00"), "finished"))
    (found,) = recalls(line(stays=stays), ZONE)
    assert (found.late_then, found.late_now, found.reopened) == (False, True, at("08-11T09:00"))
    (still_open,) = recalls(line(stays=(stays[0], Stay(at("08-11T09:00")))), ZONE)
    assert still_open.late_now is None
    assert recalls(line(), ZONE) == []


@pytest.mark.parametrize(
    ("end", "recorded", "turned"),
    [
        ("08-10T16:00", "08-12T09:00", True),
        ("08-10T16:00", "08-11T09:00", False),  # within a day: an evening's transfer
        ("08-05T16:00", "08-10T09:00", False),  # on time either way
        ("08-11T16:00", "08-20T09:00", False),  # late either way
        ("08-10T16:00", "08-10T15:00", False),  # a clock that runs ahead
    ],
)
def test_backdating_counts_where_it_turns_late_into_on_time(end: str, recorded: str, turned: bool) -> None:
    tl = line(stays=(Stay(START, at(end), "finished"),))
    assert turned_by_backdating(tl, at(recorded), 24 * 3_600_000, ZONE) is turned
