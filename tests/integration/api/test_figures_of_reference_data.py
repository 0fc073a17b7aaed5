"""Units, procedures, petitions and documents: what figures take from them, over a small log told in full."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from api.figures import (
    FigureContext,
    dossier,
    dossier_events,
    indicator,
    indicator_sets,
    live,
    procedures,
    scorecard,
    units,
)
from domain.indicator_documents import packaged_sets
from domain.instants import Millis, Zone
from domain.periods import parse_instant
from tests.integration.api.folded_store import embedded_store, fold_into, record

ZONE = Zone("Asia/Ho_Chi_Minh")


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


def intake(unit: str, procedure: str, **more: Any) -> dict[str, Any]:
    return {"unit": unit, "procedure": procedure, "channel": "online", **more}


PARTS = packaged_sets()[-1].required_parts
STORY: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("2025-12-01T08:00", "unit.registered", "H44", {"name": "Tỉnh Mẫu", "kind": "province"}),
    ("2025-12-01T08:01", "unit.registered", "H44.100", {"name": "Xã Mẫu A", "kind": "commune", "parent": "H44"}),
    ("2025-12-01T08:02", "unit.registered", "H44.101", {"name": "Xã Mẫu B", "kind": "commune", "parent": "H44"}),
    ("2025-12-01T08:03", "unit.registered", "KT", {"name": "Phòng Kinh tế", "kind": "other", "parent": "H44.101"}),
    ("2026-01-20T08:00", "unit.merged", "H44.102", {"into": "H44.101"}),
    ("2026-01-21T08:00", "unit.certified_copies_offered", "H44.100", {}),
    ("2025-12-02T08:00", "procedure.described", "1.001", {"name": "Khai sinh", "field": "HT", "fee": True}),
    ("2025-12-02T08:00", "procedure.described", "1.002", {"field": "HT", "applied_by": ["commune"]}),
    ("2025-12-02T08:01", "procedure.described", "2.001", {"field": "DD", "applicant_kinds": ["business"]}),
    ("2025-12-03T08:00", "procedure.online_level_set", "1.001", {"level": "full"}),
    ("2025-12-03T08:00", "procedure.online_level_set", "1.002", {"level": "partial"}),
    ("2026-01-05T08:00", "procedure.announced", "1.001", {"effective_at": "2026-01-20T00:00:00+07:00"}),
    ("2026-01-06T08:00", "procedure.announced", "1.002", {"effective_at": "2026-01-08T00:00:00+07:00"}),
    ("2026-01-07T08:00", "procedure.publicised", "1.001", {}),
    ("2026-01-30T08:00", "procedure.described", "1.001", {"parts": list(PARTS)}),
    ("2026-01-05T09:00", "dossier.accepted", "D1", intake("H44.100", "1.001", due_at="2026-01-15T17:00:00+07:00")),
    ("2026-01-05T09:30", "dossier.fee_paid", "D1", {"amounts": [5000], "gateway": "national_portal"}),
    ("2026-01-14T09:30", "dossier.finished", "D1", {}),
    ("2026-01-06T09:00", "dossier.accepted", "D2", intake("KT", "1.002", due_at="2026-01-09T17:00:00+07:00")),
    ("2026-01-07T09:00", "dossier.accepted", "D3", intake("H44.102", "2.001")),
    ("2026-01-08T09:00", "dossier.accepted", "D4", {"procedure": "9.999"}),
    ("2026-01-06T10:00", "petition.received", "P1", {"unit": "H44.100", "due_at": "2026-01-20T09:00:00+07:00"}),
    ("2026-01-10T10:00", "petition.received", "P2", {"unit": "H44.101", "due_at": "2026-01-20T17:00:00+07:00"}),
    ("2026-01-12T10:00", "petition.answered", "P1", {}),
    (
        "2026-01-25T10:00",
        "unit.national_report_received",
        "H44",
        {"period": "2026-01", "figures": {"accepted": 50}},
    ),
)


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FigureContext]:
    folder = tmp_path_factory.mktemp("reference")
    story = sorted(STORY, key=lambda s: s[0])
    records = [record(n, at(s[0]) + 500, s[1], s[2], at(s[0]), s[3]) for n, s in enumerate(story)]
    with embedded_store(folder) as connect:
        fold_into(connect("writer"), folder, records, ZONE)
        yield FigureContext(connect("reader"), 1, ZONE, "H44", at("2026-01-31T12:00"), None, {0: len(records) - 1})


def row(card: dict[str, Any], code: str) -> tuple[Any, Any, Any]:
    found = next(i for i in card["indicators"] if i["code"] == code)
    return found["numerator"], found["denominator"], found["points"]


def test_units_hang_where_they_were_registered_else_by_their_code_else_under_the_root(ctx: FigureContext) -> None:
    found = {u["code"]: u for u in units(ctx)}
    assert {code: u["parent"] for code, u in found.items()} == {
        "H44": None,
        "H44.100": "H44",
        "H44.101": "H44",
        "H44.102": "H44.101",
        "KT": "H44.101",
        "?": "H44",
    }
    assert found["H44.102"]["name"] == "H44.102"
    assert (found["H44.102"]["registered"], found["H44.100"]["registered"]) == (False, True)


def test_a_unit_counts_what_stands_under_it_and_the_root_counts_everything(ctx: FigureContext) -> None:
    card = scorecard(ctx, "H44", "2026-01", children=True)
    assert card["volumes"]["accepted"] == 4
    assert {c["unit"]: c["volumes"]["accepted"] for c in card["children"]} == {"?": 1, "H44.100": 1, "H44.101": 2}
    cut = indicator(ctx, "PROCESSED_ON_TIME", "H44", "2026-01", by="unit")
    assert sum(r["denominator"] for r in cut["rows"]) == cut["denominator"] == 4
    fields = indicator(ctx, "PROCESSED_ON_TIME", "H44", "2026-01", by="field")
    assert {r["key"]: r["denominator"] for r in fields["rows"]} == {"HT": 2, "DD": 1, "": 1}


def test_procedures_are_counted_per_applying_unit(ctx: FigureContext) -> None:
    card = scorecard(ctx, "H44", "2026-01", children=True)
    # Procedures count once, of those with a stated level; online services once for each applying unit.
    assert row(card, "FORMALITY_ONLINE_SERVICE")[:2] == (2, 2)
    assert row(card, "ONLINE_SERVICE_WITH_DOSSIER")[:2] == (2, 3)
    assert row(card, "FORMALITY_PAID_ONLINE")[:2] == (1, 1)
    commune = next(c for c in card["children"] if c["unit"] == "H44.100")
    assert row(commune, "FORMALITY_ONLINE_SERVICE")[:2] == (2, 2)
    assert row(commune, "ONLINE_SERVICE_WITH_DOSSIER")[:2] == (1, 2)
    assert {p["code"]: p["registered"] for p in procedures(ctx)} == {
        "1.001": True,
        "1.002": True,
        "2.001": True,
        "9.999": False,
    }


@pytest.mark.parametrize("period", ["2026-01", "2026", "2025-12-20..2026-02-10", "2026-01-02..2026-01-08", "ytd"])
def test_whole_months_and_the_days_beside_them_count_the_same_procedures(ctx: FigureContext, period: str) -> None:
    card = scorecard(ctx, "H44", period)
    assert row(card, "ONLINE_SERVICE_WITH_DOSSIER")[:2] == (2, 3)
    assert row(scorecard(ctx, "H44", "2026-01-06..2026-01-31"), "FORMALITY_PAID_ONLINE")[:2] == (0, 1)


def test_announcements_count_for_the_province_and_reports_widen_its_denominator(ctx: FigureContext) -> None:
    card = scorecard(ctx, "H44", "2026-01", children=True)
    assert row(card, "PUBLISH_ON_TIME") == (1, 2, 3.0)
    assert row(card, "PUBLIC_UPDATE_ON_TIME") == (1, 2, 2.0)
    assert row(card, "DOSSIER_SYNC")[:2] == (0, 50)
    commune = next(c for c in card["children"] if c["unit"] == "H44.100")
    assert row(commune, "PUBLISH_ON_TIME") == (None, None, None)
    assert row(card, "ELECTRONIC_CERTIFIED_COPY") == (1, 2, 1.0)


def test_full_content_is_unknown_until_parts_are_told_and_where_none_is_required(ctx: FigureContext) -> None:
    def content(ctx: FigureContext, as_of: str | None = None) -> tuple[Any, ...]:
        rows = scorecard(ctx, "H44", "2026-01", as_of)["indicators"]
        found = next(i for i in rows if i["code"] == "PUBLIC_CONTENT_FULL")
        return found["numerator"], found["denominator"], found["points"], found["reason"]

    assert content(ctx, "2026-01-29")[:3] == (None, None, None)
    assert "which parts" in content(ctx, "2026-01-29")[3]
    assert content(ctx) == (1, 1, 2, None)
    silent = [msgspec.structs.replace(s, required_parts=()) for s in packaged_sets()]
    found = content(replace(ctx, sets=lambda: silent))
    assert found[:3] == (None, None, None)
    assert "names no required_parts" in found[3]


def test_petitions_are_exact_inside_a_day(ctx: FigureContext) -> None:
    def on_time(unit: str, as_of: str) -> tuple[Any, Any]:
        return row(scorecard(ctx, unit, "2026-01", as_of=as_of), "PETITION_PROCESSING_ON_TIME")[:2]

    assert on_time("H44", "2026-01-20T17:00") == (2, 2)
    assert on_time("H44", "2026-01-20T17:00:00.002") == (1, 2)
    assert on_time("H44", "2026-01-31") == (1, 2)
    assert on_time("H44.100", "2026-01-06T10:00") == (0, 0)
    assert on_time("H44.100", "2026-01-06T10:01") == (1, 1)


def test_no_petitions_give_full_marks_and_no_obligations_none(ctx: FigureContext) -> None:
    card = scorecard(ctx, "H44", "2025-12")
    assert row(card, "PETITION_PROCESSING_ON_TIME") == (0, 0, 6.0)
    assert row(card, "DOSSIER_PAID_ONLINE") == (0, 0, None)
    assert row(card, "PROCESSED_ON_TIME") == (0, 0, 0.0)


def test_a_dossier_shows_its_events_with_coordinates_and_three_times(ctx: FigureContext) -> None:
    events = dossier_events(ctx, "D1")
    assert [e["type"] for e in events] == ["dossier.accepted", "dossier.fee_paid", "dossier.finished"]
    assert {"topic", "partition", "offset", "index", "occurred_at", "recorded_at", "known_at", "data"} <= set(
        events[0]
    )
    assert events[0]["occurred_at"] == "2026-01-05T09:00:00.000+07:00"
    assert events[0]["data"]["procedure"] == "1.001"
    found = dossier(ctx, "D2")
    assert found is not None
    assert (found["state"], found["unit_name"]) == ("open_late", "Phòng Kinh tế")
    by_rule = {v["rule"]: v for v in found["verdicts"]}
    assert by_rule["766"]["vi"].startswith("ĐANG QUÁ HẠN 16 ngày")
    assert by_rule["766"]["late_by_seconds"] == (at("2026-01-31T12:00") - 1 - at("2026-01-09T17:00")) / 1000
    assert any(c["kind"] == "A04" and c["holds"] for c in found["conditions"])


def test_a_scope_hides_the_rest(ctx: FigureContext) -> None:
    mine = replace(ctx, scope=("H44.101",))
    assert [u["code"] for u in units(mine)] == ["H44.101", "H44.102", "KT"]
    assert dossier(mine, "D1") is None
    assert dossier_events(mine, "D1") == []
    assert len(dossier_events(mine, "D2")) == 1
    assert [p["code"] for p in procedures(mine) if p["seen"]] == ["1.002", "2.001"]
    assert live(mine)["volumes"]["accepted"] == 2


def test_indicator_sets_are_listed_with_their_definitions(ctx: FigureContext) -> None:
    assert (
        [s["name"] for s in indicator_sets()]
        == [s["name"] for s in indicator_sets(ctx)]
        == ["2025", "2026-draft", "2026"]
    )
