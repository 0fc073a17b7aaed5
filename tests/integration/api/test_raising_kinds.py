"""Each raised kind from a store of four weeks: raised once at its instant, whatever restarts, and its end."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.alerts.service import list_alerts
from api.figures import forecast
from api.raising.crunch import Crunch
from api.raising.falls import Falls
from api.raising.findings import Findings
from api.raising.health import red_parts
from api.raising.pace import Pace
from api.raising.portal import PortalGap
from api.raising.rules import rules
from api.raising.silence import Silence
from api.raising.system import System
from domain.alerts import RAISED
from domain.blocks import partition_of
from domain.events import encode_event, make_event
from sinks.queries import beat
from tests.integration.api.folded_store import fold_into, record, told_store
from tests.integration.api.test_raising import Stage
from tests.support.weeks import FRIDAY, ZONE, accepted, at, story


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with told_store(tmp_path_factory.mktemp("kinds"), story(), ZONE) as connect:
        yield Stage(connect)


def ticks(stage: Stage, make: Any, *instants: str) -> list[int]:
    """How many statements each round wrote, by one notifier; the last round is repeated by another."""
    first = stage.raising(make())
    found = [first.tick(at(f"{FRIDAY}T{i}" if i[2] == ":" else i)) for i in instants]
    again = stage.raising(make()).tick(at(f"{FRIDAY}T{instants[-1]}" if instants[-1][2] == ":" else instants[-1]))
    assert again == 0, "another notifier says nothing twice"
    return found


def subjects(stage: Stage, now: str, kind: str) -> list[tuple[str, str]]:
    return [(a[1], a[3]) for a in stage.listed(now, kind)]


def test_a_silent_unit_is_told_and_mutes_its_own_alerts(stage: Stage) -> None:
    assert ticks(stage, Silence, "14:29:30", "14:30:00.500", "14:30:30.501", "14:40") == [0, 0, 1, 0]
    assert subjects(stage, f"{FRIDAY}T14:45", "A13") == [("H44.100", "11-20T14:30")]
    found = _alerts(stage, f"{FRIDAY}T14:45", "A04")
    assert found
    (silence,) = _alerts(stage, f"{FRIDAY}T14:45", "A13")
    assert {a["inhibited_by"] for a in found} == {silence["id"]}


def test_what_has_come_of_a_unit_reaches_to_its_newest_fact_that_is_not_ahead_of_its_arrival(stage: Stage) -> None:
    reader = stage.context(f"{FRIDAY}T16:00").everything
    assert beat.newest_fact(reader, "H44.100", at(f"{FRIDAY}T09:00")) == at(f"{FRIDAY}T09:30")
    assert beat.newest_fact(reader, "H44.100", at(f"{FRIDAY}T10:00")) is None, "silent"
    assert beat.newest_fact(reader, "", at(f"{FRIDAY}T10:00")) == at(f"{FRIDAY}T16:30"), "of all units"


def test_the_whole_system_is_told_as_one_and_a_red_chain_tells_nothing(stage: Stage) -> None:
    # 16:30 is the last arrival of all; by Monday 10:00 both units have been silent for hours.
    red = stage.raising(Silence(lambda: True))
    assert red.tick(at("2026-11-23T10:00")) == 0
    monday = stage.raising(Silence())
    monday.tick(at("2026-11-23T10:00"))
    assert subjects(stage, "2026-11-23T10:01", "A13") == [("H44", "11-23T07:30")], "an hour's pause is usual here"


def test_due_dates_that_pile_up_at_the_slot(stage: Stage) -> None:
    assert ticks(stage, Crunch, "15:29", "15:30", "16:10") == [0, 1, 0]
    assert subjects(stage, f"{FRIDAY}T16:11", "A18") == [("H44.100", "11-20T15:30")]
    over = stage.raising(Crunch())
    assert over.tick(at("2026-11-24T18:00")) == 1, "the load has fallen"
    assert subjects(stage, "2026-11-24T18:01", "A18") == []


def test_points_lost_since_the_day_before(stage: Stage) -> None:
    assert ticks(stage, Falls, "06:14", "06:15", "12:00") == [0, 2, 0], "the unit and the province"
    assert sorted(s for s, _ in subjects(stage, f"{FRIDAY}T07:00", "A15")) == ["H44", "H44.100"]
    assert subjects(stage, "2026-11-27T00:00", "A15") == [], "seven days later it is over"
    holiday = stage.raising(Falls())
    assert holiday.tick(at("2026-11-21T10:00")) == 0, "no judgement on a day off"


def test_a_target_out_of_reach_is_told_for_the_month(stage: Stage) -> None:
    first, second = ticks(stage, Pace, "06:20", "12:00")
    assert second == 0
    told = stage.listed(f"{FRIDAY}T12:01", "A16")
    assert len(told) == first
    assert all(a[3].startswith("11-01T00:00") and a[4] == "2026-12-01T00:00:00.000+07:00" for a in told)


def test_what_the_portal_published_and_the_causes_do_not_explain(stage: Stage) -> None:
    assert ticks(stage, PortalGap, "08:00", "08:10") == [1, 0]
    assert subjects(stage, f"{FRIDAY}T09:00", "A14") == [("H44", "11-02T09:00")]


def test_findings_of_the_week_are_for_the_room_until_it_gives_a_reason(stage: Stage) -> None:
    monday = ("2026-11-23T07:14", "2026-11-23T07:15", "2026-11-23T08:00")
    before, raised, after = ticks(stage, Findings, *monday)
    assert (before, after) == (0, 0)
    assert raised >= 1
    assert [a[1] for a in stage.listed("2026-11-23T08:00", "A10")] == ["H44.100"] * raised
    assert stage.listed("2026-11-23T08:00", "A10", scope=("H44.100",)) == [], "never to the office concerned"
    one = _alerts(stage, "2026-11-23T08:00", "A10")[0]
    data = {"kind": "A10", "actor": "room", "reason": "software", "episode": one["episode"]}
    act = make_event("alert.reason_given", one["id"], at("2026-11-23T09:00"), data, source="/t", id="room-1")
    stage.write([(one["id"], encode_event(act))])
    assert stage.raising(Findings()).tick(at("2026-11-23T09:01")) == 1
    assert len(stage.listed("2026-11-23T09:02", "A10")) == raised - 1
    friday = stage.raising(Findings())
    friday.recall(at("2026-12-04T10:00"))
    assert friday.tick(at("2026-11-27T10:00")) == 0, "told and closed, so long ago that nobody remembers"


def _alerts(stage: Stage, now: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = list_alerts(stage.context(now), kinds=[kind])["alerts"]
    return found


def test_a_fault_of_the_system_until_it_was_healthy_for_ten_minutes(stage: Stage) -> None:
    red = {"disk": "the disk of the store is full"}
    one = stage.raising(System(lambda: red))
    assert [one.tick(at(f"{FRIDAY}T10:00:{s:02d}")) for s in (0, 10, 20, 30, 40)] == [0, 0, 0, 1, 0]
    assert [a[:2] for a in stage.listed(f"{FRIDAY}T10:01", "A19")] == [("A19", "disk")]
    red.clear()
    two = stage.raising(System(lambda: red))
    assert [two.tick(at(f"{FRIDAY}T10:{m:02d}:00")) for m in (2, 7, 11, 12)] == [0, 0, 0, 1]
    assert stage.listed(f"{FRIDAY}T10:12:01", "A19") == []


def test_every_kind_together_says_nothing_at_its_second_round(stage: Stage) -> None:
    made = stage.raising(*rules(dict))
    assert {kind for rule in rules(dict) for kind in rule.kinds} == set(RAISED)
    made.tick(at(f"{FRIDAY}T15:45"))
    assert made.failures == {}
    assert made.tick(at(f"{FRIDAY}T15:45:20")) == 0


def test_one_kind_that_fails_stops_no_other(stage: Stage) -> None:
    class Broken:
        kinds = ("A20",)

        def due(self, *_: object) -> bool:
            return True

        def judge(self, *_: object) -> Any:
            raise ZeroDivisionError("a defect")

    rule: Any = Broken()
    found = stage.raising(rule, System(lambda: {"spool": "full"}))
    found.tick(at(f"{FRIDAY}T11:00:00"))
    assert found.tick(at(f"{FRIDAY}T11:00:30")) == 1
    assert "a defect" in found.troubles()["raising"]


def test_the_apis_health_tells_what_is_red() -> None:
    parts = {
        "disk": {"status": "red", "reasons": ["full", "very"]},
        "worker": {"status": "amber", "reasons": ["behind"]},
        "seal": {"status": "amber", "reasons": ["late"]},
    }
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(503, json={"status": "red", "parts": parts}))
    )
    found = red_parts(http, lambda: "http://api.example/", lambda: {"notifier": "x"})
    assert found == {"disk": "full; very", "seal": "late", "notifier": "x"}
    strangers = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"status": "red"})))
    assert set(red_parts(strangers, lambda: "http://api.example", dict)) == {"system"}
    away = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="no")))
    assert set(red_parts(away, lambda: "http://api.example", dict)) == {"api"}
    assert red_parts(away, lambda: None, dict) == {}


def test_the_forecast_counts_similar_dossiers(stage: Stage) -> None:
    ctx = stage.context(f"{FRIDAY}T15:30")
    found = forecast(ctx, "H44.100", limit=10)
    assert found["estimate"] is True
    assert found["usual_daily_output"] == 8.0
    assert found["crunch"] == {"days": 3, "due": 59, "limit": 36.0, "holds": True} or found["crunch"]["holds"]
    by_day = {d["day"]: (d["working"], d["due"]) for d in found["days"]}
    assert by_day["2026-11-21"] == (False, 0)
    assert by_day["2026-11-24"][1] >= 40
    one = found["dossiers"][0]
    finished = sum(kind == "dossier.finished" for _, kind, *_ in story())
    assert one["working_hours"]["dossiers"] == finished
    assert one["working_hours"]["p50"] == one["working_hours"]["p90"] == 8.0, "a working day each"
    assert one["similar"] == finished if one["age_working_hours"] <= 8 else one["similar"] < finished
    assert len(found["dossiers"]) == 10
    listed, cursor = [d["dossier_code"] for d in found["dossiers"]], found["next"]
    while cursor:
        page = forecast(ctx, "H44.100", cursor, 30)
        listed, cursor = listed + [d["dossier_code"] for d in page["dossiers"]], page["next"]
    assert len(listed) == len(set(listed)) >= 40
    empty = forecast(stage.context(f"{FRIDAY}T15:30", "H44.101"))
    assert [d["dossier_code"] for d in empty["dossiers"]] == ["H44.101-1"]
    assert empty["usual_daily_output"] is None


def test_a_silence_goes_on_until_what_was_missing_has_come(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("backlog")
    codes = [code for n in range(20) if partition_of(code := f"H44.100-b{n}", 2) == 1]

    def comes(n: int, known: str, happened: str) -> None:
        due = accepted(at(f"{FRIDAY}T{happened}"), codes[n], at("2026-12-04T17:00"))
        said = record(n, at(f"{FRIDAY}T{known}"), *due[1:3], due[0], due[3])
        fold_into(stage._connect("writer"), folder, [said], ZONE, partition=1, partitions=2, origin="live")

    one = stage.raising(Silence())
    one.tick(at(f"{FRIDAY}T14:40"))
    comes(0, "14:50", "09:45")
    one.tick(at(f"{FRIDAY}T14:51"))
    stage.raising(Silence()).tick(at(f"{FRIDAY}T14:52"))
    assert subjects(stage, f"{FRIDAY}T15:00", "A13") == [("H44.100", "11-20T14:30")]
    assert all(a["inhibited_by"] for a in _alerts(stage, f"{FRIDAY}T15:00", "A04"))
    comes(1, "15:05", "15:04")
    one.tick(at(f"{FRIDAY}T15:06"))
    assert subjects(stage, f"{FRIDAY}T15:07", "A13") == []
    assert {a["inhibited_by"] for a in _alerts(stage, f"{FRIDAY}T15:07", "A04")} == {None}
