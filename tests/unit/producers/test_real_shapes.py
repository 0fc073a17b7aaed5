"""Shapes of real exports: requests, permits and fines by the example mappings; odd encodings and headers."""

import gzip
import random
import unicodedata
from pathlib import Path

import pytest

from domain.errors import InvalidInput
from domain.event_data import Intake, Payment
from domain.events import Event
from producers.keys import IdentifierKeys
from tests.unit.producers.conftest import Import, ListSink

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
REQUESTS = (
    "Unique Key,Created Date,Closed Date,Agency,Complaint Type,Status,Due Date,Open Data Channel Type,Address,\n"
)
EXPORT = 'Mã hồ sơ;Ngày tiếp nhận;Đơn vị;Hạn trả;Lệ phí;\r\nH1;03/08/2026 09:12;"Xã\nĐoài";05/08/2026;1.234,5;\r\n'
ODD = """
source = "/xa"
decimal = ","
[rows]
subject = "Mã hồ sơ"
[times]
formats = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
[[event]]
type = "accepted"
time = "Ngày tiếp nhận"
[event.data]
unit = "Đơn vị"
due_at = "Hạn trả"
[[event]]
type = "fee_paid"
time = "Ngày tiếp nhận"
[event.data]
amounts = "Lệ phí"
"""


def amounts_of(event: Event) -> tuple[int, ...]:
    assert isinstance(event.data, Payment)
    return event.data.amounts


def procedure_of(event: Event) -> str | None:
    assert isinstance(event.data, Intake)
    return event.data.procedure


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.toml").read_text("utf-8")


def test_service_requests_count_what_their_rows_say(bring_in: Import) -> None:
    rows = (
        "1,03/02/2026 08:00:00 AM,03/03/2026 08:00:00 PM,NYPD,Noise,Closed,03/04/2026 08:00:00 AM,ONLINE,x,\n"
        "1,03/02/2026 08:00:00 AM,03/03/2026 08:00:00 PM,NYPD,Noise,Closed,03/04/2026 08:00:00 AM,ONLINE,other,\n"
        "2,03/02/2026 08:00:00 AM,,NYPD,Noise,Open,,UNKNOWN,x,\n"
        "3,03/02/2026 08:00:00 AM,,HPD,Heat,Closed,,PHONE,x,\n"
        "4,03/02/2026 08:00:00 AM,03/01/2026 08:00:00 AM,HPD,Heat,Closed,,MOBILE,x,\n"
        "5,03/02/2026 08:00:00 AM,03/05/2026 08:00:00 AM,HPD,Heat,Closed,,PHONE,x,\n"
        "5,03/02/2026 08:00:00 AM,03/06/2026 08:00:00 AM,HPD,Heat,Closed,,PHONE,x,\n"
        "6,03/02/2026 08:00:00 AM,01/01/1900 12:00:00 AM,HPD,Heat,Closed,,PHONE,x,\n"
        "7,2 March,,HPD,Heat,Open,,PHONE,x,\n"
        ",03/02/2026 08:00:00 AM,,HPD,Heat,Open,,PHONE,x,\n"
    )
    report = bring_in("csv", {"r.csv": "\ufeff" + REQUESTS + rows}, example("service-requests"))
    assert (report.read, report.accepted, report.duplicates, report.rejected) == (10, 7, 1, 2)
    assert report.reasons == {"bad_time": 1, "no_code": 1}
    assert report.findings == {"end_before_start": 1, "finished_again": 1, "no_end": 3, "undated": 5}
    assert report.empty_times == {"Closed Date": 2}
    assert report.unmapped == {"Open Data Channel Type": 1}
    assert report.event_types == {"dossier.accepted": 6, "dossier.finished": 4}


