"""The board's adapter over a folded log: what it shows is what the API's query services answer."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_driver import Client
from fastapi import FastAPI

from api.access import Principal
from api.alerts.service import list_alerts
from api.config import ApiConfig, StoreConfig
from api.figures import FigureContext, dossier, live, overdue, scorecard
from api.problems import Problem
from api.stream import Moment
from api.vector import Vector
from dashboards.board import alert_views, pages, views
from dashboards.board.adapter import ApiSource
from dashboards.board.alert_desk import ApiAlerts
from dashboards.board.alert_model import Filter
from domain.errors import InvalidInput, Unavailable
from domain.instants import Millis
from eventlog.config import KafkaConfig
from tests.integration.api.folded_store import embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import FIRST_DAY, ZONE, random_dossier

NOW = ZONE.midnight(FIRST_DAY + 45) + 10 * 3_600_000
MINUTE = 60_000


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    rng = random.Random(37)
    said = [(s.at, f"H44.100-260801-{n:04d}", s) for n in range(60) for s in random_dossier(rng) if s.at < NOW]
    said.sort(key=lambda x: x[0])
    records = [record(n, at, f"dossier.{s.verb}", code, at, s.data) for n, (at, code, s) in enumerate(said)]
    folder = tmp_path_factory.mktemp("board")
    with embedded_store(folder) as connect:
        fold_into(connect("writer"), folder, records, ZONE)
        yield connect("reader")


class FakeServices:
    """As much of the API's services as the adapter asks for."""

    def __init__(self, client: Client, known_at: Millis) -> None:
        moment = Moment(Vector(1, (7,)), known_at, NOW)
        self.hub = SimpleNamespace(last=moment)
        self.moments = SimpleNamespace(current=lambda: moment)
        self.client = client

    @contextmanager
    def context(self, *_: Any) -> Iterator[FigureContext]:
        yield FigureContext(self.client, 1, ZONE, "H44", NOW, None, {0: 7})

    def wall(self) -> Millis:
        return NOW


def source(client: Client, known_at: Millis = NOW - MINUTE, clock: str = "wall") -> ApiSource:
    app = FastAPI()
    app.state.services = FakeServices(client, known_at)
    config = ApiConfig(KafkaConfig("127.0.0.1:9"), StoreConfig(), Path("unused"), zone=ZONE.name, clock=clock)
    return ApiSource(app, config)


@pytest.fixture
def context(reader: Client) -> FigureContext:
    return FigureContext(reader, 1, ZONE, "H44", NOW, None, {0: 7})


def test_the_overview_shows_the_live_figures_and_the_scorecard(reader: Client, context: FigureContext) -> None:
    shown, found = source(reader).live(), live(context)
    assert shown.numbers.overdue == found["open_late"] > 0
    assert shown.numbers.overdue_without_apology == found["late_without_apology"]
    assert shown.numbers.due_today_open == found["due_today_open"]
    assert (shown.score.total_portal, shown.score.band) == (
        found["score"]["total_portal"],
        found["score"]["band"],
    )
    rows = {i["code"]: i for i in scorecard(context, "H44", found["period"])["indicators"]}
    assert len(rows) == len(shown.score.indicators)
    for indicator in shown.score.indicators:
        row = rows[indicator.code]
        assert (indicator.numerator, indicator.denominator) == (row["numerator"], row["denominator"])
        assert (indicator.points, indicator.applies) == (row["points"], row["applies"])
    assert all(i.name_en != i.name for i in shown.score.indicators)
    assert "ĐIỂM THEO CỔNG" in views.score(shown.score, "vi")


def test_what_does_not_apply_is_hatched_in_its_group(reader: Client) -> None:
    shown = source(reader).live().score
    for group in shown.groups:
        absent = sum(i.max for i in shown.indicators if i.group == group.code and not i.applies)
        assert group.not_arisen == absent
        assert ("hatch" in views.groups(shown, "vi").split(f"<b>{group.code}</b>")[1].split("</div>")[0]) == (
            absent > 0
        )


