"""Ranks, sizes and earlier periods."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api.figures.changes import _earlier
from api.figures.context import FigureContext, Question
from domain.indicator_documents import packaged_sets
from domain.instants import Zone
from domain.periods import parse_instant, parse_period
from domain.reference import Reference

ZONE = Zone("Asia/Ho_Chi_Minh")


class OfCalendar(FigureContext):
    """A context that has a calendar and nothing else."""

    @property
    def reference(self) -> Reference:
        return Reference({}, ZONE)


@pytest.mark.parametrize(
    ("period", "as_of", "against", "label", "until"),
    [
        ("2026-11", "2026-11-23T10:00", "day", "2026-11", "2026-11-20"),  # a Monday: since Friday
        ("ytd", "2026-11-23T10:00", "day", "ytd", "2026-11-20"),
        ("2026-08", "2026-11-23T10:00", "month", "2026-07", None),
        ("2026-01", "2026-11-23T10:00", "month", "2025-12", None),
        ("2026-11", "2026-11-23T10:00", "month", "2026-10", "2026-10-23T10:00"),
        ("2026-Q1", "2026-11-23T10:00", "month", "2025-Q4", None),
        ("2026-Q4", "2026-11-30T10:00", "month", "2026-Q3", "2026-08-30T10:00"),
        ("2026-Q3", "2026-11-23T10:00", "year", "2025-Q3", None),
        ("2025", "2026-11-23T10:00", "month", "2024", None),
        ("2026-03", "2026-03-31", "year", "2025-03", None),
        ("ytd", "2026-03-31T09:00", "month", "ytd", "2026-02-28T09:00"),
        ("2026-07-15..2026-08-14", "2026-11-23", "month", "2026-06-15..2026-07-14", None),
        ("2024-02-29..2024-03-01", "2026-11-23", "year", "2023-02-28..2023-03-01", None),
    ],
)
def test_the_earlier_period(period: str, as_of: str, against: Any, label: str, until: str | None) -> None:
    asked = parse_instant(as_of, ZONE)
    found = parse_period(period, ZONE, asked)
    q = Question("H44", found, asked, found.until(asked), None, packaged_sets()[-1], False)
    ctx = OfCalendar(None, 1, ZONE, "H44", asked)
    assert _earlier(ctx, q, against) == (label, None if until is None else parse_instant(until, ZONE))


def test_the_routes_ask_with_what_was_given(local: TestClient, bench: Any) -> None:
    assert local.get("/v1/rankings?period=2026-08&kind=commune&by=rebased").status_code == 200
    assert bench.figures.asked[-1][0] == "rankings"
    assert bench.figures.asked[-1][1][:4] == ("2026-08", None, "commune", "rebased")
    assert local.get("/v1/changes/H44?period=2026-08&against=year").status_code == 200
    assert bench.figures.asked[-1][0] == "change"
    assert bench.figures.asked[-1][1][:3] == ("H44", "2026-08", "year")
    assert local.get("/v1/rankings?period=2026-08&by=mood").status_code == 422
