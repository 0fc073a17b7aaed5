"""A figure that was issued is found again: after late events, a rebuild, and a new version of its set."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from api.figures import change, rankings, scorecard
from domain.events import Event, make_event
from domain.instants import Millis, Zone
from domain.periods import parse_instant
from eventlog.config import KafkaConfig
from tests.support.log_to_figures import LogToFigures, log_to_figures
from tests.support.ready_store import embedded_address

ZONE = Zone("Asia/Ho_Chi_Minh")
PERIOD = "2026-08"
NOW = parse_instant("2026-11-20T09:00", ZONE)


def said(number: int, what: str, subject: str, when: str, **data: Any) -> Event:
    return make_event(what, subject, parse_instant(when, ZONE), data, source="/test", id=str(number))


def before() -> Iterator[Event]:
    for n, unit in enumerate(("H44.100", "H44.101")):
        yield said(n, "unit.registered", unit, "2026-01-01T08:00", kind="commune", parent="H44")
    yield said(2, "procedure.described", "1.000001", "2026-01-01T08:00", applied_by=["commune"], fee=True)
    yield said(3, "procedure.online_level_set", "1.000001", "2026-01-01T08:00", level="full")
    yield said(4, "procedure.announced", "1.000001", "2026-08-03T08:00", effective_at="2026-08-20T00:00:00+07:00")
    yield said(
        5, "petition.received", "P1", "2026-08-04T08:00", unit="H44.100", due_at="2026-08-20T08:00:00+07:00"
    )
    for n in range(60):
        code, unit = f"D{n}", ("H44.100", "H44.101")[n % 2]
        due = f"2026-08-{10 + n % 10}T17:00:00+07:00"
        when = f"2026-08-{4 + n % 5:02d}T09:00"
        yield said(
            n, "dossier.accepted", code, when, unit=unit, procedure="1.000001", due_at=due, channel="online"
        )
        if n % 3:
            yield said(100 + n, "dossier.finished", code, "2026-08-12T10:00", result_files=[{}])


def late() -> Iterator[Event]:
    """What arrives a month after it happened, and documents that change what is counted."""
    for n in range(0, 60, 3):
        yield said(200 + n, "dossier.finished", f"D{n}", "2026-08-09T10:00")
        yield said(
            300 + n, "dossier.fee_paid", f"D{n}", "2026-08-09T09:00", amounts=[5], gateway="national_portal"
        )
    yield said(6, "petition.answered", "P1", "2026-08-15T08:00")
    yield said(7, "procedure.publicised", "1.000001", "2026-08-04T08:00")
    yield said(8, "unit.merged", "H44.101", "2026-09-01T08:00", into="H44.100")
    yield said(9, "unit.certified_copies_offered", "H44.100", "2026-08-01T08:00")
    document = {"inherits": "2026", "name": "2026", "version": "2", "valid_from": "2026-01-01", "rules": "orig"}
    yield said(10, "indicator_set.published", "2026", "2026-01-01T00:00", document=document, version="2")


@pytest.fixture(scope="module")
def log(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogToFigures]:
    folder = tmp_path_factory.mktemp("again")
    with (
        embedded_address(folder) as store,
        log_to_figures(KafkaConfig(broker, prefix="again-"), store, folder, ZONE) as log,
    ):
        log.add(before())
        yield log


LEFT_OUT = ("generation", "complete_to", "known_at", "children")


def figures(card: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in card.items() if k not in LEFT_OUT}
    return {**kept, "children": [figures(c) for c in card["children"]]}


def test_an_issued_figure_is_found_again_after_late_events_a_rebuild_and_a_new_set(log: LogToFigures) -> None:
    known: Millis = time.time_ns() // 1_000_000 + 1
    with log.context(NOW) as ctx:
        issued = scorecard(ctx, "H44", PERIOD, NOW, children=True)
        ranked = rankings(ctx, PERIOD, as_of=NOW)
        assert figures(scorecard(ctx, "H44", PERIOD, NOW, known, children=True)) == figures(issued)
    assert issued["versions"]["set"] == "2026/1"
    assert [[u["rank"] for u in g["units"]] for g in ranked["groups"]] in ([[1, 2]], [[1, 1]], [[None, None]])
    log.add(late())
    log.rebuild_from_log()
    with log.context(NOW) as ctx:
        today = scorecard(ctx, "H44", PERIOD, NOW, children=True)
        again = scorecard(ctx, "H44", PERIOD, NOW, known, children=True)
        exact = scorecard(ctx, "H44", PERIOD, NOW, None, "2026/1")
        moved = change(ctx, "H44", PERIOD, "month", as_of=NOW)
    assert figures(again) == figures(issued)
    assert today["versions"] == {**issued["versions"], "set": "2026/2", "rules": "orig"}
    assert exact["versions"]["set"] == "2026/1"
    differ = {
        a["code"]
        for a, b in zip(today["indicators"], issued["indicators"], strict=True)
        if (a["numerator"], a["denominator"]) != (b["numerator"], b["denominator"])
    }
    assert {
        "PROCESSED_ON_TIME",
        "PETITION_PROCESSING_ON_TIME",
        "PUBLIC_UPDATE_ON_TIME",
        "FORMALITY_PAID_ONLINE",
        "DOSSIER_PAID_ONLINE",
        "ELECTRONIC_CERTIFIED_COPY",
    } <= differ
    assert [c["unit"] for c in today["children"]] != [c["unit"] for c in issued["children"]]
    assert moved["comparable"] is True, "both by the set's second version"
