"""Who owes an apology, as the store tells it, equals the rules dossier by dossier; and what a letter says."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from api.figures import FigureContext, apologies, apology_letter, due, due_days
from api.figures.kept import Kept
from dashboards.papers.letter import render
from domain.errors import InvalidInput
from domain.instants import Millis
from domain.periods import parse_instant
from domain.timeline import Timeline, decode_timeline
from domain.verdicts import judge_before
from sinks.queries import dossiers
from tests.integration.api.folded_store import Connect, Record, embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import FIRST_DAY, ZONE, random_dossier

DOSSIERS = 120
LAST = ZONE.midnight(FIRST_DAY + 400)


def at(text: str) -> Millis:
    return parse_instant(text, ZONE)


def story() -> list[tuple[str, str, str, dict[str, Any]]]:
    intake = {"unit": "H44.100", "procedure": "1.001", "due_at": "2026-11-23T16:30:00+07:00"}
    return [
        ("2026-01-01T08:00", "unit.registered", "H44.100", {"name": "UBND xã Mẫu A", "kind": "commune"}),
        ("2026-01-01T08:00", "procedure.described", "1.001", {"name": "Cấp giấy phép", "field": "LV"}),
        *(("2026-11-02T08:00", "dossier.accepted", f"L{n}", intake) for n in range(4)),
        ("2026-11-19T08:00", "dossier.apology_sent", "L1", {"new_due_at": "2026-11-27T16:30:00+07:00"}),
        ("2026-11-19T08:00", "dossier.due_date_moved", "L1", {"to": "2026-11-27T16:30:00+07:00"}),
        ("2026-11-24T08:00", "dossier.finished", "L2", {}),
        ("2026-11-12T08:00", "dossier.finished", "L3", {}),
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    with embedded_store(tmp_path_factory.mktemp("apologies")) as connect:
        rng, records = random.Random(11), list[Record]()
        for when, kind, subject, data in story():
            records.append(record(len(records), ZONE.midnight(FIRST_DAY), kind, subject, at(when), data))
        for n in range(DOSSIERS):
            for said in random_dossier(rng):
                code, known = f"H44.100-26-{n:04d}", ZONE.midnight(FIRST_DAY)
                records.append(record(len(records), known, f"dossier.{said.verb}", code, said.at, said.data))
        fold_into(connect("writer"), tmp_path_factory.mktemp("state"), records, ZONE)
        yield connect


def context(store: Connect, now: Millis, *scope: str) -> FigureContext:
    return FigureContext(store("reader"), 1, ZONE, "H44", now, scope or None, kept=Kept())


def late_without(tl: Timeline, until: Millis) -> str | None:
    """By the rules: late before `until` and no letter before; None where nothing is owed for lateness."""
    state, verdict = judge_before(tl, "766", until, ZONE)
    if verdict is None or any(a < until for a in tl.apologies):
        return None
    return {"open_late": "late_open", "finished_late": "late_ended"}.get(state)


@pytest.mark.parametrize("day", [12, 25, 45, 70, 400])
def test_who_owes_one_for_being_late_is_who_the_rules_say(store: Connect, day: int) -> None:
    until = ZONE.midnight(FIRST_DAY + day) + 37_000_000
    ctx = context(store, LAST)
    found, codes = apologies(ctx, as_of=until, limit=17), dict[str, str]()
    totals = found["totals"]
    while True:
        codes |= {d["dossier_code"]: d["owes"] for d in found["dossiers"]}
        if not found["next"]:
            break
        found = apologies(ctx, cursor=found["next"], limit=17)
    rows = dossiers.page(ctx.reader(), limit=10_000)
    open_late = {d.code for d in rows if late_without(decode_timeline(d.timeline), until) == "late_open"}
    assert open_late == {code for code, owes in codes.items() if owes == "late_open"}
    counted = Counter(codes.values())
    assert {name: counted[name] for name in ("last_day", "late_open", "late_ended")} == {
        name: n for name, n in totals.items() if name != "owed"
    }
    if day == 25:
        assert all(totals.values())


def test_the_day_before_the_day_after_and_the_duty_that_stays(store: Connect) -> None:
    def owed(now: str) -> dict[str, str]:
        found = apologies(context(store, at(now)), limit=5_000)["dossiers"]
        return {d["dossier_code"]: d["owes"] for d in found if d["dossier_code"].startswith("L")}

    assert owed("2026-11-19T17:00") == {}
    assert owed("2026-11-20T08:00") == {"L0": "last_day", "L2": "last_day"}
    assert owed("2026-11-23T16:00") == {}
    assert owed("2026-11-23T17:00") == {"L0": "late_open", "L2": "late_open"}
    assert owed("2026-11-25T17:00") == {"L0": "late_open", "L2": "late_ended"}


def test_units_are_named_and_others_do_not_exist(store: Connect) -> None:
    found = apologies(context(store, at("2026-11-20T08:00"), "H44.100"), limit=5_000)
    assert {u["unit"] for u in found["units"]} <= {"H44.100", "H44.100.01"}
    (row,) = [u for u in found["units"] if u["unit"] == "H44.100"]
    assert row["name"] == "UBND xã Mẫu A"
    assert sum(u["owed"] for u in found["units"]) == found["totals"]["owed"]
    assert apology_letter(context(store, at("2026-11-20T08:00"), "H44.07"), "L0") is None


def test_a_letter_names_unit_procedure_and_dates(store: Connect) -> None:
    told = apology_letter(context(store, at("2026-11-20T08:00")), "L0", "Chờ cơ quan phối hợp")
    assert told is not None
    assert (told["unit_name"], told["procedure_name"]) == ("UBND xã Mẫu A", "Cấp giấy phép")
    assert (told["due_at"], told["new_due_at"]) == (
        "2026-11-23T16:30:00.000+07:00",
        "2026-12-01T16:30:00.000+07:00",
    )
    assert told["warnings"] == []
    assert render(told)[:2] == b"PK"


def test_a_letter_too_late_and_a_second_one_are_warned_of(store: Connect) -> None:
    def warned(now: str, code: str) -> dict[str, str]:
        told = apology_letter(context(store, at(now)), code)
        assert told is not None
        return {w["code"]: w["vi"] for w in told["warnings"]}

    assert "20/11/2026" in warned("2026-11-21T08:00", "L0")["too_late"]
    assert "LẦN HẸN LẠI THỨ 02" in warned("2026-11-20T08:00", "L1")["second_reappointment"]
    assert "result_exists" in warned("2026-11-25T08:00", "L2")
    with pytest.raises(InvalidInput, match="on time"):
        apology_letter(context(store, at("2026-11-25T08:00")), "L3")
    with pytest.raises(InvalidInput, match="is not a date"):
        apology_letter(context(store, at("2026-11-20T08:00")), "L0", None, "mai")


def test_days_of_a_calendar_are_the_days_of_the_list(store: Connect) -> None:
    now = ZONE.midnight(FIRST_DAY + 20)
    ctx = context(store, now)
    listed, found = due(ctx, within="20wd", limit=5_000), due_days(ctx, within="20wd")
    assert {d["day"]: d["due"] for d in found["days"]} == listed["by_day"]
    assert [c for d in found["days"] for c in d["dossiers"]] == [x["dossier_code"] for x in listed["dossiers"]]
    owed = [x for x in listed["dossiers"] if not x["apology"] and not x["paused"]]
    assert sum(d["without_apology"] for d in found["days"]) == len(owed)
    assert all(d["last_day"] < d["day"] for d in found["days"])
    mine = due_days(context(store, now, "H44.100"), within="20wd")
    assert mine["unit"] == "H44.100"
    assert sum(d["due"] for d in mine["days"]) < sum(d["due"] for d in found["days"])
