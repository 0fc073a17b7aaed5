"""Events made for the figures that the national portal published come out of log, fold and store as the portal's
scorecard. `WHOLE_PROVINCE=1` takes the whole province (184,513 dossiers) instead of one in fifty of the rest."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.figures import scorecard
from domain.errors import InvalidInput
from domain.instants import Zone
from domain.periods import parse_instant
from eventlog.config import KafkaConfig
from producers.simulator.published import published_province, whole_units
from tests.support.log_to_figures import LogToFigures, log_to_figures
from tests.support.ready_store import embedded_address

PUBLISHED = Path(__file__).parents[3] / "shared" / "reference" / "portal_scores_2026_08.csv"
UNITS = ("H44", "H44.100", "H44.03", "H44.07")
ZONE = Zone("Asia/Ho_Chi_Minh")
FULL = bool(os.environ.get("WHOLE_PROVINCE"))
pytestmark = pytest.mark.skipif(not PUBLISHED.exists(), reason="the portal's published figures are not here")
Rows = list[dict[str, str]]


def published() -> Rows:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wanted() -> dict[str, dict[str, tuple[int, int]]]:
    """Figures by unit; of what the units leave of the province one dossier in fifty, procedures all."""
    table = {code: dict(figures) for code, figures in whole_units(published(), UNITS).items()}
    for code, (up, down) in table["H44"].items() if not FULL else ():
        if not code.startswith(("FORMALITY", "PETITION", "PUBL", "ONLINE_SERVICE", "CITIZEN_DATA_CONNECTED_F")):
            parts = [table[unit].get(code, (0, 0)) for unit in UNITS[1:]]
            if code == "DOSSIER_SUBMITTED_ONLINE":
                parts = [(table[unit]["DOSSIER_SYNC"][1],) * 2 for unit in UNITS[1:]]
            some = (sum(p[0] for p in parts), sum(p[1] for p in parts))
            table["H44"][code] = (some[0] + (up - some[0]) // 50, some[1] + (down - some[1]) // 50)
    return table


@pytest.fixture(scope="module")
def log(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogToFigures]:
    folder = tmp_path_factory.mktemp("published")
    with (
        embedded_address(folder) as store,
        log_to_figures(KafkaConfig(broker, prefix="published-"), store, folder, ZONE) as log,
    ):
        log.add(published_province(wanted(), "2026-08", "H44", ZONE, communes=["H44.100"]))
        yield log


def card_of(log: LogToFigures, unit: str) -> dict[str, Any]:
    with log.context(parse_instant("2026-11-20T09:00", ZONE)) as ctx:
        return scorecard(ctx, unit, "2026-08", set_name="2026")


@pytest.mark.parametrize("unit", UNITS)
def test_the_scorecard_is_the_portals(log: LogToFigures, unit: str) -> None:
    card = card_of(log, unit)
    rows = {row["code"]: row for row in card["indicators"]}
    for code, figures in wanted()[unit].items():
        got = (rows[code]["numerator"], rows[code]["denominator"])
        nothing_announced = figures == (0, 0) and code.startswith("PUBL") and got == (None, None)
        assert got == figures or nothing_announced, code
    if unit == "H44" and not FULL:
        return
    for row in published():
        if row["unit_code"] == unit and row["score"] and not row["metric"].startswith("GROUP_"):
            assert rows[row["metric"]]["points"] == pytest.approx(float(row["score"]), abs=0.015), row
    groups = {"TRANSPARENCY": "A", "ONLINE_SERVICE": "C", "PAYMENT": "D", "SATISFACTION": "E", "DIGITIZATION": "F"}
    points = {g["code"]: g["points"] for g in card["groups"]}
    for row in published():
        if row["unit_code"] == unit and row["metric"].startswith("GROUP_"):
            ours = points[groups[row["metric"].removeprefix("GROUP_")]]
            assert ours == pytest.approx(float(row["score"]), abs=0.015), row


def test_the_whole_province_has_the_two_published_totals(log: LogToFigures) -> None:
    if not FULL:
        pytest.skip("one dossier in fifty: set WHOLE_PROVINCE=1")
    card = card_of(log, "H44")
    assert card["total_portal"] == pytest.approx(59.91, abs=0.02)
    assert card["total_rebased"] == pytest.approx(66.57, abs=0.02)


def test_figures_that_no_province_can_have_are_refused() -> None:
    wrong = wanted()
    wrong["H44.03"]["SO_HOA_GIAY_TO_GIAI_QUYET"] = (999_999, 588)
    with pytest.raises(InvalidInput, match=r"H44\.03 can have these figures: SO_HOA"):
        list(published_province(wrong, "2026-08", "H44", ZONE))
