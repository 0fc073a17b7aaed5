"""Cold storage: verified from its segments, every change in it is found, and Kafka may let go of what it holds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.errors import Refused
from eventlog.archive import MANIFEST, ColdManifest, sha_of
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader, Record
from eventlog.segments import read_segment, segment_file, write_segments
from eventlog.topics import ensure_topics, read_log_id
from ops.backup.logs import RawLog
from ops.cold.exporting import Exported, export_log
from ops.cold.trimming import trim
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.outcome import Report
from sinks.sealing.verifying import verify
from tests.support.sealing import add_dossiers, seal_all, seal_config

NOW = 1_787_000_000_000
FAR = 4_000_000_000_000
PARTITIONS = 2


@pytest.fixture
def config(kafka: KafkaConfig, tmp_path: Path) -> SealConfig:
    """Forty dossiers in the log, sealed; no store."""
    ensure_topics(kafka, NOW, PARTITIONS)
    add_dossiers(kafka, 0, 40, PARTITIONS)
    sealed = seal_config(tmp_path, kafka, {"host": "127.0.0.1", "port": 1})
    seal_all(sealed)
    return sealed


def export(config: SealConfig, address: str) -> Exported:
    """Small segments, so that there are several."""
    return export_log(config.kafka, CheckpointFile(config.checkpoints), address, silent, 4_000)


def silent(*_: object) -> None:
    """Where nobody watches."""


def from_cold(config: SealConfig, address: str) -> SealConfig:
    return replace(config, kafka=replace(config.kafka, cold=address, cold_first=True))


def check(config: SealConfig, address: str) -> Report:
    return verify(from_cold(config, address), store=False)


def whole_log(kafka: KafkaConfig) -> Iterator[Record]:
    for topic in (kafka.events, kafka.alerts):
        with LogReader(kafka, topic) as reader:
            for partition in reader.partitions():
                yield from reader.read_range(partition, 0)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_what_is_exported_verifies_and_grows_by_what_is_new(kind: str, config: SealConfig, tmp_path: Path) -> None:
    address = f"memory://{tmp_path.name}" if kind == "memory" else (tmp_path / "cold").as_uri()
    first = export(config, address)
    assert first.new_segments > PARTITIONS
    report = check(config, address)
    assert (report.verdict, report.differences) == ("holds", [])
    assert report.checked["cold_events"] > 120
    assert export(config, address).new_records == 0
    add_dossiers(config.kafka, 40, 6, PARTITIONS)
    seal_all(config)
    assert 0 < export(config, address).new_records < first.new_records
    found = check(config, address)
    assert found.verdict == "holds"
    assert found.checked["records_in_cold_storage"] > report.checked["records_in_cold_storage"]


def rewrite(folder: Path, change: Any) -> None:
    """Changes the manifest with a checksum that fits."""
    content = json.loads((folder / MANIFEST).read_bytes())
    del content["sha256"]
    change(content)
    (folder / MANIFEST).write_text(json.dumps({**content, "sha256": sha_of(content)}))


def test_every_change_in_cold_storage_is_found(config: SealConfig, tmp_path: Path) -> None:
    folder = tmp_path / "cold"
    export(config, str(folder))
    add_dossiers(config.kafka, 40, 12, PARTITIONS)
    seal_all(config)
    export(config, str(folder))
    manifest = (folder / MANIFEST).read_bytes()
    content = json.loads(manifest)
    del content["sha256"]
    segments = msgspec.convert(content, ColdManifest).segments_of("dossier-events", 0)
    whole = {s.file: (folder / s.file).read_bytes() for s in segments}

    (folder / segments[0].file).write_bytes(whole[segments[0].file][:-40] + bytes(40))
    assert "damaged" in str(check(config, str(folder)).differences[0])
    (folder / segments[0].file).write_bytes(whole[segments[0].file])

    # By somebody who makes segment, sums and manifest anew around one changed record.
    rows = [*read_segment(folder / segments[1].file)]
    rows[0] = msgspec.structs.replace(rows[0], value=(rows[0].value or b"").replace(b"2.000815", b"2.000816"))
    (forged,) = write_segments(folder / "segments", "dossier-events", 0, rows)
    said = msgspec.to_builtins(segment_file(forged, "segments"))
    rewrite(folder, lambda c: c.update(segments=[said if s["file"] == said["file"] else s for s in c["segments"]]))
    report = check(config, str(folder))
    assert (report.verdict, report.differences[0].where) == ("fails", "cold")
    assert report.differences[0].offset == rows[0].offset
    (folder / segments[1].file).write_bytes(whole[segments[1].file])

    (folder / MANIFEST).write_bytes(manifest)
    rewrite(folder, lambda c: c["segments"].remove(msgspec.to_builtins(segments[0])))
    assert "lacks offset 0" in str(check(config, str(folder)).differences[0])
    (folder / MANIFEST).write_text("{}")
    assert check(config, str(folder)).verdict == "fails"
    (folder / MANIFEST).write_bytes(manifest)
    assert check(config, str(folder)).verdict == "holds"


def test_kafka_lets_go_only_of_what_cold_storage_provably_holds_and_nobody_notices(
    config: SealConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "cold"
    with pytest.raises(Refused, match=r"kafka\.cold is not set"):
        trim(config, FAR, silent)
    with_cold = replace(config, kafka=replace(config.kafka, cold=str(folder)))
    with pytest.raises(Refused, match="nothing in the cold storage"):
        trim(with_cold, FAR, silent)
    export(config, str(folder))
    segment = max((folder / "segments").glob("dossier-events-0-*"))
    bytes_ = segment.read_bytes()
    segment.write_bytes(bytes_[:-1])
    with pytest.raises(Refused, match="nothing was deleted"):
        trim(with_cold, FAR, silent)
    segment.write_bytes(bytes_)
    before, log_id = [*whole_log(config.kafka)], read_log_id(config.kafka, config.kafka.events)
    assert trim(with_cold, NOW - 1, silent) == {}, "nothing is that old"

    kept = trim(with_cold, FAR, silent)
    assert min(kept["dossier-events", p] for p in range(PARTITIONS)) > 1
    with pytest.raises(Refused, match="records were deleted"):
        read_log_id(config.kafka, config.kafka.events)
    assert [*whole_log(with_cold.kafka)] == before
    assert read_log_id(with_cold.kafka, config.kafka.events) == log_id
    with RawLog(with_cold.kafka, config.kafka.events) as log:
        assert [row.offset for row in log.rows(0, 0, log.end_offsets()[0])] == [
            r.offset for r in before if r.topic == config.kafka.events and r.partition == 0
        ]
    add_dossiers(config.kafka, 90, 6, PARTITIONS)
    seal_all(with_cold)  # the sealer, too, goes on over the seam
    assert verify(with_cold, store=False).verdict == "holds"
    assert export(with_cold, str(folder)).new_records > 0
    assert check(config, str(folder)).verdict == "holds"
