"""Leverage and the portal's figures from files alone, as a person types them."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.instants import Zone
from ops.cli import main
from ops.portal_figures import read_table, receipts

TABLE = """unit_code,metric,numerator,denominator,score,max_score
H44.100,PROCESSED_ON_TIME,2348,2971,15.81,20
H44.100,DOSSIER_RECEIVING_SATISFACTION,2348,2971,5.27,6
H44.100,PETITION_PROCESSING_ON_TIME,3,3,6,6
H44.101,PROCESSED_ON_TIME,1415,1780,15.9,20
H44.101,PROCESSED_ON_TIME,1,2,3,20
"""
ZONE = Zone()
DAY = ZONE.midnight(20_700)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "portal.csv"
    file.write_text(TABLE)
    return file


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments, {"PATH": "/usr/bin"})
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), json.loads(out) if out.startswith("{") else out, err


def test_leverage_works_on_a_table_alone(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, err = told(
        capsys,
        "leverage",
        "H44.100",
        "--table",
        str(table),
        "--set-indicator",
        "PROCESSED_ON_TIME=2971/2971",
        "--json",
    )
    assert code == 0
    worth = {w["action"]: w["loss"] for w in found["actions"]}
    assert worth["late_dossier"] == pytest.approx(20 / 2971 + 6 / 0.9 / 2971)
    assert found["max_applicable"] == 32
    assert found["what_if"]["change"] == pytest.approx(20 - 20 * 2348 / 2971)
    assert "18 indicators" in err
    assert "first counts" in err


def test_a_table_without_the_unit_says_which_it_has(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capsys, "leverage", "H44.7", "--table", str(table))
    assert code == 2
    assert "H44.100, H44.101" in err


@pytest.mark.parametrize("cost", ["late_dossier=0", "late_dossier", "nothing=3", "late_dossier=nan"])
def test_a_cost_that_is_none_is_refused(table: Path, capsys: pytest.CaptureFixture[str], cost: str) -> None:
    assert told(capsys, "leverage", "H44.100", "--table", str(table), "--cost", cost)[0] == 2


def test_one_receipt_a_unit_and_the_same_file_twice_is_the_same_event(table: Path) -> None:
    rows, refused = read_table(table)
    assert [r.row for r in refused] == [5]

    def made(at: int = DAY + 5, **more: str) -> list[tuple[str, str]]:
        return [(e.subject, e.id) for e in receipts(rows, "2026-08", ZONE, at, **more)]

    assert [unit for unit, _ in made()] == ["H44.100", "H44.101"]
    assert made() == made(DAY + 3_600_000)
    assert made() != made(DAY + 86_400_000)
    assert made() != made(document="TB-1")
    event = receipts(rows, "2026-08", ZONE, DAY, recorded_by="clerk", published_on="2026-09-02")[0]
    assert ZONE.local(event.occurred_at).isoformat() == "2026-09-02T00:00:00+07:00"


def test_a_dry_run_needs_nothing_to_run(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--period", "2026-08", "--dry-run", "--json", "--data", str(tmp_path))
    code, found, _ = told(capsys, "portal-figures", str(table), *options)
    assert (code, found["rows"], found["units"], found["rejected"]) == (0, 4, 2, 1)
    code, _, err = told(capsys, "portal-figures", str(table), "--period", "ytd", "--dry-run")
    assert code == 2
    assert "stands still" in err
