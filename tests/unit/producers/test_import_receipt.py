"""The public receipt log through its example mapping: figures that were counted independently."""

import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from domain.dossier import replay
from domain.facts import Fact, fact_of, merge
from domain.instants import Zone, parse_rfc3339, zone
from domain.timeline import timeline_of
from domain.verdicts import judge_before
from producers.edge import Edge
from producers.importing import run_import
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from tests.unit.producers.conftest import ListSink

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data" / "receipt"
CASES, EVENTS = DATA / "cases.csv", DATA / "events.csv"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the receipt log is not beside the repository")


@pytest.fixture
def mapping(province: Zone) -> Mapping:
    return load_mapping(ROOT / "examples" / "receipt.toml", province)


@pytest.mark.parametrize("files", [(CASES, EVENTS), (EVENTS, CASES)])
def test_all_rows_are_taken_and_the_findings_are_the_known_ones(
    files: tuple[Path, ...], mapping: Mapping, sink: ListSink, edge: Edge
) -> None:
    report = run_import("csv", files, mapping, sink, edge)
    answer = report.as_json()
    assert {k: answer[k] for k in ("read", "accepted", "duplicates", "rejected", "rejected_file")} == {
        "read": 1434 + 8577,
        "accepted": 1434 + 8577,
        "duplicates": 0,
        "rejected": 0,
        "rejected_file": None,
    }
    assert report.findings == {
        "no_end": 105,
        "end_before_start": 2,
        "event_after_end": 145,
        "ends_by_attribute": 1329,
    }
    assert report.events == len(sink.events) == 1434 + 8577 + 1329
    assert sink.flushed == 1


def test_no_resource_of_the_log_appears_in_clear(mapping: Mapping, sink: ListSink, edge: Edge) -> None:
    run_import("csv", [CASES, EVENTS], mapping, sink, edge)
    assert not any(b"Resource" in line for line in sink.lines)


def test_the_fold_counts_as_many_on_time_and_late_as_were_counted_independently(
    mapping: Mapping, sink: ListSink, edge: Edge
) -> None:
    run_import("csv", [CASES, EVENTS], mapping, sink, edge)
    facts: dict[str, list[Fact]] = defaultdict(list)
    for event in sink.events:
        facts[event.subject].append(fact_of(event))
    end = parse_rfc3339("2012-01-23T14:42:54Z")
    amsterdam = zone("Europe/Amsterdam")
    timelines = [timeline_of(replay(merge((), f)), None, result_due=True) for f in facts.values()]
    by_time = Counter(judge_before(tl, "766", end, amsterdam)[0] for tl in timelines)
    assert by_time == {"finished_on_time": 952, "finished_late": 377, "open_late": 39, "open_not_due": 66}
    by_date = Counter(judge_before(tl, "06a", end, amsterdam)[0] for tl in timelines)
    assert by_date["finished_late"] == 309


def test_shuffled_and_halved_files_give_the_same_ids(
    mapping: Mapping, edge: Edge, sink: ListSink, tmp_path: Path
) -> None:
    run_import("csv", [CASES, EVENTS], mapping, sink, edge)
    header, *rows = EVENTS.read_text("utf-8").splitlines(keepends=True)
    random.Random(1).shuffle(rows)
    halves = []
    for n, part in enumerate((rows[:4000], rows[4000:])):
        halves.append(tmp_path / f"part{n}.csv")
        halves[-1].write_text(header + "".join(part), "utf-8")
    shuffled, first, second = ListSink(), ListSink(), ListSink()
    run_import("csv", [*halves, CASES], mapping, shuffled, edge)
    assert shuffled.ids() == sink.ids()
    run_import("csv", [halves[0], CASES], mapping, first, edge)
    run_import("csv", [halves[1], CASES], mapping, second, edge)
    assert {*first.ids(), *second.ids()} == {*sink.ids()}


def test_a_dry_run_reports_the_same_and_sends_nothing(mapping: Mapping, edge: Edge, sink: ListSink) -> None:
    dry = run_import("csv", [CASES, EVENTS], mapping, sink, edge, dry_run=True)
    assert (dry.findings["no_end"], dry.events, sink.events) == (105, 11340, [])
