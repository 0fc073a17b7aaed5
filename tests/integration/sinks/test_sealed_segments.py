"""Changes made directly in Kafka's segment files are found and named."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from ops.kafka_local import local_broker
from sinks.sealing.config import SealConfig
from sinks.sealing.verifying import verify
from tests.support.sealing import add_dossiers, seal_all, seal_config
from tests.support.segment_files import Batch, read_batches, write_batches

Attack = Callable[[list[Batch]], list[Batch]]
ATTACKS: dict[str, Attack] = {
    "edited": lambda b: [*b[:3], b[3].edited(b"H44.100", b"H44.101"), *b[4:]],
    "deleted": lambda b: [*b[:3], *b[4:]],
    "inserted": lambda b: [*b[:3], b[1], *b[3:]],
    "reordered": lambda b: [*b[:3], b[4], b[3], *b[5:]],
    "cut short": lambda b: b[:3],
    "tail rewritten": lambda b: [*b[:3], *[x.edited(b"H44.100", b"H44.102") for x in b[3:]]],
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SealConfig, int]:
    """A stopped broker's folder with a sealed log, the seals, and the offset of its fourth batch."""
    folder = tmp_path_factory.mktemp("sealed")
    with local_broker(folder / "broker", environ=os.environ) as broker:
        kafka = KafkaConfig(broker.bootstrap)
        ensure_topics(kafka, 1_787_000_000_000, 1)
        for first in range(0, 60, 6):
            add_dossiers(kafka, first, 6, 1)
        config = seal_config(folder, kafka, {"host": "127.0.0.1", "port": 1})
        seal_all(config)
    return folder, config, read_batches(segment(folder / "broker"))[3].base


def segment(data: Path) -> Path:
    """The one segment of the log's only partition."""
    (found,) = data.rglob("dossier-events-0/*.log")
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_a_change_in_the_segments_is_found_and_named(
    name: str, sealed: tuple[Path, SealConfig, int], tmp_path: Path
) -> None:
    folder, config, offset = sealed
    shutil.copytree(folder / "broker", tmp_path / "broker")
    path = segment(tmp_path / "broker")
    write_batches(path, ATTACKS[name](read_batches(path)))
    with local_broker(tmp_path / "broker", environ=os.environ) as broker:
        report = verify(replace(config, kafka=KafkaConfig(broker.bootstrap)), store=False)
    assert report.verdict == "fails"
    found = report.differences[0]
    assert (found.where, found.log, found.partition) == ("kafka", "dossier-events", 0)
    assert found.offset is not None
    assert found.offset <= offset + 1
