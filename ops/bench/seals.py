"""How fast both logs are sealed and verified, and what one proof among millions costs.

Limits in the same run: reading the log alone, and hashing the leaves alone.
"""

import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from domain.instants import DEFAULT_ZONE, zone
from domain.merkle import Frontier, inclusion_path
from domain.seals import leaf_hashes
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from ops.bench.fold import PARTITIONS, bare_log
from ops.bench.measure import Measure, Spent, latencies, rate, rates
from ops.bench.place import scratch
from ops.cold.exporting import export_log
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.sealer import run
from sinks.sealing.tiles import TreeReader, TreeWriter
from sinks.sealing.verifying import verify

PROOFS = 200
_LOG_ID = bytes(16)


def measure_seals(environ: Mapping[str, str], events: int, leaves: int) -> list[Measure]:
    """Sealing and verifying a log of about so many events; proofs in a tree of `leaves`."""
    with bare_log(events, environ, "not asked for") as log, scratch("seal") as folder:
        found = _limits(log.kafka, log.events, log.conditions)
        config = _config(folder, log.kafka)
        hashed = found[1]
        found += [m.against(hashed) for m in _sealed(config, log.events, log.conditions)]
        found += [m.against(hashed) for m in _verified(config, log.events, log.conditions)]
        found += [m.against(hashed) for m in _cold(config, folder, log.events, log.conditions)]
    with scratch("proofs") as folder:
        found += _proofs(folder, leaves)
    return found


def _config(folder: Path, kafka: KafkaConfig) -> SealConfig:
    nowhere = {"host": "127.0.0.1", "port": 1, "connect_timeout": 1}
    return SealConfig(
        kafka=kafka,
        store=nowhere,
        folder=folder / "seal",
        key_file=folder / "keys" / "signing.json",
        outside=folder / "outside.jsonl",
        zone=zone(DEFAULT_ZONE),
        every_seconds=1.0,
    )


def _limits(kafka: KafkaConfig, events: int, conditions: str) -> list[Measure]:
    begun = time.process_time()
    with LogReader(kafka, kafka.events) as reader:
        values = [r.value for p in range(PARTITIONS) for r in reader.read_range(p, 0)]
    read = rate("reading the log (processor time)", events, time.process_time() - begun, conditions=conditions)
    begun = time.process_time()
    frontier = Frontier()
    for offset, value in enumerate(values):
        frontier.append(leaf_hashes(_LOG_ID, 0, offset, 0, value))
    hashed = rate("leaves and tree alone (processor time)", events, time.process_time() - begun)
    return [read, hashed]


def _sealed(config: SealConfig, events: int, conditions: str) -> list[Measure]:
    """The sealer itself with its start, from nothing to the log's end; it ends by itself then."""
    begun = Spent.since()
    run(config, _Until(config))
    return rates("sealing", events, Spent.since(begun), conditions)


class _Until(threading.Event):
    """Set when the last checkpoint reaches the ends of the log."""

    def __init__(self, config: SealConfig) -> None:
        super().__init__()
        self._file = CheckpointFile(config.checkpoints)
        with LogReader(config.kafka, config.kafka.events) as reader:
            self._ends = reader.end_offsets()
        self._looked = 0.0

    def is_set(self) -> bool:
        """Looks at the chain ten times a second."""
        if time.monotonic() - self._looked < 0.1:
            return False
        self._looked = time.monotonic()
        last = self._file.last()
        heads = (
            {t.partition: t.offset for t in last.checkpoint().trees if t.log == "dossier-events"} if last else {}
        )
        return all(heads.get(p, 0) >= end for p, end in self._ends.items())


def _verified(config: SealConfig, events: int, conditions: str) -> list[Measure]:
    begun = Spent.since()
    report = verify(config, store=False)
    spent = Spent.since(begun)
    if report.verdict != "holds":
        raise AssertionError(f"the log does not verify: {report.differences}")
    return rates("verifying the log", events, spent, conditions)


def _cold(config: SealConfig, folder: Path, events: int, conditions: str) -> list[Measure]:
    """Exporting sealed segments onto a disk, and verifying from them."""
    address = str(folder / "cold")
    begun = time.process_time()
    done = export_log(config.kafka, CheckpointFile(config.checkpoints), address, lambda *_: None)
    exported = time.process_time() - begun
    size = sum(s.bytes for s in done.manifest.segments) / events
    begun = time.process_time()
    report = verify(replace(config, kafka=replace(config.kafka, cold=address, cold_first=True)), store=False)
    seconds = time.process_time() - begun
    if report.verdict != "holds":
        raise AssertionError(f"the cold storage does not verify: {report.differences}")
    said = f"{conditions}, {size:.0f} bytes an event"
    return [
        rate("exporting to cold storage (processor time)", events, exported, conditions=said),
        rate("verifying from cold storage (processor time)", events, seconds, conditions=said),
    ]


def _proofs(folder: Path, leaves: int) -> list[Measure]:
    """Proofs of random leaves in a tree of that size, its files on disk."""
    writer = TreeWriter(folder, Frontier(), 0)
    step = 1 << 16
    for first in range(0, leaves, step):
        count = min(step, leaves - first)
        noise = os.urandom(32 * count)
        writer.append(first, 0, [noise[n : n + 32] for n in range(0, 32 * count, 32)])
    writer.sync()
    writer.close()
    reader = TreeReader(folder)
    taken = []
    for _ in range(PROOFS):
        index = random.randrange(leaves)
        begun = time.perf_counter()
        inclusion_path(reader, index, leaves)
        taken.append(time.perf_counter() - begun)
    reader.close()
    return latencies("proof of one event", taken, (0.5, 0.95, 1.0), f"among {leaves:,} events")
