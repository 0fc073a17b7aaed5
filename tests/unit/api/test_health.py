"""Health is red whenever figures are wrong, stand still, or events may be lost, and says why."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.health import Disk, Facts, Lag, Stillness, assess
from api.metrics import METRICS, Counters, render, sample
from api.probes import SealLag
from domain.instants import parse_rfc3339
from domain.seals import Checkpoint, Signed, write_checkpoint
from sinks.sealing.chain import CheckpointFile


def facts(**more: Any) -> Facts:
    known: dict[str, Any] = {"now": 1_700_000_000_000, "clock": "wall", "generation": 1}
    return Facts(**known | more)


def test_a_whole_chain_is_green() -> None:
    found = assess(facts(worker=(Lag(partition=0, position=9, end=10),), log_id="a", known_log_id="a"))
    assert found.status == "green"
    assert all(part.status == "green" and not part.reasons for part in found.parts.values())


@pytest.mark.parametrize(
    ("more", "part", "words"),
    [
        ({"store_error": "refused"}, "store", "does not answer"),
        ({"generation": None}, "store", "no active generation"),
        ({"kafka_error": "timeout"}, "kafka", "does not answer"),
        ({"log_id": "a", "known_log_id": "b"}, "log", "replaced"),
        ({"acts_log_id": "a", "known_acts_log_id": "b"}, "log", "alert-log was replaced"),
        ({"worker": (Lag(partition=2, position=10, end=10),)}, "log", "records are gone"),
        ({"worker": (Lag(partition=1, position=3, end=10, still_ms=60_000),)}, "worker", "stood still"),
        ({"writer": (Lag(partition=1, position=3, end=10, still_ms=60_000),)}, "writer", "stood still"),
        ({"faults": ("partition 1 stopped at offset 7",)}, "faults", "offset 7"),
        ({"spooled": 5, "spooled_bytes": 95, "spool_quota": 100}, "spool", "nearly full"),
        ({"disks": (Disk("store", 100 << 20, 1 << 40),)}, "disk", "disk of the store is full"),
        ({"seal_late_ms": 3_600_000}, "seal", "60 minutes"),
    ],
)
def test_red(more: dict[str, Any], part: str, words: str) -> None:
    found = assess(facts(**more))
    assert (found.status, found.parts[part].status) == ("red", "red")
    assert any(words in reason for reason in found.parts[part].reasons)
    assert [name for name, p in found.parts.items() if p.status == "red"] == [part]


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"spool_mode": "spooling", "spooled": 3}, "spool"),
        ({"spool_torn": 30}, "spool"),
        ({"unrecorded_acts": 1}, "acts"),
        ({"seal_late_ms": 600_000}, "seal"),
        ({"worker": (Lag(partition=1, position=3, end=10, still_ms=1_000, behind_ms=20_000),)}, "worker"),
    ],
)
def test_amber(more: dict[str, Any], part: str) -> None:
    found = assess(facts(**more))
    assert (found.status, found.parts[part].status) == ("amber", "amber")


def test_stale_is_told_and_not_known_is_null() -> None:
    assert assess(facts()).freshness["age_seconds"] is None
    assert assess(facts(fresh_at=1_700_000_000_000 - 90_000)).freshness["age_seconds"] == 90


def test_a_position_stands_still_only_while_it_is_behind_and_does_not_move() -> None:
    still = Stillness()
    at = [
        still.lag("w", "t", 0, p, e, now)
        for p, e, now in [(5, 6, 0), (5, 9, 100), (5, 9, 300), (7, 9, 400), (7, 9, 500)]
    ]
    assert [lag.still_ms for lag in at] == [0, 100, 300, 0, 100]
    assert at[4].behind_ms == 500
    assert still.lag("w", "t", 0, 8, 9, 600).behind_ms == 0


def test_health_is_200_and_503_when_strict(local: TestClient, bench: Any) -> None:
    assert local.get("/v1/health?strict=1").status_code == 200
    bench.facts = {"store_error": "gone"}
    assert local.get("/v1/health").status_code == 200
    assert local.get("/v1/health").json()["status"] == "red"
    assert local.get("/v1/health?strict=1").status_code == 503


def test_a_stranger_learns_the_colour_only(remote: TestClient) -> None:
    assert remote.get("/v1/health").json() == {"status": "green"}


def test_every_metric_is_explained_and_rendered(local: TestClient, bench: Any) -> None:
    bench.facts = {"worker": (Lag(partition=0, position=3, end=9),), "fresh_at": 0}
    local.get("/v1/units")
    text = local.get("/metrics").text
    assert 'gs766_worker_lag_records{partition="0"} 5' in text
    assert 'gs766_health{part="all"} 0' in text
    assert 'gs766_requests_total{route="/v1/units",status="2xx"} 1' in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and line[0] != "#"}
    assert names <= set(METRICS)


def test_labels_are_escaped() -> None:
    counters = Counters()
    counters.add("gs766_requests_total", route='a"b\\\n', status="2xx")
    assert 'route="a\\"b\\\\\\n"' in render(counters.samples())
    assert render([sample("gs766_up", 1)]).endswith("gs766_up 1\n")


def test_a_seal_is_late_from_when_something_waits_for_it_not_through_a_quiet_night(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.jsonl"

    def sealed(number: int, time: str) -> None:
        found = Checkpoint(number=number, time=time, previous="", trees=(), key="k", keys=("k",))
        CheckpointFile(path).append(Signed(write_checkpoint(found), "00"))

    lag = SealLag(path)
    known = parse_rfc3339("2026-08-14T08:00:00Z")
    assert lag.late(known, 0) == 0, "nothing was ever sealed here"
    sealed(1, "2026-08-13T18:00:00Z")
    assert [lag.late(known, tick) for tick in (1_000, 5_000)] == [0, 4_000], "counted from when it was first seen"
    sealed(2, "2026-08-14T08:00:01Z")
    assert lag.late(known, 6_000) == 0
    assert [lag.late(known + 5_000, tick) for tick in (7_000, 9_000)] == [0, 2_000]
    sealed(3, "2026-08-14T08:00:02Z")
    assert lag.late(known + 5_000, 10_000) == 0, "a newer checkpoint: what is left waits for the next one"
