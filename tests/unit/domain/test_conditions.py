"""When each alert kind of dossiers holds: the instant before, at and after each bound, in the calendar's corners.

In 2026: Saturday 22 August works instead of Monday 31; 31 August to 2 September and 16–20 February (Tết) are off.
"""

import pytest

from domain.alerts import KINDS
from tests.support.conditions import Said, Shown, conditions, holding, ms, shown

DUE = "08-14 17:00"
"""A Friday."""


def accepted(at: str = "08-03 08:00", due: str | None = DUE) -> Said:
    return ("accepted", at, {"due_at": due} if due else {})


def submitted(at: str, channel: str = "online") -> Said:
    return ("submitted", at, {"channel": channel})


def step(at: str) -> Said:
    return ("step_completed", at, {"step": "review"})


def refused(at: str) -> Said:
    return ("synced", at, {"accepted": False})


def supplement(start: str, done: str | None = None) -> list[Said]:
    return [("supplement_requested", start), *([("supplement_received", done)] if done else [])]


def moved(at: str, to: str) -> Said:
    return ("due_date_moved", at, {"to": to})


PAUSED = [accepted(), *supplement("08-12 08:00", "08-13 09:00")]
TWICE = [accepted(), *supplement("08-05 08:00", "08-06 08:00"), *supplement("08-12 08:00", "08-13 09:00")]
MOVED = [accepted(), moved("08-12 08:00", "08-20 17:00")]
MOVED_TWICE = [*MOVED, moved("08-13 08:00", "08-25 17:00")]
SWAP = [accepted("08-10 08:00", "08-24 17:00")]
HOLIDAY = [accepted("08-10 08:00", "09-03 17:00")]
TET = [accepted("02-02 08:00", "02-23 17:00")]
UNDATED = [accepted(due=None)]
AT_SEVEN = [accepted(due="08-14 07:00")]
REOPENED: list[Said] = [accepted(), ("finished", "08-12 09:00"), ("reopened", "08-17 08:00")]
OVER = "08-14 17:00:00.001"
FIRST = ("synced", "08-03 08:05")
"""The acceptance arrived within the day."""

