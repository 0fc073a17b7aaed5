"""CSV imports: many shapes of files, bad rows, joins, and what is told about them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.instants import format_rfc3339, zone
from producers.edge import Edge
from producers.importing import run_import
from producers.keys import IdentifierKeys
from producers.mapping_file import load_mapping
from tests.unit.producers.conftest import Import, ListSink

REQUESTS = """
source = "/city/311"
zone = "America/New_York"
[rows]
subject = "Unique Key"
prefix = "NYC-"
[times]
formats = ["%m/%d/%Y %I:%M:%S %p"]
[[event]]
type = "accepted"
time = "Created Date"
[event.data]
unit = "Agency"
procedure = "Complaint Type"
due_at = "Due Date"
channel = { column = "Channel", map = { ONLINE = "online", MOBILE = "online", PHONE = "counter" } }
[[event]]
type = "finished"
time = "Closed Date"
when = { column = "Status", in = ["Closed", "Resolved"] }
[[event]]
type = "step_completed"
time = "Updated"
when = [{ column = "Updated", empty = false }, { column = "Status", not_in = ["Closed"] }]
[event.data]
step = "Status"
"""
REQUEST_HEAD = (
    "Unique Key,Created Date,Closed Date,Due Date,Agency,Complaint Type,Status,Channel,Updated,Address\n"
)
STEPS = """
source = "/t"
[rows]
subject = "code"
[[event]]
type = "step_completed"
time = "time"
[event.data]
step = "step"
officer = "who"
"""


def data(sink: ListSink, n: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sink.lines[n])["data"]
    return found


def test_one_row_of_service_requests_becomes_several_events(bring_in: Import, sink: ListSink) -> None:
    rows = (
        "1,07/01/2026 10:00:00 AM,07/03/2026 04:00:00 PM,07/02/2026 10:00:00 AM,HPD,HEAT,Closed,ONLINE,,Main St\n"
        "2,07/01/2026 11:00:00 AM,,,DOT,POTHOLE,In Progress,PIGEON,07/02/2026 11:00:00 AM,\n"
    )
    report = bring_in("csv", {"r.csv": REQUEST_HEAD + rows}, REQUESTS)
    assert sink.told() == [
        ("NYC-1", "accepted"),
        ("NYC-1", "finished"),
        ("NYC-2", "accepted"),
        ("NYC-2", "step_completed"),
    ]
    assert format_rfc3339(sink.events[0].occurred_at) == "2026-07-01T14:00:00.000Z"
    assert data(sink, 0)["channel"] == "online"
    assert "channel" not in data(sink, 2)
    assert (report.read, report.accepted, report.events) == (2, 2, 4)
    assert report.unmapped == {"Channel": 1}
    assert report.dropped_fields == {"Address": 1}
    assert report.findings == {"no_end": 1, "undated": 1}


def test_a_bad_row_costs_only_itself_and_its_values_are_written_nowhere(
    bring_in: Import, sink: ListSink, tmp_path: Path
) -> None:
    rows = (
        "1,Nguyễn Văn Bí Mật,,,HPD,HEAT,Open,ONLINE,,\n"
        ",07/01/2026 10:00:00 AM,,,HPD,HEAT,Open,ONLINE,,\n"
        "3,,,,HPD,HEAT,Open,ONLINE,,\n"
        "4,07/01/2026 10:00:00 AM,,,HPD,HEAT,Open,ONLINE,,,,,too,many\n"
        f"5,07/01/2026 10:00:00 AM,,,{'x' * 200},HEAT,Open,ONLINE,,\n"
        "6,07/01/2026 10:00:00 AM,,,HPD,HEAT,Open,ONLINE,,\n"
    )
    report = bring_in("csv", {"r.csv": REQUEST_HEAD + rows}, REQUESTS)
    assert sink.told() == [("NYC-6", "accepted")]
    assert report.reasons == {"bad_time": 1, "no_code": 1, "no_time": 1, "too_many_cells": 1, "invalid": 1}
    assert report.rejected_file == str(tmp_path / "r.csv.rejected.jsonl")
    lines = [json.loads(line) for line in Path(report.rejected_file).read_text("utf-8").splitlines()]
    assert [(line["line"], line["field"]) for line in lines] == [
        (2, "Created Date"),
        (3, "Unique Key"),
        (4, "Created Date"),
        (5, ""),
        (6, "data.unit"),
    ]
    assert "Bí Mật" not in Path(report.rejected_file).read_text("utf-8")
    assert "xxx" not in Path(report.rejected_file).read_text("utf-8")
    assert Path(report.rejected_file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("\ufeffcode;time;step;who\nA;2026-08-03;Bước một;x\n".encode(), ""),
        ("code\ttime\tstep\twho\nA\t2026-08-03\tBước một\tx\n".encode("utf-16"), ""),
        ("code|time|step|who\r\nA|2026-08-03|Bước một|x\r\n".encode(), ""),
        ('"code","time","step","who"\n"A","2026-08-03","Bước\nmột","x"\n'.encode(), ""),
        ("Danh sách\n\ncode,time,step,who\n\nA,2026-08-03,Bước một,x\n".encode(), "header_row = 3"),
    ],
)
def test_files_of_many_habits_say_the_same(bring_in: Import, sink: ListSink, content: bytes, options: str) -> None:
    report = bring_in("csv", {"s.csv": content}, STEPS + f"\n[csv]\n{options}\n")
    assert (report.read, report.accepted, report.date_only) == (1, 1, 1)
    assert data(sink, 0)["step"] == "Bước một"
    assert format_rfc3339(sink.events[0].occurred_at) == "2026-08-03T10:00:00.000Z"


def test_latin_1_is_read_when_the_mapping_says_so_and_refused_by_row_when_not(
    bring_in: Import, sink: ListSink
) -> None:
    content = "code,time,step,who\nA,2026-08-03,Déposé,x\nB,2026-08-03,ok,x\n".encode("latin-1")
    report = bring_in("csv", {"s.csv": content}, STEPS)
    assert (report.reasons, [e.subject for e in sink.events]) == ({"not_text": 1}, ["B"])
    bring_in("csv", {"s.csv": content}, STEPS + '[csv]\nencoding = "latin-1"\n')
    assert data(sink, 1)["step"] == "Déposé"


@pytest.mark.parametrize(
    "damage", [b"\x1f\x8b", b"\x1f\x8bed\x0e\x0e\x0e\x0e\x0e\x0e", gzip.compress(b"code,time", mtime=0)[:12]]
)
def test_a_gzip_that_is_damaged_from_its_start_is_told_in_a_sentence(bring_in: Import, damage: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"s\.csv\.gz is a damaged or cut \.gz"):
        bring_in("csv", {"s.csv.gz": damage}, STEPS)


def test_gzip_is_read_and_a_cut_gzip_keeps_what_came_before(bring_in: Import) -> None:
    rows = "".join(f"A{n},2026-08-03,{n * 7919 % 1000},x\n" for n in range(20_000))
    whole = gzip.compress(("code,time,step,who\n" + rows).encode())
    assert bring_in("csv", {"s.csv.gz": whole}, STEPS).accepted == 20_000
    report = bring_in("csv", {"s.csv.gz": whole[: len(whole) // 2]}, STEPS)
    assert 0 < report.accepted < 20_000
    assert "broken" in report.incomplete
    assert report.reasons == {"broken_file": 1}


def test_identical_rows_are_counted_and_kept_with_ids_of_their_own(bring_in: Import, sink: ListSink) -> None:
    content = "code,time,step,who\n" + "A,2026-08-03,B1,x\n" * 3 + "A,2026-08-03,B2,x\n"
    report = bring_in("csv", {"s.csv": content}, STEPS)
    assert (report.read, report.accepted, report.duplicates, report.events) == (4, 2, 2, 4)
    assert len(set(sink.ids())) == 4


def test_identical_rows_are_left_out_when_the_mapping_says_so(bring_in: Import) -> None:
    mapping = STEPS.replace('subject = "code"', 'subject = "code"\nidentical = "drop"')
    report = bring_in("csv", {"s.csv": "code,time,step,who\n" + "A,2026-08-03,B1,x\n" * 3}, mapping)
    assert (report.accepted, report.duplicates, report.events) == (1, 2, 1)


def test_ids_do_not_depend_on_keys_that_are_rotated_or_destroyed(
    bring_in: Import, sink: ListSink, keys: IdentifierKeys
) -> None:
    content = "code,time,step,who\nA,2026-08-03,B1,someone\n"
    bring_in("csv", {"s.csv": content}, STEPS)
    keys.rotate(2026)
    bring_in("csv", {"s.csv": content}, STEPS)
    assert data(sink, 0)["officer"] != data(sink, 1)["officer"]
    assert len(set(sink.ids())) == 1


FIRST_LAST = """
source = "/fines"
decimal = ","
empty = ["NIL"]
[maps.types]
Payment = "fee_paid"
"Create Fine" = "ignore"
[rows]
subject = "case"
[[event]]
per = "first"
type = "accepted"
time = "time"
[event.data]
unit = { value = "H44.07" }
[[event]]
per = "last"
type = "finished"
time = "time"
when = { column = "activity", matches = "^(Payment|Send for Credit)" }
[[event]]
type = { column = "activity", map = "types", default = "step_completed" }
time = "time"
[event.data]
amounts = { column = "amount", scale = 100 }
gateway = { value = "other" }
step = "activity"
office = "office"
"""


def test_a_log_without_a_start_and_an_end_takes_its_first_and_last_events(
    bring_in: Import, sink: ListSink
) -> None:
    rows = (
        "case,activity,time,amount,office\n"
        'F1,Payment,2026-03-05,"1.035,5",NIL\n'
        "F1,Create Fine,2026-03-01,,\n"
        "F1,Send Fine,2026-03-02,,K1\n"
        "F2,Create Fine,2026-03-03,,\n"
    )
    report = bring_in("csv", {"f.csv": rows}, FIRST_LAST)
    assert sorted(sink.told()) == [
        ("F1", "accepted"),
        ("F1", "fee_paid"),
        ("F1", "finished"),
        ("F1", "step_completed"),
        ("F2", "accepted"),
    ]
    first = {e.type: n for n, e in enumerate(sink.events) if e.subject == "F1"}
    assert format_rfc3339(sink.events[first["dossier.accepted"]].occurred_at) == "2026-03-01T10:00:00.000Z"
    assert data(sink, first["dossier.fee_paid"]) == {"amounts": [103550], "gateway": "other"}
    assert data(sink, first["dossier.step_completed"]) == {"step": "Send Fine", "office": "K1"}
    assert report.findings == {"no_end": 1, "undated": 2}
    ids = sink.ids()
    head, *body = rows.splitlines(keepends=True)
    sink.events.clear()
    bring_in("csv", {"f.csv": head + "".join(reversed(body))}, FIRST_LAST)
    assert sink.ids() == ids


JOINED = """
source = "/p"
[rows]
subject = "case id"
[cases]
subject = "id"
[[event]]
per = "case"
type = "accepted"
time = "case.start"
[event.data]
unit = { column = "case.unit", prefix = "H44." }
[[event]]
type = { column = "what", map = { done = "finished" }, default = "step_completed" }
time = "when"
[event.data]
office = "case.unit"
[[event]]
per = "case"
type = "finished"
time = "case.end"
unless = ["finished", "returned"]
"""


def test_a_case_is_closed_by_its_attribute_only_where_no_event_closes_it(bring_in: Import, sink: ListSink) -> None:
    cases = "id,start,end,unit\nA,2026-08-03,2026-08-09,07\nB,2026-08-03,2026-08-09,08\nC,2026-08-03,,09\n"
    rows = "case id,what,when\nA,done,2026-08-05\nB,step,2026-08-06\nZ,step,2026-08-06\n"
    report = bring_in("csv", {"rows.csv": rows, "cases.csv": cases}, JOINED)
    ends = [(e.subject, format_rfc3339(e.occurred_at)[:10]) for e in sink.events if e.type == "dossier.finished"]
    assert ends == [("A", "2026-08-05"), ("B", "2026-08-09")]
    assert data(sink, 0)["unit"] == "H44.07"
    assert json.loads(next(line for line in sink.lines if b"step_completed" in line))["data"] == {"office": "08"}
    assert report.findings["ends_by_attribute"] == 1
    assert report.findings["case_missing"] == 1
    assert report.findings["no_start"] == 1


def test_two_different_rows_for_one_case_are_a_finding_whose_outcome_order_does_not_change(
    bring_in: Import, sink: ListSink
) -> None:
    one, two = "A,2026-08-03,,07\n", "A,2026-08-03,,08\n"
    rows = "case id,what,when\nA,step,2026-08-06\n"
    report = bring_in("csv", {"rows.csv": rows, "cases.csv": "id,start,end,unit\n" + one + two}, JOINED)
    assert report.findings["case_twice"] == 1
    ids = sink.ids()
    sink.events.clear()
    bring_in("csv", {"rows.csv": rows, "cases.csv": "id,start,end,unit\n" + two + one}, JOINED)
    assert sink.ids() == ids


def test_case_attributes_may_be_repeated_in_every_row_instead_of_a_file_of_their_own(
    bring_in: Import, sink: ListSink
) -> None:
    rows = "case id,what,when,case:start,case:end,case:unit\n" + "A,step,2026-08-06,2026-08-03,2026-08-09,07\n" * 2
    report = bring_in("csv", {"rows.csv": rows}, JOINED)
    assert sorted(v for _, v in sink.told()) == ["accepted", "finished", "step_completed", "step_completed"]
    assert report.findings["ends_by_attribute"] == 1


def test_a_column_that_does_not_exist_is_named_with_the_one_that_was_meant(bring_in: Import) -> None:
    with pytest.raises(
        InvalidInput, match=r"mapping.toml: event 1: s.csv has no column 'step'; did you mean 'Stép'"
    ):
        bring_in("csv", {"s.csv": "code,time,Stép,who\n"}, STEPS)


def test_a_missing_case_file_is_asked_for(bring_in: Import) -> None:
    with pytest.raises(InvalidInput, match="also needs a case file"):
        bring_in("csv", {"rows.csv": "case id,what,when\n"}, JOINED)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_says_that_it_has_no_header(bring_in: Import, content: str) -> None:
    with pytest.raises(InvalidInput, match="no header"):
        bring_in("csv", {"s.csv": content}, STEPS)


def test_a_file_that_is_not_there_is_said(edge: Edge, sink: ListSink, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(STEPS)
    mapping = load_mapping(tmp_path / "m.toml", zone("Asia/Ho_Chi_Minh"))
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(InvalidInput, match=tmp_path.name):
            run_import("csv", [path], mapping, sink, edge)


def test_when_interrupted_what_was_read_is_flushed_and_reported(bring_in: Import, sink: ListSink) -> None:
    kept = sink.add

    def add(event: Any, encoded: bytes) -> None:
        if len(sink.events) == 2:
            raise KeyboardInterrupt
        kept(event, encoded)

    sink.add = add  # type: ignore[method-assign]
    rows = "".join(f"A{n},2026-08-03,B1,x\n" for n in range(9))
    report = bring_in("csv", {"s.csv": "code,time,step,who\n" + rows}, STEPS)
    assert (len(sink.events), sink.flushed) == (2, 1)
    assert "interrupted" in report.incomplete


def test_rejected_lines_go_elsewhere_when_asked(tmp_path: Path, sink: ListSink, edge: Edge, province: Any) -> None:
    (tmp_path / "s.csv").write_text("code,time,step,who\nA,never,B1,x\n")
    (tmp_path / "m.toml").write_text(STEPS)
    mapping = load_mapping(tmp_path / "m.toml", province)
    report = run_import("csv", [tmp_path / "s.csv"], mapping, sink, edge, rejected_dir=tmp_path / "out")
    assert report.rejected_file == str(tmp_path / "out" / "s.csv.rejected.jsonl")
    assert report.all_rejected


CELL = st.text(max_size=12) | st.sampled_from(("2026-08-03", "A", "Closed", '"', "\x00", "1e999", "-5", "9" * 30))
RICH = """
source = "/t"
[rows]
subject = "a"
recorded = "f"
[[event]]
per = "first"
type = "accepted"
time = { column = "b", formats = ["iso", "epoch", "excel", "%d/%m/%Y"] }
[event.data]
due_at = "c"
channel = "d"
[[event]]
type = { column = "d", map = { Closed = "finished", A = "synced", "-5" = "fee_paid" }, default = "step_started" }
time = "b"
[event.data]
documents = "e"
result_files = "c"
amounts = { columns = ["e", "f"] }
accepted = "e"
step = { column = "c", extract = "[a-z]*" }
officer = "e"
"""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(CELL, max_size=8), max_size=8), st.binary(max_size=40))
def test_rubbish_is_never_an_exception_and_always_counted(
    bring_in: Import, sink: ListSink, rows: list[list[str]], tail: bytes
) -> None:
    body = "".join(",".join(row) + "\n" for row in rows).encode("utf-8", "surrogatepass")
    sink.events.clear()
    report = bring_in("csv", {"x.csv": b"a,b,c,d,e,f\n" + body + tail}, RICH)
    assert report.read == report.accepted + report.duplicates + report.rejected + report.ignored
    assert report.rejected == sum(report.reasons.values())
    assert report.events == len(sink.events)
