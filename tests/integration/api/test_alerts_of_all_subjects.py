"""The list of alerts speaks of petitions and procedures as of dossiers, and filters what has two levels."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.alerts.service import list_alerts
from api.figures.context import FigureContext
from domain.blocks import encode_block
from domain.events import encode_event
from domain.instants import Zone
from tests.integration.api.folded_store import Record, embedded_store, fold_into
from tests.support.duties import duties
from tests.support.events import HOUR, T0

ZONE = Zone("Asia/Ho_Chi_Minh")


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FigureContext]:
    folder = tmp_path_factory.mktemp("alerts")
    records = [Record(n, e.occurred_at, encode_block([encode_event(e)])) for n, e in enumerate(duties())]
    with embedded_store(folder) as connect:
        fold_into(connect("writer"), folder, records, ZONE)
        yield FigureContext(connect("reader"), 1, ZONE, "H44", T0 + 650 * HOUR)


def listed(ctx: FigureContext, **asked: Any) -> set[tuple[str, str, str]]:
    return {(a["kind"], a["subject"], a["level"]) for a in list_alerts(ctx, **asked)["alerts"]}


def test_a_level_lists_what_is_near_or_late_of_a_kind_that_has_both(ctx: FigureContext) -> None:
    late = {("A12", "H44.101-p1", "red"), ("A12", "H44.101-p2", "red")}
    assert listed(ctx, level="red") == late
    assert list_alerts(ctx, level="red")["totals"]["A12"] == 2
    assert listed(ctx, level="amber") == {
        ("A11", "H44.101-d", "amber"),
        ("A17", "3.000001", "amber"),
    }
    assert listed(ctx) == late | listed(ctx, level="amber")


def test_near_limits_that_are_over_have_cleared(ctx: FigureContext) -> None:
    cleared = list_alerts(ctx, state="cleared", kinds=["A12"], level="amber")
    assert len(cleared["alerts"]) == cleared["totals"]["A12"] == 6
    assert listed(ctx, state="cleared", kinds=["A17"]) == {("A17", "3.000002", "amber")}


def test_an_alert_names_its_subject_and_a_dossier_only_where_it_is_one(ctx: FigureContext) -> None:
    found = {a["kind"]: a for a in list_alerts(ctx)["alerts"]}
    assert {k: (a["subject_kind"], a["dossier_code"], a["unit"]) for k, a in found.items()} == {
        "A11": ("dossier", "H44.101-d", "H44.101"),
        "A12": ("petition", None, "H44.101"),
        "A17": ("procedure", None, "?"),
    }
    assert {a["kind"] for a in list_alerts(ctx, unit="H44.101")["alerts"]} == {"A11", "A12"}
