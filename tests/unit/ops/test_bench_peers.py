"""Rules of the comparison with other engines: the same fold, the same rows, and silence is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.blocks import encode_block, partition_of
from domain.errors import Unavailable
from domain.events import Event, encode_event
from domain.instants import DEFAULT_ZONE, zone
from domain.rows import UnitCellRow
from ops.bench.fold import BY_CPU, FOLD, READ, _beside
from ops.bench.history import simulated
from ops.bench.measure import Measure
from ops.bench.peers.contest import PEERS, Peer, missing, run
from ops.bench.peers.environment import install, interpreter
from ops.bench.peers.job import Job
from stream.partition import FoldConfig, PartitionFold, by_subject
from stream.state import StateStore

JOB = Job(bootstrap="", events="", output="", folder="", log_id="L", partitions=1, ends={})


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes
    timestamp_ms: int = 1_790_000_000_000


def records() -> Iterator[Record]:
    """A small simulated log of one partition."""
    events: list[Event] = [e for e in simulated(6) if partition_of(e.subject, 1) == 0]
    for offset, start in enumerate(range(0, len(events), 30)):
        yield Record(offset, encode_block([encode_event(e) for e in events[start : start + 30]]))


def test_subjects_folded_one_by_one_give_the_rows_and_cells_of_whole_records(tmp_path: Path) -> None:
    config = FoldConfig(0, 1, zone(DEFAULT_ZONE), 1, "L", "F")
    whole = PartitionFold(StateStore(tmp_path / "whole"), config)
    store = StateStore(tmp_path / "single")
    single = PartitionFold(store, config)
    for record in records():
        whole.apply(record)
        expected: dict[str, list[object]] = {k: [*v] for k, v in whole.batch().rows.items()}
        whole.commit(0)
        while whole.sweeping:
            whole.sweep(record)
            for name, swept in whole.batch().rows.items():
                expected.setdefault(name, []).extend(swept)
            whole.commit(0)
        found: dict[str, list[object]] = {}
        sums: dict[tuple[str, str, int, int], tuple[int, ...]] = {}
        events, _ = single.decode(record, record.timestamp_ms)
        single.take_documents(events, set())
        for (kind, subject), facts in by_subject(events).items():
            given, touched = single.fold_subject(kind, subject, facts, record.offset, record.timestamp_ms)
            for name, more in given.items():
                found.setdefault(name, []).extend(more)
            sums |= {k[1:]: tuple(v) for k, v in touched.items() if k[0] == "unit_cells"}
        assert found == {name: rows for name, rows in expected.items() if name in found}
        cells = [r for r in expected.get("unit_cells", []) if isinstance(r, UnitCellRow)]
        assert sums == {(r.grain, r.unit, r.day, r.known_day): r.values for r in cells}


def test_peers_that_are_not_installed_are_rows_that_say_so(tmp_path: Path) -> None:
    assert interpreter({"GS766_CACHE": str(tmp_path)}) is None
    rows = missing("they are not installed")
    assert [(m.name, m.value) for m in rows] == [(peer.name, None) for peer in PEERS]
    assert rows[0].to_json()["value"] is None
    assert rows[0].to_json()["conditions"] == "not measured: they are not installed"


def test_a_peer_stands_beside_the_products_fold_and_the_fold_beside_the_limit() -> None:
    found = [
        Measure(READ, 100.0, "events/s"),
        Measure(FOLD, 40.0, "events/s"),
        Measure(FOLD + BY_CPU, 50.0, "events/s"),
        Measure("other", 20.0, "events/s"),
        Measure("other" + BY_CPU, 25.0, "events/s"),
        Measure("absent", None, "events/s"),
    ]
    said = [(m.name, m.peer, m.ratio) for m in _beside(found)]
    assert said == [
        (READ, None, None),
        (FOLD, READ, 0.4),
        (FOLD + BY_CPU, READ, 0.5),
        ("other", FOLD, 0.5),
        ("other" + BY_CPU, FOLD + BY_CPU, 0.5),
        ("absent", FOLD, None),
    ]


def test_a_peer_that_fails_is_told_with_its_own_words() -> None:
    import sys

    with pytest.raises(Unavailable, match="No module named"):
        run(Path(sys.executable), Peer("p", "ops.bench.peers.absent", ""), JOB)


def test_an_environment_that_cannot_be_made_is_not_left_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "peers.lock"
    broken.write_text("no-such-thing ; this is no requirement\n")
    monkeypatch.setattr("ops.bench.peers.environment.LOCK", broken)
    environ = {"GS766_CACHE": str(tmp_path / "cache")}
    with pytest.raises(Unavailable, match="could not be made"):
        install(environ, lambda _: None)
    assert interpreter(environ) is None