def test_permits_read_the_same_from_the_log_and_from_its_csv_export(bring_in: Import, sink: ListSink) -> None:
    trace = {
        "concept:name": "300",
        "startDate": "2012-06-06T00:00:00.000+02:00",
        "endDate": "2012-06-17T00:00:00.000+02:00",
        "endDatePlanned": "2012-12-05T00:00:00.000+01:00",
        "responsible_actor": "560002",
    }
    events = [
        {
            "concept:name": code,
            "org:resource": officer,
            "time:timestamp": time,
            "lifecycle:transition": "complete",
            "dueDate": due,
        }
        for code, officer, time, due in (
            ("01_HOOFD_010", "11", "2012-06-06T09:00:00+02:00", "2012-06-20T00:00:00+02:00"),
            ("01_HOOFD_010", "12", "2012-06-06T09:00:00+02:00", "2012-06-20T00:00:00+02:00"),
            ("04_BPT_005", "11", "2012-06-18T09:00:00+02:00", ""),
        )
    ]

    def xml(values: dict[str, str]) -> str:
        return "".join(f'<string key="{key}" value="{value}"/>' for key, value in values.items() if value)

    body = "".join(f"<event>{xml(event)}</event>" for event in events)
    log = f'<log xmlns="http://www.xes-standard.org/"><trace>{xml(trace)}{body}</trace></log>'
    report = bring_in("xes", {"p.xes.gz": gzip.compress(log.encode())}, example("permits"))
    assert (report.read, report.accepted, report.duplicates, report.events) == (3, 3, 0, 5)
    assert report.findings == {"ends_by_attribute": 1, "event_after_end": 1}
    assert {getattr(e.data, "office", None) for e in sink.events} == {None, "01_HOOFD", "04_BPT"}
    from_log = sink.ids()
    sink.events.clear()
    flat = [{**{f"case:{key}": value for key, value in trace.items()}, **event} for event in events]
    text = "\n".join(",".join(row) for row in [list(flat[0]), *(list(row.values()) for row in flat)])
    bring_in("csv", {"p.csv": text}, example("permits") + "\n")
    assert sink.ids() == from_log


def test_a_fine_ends_with_its_last_payment_or_transfer_and_is_undated(bring_in: Import, sink: ListSink) -> None:
    rows = (
        ",A1,Create Fine,2006-07-23 22:00:00+00:00,157,,561\n"
        ",A1,Payment,2006-07-23 22:00:00+00:00,,35.0,\n"
        ",A1,Payment,2006-08-23 22:00:00+00:00,,36.27,\n"
        ",A1,Add penalty,2006-09-23 22:00:00+00:00,,,\n"
        ",A2,Create Fine,2006-07-23 22:00:00+00:00,7,,561\n"
        ",A2,Send for Credit Collection,2009-07-23 22:00:00+00:00,,,\n"
        ",A3,Create Fine,2006-07-23 22:00:00+00:00,7,,561\n"
    )
    header = ",case:concept:name,concept:name,time:timestamp,article,paymentAmount,org:resource\n"
    report = bring_in("csv", {"f.csv": header + rows}, example("fines"))
    assert report.findings == {"event_after_end": 1, "no_end": 1, "undated": 3}
    assert report.event_types == {
        "dossier.accepted": 3,
        "dossier.fee_paid": 2,
        "dossier.finished": 2,
        "dossier.step_completed": 2,
    }
    assert [list(amounts_of(e)) for e in sink.events if e.type == "dossier.fee_paid"] == [[3500], [3627]]


STEPS = """
source = "/s"
[rows]
subject = "code"
[[event]]
type = "step_completed"
time = "t"
[event.data]
step = "step"
officer = "who"
"""


def test_rows_that_differ_in_their_officer_alone_have_the_same_ids_in_any_order_and_file(
    bring_in: Import, sink: ListSink
) -> None:
    rows = [f"D{n % 3},2026-03-02T08:00:00,B{n % 2},Officer {n}" for n in range(12)]
    text = "code,t,step,who\n"

    def ids(*files: list[str]) -> set[tuple[str, bytes]]:
        sink.events.clear()
        for number, part in enumerate(files):
            bring_in("csv", {f"{number}.csv": text + "\n".join(part)}, STEPS)
        return {(e.id, e.hash) for e in sink.events}

    whole = ids(rows)
    assert len({one for one, _ in whole}) == 12
    shuffled = random.Random(3).sample(rows, len(rows))
    assert ids(shuffled) == whole
    assert ids(rows[6:], rows[:6], shuffled) == whole


