"""The portal's figures beside ours: every cause found in a store that was folded from a small log told in full.

Each unit holds the same eight dossiers; what the portal is said to have published of it differs.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from api.figures import (
    FigureContext,
    leverage,
    reconciliation,
    reconciliation_dossiers,
    scorecard,
    targets,
)
from domain.errors import InvalidInput, NotKnownYet
from domain.instants import Millis, Zone
from domain.periods import parse_instant
from tests.integration.api.folded_store import Record, embedded_store, fold_into, record

ZONE = Zone("Asia/Ho_Chi_Minh")
Told = tuple[str, str, str, dict[str, Any]]
B = "PROCESSED_ON_TIME"
OURS = (5, 8)
"""On time and in hand in August: K1, K2, S1, N1 and the open O1; H1, L1 and X1 are late."""


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


def dossiers(unit: str, *, synced: bool = True, without: str = "none") -> list[Told]:
    """K on time (K1 refused by the portal) · H finished after the hour of the due day · S supplemented, in time
    with credit only · N undated · L late · O open, due in September · X accepted on the 20th and late."""

    def accepted(name: str, day: str, due: str | None, **more: Any) -> Told:
        data = {"unit": unit, "procedure": "1.001", "channel": "online", **more}
        return (
            f"2026-08-{day}T09:00",
            "dossier.accepted",
            f"{unit}-{name}",
            data | ({"due_at": due} if due else {}),
        )

    def then(name: str, when: str, verb: str, **data: Any) -> Told:
        return (f"2026-08-{when}", f"dossier.{verb}", f"{unit}-{name}", data)

    due = "2026-08-14T11:00:00+07:00"
    story = [
        accepted("K1", "03", due), then("K1", "10T10:00", "finished"),
        accepted("K2", "03", due), then("K2", "11T10:00", "finished"),
        accepted("H1", "03", due), then("H1", "14T16:00", "finished"),
        accepted("S1", "03", due), then("S1", "05T09:00", "supplement_requested"),
        then("S1", "10T09:00", "supplement_received"), then("S1", "18T09:00", "finished"),
        accepted("N1", "04", None), then("N1", "12T10:00", "finished"),
        accepted("L1", "04", due), then("L1", "20T10:00", "finished"),
        accepted("O1", "05", "2026-09-10T17:00:00+07:00"),
        accepted("X1", "20", "2026-08-21T17:00:00+07:00"),
    ]  # fmt: skip
    if synced:
        story += [then(n, "21T09:00", "synced") for n in ("K2", "H1", "S1", "N1", "L1", "O1", "X1")]
        story += [then("K1", "22T09:00", "synced", accepted=False)]
    return [told for told in story if without not in told[2]]


def published(unit: str, up: int, down: int, day: str = "2026-09-05", **more: Any) -> Told:
    figures = {f"{B}.numerator": up, f"{B}.denominator": down, f"{B}.score": round(20 * up / down, 2), **more}
    data: dict[str, Any] = {"period": "2026-08", "figures": figures, "document": "TB-1", "recorded_by": "clerk"}
    return (f"{day}T00:00", "unit.portal_figures_received", unit, data)


def with_until(told: Told, until: str) -> Told:
    return (*told[:3], {**told[3], "until": until})


STORY: list[Told] = [
    *dossiers("H44.1"), published("H44.1", 4, 7),
    *dossiers("H44.2", without="S1"), published("H44.2", 4, 6),  # without K1, by dates
    *dossiers("H44.3"), published("H44.3", 3, 7),  # without K1, S1 without credit
    *dossiers("H44.4"), published("H44.4", 3, 6),  # without K1 and N1
    *dossiers("H44.5"), with_until(published("H44.5", 4, 6), "2026-08-17T00:00:00+07:00"),
    *dossiers("H44.6", synced=False), published("H44.6", 5, 8), published("H44.6", 6, 8, "2026-09-20"),
    *dossiers("H44.7", synced=False),
    ("2026-08-01T00:01", "unit.registered", "H44.7", {"name": "Xã Mẫu", "kind": "commune"}),
    ("2026-01-05T08:00", "unit.observation_recorded", "H44.7",
     {"period": "2025", "figures": {"dossiers_online": 0.7}, "document": "BC-9", "recorded_by": "clerk"}),
    ("2026-06-05T08:00", "unit.observation_recorded", "H44.7",
     {"period": "2026", "figures": {"waiting_average": 22.5}, "document": "BC-12", "recorded_by": "clerk"}),
    ("2026-09-05T08:00", "unit.observation_recorded", "H44.7",
     {"period": "2026", "figures": {"waiting_average": 14, "model_dossiers.numerator": 30,
      "model_dossiers.denominator": 90}, "document": "BC-20", "recorded_by": "clerk"}),
    ("2026-09-25T08:00", "target.published", "plan-2026", {"document": {
        "name": "plan-2026", "valid_from": "2026-09-25", "targets": [
            {"code": "only", "name": "Chỉ một", "basis": "QĐ-1", "indicator": "PROCESSED_ON_TIME",
             "values": [{"from": 2026, "value": 0.9}]}]}}),
]  # fmt: skip


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FigureContext]:
    folder = tmp_path_factory.mktemp("reconciliation")
    story = sorted(STORY, key=lambda s: s[0])
    records: list[Record] = [record(n, at(s[0]) + 500, s[1], s[2], at(s[0]), s[3]) for n, s in enumerate(story)]
    with embedded_store(folder) as connect:
        fold_into(connect("writer"), folder, records, ZONE)
        yield FigureContext(connect("reader"), 1, ZONE, "H44", at("2026-10-01T12:00"), None, {0: len(records) - 1})


def of(answer: dict[str, Any], kind: str, metric: str = B) -> dict[str, Any]:
    return next(d for d in answer["differences"] if (d["metric"], d["kind"]) == (metric, kind))


def causes(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    return {k: v for k, v in of(answer, kind)["causes"].items() if v}


def opened(ctx: FigureContext, unit: str, cause: Any) -> list[str]:
    found = reconciliation_dossiers(ctx, unit, "2026-08", cause, limit=1)
    codes = [d["dossier_code"] for d in found["dossiers"]]
    while found["next"]:
        found = reconciliation_dossiers(ctx, unit, "2026-08", cause, cursor=found["next"], limit=1)
        codes += [d["dossier_code"] for d in found["dossiers"]]
    return [code.split("-")[1] for code in codes]


def test_a_refused_dossier_is_not_in_the_portals_figures(ctx: FigureContext) -> None:
    found = reconciliation(ctx, "H44.1", "2026-08")
    assert (of(found, "numerator")["ours"], of(found, "denominator")["ours"]) == OURS
    assert causes(found, "numerator") == {"refused": -1}
    assert causes(found, "denominator") == {"refused": -1}
    assert {d["remainder"] for d in found["differences"] if d["kind"] != "score"} == {0}
    assert found["verdict"] == "holds"
    assert opened(ctx, "H44.1", "refused") == ["K1"]
    assert opened(ctx, "H44.1", "not_synced") == []


@pytest.mark.parametrize(
    ("unit", "cause", "amounts", "behind"),
    [
        ("H44.2", "hour_or_date", (1, 0), ["H1"]),
        ("H44.3", "pauses", (-1, 0), ["S1"]),
        ("H44.4", "undated", (-1, -1), ["N1"]),
    ],
)
def test_a_supposed_rule_counts_where_it_brings_the_figures_nearer(
    ctx: FigureContext, unit: str, cause: str, amounts: tuple[int, int], behind: list[str]
) -> None:
    found = reconciliation(ctx, unit, "2026-08")
    told = {c["code"]: c for c in found["causes"]}
    assert told[cause]["applied"]
    assert told[cause]["basis"] == "supposed"
    assert causes(found, "numerator") == {"refused": -1, cause: amounts[0]}
    assert of(found, "denominator")["causes"][cause] == amounts[1]
    assert found["verdict"] == "holds"
    assert opened(ctx, unit, cause) == behind


def test_the_portals_own_cut_is_a_cause(ctx: FigureContext) -> None:
    found = reconciliation(ctx, "H44.5", "2026-08")
    whole = scorecard(ctx, "H44.5", "2026-08", "2026-08-16")["indicators"]
    by_then = next(i for i in whole if i["code"] == B)
    cut = causes(found, "denominator")["period_cut"]
    assert cut == by_then["denominator"] - OURS[1] == -1
    assert opened(ctx, "H44.5", "period_cut")[-1:] == ["X1"]


def test_a_unit_of_which_nothing_was_synced_cannot_tell_what_the_portal_holds(ctx: FigureContext) -> None:
    found = reconciliation(ctx, "H44.6", "2026-08")
    told = {c["code"]: c for c in found["causes"]}
    assert not told["not_synced"]["told"]
    assert not told["not_synced"]["applied"]
    assert told["not_synced"]["dossiers"] is None


def test_several_receipts_are_versions_and_each_can_be_asked_for(ctx: FigureContext) -> None:
    last = reconciliation(ctx, "H44.6", "2026-08")
    assert len(last["receipts"]) == 2
    assert of(last, "numerator")["portal"] == 6
    then = reconciliation(ctx, "H44.6", "2026-08", known_at=at("2026-09-10T00:00"))
    assert of(then, "numerator")["portal"] == 5
    assert then["verdict"] == "holds"
    named = reconciliation(ctx, "H44.6", "2026-08", receipt=then["receipt"])
    assert named["differences"] == then["differences"]
    assert named["receipts"][0]["recorded_by"] == "clerk"
    before = reconciliation(ctx, "H44.6", "2026-08", known_at=at("2026-09-04T00:00"))
    assert before["verdict"] == "cannot_tell"
    with pytest.raises(NotKnownYet):
        reconciliation(ctx, "H44.6", "2026-08", known_at=at("2026-01-01T00:00"))


def test_another_set_than_the_portals_is_a_cause(ctx: FigureContext) -> None:
    found = reconciliation(ctx, "H44.1", "2026-08", set_name="2025")
    told = {c["code"]: c for c in found["causes"]}
    assert told["set_version"]["applied"]
    assert told["set_version"]["rule"].startswith("2025/")


def test_amounts_and_remainder_add_to_every_difference(ctx: FigureContext) -> None:
    for unit in ("H44.1", "H44.2", "H44.3", "H44.4", "H44.5", "H44.6"):
        for d in reconciliation(ctx, unit, "2026-08", set_name="2025")["differences"]:
            parts = [*d["causes"].values(), d["remainder"]]
            assert sum(Decimal(str(p)) for p in parts) == Decimal(str(d["difference"]))


def test_without_a_receipt_nothing_is_said_to_hold(ctx: FigureContext) -> None:
    found = reconciliation(ctx, "H44.7", "2026-08")
    assert found["verdict"] == "cannot_tell"
    assert "have not been received" in found["reason"]
    assert reconciliation(ctx, "H44", "2026-08")["units"] == [f"H44.{n}" for n in range(1, 7)]
    with pytest.raises(InvalidInput, match="no dossiers stand behind"):
        reconciliation_dossiers(ctx, "H44.1", "2026-08", "set_version")


def test_leverage_tells_what_can_be_saved_today_and_what_the_months_end_costs(ctx: FigureContext) -> None:
    before = replace(ctx, now=at("2026-09-10T12:00"))
    found = leverage(before, "H44.1", "2026-09")
    carried = found["carry_over"]
    assert (carried["late_open"], carried["saveable_today"], carried["carried_late"]) == (1, 1, 2)
    assert carried["points_each"] == pytest.approx(20 / 2 + 6 / 0.9 / 2), "O1 and X1 are in hand"
    assert carried["month"] == "2026-09"
    then = leverage(ctx, "H44.1", "2026-08", "2026-08-13T12:00")["carry_over"]
    # H1, L1 and S1 are open then and late by the end; that they did end, and that X1 came, is told later.
    assert (then["late_open"], then["saveable_today"], then["carried_late"]) == (0, 0, 3)
    after = leverage(ctx, "H44.1", "2026-08", what_if=["PROCESSED_ON_TIME=8/8"])
    assert after["what_if"]["change"] == pytest.approx(20 * 3 / 8)
    assert after["carry_over"]["saveable_today"] == 0


def row_of(answer: dict[str, Any], code: str) -> dict[str, Any]:
    return next(t for t in answer["targets"] if t["code"] == code)


def test_targets_are_assigned_from_last_years_recorded_result(ctx: FigureContext) -> None:
    found = targets(ctx, "H44.7", "ytd", "2026-09-20")
    online = row_of(found, "dossiers_online")
    assert (online["central"], online["expired"], online["last_year"]) == (0.5, True, 0.7)
    assert online["assigned"] == pytest.approx(0.77)
    assert (online["numerator"], online["denominator"], online["status"]) == (8, 8, "reached")
    digitised = row_of(found, "digitised")
    assert (digitised["achieved"], digitised["missing"], digitised["status"]) == (0, 7, "hard")
    assert found["ends_at"].startswith("2027-01-01T00:00")
    codes = {t["code"] for t in found["targets"]}
    assert "internal_papers_communes" in codes
    assert "internal_papers_departments" not in codes, "it is for departments"


def test_what_the_log_cannot_know_names_who_recorded_it_and_where_it_stands(ctx: FigureContext) -> None:
    waiting = row_of(targets(ctx, "H44.7", "ytd", "2026-09-20"), "waiting_average")
    assert (waiting["achieved"], waiting["assigned"], waiting["status"]) == (14, 15, "reached")
    assert waiting["observation"]["document"] == "BC-20"
    assert waiting["observation"]["recorded_by"] == "clerk"
    then = row_of(targets(ctx, "H44.7", "ytd", "2026-08-20", known_at=at("2026-08-21T00:00")), "waiting_average")
    assert (then["achieved"], then["status"]) == (22.5, "at_risk")
    model = row_of(targets(ctx, "H44.7", "2026-09", "2026-09-20"), "model_dossiers")
    assert (model["achieved"], model["missing"]) == (pytest.approx(1 / 3), 15)
    assert row_of(targets(ctx, "H44.7", "2026-09", "2026-09-20"), "handling_time")["status"] == "no_data"


def test_a_published_document_holds_from_its_own_date_on(ctx: FigureContext) -> None:
    assert targets(ctx, "H44.7", "ytd", "2026-09-20")["targets_set"]["name"] == "local-plans"
    found = targets(ctx, "H44", "ytd", "2026-09-30", children=True)
    assert [t["code"] for t in found["targets"]] == ["only"]
    assert [c["unit"] for c in found["children"]] == [f"H44.{n}" for n in range(1, 8)]
    assert found["targets"][0]["denominator"] == sum(c["targets"][0]["denominator"] for c in found["children"])
    then = targets(ctx, "H44", "ytd", "2026-09-30", known_at=at("2026-09-20T00:00"))
    assert then["targets_set"]["name"] == "local-plans", "nobody knew of the plan yet"
