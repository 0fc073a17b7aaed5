"""An auditor's questions asked of a store filled by the fold: each planted event is named by its place."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from api import audit
from api.audit import committed, patterns
from api.figures import FigureContext, scorecard
from domain.blocks import encode_block, split_block
from domain.errors import InvalidInput
from domain.events import encode_event, make_event
from domain.instants import Millis, from_millis, parse_rfc3339
from domain.patterns import FindingRules
from domain.seals import Signed
from sinks.sealing.offline import verify_bundle
from tests.integration.api.folded_store import Record, embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import ZONE

ON_TIME = "PROCESSED_ON_TIME"


def at(text: str) -> Millis:
    """An instant in the province's zone, of 2026: `08-03T08:00`."""
    return parse_rfc3339(f"2026-{text}:00+07:00")


def said(offset: int, known: str, verb: str, code: str, when: str, **data: Any) -> Record:
    recorded = data.pop("recorded", None)
    if recorded is None:
        return record(offset, at(known), f"dossier.{verb}", code, at(when), data)
    event = make_event(
        f"dossier.{verb}", code, at(when), data, source="/test", id=f"{offset:06d}", recorded_at=at(recorded)
    )
    return Record(offset, at(known), encode_block([encode_event(event)]))


def due(text: str) -> str:
    return f"2026-{text}:00+07:00"


LOG = [
    said(0, "08-03T08:00", "accepted", "a", "08-03T08:00", unit="H44.1", due_at=due("08-10T17:00")),
    said(1, "08-03T09:00", "accepted", "b", "08-03T09:00", unit="H44.1", due_at=due("08-20T17:00")),
    said(2, "08-19T09:00", "finished", "b", "08-19T09:00"),
    said(3, "08-20T09:00", "accepted", "c", "08-20T09:00", unit="H44.2", due_at=due("08-28T17:00")),
    said(4, "08-27T09:00", "finished", "c", "08-27T09:00"),
    # A month late: said to have ended in time, heard of long after.
    said(5, "09-15T10:00", "finished", "a", "08-10T16:00"),
    said(6, "09-16T10:00", "step_started", "b", "08-05T08:00", step="x"),
    # Moved after it had passed; ended, taken back and late in truth; said to have ended in time, recorded late.
    said(7, "09-17T08:00", "accepted", "m", "09-01T08:00", unit="H44.3", due_at=due("09-10T17:00")),
    said(8, "09-17T08:01", "due_date_moved", "m", "09-11T09:00", to=due("09-20T17:00")),
    said(9, "09-17T08:02", "accepted", "r", "09-01T08:00", unit="H44.3", due_at=due("09-10T17:00")),
    said(10, "09-17T08:03", "finished", "r", "09-09T09:00"),
    said(11, "09-17T08:04", "reopened", "r", "09-10T09:00"),
    said(12, "09-17T08:05", "finished", "r", "09-14T09:00"),
    said(13, "09-17T08:06", "accepted", "k", "09-01T08:00", unit="H44.3", due_at=due("09-10T17:00")),
    said(14, "09-17T08:07", "finished", "k", "09-10T16:00", recorded="09-13T09:00"),
]
LIMIT = record(
    15, at("09-30T12:00"), "procedure.limit_set", "1", at("09-30T12:00"), {"amount": 5, "unit": "working_days"}
)
NO_EVENT = (
    b'[{"specversion":"1.0","id":"x","source":"/t","type":"dossier.nothing","time":"2026-09-29T01:00:00Z",'
    b'"subject":"z","data":{}}]'
)
DAMAGED = Record(16, at("09-30T13:00"), NO_EVENT)
ACTS = [
    ("alert.silenced", "a1", "09-20T08:00", {"actor": "p1", "reason": "moving_house"}),
    ("alert.silenced", "a2", "09-20T09:00", {"actor": "p1"}),
    ("system.key_created", "k1", "09-21T09:00", {"actor": "p1", "key": "k1"}),
    ("system.dossier_read", "a", "09-21T10:00", {"actor": "k1", "key": "k1"}),
    ("system.dossier_read", "b", "09-21T11:00", {"actor": "k1", "key": "k1"}),
]
NEXT = said(1, "08-03T08:10", "accepted", "d", "08-03T08:10", unit="H44.1")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("audit")
    with embedded_store(folder) as connect:
        writer = connect("writer")
        fold_into(writer, folder, [*LOG, LIMIT, DAMAGED], ZONE, batch_size=1)
        acts = [record(n, at(when), name, subject, at(when), d) for n, (name, subject, when, d) in enumerate(ACTS)]
        known = [datetime.fromtimestamp(r.timestamp_ms / 1000, UTC) for r in acts]
        rows = [("alert-log", 0, r.offset, k, k, "", "", "", r.value) for r, k in zip(acts, known, strict=True)]
        columns = "topic, partition, offset, appended_at, known_at, `key`, origin, key_id, value"
        writer.execute(f"INSERT INTO records ({columns}) VALUES", rows)
        yield connect("reader")