def test_a_rotated_key_changes_no_id_and_a_destroyed_one_does(
    bring_in: Import, sink: ListSink, keys: IdentifierKeys
) -> None:
    text = "code,t,step,who\nD1,2026-03-02T08:00:00,B1,An\n"

    def ids() -> list[str]:
        sink.events.clear()
        bring_in("csv", {"s.csv": text}, STEPS)
        return sink.ids()

    before = ids()
    keys.rotate(2026)
    assert ids() == before
    keys.destroy(2026)
    assert ids() != before


def test_a_number_of_the_source_tells_equal_rows_apart_in_any_file(bring_in: Import, sink: ListSink) -> None:
    mapping = STEPS.replace('subject = "code"', 'subject = "code"\nidentity = "nr"')
    text = "nr,code,t,step,who\n"
    one, two = "7,D1,2026-03-02T08:00:00,B1,An\n", "8,D1,2026-03-02T08:00:00,B1,An\n"
    assert bring_in("csv", {"s.csv": text + one + two}, mapping).duplicates == 0
    whole = sink.ids()
    sink.events.clear()
    bring_in("csv", {"s.csv": text + two}, mapping)
    bring_in("csv", {"s.csv": text + one}, mapping)
    assert sink.ids() == whole
    assert not any(b'"7"' in line for line in sink.lines)


def test_of_two_first_rows_at_one_instant_the_one_that_says_more_is_taken(
    bring_in: Import, sink: ListSink
) -> None:
    mapping = """
source = "/s"
[rows]
subject = "code"
[[event]]
per = "first"
type = "accepted"
time = "t"
[event.data]
procedure = "article"
"""
    rows = ["A,2026-03-02,", "A,2026-03-02,157", "A,2026-03-02,"]
    for part in (rows, rows[::-1]):
        sink.events.clear()
        bring_in("csv", {"s.csv": "code,t,article\n" + "\n".join(part)}, mapping)
        assert [procedure_of(e) for e in sink.events] == ["157"]


@pytest.mark.parametrize(
    "content",
    [
        EXPORT.encode(),
        unicodedata.normalize("NFD", EXPORT).encode(),
        EXPORT.encode("utf-16"),
        gzip.compress(EXPORT.encode("utf-16")),
        b"sep=;\r\n" + EXPORT.encode(),
    ],
)
def test_spreadsheet_exports_are_read_however_they_are_written(
    bring_in: Import, sink: ListSink, content: bytes
) -> None:
    report = bring_in("csv", {"e.csv": content}, ODD)
    assert (report.accepted, report.events, report.date_only) == (1, 2, 1)
    assert {getattr(e.data, "unit", None) for e in sink.events} == {"Xã Đoài", None}
    assert {getattr(e.data, "amounts", None) for e in sink.events} == {(1234,), None}


def test_the_line_of_a_rejected_row_counts_the_line_of_the_delimiter(bring_in: Import) -> None:
    report = bring_in("csv", {"e.csv": "sep=;\n" + EXPORT.replace("03/08/2026 09:12", "soon")}, ODD)
    assert [e.line for e in report.examples] == [4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (EXPORT.encode("utf-8").replace("ã".encode(), b"\xe3"), "is not utf-8: set csv.encoding"),
        (EXPORT.encode("utf-16-le"), "perhaps 'utf-16-le'"),
        (b"PK\x03\x04rest\n", "is a ZIP archive or a workbook"),
        (b"", "is empty"),
    ],
)
def test_what_is_not_the_expected_text_is_said_with_the_remedy(
    bring_in: Import, content: bytes, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        bring_in("csv", {"e.csv": content}, ODD)


def test_a_file_may_lack_optional_columns_and_all_but_one_of_several(bring_in: Import, sink: ListSink) -> None:
    mapping = """
source = "/s"
[rows]
subject = "code"
[[event]]
type = "accepted"
time = { columns = ["filed", "received"] }
[event.data]
procedure = { column = "kind", default = "PERMIT", optional = true }
"""
    bring_in("csv", {"s.csv": "code,received\nA,2026-03-02T08:00:00\n"}, mapping)
    assert [procedure_of(e) for e in sink.events] == ["PERMIT"]
    with pytest.raises(InvalidInput, match=r"no column 'filed' \(and 1 more\)"):
        bring_in("csv", {"s.csv": "code,kind\nA,x\n"}, mapping)
