"""XES imports: namespaces, trace attributes, hostile and broken XML."""

import gzip

import pytest

from domain.errors import InvalidInput
from tests.unit.producers.conftest import Import, ListSink

MAPPING = """
source = "/permits"
empty = ["MISSING"]
[rows]
subject = "case.concept:name"
[[event]]
per = "case"
type = "accepted"
time = "case.start.date"
[event.data]
unit = "case.responsible"
[[event]]
type = { column = "lifecycle:transition", map = { start = "step_started", complete = "step_completed" } }
time = "time:timestamp"
[event.data]
step = "concept:name"
officer = "org:resource"
"""
LOG = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0" {xmlns}>
  <extension name="Concept" prefix="concept" uri="http://x"/>
  <global scope="event"><string key="concept:name" value="UNKNOWN"/></global>
  <string key="concept:name" value="the log"/>
  <trace>
    <string key="concept:name" value="P-1"/>
    <date key="start.date" value="2026-08-03T08:00:00.000+07:00"/>
    <string key="responsible" value="MISSING"/>
    <string key="citizen" value="Nguyễn Văn A"/>
    <event>
      <string key="concept:name" value="01_HOOFD_010"><string key="concept:name" value="nested"/></string>
      <string key="lifecycle:transition" value="start"/>
      <string key="org:resource" value="560872"/>
      <date key="time:timestamp" value="2026-08-03T09:00:00+07:00"/>
      <list key="parts"><values><string key="concept:name" value="inner"/></values></list>
    </event>
    <event>
      <string key="concept:name" value="01_HOOFD_010"/>
      <string key="lifecycle:transition" value="complete"/>
      <date key="time:timestamp" value="2026-08-03T10:00:00+07:00"/>
    </event>
    <event>
      <string key="concept:name" value="x"/>
      <string key="lifecycle:transition" value="schedule"/>
      <date key="time:timestamp" value="2026-08-03T10:00:00+07:00"/>
    </event>
  </trace>
  <trace>
    <string key="concept:name" value="P-2"/>
    <event><string key="lifecycle:transition" value="start"/><date key="time:timestamp" value="soon"/></event>
  </trace>
</log>
"""


@pytest.mark.parametrize(
    "xmlns", ["", 'xmlns="http://www.xes-standard.org/"', 'xmlns="http://code.deckfour.org/xes"']
)
def test_traces_become_events_whatever_the_namespace(bring_in: Import, sink: ListSink, xmlns: str) -> None:
    report = bring_in("xes", {"p.xes": LOG.replace("{xmlns}", xmlns)}, MAPPING)
    assert sorted(sink.told()) == [("P-1", "accepted"), ("P-1", "step_completed"), ("P-1", "step_started")]
    assert {line for line in sink.lines if b"01_HOOFD_010" in line} == {
        line for line in sink.lines if b"step" in line
    }
    assert not any(b"560872" in line or b"Nguy" in line for line in sink.lines)
    assert (report.read, report.accepted, report.ignored, report.rejected) == (4, 2, 1, 1)
    assert report.dropped_fields == {"case.citizen": 3}
    assert report.unmapped == {"lifecycle:transition": 1}


def test_a_trace_without_events_still_says_what_its_attributes_say(bring_in: Import, sink: ListSink) -> None:
    start = '<date key="start.date" value="{}"/>'
    trace = '<trace><string key="concept:name" value="{}"/>{}</trace>'
    log = "".join(trace.format(n, start.format(t)) for n, t in (("A", "2026-08-03"), ("B", "soon")))
    report = bring_in("xes", {"p.xes": f"<log>{log}<trace/></log>"}, MAPPING)
    assert sink.told() == [("A", "accepted")]
    assert report.findings == {"case_unusable": 1, "no_end": 1, "undated": 1}
    assert (report.read, report.accepted, report.ignored, report.rejected) == (3, 1, 1, 1)


def test_compressed_logs_are_read_as_they_are(bring_in: Import, sink: ListSink) -> None:
    report = bring_in("xes", {"p.xes.gz": gzip.compress(LOG.replace("{xmlns}", "").encode())}, MAPPING)
    assert report.events == len(sink.events) == 3


def test_an_entity_bomb_is_refused_before_anything_is_read(bring_in: Import, sink: ListSink) -> None:
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><log><trace>&b;</trace></log>'
    )
    with pytest.raises(InvalidInput, match="DOCTYPE"):
        bring_in("xes", {"b.xes": bomb}, MAPPING)
    assert not sink.events


@pytest.mark.parametrize("content", ["", "not xml", "<html></html>", "<log"])
def test_what_is_not_xes_is_said(bring_in: Import, content: str) -> None:
    with pytest.raises(InvalidInput, match="is not XES"):
        bring_in("xes", {"x.xes": content}, MAPPING)


def test_a_log_that_breaks_off_keeps_the_traces_before(bring_in: Import, sink: ListSink) -> None:
    report = bring_in("xes", {"p.xes": LOG.replace("{xmlns}", "").split('value="P-2"')[0]}, MAPPING)
    assert len(sink.events) == 3
    assert report.reasons == {"broken_file": 1}
    assert "broken at line" in report.incomplete


def test_an_attribute_that_no_event_has_is_a_warning_with_a_suggestion(bring_in: Import) -> None:
    report = bring_in("xes", {"p.xes": LOG.replace("{xmlns}", "")}, MAPPING.replace("org:resource", "org:resorce"))
    assert any("'org:resorce'; did you mean 'org:resource'" in w for w in report.warnings)