TABLE: list[tuple[str, str, list[Said], Shown]] = [
    ("A01", "due at 17:00", [accepted()], [("08-11 00:00", OVER)]),
    ("A01", "due at 07:00", AT_SEVEN, [("08-11 00:00", "08-14 07:00:00.001")]),
    ("A01", "accepted within the window", [accepted("08-13 08:00")], [("08-13 08:00", OVER)]),
    ("A01", "finished", [accepted(), ("finished", "08-12 10:00")], [("08-11 00:00", "08-12 10:00")]),
    ("A01", "paused", PAUSED, [("08-11 00:00", "08-12 08:00"), ("08-13 09:00", OVER)]),
    ("A01", "a pause that goes on", PAUSED[:2], [("08-11 00:00", "08-12 08:00")]),
    ("A01", "second supplement", TWICE, [("08-11 00:00", "08-12 08:00"), ("08-13 09:00", OVER)]),
    ("A01", "moved", MOVED, [("08-11 00:00", "08-12 08:00"), ("08-17 00:00", "08-20 17:00:00.001")]),
    ("A01", "swap Saturday", SWAP, [("08-20 00:00", "08-24 17:00:00.001")]),
    ("A01", "holiday", HOLIDAY, [("08-26 00:00", "09-03 17:00:00.001")]),
    ("A01", "Tết", TET, [("02-11 00:00", "02-23 17:00:00.001")]),
    ("A01", "undated", UNDATED, []),
    ("A02", "due at 17:00", [accepted()], [("08-13 00:00", "08-14 00:00")]),
    ("A02", "due at 07:00", AT_SEVEN, [("08-13 00:00", "08-14 00:00")]),
    ("A02", "apology", [accepted(), ("apology_sent", "08-13 10:00")], [("08-13 00:00", "08-13 10:00")]),
    ("A02", "apology before", [accepted(), ("apology_sent", "08-12 10:00")], []),
    ("A02", "paused", PAUSED, [("08-13 09:00", "08-14 00:00")]),
    ("A02", "second supplement", TWICE, [("08-13 09:00", "08-14 00:00")]),
    ("A02", "moved", MOVED, [("08-19 00:00", "08-20 00:00")]),
    ("A02", "swap Saturday", SWAP, [("08-22 00:00", "08-23 00:00")]),
    ("A02", "holiday", HOLIDAY, [("08-28 00:00", "08-29 00:00")]),
    ("A02", "Tết", TET, [("02-13 00:00", "02-14 00:00")]),
    ("A02", "undated", UNDATED, []),
    ("A04", "due at 17:00", [accepted()], [(OVER, None)]),
    ("A04", "due at 07:00", AT_SEVEN, [("08-14 07:00:00.001", None)]),
    ("A04", "finished at the due instant", [accepted(), ("finished", DUE)], []),
    ("A04", "finished late", [accepted(), ("finished", "08-17 09:00")], [(OVER, "08-17 09:00")]),
    ("A04", "a pause counts to the minute", PAUSED, [("08-15 18:00:00.001", None)]),
    ("A04", "paused over the due date", PAUSED[:2], []),
    ("A04", "second supplement: late at once", TWICE, [("08-12 08:00", None)]),
    ("A04", "moved", MOVED, [("08-20 17:00:00.001", None)]),
    ("A04", "swap Saturday", SWAP, [("08-24 17:00:00.001", None)]),
    ("A04", "holiday", HOLIDAY, [("09-03 17:00:00.001", None)]),
    ("A04", "Tết", TET, [("02-23 17:00:00.001", None)]),
    ("A04", "re-opened after the due date", REOPENED, [("08-17 08:00", None)]),
    ("A04", "undated", UNDATED, []),
    ("A05", "late", [accepted()], [(OVER, None)]),
    ("A05", "apology in time", [accepted(), ("apology_sent", "08-13 10:00")], []),
    ("A05", "apology late", [accepted(), ("apology_sent", "08-18 10:00")], [(OVER, "08-18 10:00")]),
    ("A05", "finishing leaves the duty", [accepted(), ("finished", "08-17 09:00")], [(OVER, None)]),
    ("A05", "finished as it fell due", [accepted(), ("finished", "08-14 17:00")], []),
    ("A05", "finished one millisecond later", [accepted(), ("finished", OVER)], [(OVER, None)]),
    ("A05", "finished late out of a pause", [*PAUSED[:2], ("finished", "08-18 09:00")], [("08-18 09:00", None)]),
    ("A05", "its letter was in time", [accepted(), ("apology_sent", "08-13 09:00"), ("finished", OVER)], []),
    ("A05", "second supplement", TWICE, [("08-12 08:00", None)]),
    ("A05", "due at 07:00", AT_SEVEN, [("08-14 07:00:00.001", None)]),
    ("A05", "moved", MOVED, [("08-20 17:00:00.001", None)]),
    ("A05", "undated", UNDATED, []),
    ("A05", "due at 17:00", [accepted()], [(OVER, None)]),
    ("A05", "a pause counts to the minute", PAUSED, [("08-15 18:00:00.001", None)]),
    ("A05", "paused over the due date", PAUSED[:2], []),
    ("A05", "swap Saturday", SWAP, [("08-24 17:00:00.001", None)]),
    ("A05", "holiday", HOLIDAY, [("09-03 17:00:00.001", None)]),
    ("A05", "Tết", TET, [("02-23 17:00:00.001", None)]),
    ("A06", "moved once", MOVED, []),
    ("A06", "moved twice", MOVED_TWICE, [("08-13 08:00", None)]),
    ("A06", "moved twice and finished: the room still decides", [*MOVED_TWICE, ("finished", "08-20 10:00")],
     [("08-13 08:00", None)]),
    ("A06", "moved twice during a pause", [accepted(), *supplement("08-11 08:00"), *MOVED_TWICE[1:]],
     [("08-13 08:00", None)]),
    ("A06", "a second supplement is no second appointment", TWICE, []),
    ("A06", "moved twice, undated before", [*UNDATED, *MOVED_TWICE[1:]], [("08-13 08:00", None)]),
    ("A07", "filed at 08:00", [submitted("08-03 08:00")],
     [("08-03 16:00", "08-04 08:00:00.001"), ("08-04 08:00:00.001", None)]),
    ("A07", "its limit is 17:00", [submitted("08-03 07:00")],
     [("08-03 15:00", "08-03 17:00:00.001"), ("08-03 17:00:00.001", None)]),
    ("A07", "accepted at the limit", [submitted("08-03 08:00"), accepted("08-04 08:00")],
     [("08-03 16:00", "08-04 08:00")]),
    ("A07", "accepted after it", [submitted("08-03 08:00"), accepted("08-04 09:00")],
     [("08-03 16:00", "08-04 08:00:00.001"), ("08-04 08:00:00.001", "08-04 09:00")]),
    ("A07", "accepted", [submitted("08-03 08:00"), accepted("08-03 17:00")], [("08-03 16:00", "08-03 17:00")]),
    ("A07", "accepted before", [submitted("08-03 08:00"), accepted("08-03 16:00")], []),
    ("A07", "rejected", [submitted("08-03 08:00"), ("rejected", "08-03 16:30")], [("08-03 16:00", "08-03 16:30")]),
    ("A07", "filed at night", [submitted("08-03 20:00")],
     [("08-04 15:00", "08-04 17:00:00.001"), ("08-04 17:00:00.001", None)]),
    ("A07", "over the weekend", [submitted("08-07 16:00")],
     [("08-10 14:00", "08-10 16:00:00.001"), ("08-10 16:00:00.001", None)]),
    ("A07", "swap Saturday", [submitted("08-21 16:00")],
     [("08-22 14:00", "08-22 16:00:00.001"), ("08-22 16:00:00.001", None)]),
    ("A07", "holiday", [submitted("08-28 16:00")],
     [("09-03 14:00", "09-03 16:00:00.001"), ("09-03 16:00:00.001", None)]),
    ("A07", "Tết", [submitted("02-13 16:00")],
     [("02-23 14:00", "02-23 16:00:00.001"), ("02-23 16:00:00.001", None)]),
    ("A07", "at the counter", [submitted("08-03 08:00", "counter")], []),
    ("A08", "since acceptance, undated", UNDATED, [("08-10 08:00", None)]),
    ("A08", "since the last step", [*UNDATED, step("08-05 10:00")], [("08-12 10:00", None)]),
    ("A08", "accepted at night", [accepted("08-03 20:00", None)], [("08-11 07:00", None)]),
    ("A08", "half the limit is less, due at 17:00", [accepted()], [("08-10 07:30", None)]),
    ("A08", "half the limit is less, due at 07:00", AT_SEVEN, [("08-07 11:30", None)]),
    ("A08", "half the limit is more", [accepted(due="09-15 17:00")], [("08-10 08:00", None)]),
    ("A08", "half of a limit of a day", [accepted(due="08-04 08:00")], [("08-03 14:00", None)]),
    ("A08", "due before it was accepted", [accepted(due="07-30 08:00")], [("08-10 08:00", None)]),
    ("A08", "since the end of a pause", PAUSED, [("08-20 08:30", None)]),
    ("A08", "second supplement", TWICE, [("08-20 08:30", None)]),
    ("A08", "moved: half the limit as it stood then", MOVED, [("08-10 07:30", None)]),
    ("A08", "moved, and a step since", [*MOVED, step("08-12 09:00")], [("08-19 09:00", None)]),
    ("A08", "not during a pause", PAUSED[:2], []),
    ("A08", "finished", [accepted(), ("finished", "08-12 10:00")], []),
    ("A08", "swap Saturday", [accepted("08-18 10:00", None)], [("08-24 10:00", None)]),
    ("A08", "holiday", [accepted("08-28 10:00", None)], [("09-09 10:00", None)]),
    ("A08", "Tết", [accepted("02-12 10:00", None)], [("02-26 10:00", None)]),
    ("A09", "a pause over a swap Saturday and a holiday", PAUSED[:2], [("09-04 08:00", None)]),
    ("A09", "supplement received in time", PAUSED, []),
    ("A09", "supplement received late", [*PAUSED[:2], ("supplement_received", "09-07 09:00")],
     [("09-04 08:00", "09-07 09:00")]),
    ("A09", "finished meanwhile", [*PAUSED[:2], ("finished", "09-30 10:00")], [("09-04 08:00", "09-30 10:00")]),
    ("A09", "supplement over Tết", [accepted("02-02 08:00"), *supplement("02-05 08:00")], [("03-05 08:00", None)]),
    ("A09", "the date is moved meanwhile", [*PAUSED[:2], moved("08-20 08:00", "09-30 17:00")],
     [("09-04 08:00", None)]),
    ("A09", "undated", [*UNDATED, *supplement("08-12 08:00")], [("09-04 08:00", None)]),
    ("A09", "fee", [accepted(), ("payment_requested", "08-05 10:00")], [("08-12 10:00", None)]),
    ("A09", "fee paid", [accepted(), ("payment_requested", "08-28 10:00"), ("fee_paid", "09-30 10:00")],
     [("09-09 10:00", "09-30 10:00")]),
    ("A09", "second supplement: over when it came", TWICE, [("08-12 08:00", "08-13 09:00")]),
    ("A09", "second supplement, finished meanwhile", [*TWICE[:4], ("finished", "08-31 09:00")],
     [("08-12 08:00", "08-31 09:00")]),
    ("A09", "a third", [*TWICE, *supplement("08-17 08:00", "08-18 08:00")],
     [("08-12 08:00", "08-13 09:00"), ("08-17 08:00", "08-18 08:00")]),
    ("A09", "fee, over a swap Saturday", [accepted(), ("payment_requested", "08-19 10:00")],
     [("08-25 10:00", None)]),
    ("A09", "fee, over Tết", [accepted("02-02 08:00"), ("payment_requested", "02-12 10:00")],
     [("02-26 10:00", None)]),
    ("A09", "fee paid at the limit",
     [accepted(), ("payment_requested", "08-05 10:00"), ("fee_paid", "08-12 10:00")], []),
    ("A11", "nothing was ever told", [accepted(), ("finished", "08-12 10:00")], []),
    ("A11", "arrived within the day", [accepted(), FIRST], []),
    ("A11", "arrived at the limit", [accepted(), ("synced", "08-04 08:00")], []),
    ("A11", "arrived after it", [accepted(), ("synced", "08-04 08:00:00.001")],
     [("08-04 08:00", "08-04 08:00:00.001")]),
    ("A11", "a later change did not arrive", [accepted(), FIRST, step("08-06 10:00"), ("finished", "08-06 16:00")],
     [("08-07 10:00", None)]),
    ("A11", "a pause is a change", [accepted(), FIRST, *supplement("08-05 08:00")], [("08-06 08:00", None)]),
    ("A11", "a second supplement", [accepted(), FIRST, *supplement("08-05 08:00", "08-06 08:00"),
     ("synced", "08-06 08:00"), *supplement("08-12 08:00")], [("08-13 08:00", None)]),
    ("A11", "a moved date is a change", [accepted(), FIRST, moved("08-12 08:00", "08-20 17:00")],
     [("08-13 08:00", None)]),
    ("A11", "undated", [*UNDATED, FIRST, step("08-06 10:00")], [("08-07 10:00", None)]),
    ("A11", "refused", [accepted(), refused("08-03 09:00")], [("08-03 09:00", None)]),
    ("A11", "refused, and then accepted", [accepted(), refused("08-03 09:00"), refused("08-03 12:00"),
     ("synced", "08-03 15:00")], [("08-03 09:00", "08-03 15:00")]),
    ("A11", "refused when it was late already", [accepted(), refused("08-06 09:00"), ("synced", "08-07 09:00")],
     [("08-04 08:00", "08-07 09:00")]),
    ("A11", "refused without a change", [accepted(), FIRST, refused("08-03 10:00")], [("08-03 10:00", None)]),
    ("A11", "what came with the synchronisation", [accepted(), FIRST, ("components_recorded", "08-03 08:05")], []),
    ("A11", "what the portal does not take", [accepted(), FIRST, ("complained", "08-05 08:00"),
     ("apology_sent", "08-06 08:00")], []),
    ("A11", "the same record again", [accepted(), ("snapshot_received", "08-03 08:01", {"status": "processing"}),
     FIRST, ("snapshot_received", "08-05 08:00", {"status": "processing"})], []),
    ("A11", "a record that says more", [accepted(), ("snapshot_received", "08-03 08:01", {"status": "processing"}),
     FIRST, ("snapshot_received", "08-05 08:00", {"status": "processing", "office": "b"})],
     [("08-06 08:00", None)]),
    ("A11", "accepted at night", [accepted("08-03 20:00"), ("synced", "08-20 08:00")],
     [("08-05 07:00", "08-20 08:00")]),
    ("A11", "over the weekend", [accepted("08-07 17:00"), ("synced", "08-20 08:00")],
     [("08-11 07:00", "08-20 08:00")]),
    ("A11", "swap Saturday", [accepted("08-21 16:00"), ("synced", "08-26 08:00")],
     [("08-22 16:00", "08-26 08:00")]),
    ("A11", "holiday", [accepted("08-28 16:00"), ("synced", "09-20 08:00")], [("09-03 16:00", "09-20 08:00")]),
    ("A11", "Tết", [accepted("02-13 16:00"), ("synced", "03-01 08:00")], [("02-23 16:00", "03-01 08:00")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "said", "expected"), TABLE, ids=[f"{k} {n}" for k, n, *_ in TABLE])
def test_a_condition_holds_from_its_first_instant_to_before_its_last(
    kind: str, name: str, said: list[Said], expected: Shown
) -> None:
    found = conditions("dossier", said)
    assert shown(found, kind) == expected, name
    for n, (start, until) in enumerate(expected):
        goes_on = n > 0 and expected[n - 1][1] == start
        assert [holding(found, kind, ms(start) + d) for d in (-1, 0)] == [int(goes_on), 1]
        if until is not None:
            goes_on = n + 1 < len(expected) and expected[n + 1][0] == until
            assert [holding(found, kind, ms(until) + d) for d in (-1, 0)] == [1, int(goes_on)]


SITUATIONS = ("pause", "second supplement", "moved", "swap Saturday", "holiday", "Tết", "undated",
              "17:00", "07:00")  # fmt: skip
WITHOUT: dict[str, set[str]] = {
    "A06": {"swap Saturday", "holiday", "Tết", "17:00", "07:00"},  # an act, no working time
    "A07": {"pause", "second supplement", "moved", "undated", "07:00"},  # before there is a due date
    "A09": {"17:00", "07:00"},  # of pauses, not of due dates
    "A11": {"17:00", "07:00"},  # of changes, not of due dates
}


@pytest.mark.parametrize("kind", ["A01", "A02", "A04", "A05", "A06", "A07", "A08", "A09", "A11"])
def test_every_situation_that_concerns_a_kind_is_in_the_table(kind: str) -> None:
    names = " | ".join(name for one, name, *_ in TABLE if one == kind)
    missing = {situation for situation in SITUATIONS if situation not in names}
    assert missing == WITHOUT.get(kind, set())


FINISHED: list[Said] = [accepted(), ("finished", "08-12 10:00")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (FINISHED, [("08-19 10:00", None)]),
        ([*FINISHED, ("returned", "08-19 10:00")], []),
        ([*FINISHED, ("returned", "08-20 09:00")], [("08-19 10:00", "08-20 09:00")]),
        ([accepted(), ("finished", "08-28 10:00")], [("09-09 10:00", None)]),  # holidays and a swap Saturday
        ([accepted(), ("returned", "08-12 10:00")], []),
        ([accepted(), ("withdrawn", "08-12 10:00")], []),
    ],
)
def test_a_result_that_nobody_handed_out_is_forgotten_where_sources_tell_of_it(
    said: list[Said], expected: Shown
) -> None:
    assert shown(conditions("dossier", said, {"returned_told": True}), "A08") == expected
    assert shown(conditions("dossier", said), "A08") == []


