"""Imports of CloudEvents from lines and arrays."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.sink import JsonlSink
from tests.unit.producers.conftest import Import, ListSink


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/t",
        "type": "dossier.accepted",
        "time": "2026-08-03T09:00:00+07:00",
        "subject": f"D{number}",
        "data": {"unit": "H44.100", "note": '}]"{[\\'},
        **more,
    }


SHAPES = {
    "lines": lambda es: "\n".join(json.dumps(e) for e in es),
    "windows lines": lambda es: "\ufeff" + "\r\n\r\n".join(json.dumps(e) for e in es) + "\r\n",
    "blocks": lambda es: "\n".join(json.dumps([e, e]) for e in es),
    "one array": lambda es: json.dumps(es),
    "one array over lines": lambda es: json.dumps(es, indent=2, ensure_ascii=False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_blocks_and_documents_say_the_same(bring_in: Import, sink: ListSink, shape: str) -> None:
    report = bring_in("jsonl", {"e.jsonl": SHAPES[shape]([event(n) for n in range(500)])})
    assert [e.id for e in sink.events] == [str(n) for n in range(500)]
    assert report.rejected == 0
    assert report.dropped_fields["data.note"] == report.read
    assert report.duplicates == report.read - 500
    assert report.findings == {"no_end": 500, "undated": 500}


def test_bad_lines_are_rejected_with_line_reason_and_field_and_without_values(
    bring_in: Import, sink: ListSink
) -> None:
    lines = [
        json.dumps(event(1)),
        "{not json",
        json.dumps(event(2, type="dossier.exploded")),
        json.dumps(event(3, data={"channel": "O'Brien's pigeon"})),
        json.dumps(event(4, dataversion=99)),
        "7",
        json.dumps(event(5)),
    ]
    report = bring_in("jsonl", {"e.jsonl": "\n".join(lines)})
    assert [e.id for e in sink.events] == ["1", "5"]
    assert [(r.line, r.reason, r.field) for r in report.examples] == [
        (2, "invalid", ""),
        (3, "invalid", "type"),
        (4, "invalid", "data.channel"),
        (5, "newer", "dataversion"),
        (6, "invalid", ""),
    ]
    assert not any("Brien" in r.message or "pigeon" in r.message for r in report.examples)


def test_the_same_event_again_is_a_duplicate_and_other_content_under_its_id_a_finding(
    bring_in: Import, sink: ListSink
) -> None:
    lines = [event(1), event(1), event(1, recordedtime="2026-08-04T00:00:00Z"), event(1, data={"unit": "H44.101"})]
    report = bring_in("jsonl", {"e.jsonl": "\n".join(json.dumps(e) for e in lines)})
    assert (report.read, report.accepted, report.duplicates) == (4, 2, 2)
    assert report.findings["id_reused"] == 1
    assert len(sink.events) == 2


def test_a_line_too_long_to_be_ours_is_skipped(bring_in: Import, sink: ListSink) -> None:
    report = bring_in(
        "jsonl", {"e.jsonl": json.dumps(event(1)) + "\n" + "x" * 9_000_000 + "\n" + json.dumps(event(2))}
    )
    assert [e.id for e in sink.events] == ["1", "2"]
    assert report.reasons == {"too_long": 1}


def test_what_the_file_sink_wrote_is_read_back_as_the_same_events(
    bring_in: Import, sink: ListSink, tmp_path: Any
) -> None:
    bring_in("jsonl", {"e.jsonl": json.dumps([event(n) for n in range(50)])})
    for name in ("out.jsonl", "out.jsonl.gz"):
        with JsonlSink(tmp_path / name) as file:
            for e, encoded in zip(sink.events[:50], sink.lines[:50], strict=True):
                file.add(e, encoded)
        written = (tmp_path / name).read_bytes()
        sink.events.clear()
        sink.lines = sink.lines[:50]
        bring_in("jsonl", {name: written})
        assert sink.lines[50:] == sink.lines[:50]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.binary(max_size=30)
        | st.sampled_from(
            (b"[", b"]", b"{", b"}", b'"', b"\\", b"\n", json.dumps(event(1)).encode(), b"[{},\n{}]")
        ),
        max_size=8,
    )
)
def test_rubbish_is_never_an_exception_and_always_counted(bring_in: Import, parts: list[bytes]) -> None:
    report = bring_in("jsonl", {"x.jsonl": b"".join(parts)})
    assert report.read == report.accepted + report.duplicates + report.rejected
