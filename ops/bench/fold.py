"""One worker's whole fold over a log of simulated months, beside what nobody can be faster than.

The fold is the product's own: reading, dedupe, state, bookings, cells, conditions, LMDB, acknowledged output. Its
limits in the same process over the same records: reading alone, and decoding alone. Beside it, the same fold in
other engines (`ops/bench/peers`), from the same broker, with what they need to keep state. Another one is measured
by adding a function to `CONTENDERS` that folds the same log and returns its figures.
"""

import cProfile
import io
import pstats
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from domain.blocks import split_block
from domain.event_types import BROADCAST_TYPES
from domain.events import decode_event, encode_event
from domain.instants import DEFAULT_ZONE, zone
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.reader import LogReader
from eventlog.topics import ensure_topics, read_log_id
from ops.bench.history import dossiers_for, past_log, simulated
from ops.bench.measure import Measure, rate
from ops.bench.peers.contest import contest, missing
from ops.bench.peers.environment import install, interpreter
from ops.bench.place import bare_broker, scratch
from stream.driver import fold_to_end
from stream.runner import WorkerConfig

PARTITIONS = 4
READ, DECODE, FOLD = "raw Kafka read", "decode only", "one worker's fold"
BY_CPU = ", by CPU time"
IMPORTED = ", as an import"
"""The same events through the bulk path, which puts stretches of them in order of subject."""
PROFILED = 40


@dataclass(frozen=True, slots=True)
class Log:
    """The log that every contender gets: where it is, how many events, up to which offsets."""

    kafka: KafkaConfig
    folder: Path
    """For the contender's state."""
    wanted: int
    """For how many events the simulator was asked; `events` is how many it gave."""
    events: int
    ends: Mapping[int, int]
    conditions: str
    peers: Path | str
    """The Python of the peers' environment, or why they are not measured."""


Contender = Callable[[Log], list[Measure]]


def measure_stream(
    events: int,
    environ: Mapping[str, str],
    profile: Callable[[str], None] | None = None,
    peers: Callable[[str], None] | None = None,
) -> list[Measure]:
    """All contenders over one log of about so many events. `profile` gets the top functions of one more fold;
    `peers` hears that the peers' environment is being installed where it is missing (None: it is not)."""
    python = interpreter(environ) if peers is None else install(environ, peers)
    with bare_log(events, environ, python or "they are not installed: gs766 bench stream --peers") as log:
        found = [m for contender in CONTENDERS for m in contender(log)]
        if profile is not None:
            profile(_profiled(log))
    return _beside(found)


@contextmanager
def bare_log(events: int, environ: Mapping[str, str], peers: Path | str) -> Iterator[Log]:
    with scratch("stream") as folder, bare_broker(folder, environ) as kafka:
        count, ends = past_log(kafka, simulated(dossiers_for(events)), PARTITIONS)
        ensure_topics(kafka, time.time_ns() // 1_000_000, PARTITIONS)
        conditions = (
            f"{count} events of 3 simulated months in order of arrival, blocks of 200 or one hour, "
            f"{PARTITIONS} partitions, one process, local broker"
        )
        yield Log(kafka, folder / "state", events, count, ends, conditions, peers)


def read_only(log: Log) -> list[Measure]:
    """Reads all records and looks at nothing."""
    begun = time.process_time()
    for _ in _records(log):
        pass
    return [rate(READ, log.events, time.process_time() - begun, conditions=f"{log.conditions}; by CPU time")]


def decode_only(log: Log) -> list[Measure]:
    """Splits all blocks and decodes all events; the records are in memory already."""
    values = [*_records(log)]
    begun = time.process_time()
    for value in values:
        for raw in split_block(value):
            decode_event(raw)
    return [rate(DECODE, log.events, time.process_time() - begun, conditions=f"{log.conditions}; by CPU time")]


def fold(log: Log, generation: int = 1) -> list[Measure]:
    """The product's fold from an empty state to the log's end."""
    return _folded(log.kafka, log, generation, "", log.conditions)


def fold_import(log: Log) -> list[Measure]:
    """The product's fold of the same events written as an import: a block holds many events of one subject."""
    kafka = replace(log.kafka, prefix="imported-")
    ensure_topics(kafka, time.time_ns() // 1_000_000, PARTITIONS)
    with BulkWriter(kafka, kafka.events, PARTITIONS) as writer:
        for event in simulated(dossiers_for(log.wanted)):
            if event.type in BROADCAST_TYPES:
                writer.broadcast(encode_event(event))
            else:
                writer.add(event.subject, encode_event(event))
    conditions = "the same events in blocks of 500, stretches of 5,000 a partition in order of subject"
    return _folded(kafka, log, 3, IMPORTED, conditions)


def _folded(kafka: KafkaConfig, log: Log, generation: int, how: str, conditions: str) -> list[Measure]:
    log_id = read_log_id(kafka, kafka.events)
    config = WorkerConfig(kafka, log.folder, zone(DEFAULT_ZONE), generation, log_id, PARTITIONS)
    begun, used = time.perf_counter(), time.process_time()
    fold_to_end(config, range(PARTITIONS))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    said = f"{conditions}; {cpu / seconds:.0%} of a core"
    return [
        rate(f"{FOLD}{how}", log.events, seconds, conditions=said),
        rate(f"{FOLD}{how}{BY_CPU}", log.events, cpu, conditions="what other processes take does not count"),
    ]


def peers(log: Log) -> list[Measure]:
    """The same fold in other engines, after the product's."""
    if isinstance(log.peers, str):
        return missing(log.peers)
    log_id = read_log_id(log.kafka, log.kafka.events)
    return contest(log.peers, log.kafka, log.folder, log_id, dict(log.ends), log.events)


CONTENDERS: tuple[Contender, ...] = (read_only, decode_only, fold, fold_import, peers)


def _beside(found: Sequence[Measure]) -> list[Measure]:
    """The product's fold beside the slower of the two limits, which is the one that binds; a peer's figures
    beside the product's (a ratio below 1: the product is faster)."""
    limits = [m for m in found if m.name in (READ, DECODE)]
    binding = min(limits, key=lambda m: m.value or 0.0)
    ours = {m.name.removeprefix(FOLD): m for m in found if m.name.startswith(FOLD)}
    return [m if m in limits else m.against(binding if m in ours.values() else _ours(m, ours)) for m in found]


def _ours(peer: Measure, ours: Mapping[str, Measure]) -> Measure:
    return ours[BY_CPU if peer.name.endswith(BY_CPU) else ""]


def _records(log: Log) -> list[bytes]:
    values: list[bytes] = []
    with closing(LogReader(log.kafka, log.kafka.events)) as reader:
        for partition, end in sorted(log.ends.items()):
            position = 0
            while position < end:
                for record in reader.read_slice({partition: position}):
                    values.append(record.value)
                    position = record.offset + 1
    return values


def _profiled(log: Log) -> str:
    """The functions in which one more fold (into a generation of its own) spends its own time."""
    profiler = cProfile.Profile()
    profiler.runcall(fold, replace(log), 2)
    out = io.StringIO()
    stats = pstats.Stats(profiler, stream=out)
    stats.strip_dirs().sort_stats("tottime").print_stats(PROFILED)
    stats.sort_stats("cumulative").print_stats(PROFILED)
    return out.getvalue()
