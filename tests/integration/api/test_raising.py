"""What the notifier raises, from a folded store: listed like conditions, once, over when it is over."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.alerts.private import PrivateStore
from api.alerts.service import list_alerts, show_alert
from api.audit.chains import who_knew
from api.figures import FigureContext
from api.raising.briefs import Briefs
from api.raising.due_today import DueToday
from api.raising.runner import Raising, Rule
from domain.alerts import KINDS, alert_id
from domain.blocks import encode_block
from domain.instants import Millis, Zone, from_millis
from domain.periods import parse_instant
from domain.raised import episode_of
from sinks.queries import alerts as rows_of
from sinks.queries.reader import Reader
from tests.integration.api.folded_store import Connect, Record, embedded_store, fold_into, record

ZONE = Zone()


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


def due(text: str, unit: str = "H44.100") -> dict[str, Any]:
    return {"unit": unit, "procedure": "1.001", "due_at": f"{text}:00+07:00"}


STORY: list[tuple[str, str, str, dict[str, Any]]] = [
    ("2026-11-02T08:00", "dossier.accepted", "D1", due("2026-11-20T16:30")),
    ("2026-11-02T08:00", "dossier.accepted", "D2", due("2026-11-20T10:00", "H44.101")),
    ("2026-11-02T08:00", "dossier.accepted", "D3", due("2026-11-23T10:00")),
    ("2026-11-20T14:00", "dossier.finished", "D2", {}),
]


class Stage:
    """An embedded store with the story in it; acts are inserted as the writer would."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._offset = 0
        self.written: list[str] = []

    @contextmanager
    def client(self) -> Iterator[Any]:
        yield self._connect("reader")

    def write(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        known = from_millis(at("2026-11-20T15:00"))
        block = encode_block([event for _, event in pairs]).decode()
        row = ("alert-log", 0, self._offset, known, known, block)
        self._connect("writer").execute(
            "INSERT INTO records (topic, partition, offset, appended_at, known_at, value) VALUES", [row]
        )
        self._offset += 1
        self.written += [alert for alert, _ in pairs]

    def raising(self, *rules: Rule) -> Raising:
        made = Raising(self, self.write, ZONE, "H44", rules)  # type: ignore[arg-type]
        made.recall(at("2026-11-20T12:00"))
        return made

    def context(self, now: str, *scope: str) -> FigureContext:
        return FigureContext(self._connect("reader"), 1, ZONE, "H44", at(now), scope or None)

    def listed(self, now: str, *kinds: str, state: str = "holding", scope: tuple[str, ...] = ()) -> list[Any]:
        found = list_alerts(self.context(now, *scope), kinds=kinds, state=state)
        return sorted((a["kind"], a["subject"], a["state"], a["from"][5:16], a["until"]) for a in found["alerts"])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with embedded_store(tmp_path_factory.mktemp("raising")) as connect:
        records: list[Record] = [
            record(n, at(when) + 500, kind, subject, at(when), data)
            for n, (when, kind, subject, data) in enumerate(STORY)
        ]
        writer = connect("writer")
        fold_into(writer, tmp_path_factory.mktemp("state"), records, ZONE)
        writer.execute("INSERT INTO generations VALUES", [(1, 1, "active", "f", "log", from_millis(0))])
        yield Stage(connect)


MIDNIGHT = "2026-11-21T00:00:00.000+07:00"
D1 = alert_id("A03", "D1", episode_of(at("2026-11-20T16:30")))


def test_due_today_is_raised_at_the_slot_once_whatever_restarts(stage: Stage) -> None:
    first = stage.raising(DueToday(), Briefs())
    assert first.tick(at("2026-11-20T13:29:59")) == 1, "only the brief of the day"
    assert first.tick(at("2026-11-20T13:30:20")) == 2
    assert first.tick(at("2026-11-20T13:31")) == 0
    assert stage.raising(DueToday(), Briefs()).tick(at("2026-11-20T13:40")) == 0, "a restart says nothing twice"
    assert D1 in stage.written
    ended = "2026-11-20T14:00:00.000+07:00"
    assert stage.listed("2026-11-20T13:45", "A03") == [
        ("A03", "D1", "holding", "11-20T13:30", MIDNIGHT),
        ("A03", "D2", "holding", "11-20T13:30", ended),
    ]
    assert stage.listed("2026-11-20T14:30", "A03") == [("A03", "D1", "holding", "11-20T13:30", MIDNIGHT)]
    assert stage.listed("2026-11-20T14:30", "A03", state="cleared") == [
        ("A03", "D2", "cleared", "11-20T13:30", ended)
    ]
    assert stage.listed("2026-11-21T00:00", "A03") == [], "at midnight it is over by itself"


def test_it_has_the_shape_of_any_alert_and_its_evidence(stage: Stage, tmp_path: Path) -> None:
    stage.raising(DueToday()).tick(at("2026-11-20T13:30:20"))
    ctx = stage.context("2026-11-20T14:30")
    found = show_alert(ctx, PrivateStore(tmp_path / "p"), D1)
    fold = list_alerts(ctx, kinds=["A01"])["alerts"][0]
    assert set(found) == set(fold)
    assert (found["level"], found["dossier_code"], found["unit"]) == ("red", "D1", "H44.100")
    assert found["due_at"] == "2026-11-20T16:30:00.000+07:00"
    assert [act["act"] for act in found["acts"]] == ["raised"]
    assert {"slot", "late_by_hour", "rules", "generation", "complete_to"} <= set(found["evidence"])
    assert found["evidence"]["topic"] == "alert-log"
    knew = who_knew(stage.context("2026-11-20T15:30"), "D1", at("2026-11-20T15:30"))
    assert knew is not None
    assert "A03" in {chain["kind"] for chain in knew["chains"]}


def test_units_and_the_brief_are_seen_by_those_whose_they_are(stage: Stage) -> None:
    stage.raising(DueToday(), Briefs()).tick(at("2026-11-20T13:30:20"))
    assert [a[:2] for a in stage.listed("2026-11-20T13:45", scope=("H44.101",)) if a[0] in ("A03", "A20")] == [
        ("A03", "D2")
    ]
    assert [a[:2] for a in stage.listed("2026-11-20T13:45", "A20")] == [("A20", "H44")]


def test_a_clock_that_jumps_a_day_ahead_and_back_raises_nothing_twice(stage: Stage) -> None:
    one = stage.raising(DueToday(), Briefs())
    one.tick(at("2026-11-20T13:30:20"))
    assert one.tick(at("2026-11-23T07:00")) == 1, "the brief of Monday; what was due on Friday is over by itself"
    assert one.tick(at("2026-11-20T13:31")) == 0
    assert one.tick(at("2026-11-23T07:01")) == 0


def keys(rows: Sequence[Any]) -> set[tuple[str, str]]:
    return {(row[1], row[2]) for row in rows}


def test_a_cursor_reads_what_began_or_became_known_and_nothing_else(stage: Stage) -> None:
    stage.raising(DueToday()).tick(at("2026-11-20T13:30:20"))
    with stage.client() as client:
        reader = Reader(client, 1)

        def read(now: str, since: rows_of.Seen | None) -> set[tuple[str, str]]:
            horizon = at("2026-11-19T13:00")
            return keys(rows_of.to_send(reader, "dossier-events", at(now), horizon, sorted(KINDS), since))

        whole = read("2026-11-20T16:31", None)
        assert {("A04", "D1"), ("A05", "D1"), ("A03", "D1")} <= whole
        assert ("A03", "D2") not in whole, "it is over"
        acts = 1_000
        nothing = rows_of.Seen(at("2026-11-20T16:30:00.999"), {0: 3}, acts)
        assert read("2026-11-20T16:31", nothing) == set()
        before_due = rows_of.Seen(at("2026-11-20T16:30"), {0: 3}, acts)
        assert read("2026-11-20T16:31", before_due) == {("A04", "D1"), ("A05", "D1")}
        act = rows_of.Seen(at("2026-11-20T16:30:00.999"), {0: 3}, -1)
        assert {k for k, _ in read("2026-11-20T16:31", act)} == {"A03", "A20"}
        some = next(row for row in rows_of.alerts_of(reader, "D1", at("2026-11-20T17:00"), ["A03", "A04"]))
        assert rows_of.still(reader, [tuple(some[1:4])], at("2026-11-20T17:00")) == {some[0]}
        assert (
            rows_of.still(reader, [("A03", "D2", episode_of(at("2026-11-20T10:00")))], at("2026-11-20T17:00"))
            == set()
        )
