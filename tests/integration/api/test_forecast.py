"""The forecast by step from a folded store: which basis tells each open dossier's risk, and from what."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.figures import FigureContext, forecast
from domain.forecast import ENOUGH
from domain.instants import Millis
from tests.integration.api.folded_store import told_store
from tests.support.weeks import CALENDAR, ZONE, Said, accepted, at

NOW = at("2026-11-20T15:30")
DUE = at("2026-11-24T10:00")
HOUR = 3_600_000
LEFT = CALENDAR.working_ms_between(NOW, DUE)
MANY = 40


def worked(start: Millis, hours: float) -> Millis:
    return CALENDAR.add_working_ms(start, int(hours * HOUR)) if hours else start


def whole(code: str, procedure: str, start: Millis, b2_after: float, needed: float) -> Iterator[Said]:
    """Accepted, at B1 after an hour, at B2 after `b2_after`, finished `needed` hours after that."""
    unit = code.split("-")[0]
    due = {"unit": unit, "procedure": procedure, "due_at": "2026-12-31T17:00:00+07:00"}
    yield start, "dossier.accepted", code, due
    yield worked(start, 1), "dossier.step_started", code, {"step": "B1"}
    yield worked(start, b2_after - 1), "dossier.step_completed", code, {"step": "B1"}
    yield worked(start, b2_after), "dossier.step_started", code, {"step": "B2"}
    yield worked(start, b2_after + needed), "dossier.finished", code, {}


def open_one(code: str, procedure: str, start: Millis, *steps: tuple[float, str]) -> Iterator[Said]:
    when, kind, subject, data = accepted(start, code, DUE)
    yield when, kind, subject, {**data, "procedure": procedure}
    for after, step in steps:
        yield worked(start, after), "dossier.step_started", code, {"step": step}


def story() -> list[Said]:
    said: list[Said] = []
    for unit in ("H44.100", "H44.101", "H44.SO"):
        kind = "commune" if unit != "H44.SO" else "department"
        said.append((at("2026-01-05T08:00"), "unit.registered", unit, {"name": unit, "kind": kind}))
    for procedure in ("1.001", "1.002", "1.003"):
        data = {"name": procedure, "field": "Đất đai" if procedure != "1.003" else "Hộ tịch"}
        said.append((at("2026-01-05T08:00"), "procedure.described", procedure, data))
    begin = at("2026-10-05T08:00")
    for n in range(MANY):
        unit = "H44.100" if n % 2 else "H44.101"
        said += whole(f"{unit}-a{n:02d}", "1.001", begin, 4, 3 if n < 30 else 40)
        said += whole(f"H44.SO-s{n:02d}", "1.001", begin, 4, 200)  # another kind of unit
    for n in range(ENOUGH - 1):
        said += whole(f"H44.100-b{n:02d}", "1.002", begin, 4, 8)
    said += whole("H44.100-c", "1.003", begin, 4, 8)
    again = "H44.100-again"
    said += whole(again, "1.001", begin, 4, 3)
    said += [(at("2026-10-20T08:00"), "dossier.reopened", again, {})]
    said += [(at("2026-11-10T08:00"), "dossier.finished", again, {})]
    monday = at("2026-11-16T08:00")
    said += open_one("H44.100-1", "1.001", monday, (1, "B1"), (36, "B2"))
    said += open_one("H44.100-2", "1.001", monday, (1, "B9"))
    said += open_one("H44.100-3", "1.001", monday)
    said += open_one("H44.100-4", "1.002", at("2026-11-20T10:00"), (1, "B1"))
    said += open_one("H44.100-5", "1.003", monday, (1, "B1"))
    return sorted(said, key=lambda one: (one[0], one[2]))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with told_store(tmp_path_factory.mktemp("forecast"), story(), ZONE) as connect:
        yield forecast(FigureContext(connect("reader"), 1, ZONE, "H44", NOW), "H44.100")


def line(found: dict[str, Any], n: int) -> Any:
    return next(one for one in found["dossiers"] if one["dossier_code"] == f"H44.100-{n}")


def test_by_the_step_and_the_working_time_spent_there(found: dict[str, Any]) -> None:
    one = line(found, 1)
    spent = CALENDAR.working_ms_between(worked(at("2026-11-16T08:00"), 36), NOW) / HOUR
    assert one["basis"] == "step"
    assert one["asked"] == [
        {"basis": "step", "of": "B2", "spent_working_hours": round(spent, 1), "dossiers": MANY,
         "still_there": MANY, "p50": 3.0, "p75": 3.0, "p90": 40.0}
    ]  # fmt: skip
    assert spent < 3 <= spent + LEFT / HOUR, "those that need three hours make it, those that need forty do not"
    assert (one["similar"], one["on_time"], one["risk"]) == (MANY, 30, 0.25)
    assert "ở bước B2" in one["vi"]


def test_a_step_nobody_was_at_is_told_by_the_procedure(found: dict[str, Any]) -> None:
    one = line(found, 2)
    assert [a["basis"] for a in one["asked"]] == ["step", "procedure", "field"]
    assert one["asked"][0]["dossiers"] == 0
    assert one["asked"][1]["dossiers"] == MANY, "none of a department, none that was re-opened"
    assert one["asked"][1]["still_there"] == 10, "the age of four days has outlived the quick ones"
    assert one["basis"] is None
    assert one["risk"] is None
    assert "Chưa đủ" in one["vi"]


def test_without_a_step_and_with_too_few_of_the_procedure(found: dict[str, Any]) -> None:
    assert [a["basis"] for a in line(found, 3)["asked"]] == ["procedure", "field"]
    young = line(found, 4)
    assert [(a["basis"], a["dossiers"]) for a in young["asked"]] == [
        ("step", ENOUGH - 1),
        ("procedure", ENOUGH - 1),
        ("field", MANY + ENOUGH - 1),
    ]
    assert young["basis"] == "field"
    assert (young["similar"], young["on_time"]) == (MANY + ENOUGH - 1, 30 + ENOUGH - 1)
    assert young["working_hours"]["of"] == "field"


def test_where_nothing_is_similar_nothing_is_said(found: dict[str, Any]) -> None:
    one = line(found, 5)
    assert (one["basis"], one["risk"], one["similar"]) == (None, None, 0)
    assert one["working_hours"]["p50"] is None