@pytest.fixture
def ctx(client: Client) -> FigureContext:
    return FigureContext(client, 1, ZONE, "H44", at("10-01T08:00"), None, {0: len(LOG) + 1})


def test_an_event_a_month_late_is_named_as_what_changed_the_figure(ctx: FigureContext) -> None:
    def figure(known: str) -> tuple[int, int]:
        card = scorecard(ctx, "H44.1", "2026-08", known_at=at(known))
        row = next(r for r in card["indicators"] if r["code"] == ON_TIME)
        return row["numerator"], row["denominator"]

    assert (figure("09-15T10:00"), figure("09-15T10:01")) == ((1, 2), (2, 2))
    found = audit.changes(ctx, "H44.1", "2026-08", at("09-01T00:00"), at("09-30T00:00"))
    assert found["verdict"] == "holds", found
    row = next(r for r in found["differences"] if r["code"] == ON_TIME)
    assert row["numerator"] == {"then": 1, "now": 2, "change": 1}
    assert row["denominator"]["change"] == 0
    (dossier,) = found["dossiers"]
    assert dossier["dossier_code"] == "a"
    assert dossier["changed"][ON_TIME] == {"numerator": 1, "denominator": 0}
    (event,) = dossier["events"]
    assert (event["type"], event["partition"], event["offset"], event["index"]) == ("dossier.finished", 0, 5, 0)
    assert event["known_at"].startswith("2026-09-15T10:00:00")


def test_nothing_changes_where_nothing_became_known(ctx: FigureContext) -> None:
    for unit, first, second in (("H44.2", "09-01T00:00", "09-30T00:00"), ("H44", "09-15T11:00", "09-30T00:00")):
        found = audit.changes(ctx, unit, "2026-08", at(first), at(second))
        assert (found["verdict"], found["differences"], found["dossiers"]) == ("holds", [], [])


def test_the_whole_province_is_explained_from_its_first_day(ctx: FigureContext) -> None:
    found = audit.changes(ctx, "H44", "2026-08", at("08-03T08:30"), at("09-30T00:00"))
    row = next(r for r in found["differences"] if r["code"] == ON_TIME)
    assert row["explained"] is True
    assert row["denominator"] == {"then": 1, "now": 3, "change": 2}
    assert [d["dossier_code"] for d in found["dossiers"]] == ["a", "b", "c"]


def test_a_sum_changed_by_hand_is_a_change_that_no_event_explains(tmp_path: Path) -> None:
    with embedded_store(tmp_path) as connect:
        fold_into(connect("writer"), tmp_path, LOG, ZONE)
        connect("writer").execute(
            "INSERT INTO unit_cells (generation, partition, grain, unit, day, known_day, version, values)"
            " SELECT generation, partition, grain, unit, day, toDate32('2026-08-24'), 99, values"
            " FROM unit_cells FINAL WHERE unit = 'H44.2' AND endsWith(grain, '_known')"
        )
        ctx = FigureContext(connect("reader"), 1, ZONE, "H44", at("10-01T08:00"), None, {0: len(LOG) - 1})
        found = audit.changes(ctx, "H44.2", "2026-08", at("08-21T00:00"), at("08-26T00:00"))
    assert found["verdict"] == "fails"
    assert ON_TIME in found["reason"]


