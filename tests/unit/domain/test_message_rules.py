"""The document of message rules: defaults, and errors that name the field and what to write instead."""

from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.messages.rules import decode_rules, default_rules
from domain.messages.wording import TEXTS


def test_the_defaults_are_those_of_the_catalogue() -> None:
    rules = default_rules()
    assert rules.day_slots == ("07:15", "13:30", "15:30")
    assert rules.ceilings == {"officer": 3, "head": 2, "chairman": 1}
    assert {route.kind for route in rules.routes} == set(TEXTS)
    assert (rules.chairman.after_working_days, rules.chairman.dossiers) == (10, 20)
    assert [(s.post, s.after_working_days) for s in rules.escalation.steps] == [
        ("head", 1),
        ("room", 3),
        ("chief", 5),
    ]


def test_what_is_not_named_keeps_its_default() -> None:
    rules = decode_rules({"chairman": {"dossiers": 5}})
    assert (rules.chairman.after_working_days, rules.chairman.dossiers) == (10, 5)
    rules = decode_rules({"version": "2", "quiet": {"to": "06:30"}, "ceilings": {"head": 4}})
    assert (rules.quiet.from_, rules.quiet.to) == ("17:00", "06:30")
    assert rules.ceilings == {"officer": 3, "head": 4, "chairman": 1}


ROUTE = {"kind": "A01", "to": ["officer"], "at": ["07:15"]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"slot": ["07:15"]}, "unknown field `slot`"),
        ({"quiet": {"until": "07:00"}}, "quiet: Object contains unknown field `until`"),
        ({"slots": ["7:15"]}, "slots[0]: '7:15' is not a time of day such as 07:15"),
        ({"slots": ["25:00"]}, "slots[0]"),
        ({"slots": []}, "slots: name at least one"),
        ({"slots": ["18:00"]}, "slots: 18:00 lies in the quiet hours 17:00 to 07:00"),
        ({"slots": ["07:15", "07:15"]}, "slots: a slot stands twice"),
        ({"quiet": {"from": "06:00"}}, "quiet: it lasts over midnight"),
        ({"chairman": {"after_days": 3}}, "chairman: Object contains unknown field `after_days`"),
        ({"chairman": {"dossiers": 0}}, "chairman.dossiers: Expected `int` >= 1"),
        ({"guard_minutes": -1}, "guard_minutes: Expected `int` >= 0"),
        ({"ceilings": {"mayor": 1}}, "ceilings: 'mayor' is no post; known are officer"),
        ({"routes": [{**ROUTE, "kind": "B01"}]}, "routes[0].kind: 'B01' is no kind; known are A01"),
        ({"routes": [{**ROUTE, "to": ["mayor"]}]}, "routes[0] (A01).to: 'mayor' is no post; known are officer"),
        ({"routes": [{**ROUTE, "on": "sunday"}]}, "routes[0] (A01).on: 'sunday' is none of every_day"),
        ({"routes": [{**ROUTE, "to": []}]}, "routes[0] (A01).to: name at least one post"),
        ({"routes": [{**ROUTE, "at": ["08:00"]}]}, "routes[0] (A01).at: 08:00 is no slot; known are"),
        ({"routes": [{**ROUTE, "at": ["next", "07:15"]}]}, "routes[0] (A01).at: next, at_once"),
        ({"routes": [{**ROUTE, "to": ["chairman"]}]}, "the chairman is told inside the brief only"),
        ({"escalation": {"kinds": ["A99"]}}, "escalation.kinds: 'A99' is no kind"),
        ({"escalation": {"steps": [{"post": "room", "after_working_days": 0}]}}, "escalation.steps[0]"),
        (
            {
                "escalation": {
                    "steps": [{"post": p, "after_working_days": d} for p, d in (("room", 3), ("head", 1))]
                }
            },
            "escalation.steps: each step comes later",
        ),
        ({"inhibitions": [{"by": "A13", "mutes": ["A13"]}]}, "inhibitions[0].mutes: A13 would mute itself"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_field(document: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        decode_rules(document)
    assert said in str(error.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as error:
        decode_rules(
            {"routes": [{**ROUTE, "at": ["08:00"]}], "slot_if_due_today": "15:3", "escalation": {"kinds": ["A99"]}}
        )
    assert str(error.value).count(";") >= 2
