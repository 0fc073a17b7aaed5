"""When the alerts of petitions (A12) and of procedures (A17) hold. The calendar's corners are those of
test_conditions.py."""

from typing import Any

import msgspec
import pytest

from domain.alerts import KINDS
from tests.support.conditions import Said, Shown, conditions, holding, ms, shown

PUBLISHED = {"petition_publication_told": True}


def received(at: str = "08-03 08:00", **data: Any) -> Said:
    return ("received", at, data)


REFUSE, MORE = ("08-04 00:00", "08-05 08:00:00.001"), ("08-07 00:00", "08-10 08:00:00.001")
STATED = received(due_at="08-14 17:00")
NEAR, LATE = ("08-13 00:00", "08-14 17:00:00.001"), "08-14 17:00:00.001"

PETITIONS: list[tuple[str, str, list[Said], Shown]] = [
    ("refuse", "last day of two", [received()], [REFUSE]),
    ("refuse", "refused", [received(), ("refused", "08-04 09:00")], [("08-04 00:00", "08-04 09:00")]),
    ("refuse", "refused before the last day", [received(), ("refused", "08-03 09:00")], []),
    ("refuse", "more asked for", [received(), ("supplement_requested", "08-04 09:00")],
     [("08-04 00:00", "08-04 09:00")]),
    ("refuse", "received at night", [received("08-03 20:00")], [("08-05 00:00", "08-06 07:00:00.001")]),
    ("refuse", "swap Saturday", [received("08-20 16:00")], [("08-21 00:00", "08-22 16:00:00.001")]),
    ("refuse", "holiday", [received("08-27 08:00")], [("08-28 00:00", "09-03 08:00:00.001")]),
    ("refuse", "Tết", [received("02-12 08:00")], [("02-13 00:00", "02-23 08:00:00.001")]),
    ("supplement", "last day of five", [received()], [MORE]),
    ("supplement", "asked", [received(), ("supplement_requested", "08-04 09:00")], []),
    ("supplement", "answered", [received(), ("answered", "08-07 09:00")], [("08-07 00:00", "08-07 09:00")]),
    ("supplement", "holiday", [received("08-27 08:00")], [("09-07 00:00", "09-08 08:00:00.001")]),
    ("supplement", "Tết", [received("02-12 08:00")], [("02-25 00:00", "02-26 08:00:00.001")]),
    ("resolve", "fifteen days, swap Saturday", [received()],
     [("08-21 00:00", "08-22 08:00:00.001"), ("08-22 08:00:00.001", None)]),
    ("resolve", "holiday", [received("08-27 08:00")],
     [("09-21 00:00", "09-22 08:00:00.001"), ("09-22 08:00:00.001", None)]),
    ("resolve", "Tết", [received("02-12 08:00")],
     [("03-11 00:00", "03-12 08:00:00.001"), ("03-12 08:00:00.001", None)]),
    ("resolve", "a date was given", [STATED], [NEAR, (LATE, None)]),
    ("resolve", "due at 07:00", [received(due_at="08-14 07:00")],
     [("08-13 00:00", "08-14 07:00:00.001"), ("08-14 07:00:00.001", None)]),
    ("resolve", "the date was moved", [STATED, received("08-12 08:00", due_at="08-20 17:00")],
     [("08-19 00:00", "08-20 17:00:00.001"), ("08-20 17:00:00.001", None)]),
    ("resolve", "answered in time", [STATED, ("answered", "08-12 17:00")], []),
    ("resolve", "answered the last day", [STATED, ("answered", "08-14 17:00")], [("08-13 00:00", "08-14 17:00")]),
    ("resolve", "answered late", [STATED, ("answered", "08-17 09:00")], [NEAR, (LATE, "08-17 09:00")]),
    ("resolve", "refused late", [STATED, ("refused", "08-17 09:00")], [NEAR, (LATE, "08-17 09:00")]),
    ("resolve", "raised again after its date: late at once, as it is counted",
     [STATED, ("answered", "08-07 08:00"), ("reopened", "08-18 08:00"), ("answered", "08-19 08:00")],
     [("08-18 08:00", "08-19 08:00")]),
    ("resolve", "raised again, no date given: fifteen days anew",
     [received(), ("answered", "08-04 08:00"), ("reopened", "08-18 08:00")],
     [("09-09 00:00", "09-10 08:00:00.001"), ("09-10 08:00:00.001", None)]),
    ("resolve", "its receipt is not known", [("answered", "08-04 08:00")], []),
    ("refuse", "received at 17:00 of a Friday", [received("08-07 17:00")],
     [("08-11 00:00", "08-12 07:00:00.001")]),
    ("refuse", "received at 07:00", [received("08-03 07:00")], [("08-04 00:00", "08-05 07:00:00.001")]),
    ("refuse", "answered at the last instant", [received(), ("answered", "08-05 08:00")],
     [("08-04 00:00", "08-05 08:00")]),
    ("supplement", "swap Saturday", [received("08-18 08:00")], [("08-22 00:00", "08-24 08:00:00.001")]),
    ("supplement", "asked twice: the first counts",
     [received(), ("supplement_requested", "08-07 09:00"), ("supplement_requested", "08-10 09:00")],
     [("08-07 00:00", "08-07 09:00")]),
    ("supplement", "a date was given: the limit stays", [STATED], [MORE]),
    ("resolve", "more asked for, twice: the clock goes on",
     [STATED, ("supplement_requested", "08-05 09:00"), ("supplement_requested", "08-12 09:00")],
     [NEAR, (LATE, None)]),
    ("resolve", "answered at the due instant", [STATED, ("answered", "08-14 17:00:00.000")],
     [("08-13 00:00", "08-14 17:00")]),
    ("publish", "swap Saturday", [received(), ("answered", "08-20 16:00")],
     [("08-21 00:00", "08-22 16:00:00.001"), ("08-22 16:00:00.001", None)]),
    ("publish", "holiday", [received("08-20 08:00"), ("answered", "08-27 08:00")],
     [("08-28 00:00", "09-03 08:00:00.001"), ("09-03 08:00:00.001", None)]),
    ("publish", "Tết", [received("02-05 08:00"), ("answered", "02-12 08:00")],
     [("02-13 00:00", "02-23 08:00:00.001"), ("02-23 08:00:00.001", None)]),
    ("publish", "published in time", [received(), ("answered", "08-04 08:00"), ("published", "08-04 09:00")], []),
    ("publish", "on the last day", [received(), ("answered", "08-04 08:00"), ("published", "08-05 09:00")],
     [("08-05 00:00", "08-05 09:00")]),
    ("publish", "not published", [received(), ("answered", "08-04 08:00")],
     [("08-05 00:00", "08-06 08:00:00.001"), ("08-06 08:00:00.001", None)]),
    ("publish", "raised again", [received(), ("answered", "08-04 08:00"), ("reopened", "08-07 08:00")],
     [("08-05 00:00", "08-06 08:00:00.001"), ("08-06 08:00:00.001", "08-07 08:00")]),
    ("publish", "a refusal is not published", [received(), ("refused", "08-04 08:00")], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "name", "said", "expected"), PETITIONS, ids=[f"{limit}: {n}" for limit, n, *_ in PETITIONS]
)
def test_a_limit_of_a_petition_is_told_on_its_last_day_and_while_it_is_exceeded(
    limit: str, name: str, said: list[Said], expected: Shown
) -> None:
    found = [
        c for c in conditions("petition", said, PUBLISHED) if msgspec.json.decode(c.evidence)["limit"] == limit
    ]
    assert shown(found, "A12") == expected, name
    for n, (start, until) in enumerate(expected):
        touches = n > 0 and expected[n - 1][1] == start
        assert [holding(found, "A12", ms(start) + d) for d in (-1, 0)] == [int(touches), 1]
        if until is not None:
            touches = n + 1 < len(expected) and expected[n + 1][0] == until
            assert [holding(found, "A12", ms(until) + d) for d in (-1, 0)] == [1, int(touches)]