def test_cells_of_a_day_that_still_runs_do_not_speak_of_an_instant_in_it(tmp_path: Path) -> None:
    with embedded_store(tmp_path) as connect:
        fold_into(connect("writer"), tmp_path, [*LOG[:1], NEXT], ZONE)
        ctx = FigureContext(connect("reader"), 1, ZONE, "H44", at("10-01T08:00"), None, {0: 1})

        def received() -> int:
            card = scorecard(ctx, "H44", "2026-08", known_at=at("08-03T08:59"))
            found: int = card["volumes"]["received"]
            return found

        assert received() == 2
        connect("writer").execute(  # the cells of a record whose dossier is on its way
            "INSERT INTO unit_cells (generation, partition, grain, unit, day, known_day, version, values)"
            " SELECT generation, 1, grain, unit, day, known_day, 99, values"
            " FROM unit_cells FINAL WHERE endsWith(grain, '_known')"
        )
        assert received() == 2


def test_the_earlier_instant_is_named_first(ctx: FigureContext) -> None:
    with pytest.raises(InvalidInput):
        audit.changes(ctx, "H44", "2026-08", at("09-30T00:00"), at("09-01T00:00"))


def test_a_due_date_moved_after_it_had_passed_is_named_with_its_event(ctx: FigureContext) -> None:
    found = audit.moved_due(ctx, "H44.3", "2026-09")
    assert (found["verdict"], found["checked"]) == ("fails", {"dossiers": 3, "moves": 1, "moves_to_look_into": 1})
    (row,) = found["differences"]
    assert (row["dossier_code"], row["why"]) == ("m", ["after_late", "no_apology"])
    assert [e["offset"] for e in row["events"]] == [8]
    assert audit.moved_due(ctx, "H44.1", "2026-08")["verdict"] == "holds"
    assert audit.moved_due(ctx, "H44.2", "2026-09")["verdict"] == "cannot_tell"


def test_an_end_taken_back_is_named_with_both_verdicts(ctx: FigureContext) -> None:
    (row,) = audit.too_early(ctx, "H44.3", "2026-09")["differences"]
    assert (row["dossier_code"], row["late_when_reported"], row["late_now"]) == ("r", False, True)
    assert [e["type"] for e in row["events"]] == ["dossier.reopened"]


def test_late_dossiers_without_a_letter_are_named(ctx: FigureContext) -> None:
    found = audit.apologies(ctx, "H44.3", "2026-09")
    assert [row["dossier_code"] for row in found["differences"]] == ["m", "r"]
    assert (found["checked"]["late"], found["checked"]["no_apology"]) == (2, 2)


def test_an_end_recorded_late_that_is_on_time_as_stated_is_named(ctx: FigureContext) -> None:
    found = audit.backdated(ctx, "H44.3", "2026-09")
    (row,) = found["differences"]
    assert (row["dossier_code"], row["lag_hours"]) == ("k", 65)
    (own, *peers) = found["lags"]
    assert (own["events"], own["over"], own["median_hours"], own["clock_ahead"]) == (1, 1, 65, 0)
    assert {p["unit"]: p["events"] for p in peers} == {"H44.1": 0, "H44.2": 0}
    assert audit.backdated(ctx, "H44.3", "2026-09", over_hours=100)["verdict"] == "holds"
    assert audit.backdated(ctx, "H44.1", "2026-08")["verdict"] == "cannot_tell"


def test_an_alert_that_nobody_was_told_of_is_named(ctx: FigureContext) -> None:
    found = audit.who_knew(ctx, "m", at("09-30T00:00"))
    assert found is not None
    assert found["verdict"] == "fails"
    assert {"A04", "A05"} <= {chain["kind"] for chain in found["differences"]}
    assert all(chain["proof"] == "not_told" and len(chain["missing"]) == 4 for chain in found["chains"])
    early = audit.who_knew(ctx, "m", at("09-16T00:00"))
    assert early is not None
    assert (early["verdict"], early["checked"]["alerts"]) == ("cannot_tell", 0)
    assert audit.who_knew(ctx, "nobody", at("09-30T00:00")) is None


