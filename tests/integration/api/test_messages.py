"""Messages from a folded store: what holds is told once, acts are read back, silences and rules count."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.figures import FigureContext
from api.messaging import sending
from api.messaging.reading import BUILT_IN, holding, rules_in_force
from api.messaging.rounds import Rounds
from api.messaging.sending import Messages
from api.messaging.simulating import simulation
from domain.blocks import encode_block
from domain.errors import InvalidInput
from domain.events import encode_event, make_event
from domain.instants import Millis, Zone, from_millis
from domain.message import Message
from tests.integration.api.folded_store import Connect, Record, embedded_store, fold_into, record
from tests.support.messages import at, who
from tests.support.waiting import until

ZONE = Zone()
LATER = 500
PEOPLE = (who("officer", "officer", "H44.100"), who("head", "head", "H44.100"), who("room", "room", "H44"))
DUE = {"unit": "H44.100", "procedure": "1.001", "due_at": "2026-11-11T16:30:00+07:00"}
OLD = {"unit": "H44.100", "procedure": "1.001", "due_at": "2026-09-11T16:30:00+07:00"}
RULES = {"name": "province", "version": "7", "slots": ["07:30", "13:30"], "valid_from": "2026-11-16"}
ROUTES = [{"kind": "A04", "to": ["head"], "at": ["next"]}]
STORY: list[tuple[str, str, str, dict[str, Any]]] = [
    ("2026-09-02T08:00", "dossier.accepted", "OLD", OLD),
    ("2026-11-02T08:00", "unit.registered", "H44.100", {"name": "UBND xã Mẫu A"}),
    ("2026-11-02T08:00", "dossier.accepted", "D1", DUE),
    ("2026-11-02T08:00", "dossier.accepted", "D2", DUE),
    ("2026-11-02T09:00", "message_rules.published", "province", {"document": {**RULES, "routes": ROUTES}}),
    ("2026-11-10T09:00", "dossier.finished", "D2", {}),
    ("2026-11-02T08:00", "dossier.accepted", "D3", DUE),
]
BACKDATED = ("2026-11-09T09:00", "2026-11-12T09:00", "dossier.finished", "D3")
"""Said to have happened on Monday, heard of on Thursday."""


class Province:
    """The store as the notifier sees it, and the far side."""

    def __init__(self, connect: Connect, private: Path) -> None:
        self.connect, self.offset, self.private = connect, 100, private
        self.told: list[Message] = []

    @contextmanager
    def client(self) -> Iterator[Any]:
        yield self.connect("reader")

    def write(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        self.offset += 1
        known = from_millis(at("2026-11-10T07:15"))
        row = ("alert-log", 0, self.offset, known, known, encode_block([raw for _, raw in pairs]).decode())
        self.connect("writer").execute(
            "INSERT INTO records (topic, partition, offset, appended_at, known_at, value) VALUES", [row]
        )

    def send(self, message: Message, _channel: str) -> str | None:
        self.told.append(message)
        return None

    def notifier(self, now: str) -> Messages:
        made = Messages(self, lambda _: PEOPLE, self, self.write, ZONE, "H44", Rounds(self.private))  # type: ignore[arg-type]
        made.recall(at(now))
        return made

    def round(self, notifier: Messages, now: str) -> dict[str, tuple[str, ...]]:
        before = len(self.told)
        notifier.tick(at(now))
        until(lambda: notifier._sender.waiting == 0 or notifier.tick(at(now)), "the sending")
        return {message.account: message.kinds for message in self.told[before:]}


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    with embedded_store(tmp_path_factory.mktemp("messages")) as connect:
        records: list[Record] = [
            record(n, at(when) + LATER, kind, subject, at(when), data)
            for n, (when, kind, subject, data) in enumerate(sorted(STORY, key=lambda said: said[0]))
        ]
        when, known, kind, subject = BACKDATED
        records.append(record(len(STORY), at(known), kind, subject, at(when), {}))
        writer = connect("writer")
        fold_into(writer, tmp_path_factory.mktemp("state"), records, ZONE)
        writer.execute(
            "INSERT INTO generations (generation, state, log_id, sequence) VALUES", [(1, "active", "log", 1)]
        )
        yield Province(connect, tmp_path_factory.mktemp("private") / "private.sqlite")


def context(province: Province, now: Millis) -> FigureContext:
    return FigureContext(province.connect("reader"), 1, ZONE, "H44", now)


def test_a_morning_is_told_once_and_a_restart_tells_nothing_more(province: Province) -> None:
    first = province.notifier("2026-11-10T07:15")
    told = province.round(first, "2026-11-10T07:15")
    assert told["officer"] == ("A02", "A04", "A05", "A01", "A08"), "due tomorrow; OLD in the digest"
    assert set(told) == {"officer", "head", "room"}
    message = next(m for m in province.told if m.account == "officer")
    assert message.text.startswith("Kính gửi UBND xã Mẫu A.")
    assert "Có 1 hồ sơ hẹn trả ngày 11/11/2026" in message.text, "D2's row is known later than this round"
    assert "có từ trước" in message.text
    again = province.notifier("2026-11-10T07:16")
    assert province.round(again, "2026-11-10T07:16") == {}, "read back from the log"
    assert province.round(first, "2026-11-10T07:17") == {}


def test_a_silence_in_the_log_counts_from_the_next_slot(province: Province) -> None:
    notifier = province.notifier("2026-11-10T07:20")
    silenced = next(m for m in province.told if m.account == "officer").alerts
    events = [
        make_event(
            "alert.silenced", a, at("2026-11-10T08:00"), {"until": "2026-11-12T00:00:00+07:00"}, source="/p", id=a
        )
        for a in silenced
    ]
    province.write([(e.subject, encode_event(e)) for e in events])
    assert province.round(notifier, "2026-11-10T13:30") == {}
    verbs = province.connect("reader").execute("SELECT type, count() FROM alert_acts FINAL GROUP BY type")
    assert dict(verbs)["alert.suppressed"] >= 1


def test_what_began_during_an_outage_of_days_reaches_people_in_one_message(province: Province) -> None:
    late = context(province, at("2026-11-19T18:00"))
    rules, _ = rules_in_force(late, late.now_ms)
    told_to = Rounds(province.private).told_to
    assert told_to == at("2026-11-10T13:30")
    began = {a.kind: a for a in holding(late, rules, told_to=told_to) if a.subject == "D1"}
    assert (began["A04"].missed, began["A04"].fresh) == (True, False)
    assert not any(a.missed for a in holding(late, rules))
    notifier = province.notifier("2026-11-19T18:00")
    assert province.round(notifier, "2026-11-19T18:00") == {}, "people sleep"
    told = province.round(province.notifier("2026-11-20T07:30"), "2026-11-20T07:30")
    assert told["head"] == ("A04",)
    (head,) = [m for m in province.told[-len(told) :] if m.account == "head"]
    assert began["A04"].id in head.alerts
    assert "1 việc phát sinh trong lúc hệ thống gián đoạn" in head.text
    assert province.round(province.notifier("2026-11-20T07:31"), "2026-11-20T07:31") == {}


def test_all_that_holds_is_read_at_slots_and_seldom_between_what_waits_for_none_every_minute(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def noting(*args: Any) -> Any:
        asked.append(args[2] is None)
        return holding(*args)

    monkeypatch.setattr(sending, "holding", noting)
    monkeypatch.setattr(sending, "SHARE", 1e9)
    notifier = province.notifier("2026-11-20T09:00")
    for clock in ("09:00", "09:00:30", "09:01", "09:02", "09:14:59", "09:15", "09:16", "13:30"):
        province.round(notifier, f"2026-11-20T{clock}")
    assert asked == [True, False, False, False, False, False, True], (
        "all at a slot; at a quarter of an hour what waits for none"
    )


def test_published_rules_hold_from_their_first_day_and_name_their_version(province: Province) -> None:
    assert rules_in_force(context(province, at("2026-11-15T12:00")), at("2026-11-15T12:00"))[1] == BUILT_IN
    rules, version = rules_in_force(context(province, at("2026-11-16T00:00")), at("2026-11-16T00:00"))
    assert (rules.slots, version.partition(" ")[0]) == (("07:30", "13:30"), "province/7")


def test_a_past_week_is_simulated_and_sends_nothing(province: Province) -> None:
    before = len(province.told)
    found = simulation(context(province, at("2026-11-20T12:00")), "2026-W46", PEOPLE)
    assert len(province.told) == before
    assert found["rules"] == BUILT_IN
    tuesday = [
        m for m in found["messages"] if m["at"].startswith("2026-11-10T07:15") and m["account"] == "officer"
    ]
    assert tuesday[0]["kinds"]["A02"] == 3, "D2 and D3 were open as far as was known; D3's end came on Thursday"
    friday = [m for m in found["messages"] if m["at"].startswith("2026-11-13") and m["account"] == "officer"]
    assert all("A02" not in m["kinds"] for m in friday)
    assert found["begins_with"] == "6 working days played before"
    assert "as they were known" in found["knowledge"]
    beside = found["compared"]
    assert beside["really_sent"] == 3, "what the rounds above sent"
    assert beside["same"] + beside["differences"] >= 3
    (other,) = [m for m in beside["listed"] if m["only"] is None and m["account"] == "officer"]
    assert len(other["alerts_simulated_only"]) >= 2, "D2's and D3's: the rounds above looked with later knowledge"
    assert {m["slot"][:16] for m in beside["listed"] if m["only"] == "simulated"} >= {"2026-11-11T07:15"}
    assert "hẹn trả ngày 11/11/2026" in tuesday[0]["text"]
    assert not any(m["at"][:10] in ("2026-11-14", "2026-11-15") for m in found["messages"])
    later = simulation(context(province, at("2026-11-20T12:00")), "2026-W46", PEOPLE, known="now")
    first = next(
        m for m in later["messages"] if m["at"].startswith("2026-11-10T07:15") and m["account"] == "officer"
    )
    assert first["kinds"]["A02"] == 2, "without D3, whose end is known by now"
    assert "as they are known now" in later["knowledge"]
    only = {"routes": [{"kind": "A04", "to": ["head"], "at": ["13:30"]}], "escalation": {"kinds": []}}
    tried = simulation(context(province, at("2026-11-20T12:00")), "2026-W46", PEOPLE, only)
    assert {(m["account"], m["at"][11:16]) for m in tried["messages"]} == {("head", "13:30")}
    for wrong in ("2026-46", "2026-W60", "next"):
        with pytest.raises(InvalidInput):
            simulation(context(province, at("2026-11-20T12:00")), wrong, PEOPLE)
