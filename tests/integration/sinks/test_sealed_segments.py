"""Changes made directly in Kafka's segment files are found and named."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Refused
from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from ops.kafka_local import local_broker
from sinks.sealing.sealer import run as run_sealer
from sinks.sealing.verifying import verify
from tests.support.sealing import add_dossiers, seal_all, seal_config
from tests.support.segment_files import Batch, read_batches, write_batches

Attack = Callable[[list[Batch]], list[Batch]]
ATTACKS: dict[str, Attack] = {
    "edited": lambda b: [*b[:3], b[3].edited(b"H44.100", b"H44.101"), *b[4:]],
    "deleted": lambda b: [*b[:3], *b[4:]],
    "inserted": lambda b: [*b[:3], b[1].edited(b"H44.100", b"H44.101"), *b[3:]],
    "replayed": lambda b: [*b[:3], b[1], *b[3:]],
    "reordered": lambda b: [*b[:3], b[4], b[3], *b[5:]],
    "cut short": lambda b: b[:3],
    "tail rewritten": lambda b: [*b[:3], *[x.edited(b"H44.100", b"H44.102") for x in b[3:]]],
    "headers changed": lambda b: [*b[:3], b[3].edited(b"import", b"inport"), *b[4:]],
    "known earlier": lambda b: [*b[:3], b[3].appended(-86_400_000), *b[4:]],
}
"""Each is done to a partition of its own, in its order."""


def segment(data: Path, partition: int) -> Path:
    """The one segment of a partition of the log."""
    (found,) = data.rglob(f"dossier-events-{partition}/*.log")
    return found


def test_every_change_in_the_segments_is_found_and_named_and_none_is_sealed_over(tmp_path: Path) -> None:
    places = {}
    with local_broker(tmp_path / "broker", environ=os.environ) as broker:
        kafka = KafkaConfig(broker.bootstrap)
        ensure_topics(kafka, 1_787_000_000_000, len(ATTACKS))
        for first in range(0, 420, 70):
            add_dossiers(kafka, first, 70, len(ATTACKS))
        config = seal_config(tmp_path, kafka, {"host": "127.0.0.1", "port": 1})
        seal_all(config)
        assert verify(config, store=False).verdict == "holds"
    for partition, (name, attack) in enumerate(ATTACKS.items()):
        path = segment(tmp_path / "broker", partition)
        batches = read_batches(path)
        assert len(batches) > 5, name
        places[partition] = name, batches[3].base
        write_batches(path, attack(batches))
    with local_broker(tmp_path / "broker", environ=os.environ) as broker:
        there = replace(config, kafka=KafkaConfig(broker.bootstrap))
        report = verify(there, store=False)
        told = [d for d in report.differences if (d.where, d.log) == ("kafka", "dossier-events")]
        named = {d.partition: d for d in reversed(told)}
        for partition, (name, offset) in places.items():
            assert partition in named, name
            at = named[partition].offset
            assert at is not None, name
            if name == "headers changed":  # sealed by stretches: from one checkpoint to the next
                assert "another key, header" in named[partition].what
                assert at <= offset, named[partition]
                continue
            assert offset <= at <= offset + 1, (name, named[partition])
        with pytest.raises(Refused, match=r"was changed|cut short"):
            run_sealer(there, threading.Event())
        # With all keys and a new folder a chain over what stands there now can be signed: outside, it is a fork.
        shutil.rmtree(config.folder)
        seal_all(replace(there, outside=tmp_path / "new.jsonl"))
        forked = verify(there, store=False)
        assert (forked.verdict, forked.differences[0].where) == ("fails", "outside")