@pytest.mark.parametrize("known", [None, "09-17T08:01"])
def test_where_nothing_was_accepted_last_years_share_opens_as_the_scorecard_has_it(
    client: Client, known: str | None
) -> None:
    after = parse_rfc3339("2027-03-01T08:00:00+07:00")
    ctx = FigureContext(client, 1, ZONE, "H44", after, None, {0: len(LOG) + 1})
    known_at = None if known is None else at(known)
    for unit, period, accepted in (("H44.1", "2027-02", 2), ("H44", "2027-Q1", 6), ("H44", "2026-02", 0)):
        accepted = accepted if known is None else {6: 4}.get(accepted, accepted)
        said, _, named = committed(ctx, Signed("{}", ""), "DOSSIER_SYNC", unit, period, None, known_at, "2026")
        row = next(
            r
            for r in scorecard(ctx, unit, period, None, known_at, "2026")["indicators"]
            if r["code"] == "DOSSIER_SYNC"
        )
        assert (said["numerator"], said["denominator"]) == (row["numerator"], row["denominator"])
        assert said["denominator"] == accepted / (4 if "Q" in period else 12)
        assert len(said["rows"]) == accepted
        assert ("unit", unit) in named
        figure, found = json.loads(json.dumps(said)), verify_bundle.Checked()
        verify_bundle._check_documents(figure, {}, found)
        for one in figure["rows"]:
            by_then = [r for r in LOG if known_at is None or r.timestamp_ms < known_at]
            texts = [e for r in by_then for e in events_in(r) if json.loads(e)["subject"] == one["code"]]
            verify_bundle._check_share(figure, one, texts, found)
        of_year = figure["last_year"]
        for lie in (
            {"denominator": figure["denominator"] + 1},
            {"last_year": of_year | {"parts": 1}},
            {"last_year": of_year | {"period": "2024"}},
            {"last_year": of_year | {"start": of_year["start"] - 86_400_000}},
        ):
            with pytest.raises(verify_bundle.Wrong):
                verify_bundle._check_documents(figure | lie, {}, found)
        told = {"type": "unit.national_report_received", "time": "2026-12-01T00:00:00Z", "id": "n", "source": "/t"}
        said_of = told | {"subject": unit, "data": {"period": period, "figures": {"accepted": 5}}}
        with pytest.raises(verify_bundle.Wrong, match="tells of"):
            verify_bundle._check_documents(figure, {("unit", unit): [json.dumps(said_of)]}, found)


def events_in(record: Record) -> list[str]:
    """The exact texts of a record's events."""
    return [part.decode() for part in split_block(record.value)]


def test_findings_name_their_events_and_stand_beside_the_peers(ctx: FigureContext) -> None:
    found = audit.findings(ctx, "H44.3", "2026-Q3")
    assert found["verdict"] == "fails"
    told = {(row["kind"], row["dossier_code"]): row for row in found["differences"]}
    assert set(told) == {("due_moved_late", "m"), ("taken_back", "r")}
    assert {row["status"] for row in told.values()} == {"cần xác minh"}
    ended, reopened = told["taken_back", "r"]["events"]
    assert [(e["type"], e["offset"]) for e in (ended, reopened)] == [
        ("dossier.finished", 10),
        ("dossier.reopened", 11),
    ]
    assert reopened["known_at"].startswith("2026-09-17T08:04")
    (row,) = [r for r in found["by_kind"] if r["kind"] == "taken_back"]
    assert (row["findings"], row["peers"], row["peers_most"]) == (1, 2, 0.0)
    assert row["per_thousand"] == pytest.approx(1000 / 3, abs=0.01)
    assert audit.findings(ctx, "H44.3", "2026-09", kind="taken_back", peers=False)["checked"]["findings"] == 1
    assert audit.findings(ctx, "H44.2", "2026-08")["verdict"] == "holds"
    assert audit.findings(ctx, "H44.3", "2025-01")["verdict"] == "cannot_tell"
    with pytest.raises(InvalidInput, match="not a kind of finding"):
        audit.findings(ctx, "H44.3", "2026-09", kind="nonsense")