def test_a_late_petition_is_red_and_one_near_its_limit_amber() -> None:
    found = conditions("petition", [STATED])
    levels = {
        msgspec.json.decode(c.evidence)["stage"]: KINDS["A12"].level_of(c.start, c.due_at, c.evidence)
        for c in found
    }
    assert levels == {"near": "amber", "late": "red"}


def test_limits_that_nobody_uses_are_left_out_and_publication_unless_sources_tell_of_it() -> None:
    answered: list[Said] = [received(), ("answered", "08-12 08:00")]
    rules = {"petition_refusal_working_days": 0, "petition_supplement_working_days": 0}
    assert conditions("petition", answered, rules) == []
    assert len(conditions("petition", answered, rules | PUBLISHED)) == 2


SITUATIONS = ("more asked for", "a date was given", "moved", "swap Saturday", "holiday", "Tết", "07:00")
ELSEWHERE = {
    "refuse": {"a date was given", "moved"},  # counted from the receipt
    "supplement": {"more asked for", "moved", "07:00"},
    "publish": {"more asked for", "a date was given", "moved", "07:00"},  # counted from the answer
}


@pytest.mark.parametrize("limit", ["refuse", "supplement", "resolve", "publish"])
def test_every_situation_that_concerns_a_limit_is_in_the_table(limit: str) -> None:
    names = " | ".join(name for one, name, *_ in PETITIONS if one == limit)
    assert {s for s in SITUATIONS if s not in names} == ELSEWHERE.get(limit, set())


