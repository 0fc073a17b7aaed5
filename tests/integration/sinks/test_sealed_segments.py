"""Changes made directly in Kafka's segment files are found and named."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client
from msgspec import UNSET, structs

from domain.errors import Refused
from domain.seals import NO_LABELS, TreeHead
from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from ops.kafka_local import local_broker
from sinks.sealing.sealer import run as run_sealer
from sinks.sealing.state import Place, SealedPartition
from sinks.sealing.verifying import verify
from tests.support.sealing import add_dossiers, fill, seal_all, seal_config
from tests.support.segment_files import Batch, read_batches, write_batches

OF_OLD = "headers changed here and in the store, of a record sealed before headers were"
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
    "headers changed here and in the store": lambda b: [*b[:3], b[3].edited(b"import", b"inport"), *b[4:]],
    OF_OLD: lambda b: [b[0], b[1].edited(b"import", b"inport"), *b[2:]],
}
"""Each is done to a partition of its own, in its order."""


def segment(data: Path, partition: int) -> Path:
    """The one segment of a partition of the log."""
    (found,) = data.rglob(f"dossier-events-{partition}/*.log")
    return found


def by_an_earlier_release(monkeypatch: pytest.MonkeyPatch, partition: int) -> None:
    """Seals of one partition tell nothing of what stands beside its records, nor does the sealer's own state."""
    head, placed = SealedPartition.head, SealedPartition.placed

    def plain_head(self: SealedPartition) -> TreeHead:
        found = head(self)
        mine = self.key == ("dossier-events", partition)
        return structs.replace(found, labels=UNSET, labels_from=UNSET) if mine else found

    def plain_place(self: SealedPartition) -> Place:
        found = placed(self)
        mine = self.key == ("dossier-events", partition)
        return structs.replace(found, labels=NO_LABELS, labels_from=None) if mine else found

    monkeypatch.setattr(SealedPartition, "head", plain_head)
    monkeypatch.setattr(SealedPartition, "placed", plain_place)


def test_every_change_in_the_segments_is_found_and_named_and_none_is_sealed_over(
    tmp_path: Path, store_address: dict[str, Any], database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {}
    old = len(ATTACKS) - 1
    with local_broker(tmp_path / "broker", environ=os.environ) as broker:
        kafka = KafkaConfig(broker.bootstrap)
        ensure_topics(kafka, 1_787_000_000_000, len(ATTACKS))
        config = seal_config(tmp_path, kafka, store_address, database)
        for first in range(0, 420, 70):
            add_dossiers(kafka, first, 70, len(ATTACKS))
            if first == 140:
                with monkeypatch.context() as patched:
                    by_an_earlier_release(patched, old)
                    seal_all(config)
        seal_all(config)
        fill(config, client)
        whole = verify(config)
        assert (whole.verdict, whole.differences) == ("holds", [])
        (early,) = whole.not_covered
        assert (early.log, early.partition) == ("dossier-events", old)
        unsealed = early.until or 0
        assert unsealed > 0
    for partition, (name, attack) in enumerate(ATTACKS.items()):
        path = segment(tmp_path / "broker", partition)
        batches = read_batches(path)
        assert len(batches) > 5, name
        places[partition] = name, batches[3].base
        write_batches(path, attack(batches))
        if "in the store" in name:
            offset = batches[1 if name == OF_OLD else 3].base
            assert name != OF_OLD or offset < unsealed
            place = f"topic = 'dossier-events' AND partition = {partition} AND offset = {offset}"
            sql = f"ALTER TABLE records UPDATE origin = 'inport' WHERE {place} AND origin = 'import'"
            client.execute(sql, settings={"mutations_sync": 2})
            assert client.execute(f"SELECT DISTINCT toString(origin) FROM records WHERE {place}") == [("inport",)]
    with local_broker(tmp_path / "broker", environ=os.environ) as broker:
        there = replace(config, kafka=KafkaConfig(broker.bootstrap))
        report = verify(there)
        told = [d for d in report.differences if d.log == "dossier-events"]
        named = {d.partition: d for d in reversed(told) if d.where == "kafka"}
        for partition, (name, first) in places.items():
            if name == OF_OLD:  # said to be under no seal, and its bytes are as they were
                assert partition not in {d.partition for d in told}, name
                continue
            assert partition in named, name
            at = named[partition].offset
            assert at is not None, name
            if name.startswith("headers changed"):  # sealed by stretches: from one checkpoint to the next
                assert "another key, header" in named[partition].what
                assert at <= first, named[partition]
                both = {d.where for d in told if d.partition == partition and "checkpoint" in d.what}
                assert both == ({"kafka", "records"} if "in the store" in name else {"kafka"}), name
                continue
            assert first <= at <= first + 1, (name, named[partition])
        assert [(n.partition, n.until) for n in report.not_covered] == [(old, unsealed)]
        with pytest.raises(Refused, match=r"was changed|cut short"):
            run_sealer(there, threading.Event())
        # With all keys and a new folder a chain over what stands there now can be signed: outside, it is a fork.
        shutil.rmtree(config.folder)
        seal_all(replace(there, outside=tmp_path / "new.jsonl"))
        forked = verify(there, store=False)
        assert (forked.verdict, forked.differences[0].where) == ("fails", "outside")