def test_a_finding_is_found_by_its_id_only_where_it_is(ctx: FigureContext) -> None:
    (row,) = audit.findings(ctx, "H44.3", "2026-09", kind="taken_back")["differences"]
    found = audit.one_finding(ctx, "r", "taken_back", row["id"])
    assert found is not None
    assert (found[0], found[1].pattern.kind) == ("H44.3", "taken_back")
    for code, kind in (("m", "taken_back"), ("r", "forgotten"), ("r", "nonsense"), ("nobody", "taken_back")):
        assert audit.one_finding(ctx, code, kind, row["id"]) is None


def acted(writer: Client, acts: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Acts in the alert log, one a record."""
    rows = []
    for n, (verb, subject, data) in enumerate(acts):
        when = at("09-20T08:00") + n
        event = make_event(f"system.{verb}", subject, when, data, source="/test", id=f"act-{n}")
        known = from_millis(when)
        rows.append(("alert-log", 0, n, known, known, encode_block([encode_event(event)]).decode()))
    writer.execute("INSERT INTO records (topic, partition, offset, appended_at, known_at, value) VALUES", rows)


def paid() -> list[Record]:
    """Three units with two paid dossiers each: of the first both online, of the others one."""
    found: list[Record] = []
    for n in range(6):
        unit, gateway = f"H44.{4 + n // 2}", "local_gateway" if n in (0, 1, 2, 4) else "other"
        for verb, data in (("accepted", {"unit": unit}), ("fee_paid", {"amounts": [5], "gateway": gateway})):
            when = f"09-18T08:{10 + len(found)}"
            found.append(said(len(LOG) + len(found), when, verb, f"p{n}", when, **data))
    return found


OLD, NEW, SEALED = "k2025-1:" + "a" * 64, "k2026-1:" + "b" * 64, "k2025-1:" + "c" * 64


def filed_again(first: int) -> list[Record]:
    """Rejected, and filed again by the same applicant, whose hash is another by then; twice by somebody else."""
    told: list[tuple[str, str, str, dict[str, str]]] = [
        ("09-01T08:00", "submitted", "x1", {"unit": "H44.8", "applicant": OLD}),
        ("09-01T09:00", "rejected", "x1", {}),
        ("09-04T08:00", "submitted", "x2", {"unit": "H44.8", "applicant": NEW, "applicant_before": SEALED}),
        ("09-04T08:00", "submitted", "x3", {"unit": "H44.8", "applicant": "k2026-1:" + "d" * 64}),
        ("09-05T08:00", "accepted", "x4", {"unit": "H44.8", "applicant": "k2026-1:" + "d" * 64}),
    ]
    return [
        said(first + n, f"09-19T08:{10 + n}", verb, code, when, **data)
        for n, (when, verb, code, data) in enumerate(told)
    ]


def check_filed_again(ctx: FigureContext) -> None:
    """Found while last year's hash opens, shown by the two dossiers' events, and closed by its own id."""
    assert audit.findings(ctx, "H44.8", "2026-09", kind="refiled")["differences"] == []
    both = replace(ctx, opened=lambda keyed, across: OLD if (keyed, across) == (NEW, SEALED) else None)
    (row,) = audit.findings(both, "H44.8", "2026-09", kind="refiled")["differences"]
    assert (row["dossier_code"], [e["type"] for e in row["events"]]) == (
        "x2",
        ["dossier.submitted", "dossier.rejected"],
    )
    assert audit.one_finding(both, "x2", "refiled", row["id"]) is not None
    assert audit.findings(both, "H44.8", "2026-10", as_of=at("10-01T07:00"), kind="refiled")["differences"] == []


def check_payments(ctx: FigureContext) -> None:
    """Every payment online is a finding about the unit."""
    found = audit.findings(ctx, "H44.4", "2026-09", kind="all_paid_online")
    (row,) = found["differences"]
    assert (row["unit"], row["dossier_code"], [e["type"] for e in row["events"]]) == (
        "H44.4",
        None,
        ["dossier.fee_paid"] * 2,
    )
    (beside,) = found["by_kind"]
    assert (beside["percent"], beside["paid"], beside["peers"], beside["peers_median"]) == (100.0, 2, 2, 50.0)
    assert audit.findings(ctx, "H44.5", "2026-09", kind="all_paid_online")["differences"] == []
    assert [r["unit"] for r in audit.findings(ctx, "H44", "2026-09", kind="all_paid_online")["differences"]] == [
        "H44.4"
    ]
    looked = audit.one_of_unit(ctx, "H44.4", "2026-09", "all_paid_online", row["id"])
    assert looked is not None
    assert (looked[0], looked[1].code) == ("H44.4", "H44.4")
    assert audit.one_of_unit(ctx, "H44.4", "2026-08", "all_paid_online", row["id"]) is None


def test_a_closed_finding_is_open_no_more_and_says_who_closed_it_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_store(tmp_path) as connect:
        more = paid()
        more += filed_again(len(LOG + more))
        fold_into(connect("writer"), tmp_path, [*LOG, *more], ZONE)
        ctx = FigureContext(connect("reader"), 1, ZONE, "H44", at("10-01T08:00"), None, {0: len(LOG + more) - 1})
        low = FindingRules(paid_online_least=2, paid_online_peers=1)
        monkeypatch.setattr(patterns, "rules_of", lambda _: (low, "test"))
        check_payments(ctx)
        check_filed_again(ctx)
        rows = audit.findings(ctx, "H44.3", "2026-09")["differences"]
        acts = [
            ("finding_closed", row["dossier_code"], {"key": row["id"], "actor": "k1", "reason": "explained"})
            for row in rows
        ]
        asked = {"actor": "k2", "unit": "H44.3", "evidence": {"min_days": "3"}}
        acts += [("list_read", "overdue", asked), ("dossier_read", "r", {"actor": "k1"})]
        acted(connect("writer"), acts)
        found = audit.findings(ctx, "H44.3", "2026-09")
        read = audit.reads(ctx, None, None, (at("09-20T00:00"), None), 10, 0)
        assert audit.reads(ctx, None, "r", (None, None), 10, 1)["verdict"] == "cannot_tell"
        assert audit.reads(ctx, "k2", None, (at("09-21T00:00"), None), 10, 0)["reads"] == []
    assert read["verdict"] == "holds"
    assert {name: read["checked"][name] for name in ("reads", "keys", "dossier_read")} == {
        "reads": 2,
        "keys": 2,
        "dossier_read": 1,
    }
    assert [(row["key"], row["subject"], row["asked"]) for row in read["reads"]] == [
        ("k1", "r", None),
        ("k2", "overdue", {"min_days": "3"}),
    ]
    assert (found["verdict"], found["differences"]) == ("holds", [])
    assert {(row["status"], row["closed"]["actor"], row["closed"]["reason"]) for row in found["closed"]} == {
        ("đã đóng", "k1", "explained")
    }


def test_the_controls_name_who_and_why_and_what_a_document_moved(ctx: FigureContext) -> None:
    found = audit.controls(ctx, "H44", "2026-09")
    assert found["verdict"] == "fails"
    (wrong,) = found["differences"]
    assert (wrong["subject"], wrong["wrong"], wrong["log"], wrong["offset"]) == ("a2", "no reason", "alert-log", 1)
    assert [(row["subject"], row["who"]) for row in found["changes"]] == [("k1", "p1")]
    assert found["reads"] == [{"act": "system.dossier_read", "key": "k1", "count": 2}]
    (document,) = found["documents"]
    assert (document["type"], document["offset"]) == ("procedure.limit_set", 15)
    # A procedure is described for the first time: what counts procedures is known now, no dossier's figure moved.
    moved = {row["code"]: row["numerator"] for row in document["moved"]}
    assert moved["FORMALITY_ONLINE_SERVICE"] == {"then": None, "now": 0}
    assert ON_TIME not in moved
    assert audit.controls(ctx, "H44", "2026-08")["verdict"] == "holds"
    with pytest.raises(InvalidInput, match="not bound to units"):
        audit.controls(replace(ctx, scope=("H44.1",)), "H44.1", "2026-09")


def test_completeness_counts_the_log_the_rows_and_the_cells_by_day(ctx: FigureContext) -> None:
    found = audit.completeness(ctx, "H44", "2026-09")
    assert found["verdict"] == "fails"
    (refused,) = found["differences"]
    assert (refused["what"], refused["day"], refused["source"]) == ("refused", "2026-09-30", "/t")
    days = {row["day"]: row for row in found["days"]}
    assert days["2026-09-01"] == {
        "day": "2026-09-01", "events": 0, "dossiers": 0, "accepted": 3, "in_cells": 3
    }  # fmt: skip
    assert (days["2026-09-17"]["events"], days["2026-09-17"]["dossiers"]) == (8, 3)
    found = audit.completeness(ctx, "H44.1", "2026-08")
    assert (found["verdict"], found["checked"]["accepted"]) == ("cannot_tell", 2)
    assert "nobody outside told" in found["reason"]
    with pytest.raises(InvalidInput, match="400 days"):
        audit.completeness(ctx, "H44", "2020-01-01..2026-09-30")


def test_what_was_shown_is_found_again_at_its_instant(ctx: FigureContext) -> None:
    def rate(found: dict[str, Any]) -> tuple[int, int]:
        row = next(r for r in found["shown"]["indicators"] if r["code"] == ON_TIME)
        return row["numerator"], row["denominator"]

    before, after = at("09-15T10:00"), at("09-15T10:01")
    assert rate(audit.scorecard_shown(ctx, "H44.1", "2026-08", before)) == (1, 2)
    assert rate(audit.scorecard_shown(ctx, "H44.1", "2026-08", after)) == (2, 2)
    late = audit.list_shown(ctx, "H44.1", "open_late", before)
    assert [row["dossier_code"] for row in late["shown"]] == ["a"]
    assert audit.list_shown(ctx, "H44", "open_late", after)["shown"] == []
    # As of another instant than the one of knowledge: ended on the 10th of August, heard of on 15 September.
    for known, found in ((before, ["a"]), (after, [])):
        then = audit.list_shown(ctx, "H44.1", "open_late", known, at("08-12T00:00"))
        assert [row["dossier_code"] for row in then["shown"]] == found
        assert (then["at"], then["as_of"][:10]) == (ctx.text(known), "2026-08-12")
    assert audit.list_shown(ctx, "H44.1", "open_late", after, at("08-10T15:00"))["shown"] == []
    assert audit.list_shown(ctx, "H44.1", "open_not_due", after, at("08-10T15:00"))["checked"]["open_not_due"] == 2
    shown = audit.dossier_shown(ctx, "a", before)
    assert shown is not None
    assert shown["shown"]["finished_at"] is None
    assert audit.dossier_shown(ctx, "nobody", before) is None


def test_a_figure_is_opened_with_the_shares_of_its_dossiers(ctx: FigureContext) -> None:
    signed = Signed("{}", "")
    said, head, named = audit.committed(ctx, signed, ON_TIME, "H44", "2026-08", at("10-01T00:00"))
    assert (said["numerator"], said["denominator"], said["count"]) == (3, 3, 3)
    assert [row["code"] for row in said["rows"]] == ["a", "b", "c"]
    assert head["unit"] == "H44"
    assert named == [("dossier", code) for code in "abc"]
    then, _, _ = audit.committed(ctx, signed, ON_TIME, "H44", "2026-08", at("10-01T00:00"), at("09-15T10:00"))
    assert (then["numerator"], then["denominator"]) == (2, 3)
    for row in (*said["rows"], *then["rows"]):
        one = verify_bundle.quantities(row["timeline"], said["start"], said["until"], "766", 7 * 3_600_000)
        assert one["received"] == row["d"]
    with pytest.raises(InvalidInput, match="unknown here"):  # no commune is registered
        audit.committed(ctx, signed, "ELECTRONIC_CERTIFIED_COPY", "H44", "2026-08")


def test_an_alert_chain_names_the_places_of_its_acts(ctx: FigureContext) -> None:
    assert audit.alert_chain(ctx, "0" * 24) is None
    found = audit.who_knew(ctx, "m", at("09-30T00:00"))
    assert found is not None
    chain = audit.alert_chain(ctx, found["chains"][0]["id"])
    assert chain is not None
    assert (chain["subject"], chain["proof"], chain["acts"]) == ("m", "not_told", [])