PROCEDURES: list[tuple[str, list[Said], Shown]] = [
    ("announced at 17:00", [("announced", "08-03 17:00")], [("08-06 00:00", None)]),
    ("announced in the last millisecond of a day", [("announced", "08-03 23:59:59.999")], [("08-06 00:00", None)]),
    ("announced in the first one", [("announced", "08-04 00:00")], [("08-07 00:00", None)]),
    ("publicised on the last day: told until then", [("announced", "08-03 08:00"), ("publicised", "08-10 23:59")],
     [("08-06 00:00", "08-10 23:59")]),
    ("not publicised", [("announced", "08-03 08:00")], [("08-06 00:00", None)]),
    ("publicised late", [("announced", "08-03 08:00"), ("publicised", "08-11 08:00")],
     [("08-06 00:00", "08-11 08:00")]),
    ("publicised before the warning", [("announced", "08-03 08:00"), ("publicised", "08-05 08:00")], []),
    ("publicised at the warning", [("announced", "08-03 08:00"), ("publicised", "08-06 00:00")], []),
    ("publicised the same day, an hour before", [("announced", "08-03 08:00"), ("publicised", "08-03 07:00")], []),
    ("publicised before it was announced", [("announced", "08-03 08:00"), ("publicised", "07-30 08:00")],
     [("08-06 00:00", None)]),
    ("announced on a Saturday", [("announced", "08-08 08:00")], [("08-12 00:00", None)]),
    ("swap Saturday", [("announced", "08-19 08:00")], [("08-22 00:00", None)]),
    ("holiday", [("announced", "08-27 08:00")], [("09-04 00:00", None)]),
    ("Tết", [("announced", "02-12 08:00")], [("02-24 00:00", None)]),
    ("again", [("announced", "08-03 08:00"), ("publicised", "08-04 08:00"), ("announced", "08-17 08:00")],
     [("08-20 00:00", None)]),
    ("said twice", [("announced", "08-03 08:00"), ("announced", "08-03 08:00")], [("08-06 00:00", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said", "expected"), PROCEDURES, ids=[n for n, *_ in PROCEDURES])
def test_an_announced_procedure_is_told_two_working_days_before_it_must_be_public(
    name: str, said: list[Said], expected: Shown
) -> None:
    found = conditions("procedure", said)
    assert shown(found, "A17") == expected, name
    for start, until in expected:
        assert [holding(found, "A17", ms(start) + d) for d in (-1, 0, 1)] == [0, 1, 1]
        if until is not None:
            assert [holding(found, "A17", ms(until) + d) for d in (-1, 0)] == [1, 0]


def test_the_limit_is_the_end_of_the_fifth_working_day() -> None:
    (found,) = conditions("procedure", [("announced", "08-03 08:00")])
    assert found.due_at == ms("08-10 23:59:59.999")
