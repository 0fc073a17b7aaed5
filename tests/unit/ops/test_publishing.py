"""Rules of reference files: what each becomes, and that publishing again is harmless."""

from pathlib import Path

import pytest

from domain.errors import Gs766Error
from domain.events import Event
from domain.indicator_documents import packaged_documents
from domain.instants import format_rfc3339, zone
from ops.publishing import events_of_file

ZONE = zone("Asia/Ho_Chi_Minh")


def published(tmp_path: Path, text: str, name: str = "file.toml") -> tuple[Event, ...]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return events_of_file(path, ZONE)


PROCEDURES = """
[[procedures]]
code = "2.000815"
name = "Chứng thực bản sao"
field = "chung-thuc"
from = 2026-01-01
fee = 2000
limit = { amount = 2, unit = "working_days" }
online_level = "full"
returns_document = true
announced_at = 2025-12-01
effective_at = 2026-01-01
publicised_at = 2025-12-03
"""


def test_a_procedure_becomes_one_event_for_each_fact(tmp_path: Path) -> None:
    events = published(tmp_path, PROCEDURES)
    assert [e.type.removeprefix("procedure.") for e in events] == [
        "described",
        "fee_set",
        "limit_set",
        "online_level_set",
        "announced",
        "publicised",
    ]
    assert {e.subject for e in events} == {"2.000815"}


def test_a_date_is_the_first_instant_of_that_day_in_the_province(tmp_path: Path) -> None:
    assert format_rfc3339(published(tmp_path, PROCEDURES)[0].occurred_at) == "2025-12-31T17:00:00.000Z"


def test_the_same_file_gives_the_same_events_and_another_content_another_id(tmp_path: Path) -> None:
    first = published(tmp_path, PROCEDURES)
    assert published(tmp_path, PROCEDURES) == first
    changed = published(tmp_path, PROCEDURES.replace("amount = 2", "amount = 3"))
    assert [a.id == b.id for a, b in zip(first, changed, strict=True)] == [True, True, False, True, True, True]


def test_a_calendar_and_an_indicator_set_are_published_as_they_stand(tmp_path: Path) -> None:
    (calendar,) = published(tmp_path, 'name = "vn"\nholidays = [2026-09-02]\nvalid_from = 2026-01-01\n')
    assert (calendar.type, calendar.subject) == ("calendar.published", "vn")
    import json

    documents = packaged_documents()
    text = json.dumps(documents["2026"], default=str)
    (found,) = published(tmp_path, text, "set.json")
    assert (found.type, found.subject) == ("indicator_set.published", "2026")


def test_cloud_events_pass_as_they_are(tmp_path: Path) -> None:
    line = (
        '{"type": "unit.renamed", "subject": "H44.1", "time": "2026-08-01T00:00:00+07:00", "data": {"name": "B"}}'
    )
    (event,) = published(tmp_path, line + "\n", "events.jsonl")
    assert (event.type, event.subject) == ("unit.renamed", "H44.1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[villages]]\ncode = 'x'\n",
        "[[units]]\nname = 'no code'\n",
        "[[units]]\ncode = 'H44.1'\ncolour = 'red'\n",
        "[[units]]\ncode = 'H44.1'\nfrom = 'yesterday'\n",
        "[[procedures]]\ncode = '1'\nlimit = -1\n",
        "hours = [['11:00', '07:00']]\nname = 'x'\n",
        "inherits = '1066'\nname = 'x'\n",
        "= 1\n",
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(Gs766Error, match=r"file\.toml"):
        published(tmp_path, text)


def test_the_packaged_targets_are_a_file_that_can_be_published() -> None:
    path = Path(__file__).parents[3] / "domain" / "target_sets" / "local-plans.toml"
    (event,) = events_of_file(path, ZONE)
    assert (event.type, event.subject) == ("target.published", "local-plans")


def test_targets_that_cannot_be_used_are_not_published(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(
        'name = "x"\n[[targets]]\ncode = "a"\nname = "a"\nbasis = "b"\nvalues = [{from = 2024, value = 80}]'
    )
    with pytest.raises(Gs766Error, match="80 is no rate"):
        events_of_file(path, ZONE)


def test_an_observation_names_its_document(tmp_path: Path) -> None:
    path = tmp_path / "observed.toml"
    head = (
        '[[observations]]\nunit = "H44.1"\nperiod = "2026"\nat = 2026-06-01\nfigures = { waiting_average = 12 }\n'
    )
    path.write_text(head + 'document = "BC-1"\nrecorded_by = "clerk"\n')
    (event,) = events_of_file(path, ZONE)
    assert (event.type, event.subject) == ("unit.observation_recorded", "H44.1")
    path.write_text(head)
    with pytest.raises(Gs766Error, match="document"):
        events_of_file(path, ZONE)


def test_rules_of_alerts_and_messages_are_documents_of_one_file(tmp_path: Path) -> None:
    text = """
    [alert_rules]
    valid_from = 2026-01-01
    due_soon_working_days = 5
    [message_rules]
    name = "tinh"
    version = "2"
    slots = ["07:30", "13:45"]
    [[message_rules.routes]]
    kind = "A01"
    to = ["officer"]
    at = ["07:30"]
    """
    events = published(tmp_path, text)
    assert [(e.type, e.subject) for e in events] == [
        ("alert_rules.published", "default"),
        ("message_rules.published", "tinh"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alert_rules]\ndue_soon_days = 3", "due_soon_days: no such rule; known are "),
        ("[alert_rules]\ndue_soon_working_days = 0", "`$.due_soon_working_days`"),
        ("[message_rules]\nslot = ['07:15']", "unknown field `slot`"),
        ("[message_rules]\nslots = ['7:15']", "slots[0]: '7:15' is not a time of day"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_file_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Gs766Error) as error:
        published(tmp_path, text)
    assert "file.toml" in str(error.value)
    assert said in str(error.value)
