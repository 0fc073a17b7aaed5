"""An alert's chain of acts, and what a dispute is answered with, from a folded store with both logs in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.alerts.disputes import evidence, received
from api.alerts.private import PrivateStore
from api.alerts.service import list_alerts, show_alert
from api.figures import FigureContext
from api.messaging.acts import OF_PERSONS, ActLog
from api.problems import NotFound
from domain.alerts import alert_id
from domain.blocks import encode_block
from domain.events import encode_event, make_event
from domain.instants import Millis, Zone, from_millis
from domain.periods import parse_instant
from sinks.queries.messages import act_records
from tests.integration.api.folded_store import Connect, Record, embedded_store, fold_into, record

ZONE = Zone()
LATER = 500


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


DUE = {"unit": "H44.100", "procedure": "1.001", "due_at": "2026-11-20T16:30:00+07:00"}
STORY: list[tuple[str, str, str, dict[str, Any]]] = [
    ("2026-11-02T08:00", "dossier.accepted", "D1", DUE),
    ("2026-11-02T08:00", "dossier.accepted", "D2", DUE),
    *((f"2026-11-{n:02d}T09:00", "dossier.step_started", "D1", {"step": f"S{n}"}) for n in range(3, 9)),
    ("2026-11-20T17:00", "dossier.finished", "D2", {}),
]
ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("2026-11-20T17:10", "acknowledged", {"actor": "k1"}),
    ("2026-11-20T17:20", "promised", {"actor": "k1", "until": "2026-11-22T00:00:00+07:00"}),
    ("2026-11-20T17:30", "unacknowledged", {"actor": "k1"}),
    ("2026-11-20T17:40", "disputed", {"actor": "k2", "evidence": {"offset": 7}}),
    ("2026-11-20T17:41", "commented", {"actor": "k3", "evidence": {"ticket": "act-3", "outcome": "stands"}}),
    ("2026-11-20T17:42", "disputed", {"actor": "k2"}),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    with embedded_store(tmp_path_factory.mktemp("alerts")) as connect:
        records: list[Record] = [
            record(n, at(when) + LATER, kind, subject, at(when), data)
            for n, (when, kind, subject, data) in enumerate(STORY)
        ]
        writer = connect("writer")
        fold_into(writer, tmp_path_factory.mktemp("state"), records, ZONE)
        wanted = of(connect, "2026-11-20T18:00")["id"]
        rows = []
        for n, (when, verb, data) in enumerate(ACTS):
            event = make_event(f"alert.{verb}", wanted, at(when), data, source="/test", id=f"act-{n}")
            known = from_millis(at(when) + LATER)
            rows.append(("alert-log", 0, n, known, known, encode_block([encode_event(event)]).decode()))
        writer.execute("INSERT INTO records (topic, partition, offset, appended_at, known_at, value) VALUES", rows)
        yield connect


def context(store: Connect, now: str, *scope: str) -> FigureContext:
    return FigureContext(store("reader"), 1, ZONE, "H44", at(now), scope or None)


def of(store: Connect, now: str) -> dict[str, Any]:
    (found,) = [a for a in list_alerts(context(store, now), kinds=["A04"])["alerts"] if a["dossier_code"] == "D1"]
    return dict(found)


def test_the_chain_says_who_took_it_promised_and_disputed(store: Connect, tmp_path: Path) -> None:
    wanted = of(store, "2026-11-21T09:00")
    assert wanted["id"] == alert_id("A04", "D1", wanted["episode"])
    shown = show_alert(context(store, "2026-11-21T09:00"), PrivateStore(tmp_path / "p"), wanted["id"])
    assert [a["act"] for a in shown["acts"]] == [
        "acknowledged",
        "promised",
        "unacknowledged",
        "disputed",
        "commented",
        "disputed",
    ]
    assert shown["acknowledged_by"] is None, "it was taken back"
    assert shown["promised_until"] == "2026-11-22T00:00:00.000+07:00"
    assert shown["disputes"] == ["act-3", "act-5"]
    assert [(t["ticket"], t["outcome"]) for t in shown["dispute_tickets"]] == [
        ("act-3", "stands"),
        ("act-5", None),
    ]
    assert shown["acts"][3]["evidence"] == {"offset": 7}
    assert shown["acts"][0]["evidence"] is None


@pytest.mark.parametrize(
    ("now", "broken"), [("2026-11-21T23:59:59.999", False), ("2026-11-22T00:00", True), ("2026-11-25T09:00", True)]
)
def test_a_promise_is_broken_when_its_date_has_passed_and_the_alert_holds(
    store: Connect, now: str, broken: bool
) -> None:
    assert of(store, now)["promise_broken"] is broken


def test_a_dispute_is_answered_with_what_was_received_last(store: Connect) -> None:
    ctx = context(store, "2026-11-21T09:00")
    told = received(ctx, {"subject": "D1", "subject_kind": "dossier"})
    assert (told["events"], len(told["last"]), told["last_end"]) == (7, 5, None)
    assert [f["data"]["step"] for f in told["last"]] == ["S8", "S7", "S6", "S5", "S4"]
    last = told["last"][0]
    assert last["coordinates"] == {"topic": "dossier-events", "partition": 0, "offset": 7, "index": 0}
    assert (last["source"], last["occurred_at"]) == ("/test", "2026-11-08T09:00:00.000+07:00")
    assert last["known_at"] == "2026-11-08T09:00:00.500+07:00"
    assert told["sources"] == [{"source": "/test", "events": 7, "last_known_at": last["known_at"]}]
    assert told["state"]["is_open"]
    assert "Chưa nhận được sự kiện kết thúc" in told["vi"]
    assert "0/7/0" in told["vi"]
    assert evidence(told) == {"events": 7, **last["coordinates"], "generation": 1}


def test_an_end_that_was_received_is_shown(store: Connect) -> None:
    told = received(context(store, "2026-11-21T09:00"), {"subject": "D2", "subject_kind": "dossier"})
    assert told["last_end"]["type"] == "dossier.finished"
    assert "Chưa nhận được" not in told["vi"]
    nothing = received(context(store, "2026-11-21T09:00"), {"subject": "none", "subject_kind": "dossier"})
    assert (nothing["last"], nothing["state"], evidence(nothing)["events"]) == ([], None, 0)


def test_another_units_alert_does_not_exist(store: Connect, tmp_path: Path) -> None:
    wanted = of(store, "2026-11-21T09:00")["id"]
    with pytest.raises(NotFound):
        show_alert(context(store, "2026-11-21T09:00", "H44.07"), PrivateStore(tmp_path / "p"), wanted)


def test_a_list_is_narrowed_by_age_and_to_open_disputes_with_its_totals(store: Connect) -> None:
    def found(**asked: Any) -> tuple[list[str], int]:
        answer = list_alerts(context(store, "2026-11-21T09:00"), state="all", kinds=["A04"], **asked)
        return sorted(a["dossier_code"] for a in answer["alerts"]), answer["totals"]["A04"]

    assert found() == (["D1", "D2"], 2)
    assert found(disputed=True) == (["D1"], 1)
    assert found(older_than="16h") == (["D1", "D2"], 2)
    assert found(older_than="17h") == ([], 0)
    assert found(newer_than="17h", older_than="1h") == (["D1", "D2"], 2)
    assert found(newer_than="16h") == ([], 0)
    assert found(older_than="1wd") == (["D1", "D2"], 2)
    assert found(older_than="2wd") == ([], 0)


def test_a_block_that_only_says_what_webhooks_were_sent_is_not_read_back(store: Connect) -> None:
    def act(n: int, channel: str) -> bytes:
        data = {"key": f"k{n}", "channel": channel}
        return encode_event(
            make_event("alert.notified", f"x{n}", at("2026-11-20T18:00"), data, source="/t", id=f"{n}")
        )

    known = from_millis(at("2026-11-20T18:00"))
    blocks = [
        [act(1, "webhook:a"), act(2, "webhook:a")],
        [act(3, "webhook:a"), act(4, "email")],
        [act(5, "email")],
    ]
    first = len(ACTS)
    rows = [
        ("alert-log", 0, first + n, known, known, encode_block(block).decode()) for n, block in enumerate(blocks)
    ]
    store("writer").execute(
        "INSERT INTO records (topic, partition, offset, appended_at, known_at, value) VALUES", rows
    )
    found = act_records(store("reader"), "alert-log", first - 1, 0, ["alert."])
    assert [(offset, value != "") for offset, value in found] == [
        (first, False),
        (first + 1, True),
        (first + 2, True),
    ]
    of_persons = act_records(store("reader"), "alert-log", first - 1, 0, ["alert.silenced", "alert.promised"])
    assert of_persons == [(first + n, "") for n in range(3)], "what the notifier wrote itself does not come back"
    done = ActLog().read(store("reader"), at("2026-11-20T18:01"), OF_PERSONS)
    assert [act.verb for act in done] == ["acknowledged", "promised", "unacknowledged"]
    assert [a.alert for a in ActLog().read(store("reader"), at("2026-11-20T18:01"), frozenset({"notified"}))] == [
        "x4",
        "x5",
    ]