def test_what_has_no_step_may_be_counted_in_days_alone() -> None:
    assert shown(conditions("dossier", [accepted()], {"forgotten_share_of_limit": 0}), "A08") == [
        ("08-10 08:00", None)
    ]


@pytest.mark.parametrize(
    ("kind", "said", "levels"),
    [
        ("A07", [submitted("08-03 08:00")], ["amber", "red"]),
        ("A09", PAUSED[:2], ["amber"]),
        ("A09", [accepted(due="08-12 17:00"), *PAUSED[1:2]], ["amber"]),  # a pause that outlasts the due date
        ("A09", TWICE, ["red"]),
        ("A04", [accepted()], ["red"]),
    ],
)
def test_levels_are_those_of_the_catalogue(kind: str, said: list[Said], levels: list[str]) -> None:
    found = sorted((c for c in conditions("dossier", said) if c.kind == kind), key=lambda c: c.start)
    assert [KINDS[kind].level_of(c.start, c.due_at, c.evidence) for c in found] == levels


def test_where_every_source_tells_of_synchronisation_silence_is_an_alert_by_decision() -> None:
    silent = [accepted()]
    assert shown(conditions("dossier", silent), "A11") == []
    told = conditions("dossier", silent, {"requires_sync": False, "sync_working_days": 2})
    assert shown(told, "A11") == [("08-05 08:00", None)]


def test_a_closed_gap_keeps_its_name_and_its_beginning() -> None:
    open_, closed = (
        conditions("dossier", [accepted(), FIRST, step("08-06 10:00"), *more])
        for more in ([refused("08-08 09:00")], [refused("08-08 09:00"), ("synced", "08-09 09:00")])
    )
    before, after = (next(c for c in found if c.kind == "A11") for found in (open_, closed))
    assert (before.episode, before.start, before.until) == (after.episode, after.start, None)
    assert after.until == ms("08-09 09:00")