@pytest.mark.parametrize(
    ("minutes", "stale"), [(1, False), (14, False), (16, True)], ids=["new", "within a quarter", "silent"]
)
def test_a_quarter_of_an_hour_of_working_time_without_news_is_stale(
    reader: Client, minutes: int, stale: bool
) -> None:
    fresh = source(reader, NOW - minutes * MINUTE).live().freshness
    assert fresh.up_to == NOW - minutes * MINUTE
    assert (fresh.stale_ms is not None) == stale


def test_under_the_clock_of_the_log_the_figures_are_of_that_clock(reader: Client) -> None:
    shown = source(reader, NOW - 60 * MINUTE, clock="log").live()
    assert (shown.freshness.up_to, shown.freshness.stale_ms) == (NOW, None)
    assert "(đồng hồ nhật ký)" in views.strip(shown, ZONE, "vi")


def test_a_unit_shows_its_overdue_list_and_an_unknown_one_nothing(reader: Client, context: FigureContext) -> None:
    unit = live(context)["units"][0]["unit"]
    shown = source(reader).unit(unit)
    found = overdue(context, unit, limit=5_000)
    assert shown is not None
    assert [row.code for row in shown.overdue] == [d["dossier_code"] for d in found["dossiers"]][:200]
    assert shown.total == found["matching"]
    assert source(reader).unit("H99.1") is None


def test_a_dossier_shows_every_verdict_and_every_event(reader: Client, context: FigureContext) -> None:
    code = overdue(context, limit=1)["dossiers"][0]["dossier_code"]
    shown, found = source(reader).dossier(code), dossier(context, code)
    assert shown is not None
    assert found is not None
    assert [(v.rule, v.state, v.vi) for v in shown.verdicts] == [
        (v["rule"], v["state"], v["vi"]) for v in found["verdicts"]
    ]
    assert len(shown.events) == found["events"] > 0
    assert "ĐANG QUÁ HẠN" in pages.sentence(shown, "vi")
    assert pages.timeline(shown, ZONE, "vi").count("data-place") == len(shown.events)
    assert source(reader).dossier("nobody") is None


def test_before_the_api_has_started_the_board_says_so(reader: Client) -> None:
    early = ApiSource(FastAPI(), ApiConfig(KafkaConfig("127.0.0.1:9"), StoreConfig(), Path("unused")))
    assert early.place() is None
    with pytest.raises(Unavailable):
        early.live()
    assert source(reader).place() == Vector(1, (7,))


def test_alerts_and_their_chains_are_those_of_the_api(
    reader: Client, context: FigureContext, tmp_path: Path
) -> None:
    app = FastAPI()
    app.state.services = FakeServices(reader, NOW)
    config = ApiConfig(KafkaConfig("127.0.0.1:9"), StoreConfig(), tmp_path / "private.sqlite", zone=ZONE.name)
    desk, viewer = ApiAlerts(app, config), Principal("k1", frozenset({"read"}))
    found = list_alerts(context, state="all", kinds=["A04"], limit=100)
    shown = desk.alerts(viewer, Filter(kind="A04", state="all"))
    assert [row.id for row in shown.rows] == [item["id"] for item in found["alerts"]] != []
    assert shown.total == found["totals"]["A04"]
    assert {row.level for row in shown.rows} == {"red"}
    page = desk.alert(viewer, shown.rows[0].id)
    assert page is not None
    assert (page.row, page.acts, page.tickets) == (shown.rows[0], (), ())
    assert shown.rows[0].subject in alert_views.alert_head(page, ZONE, "vi")
    assert desk.alert(viewer, "0" * 24) is None
    with pytest.raises(InvalidInput):
        desk.act(viewer, shown.rows[0].id, "delete", {})
    with pytest.raises(Problem, match="act"):
        desk.act(viewer, shown.rows[0].id, "ack", {})
