"""One worker's whole fold over a log of simulated months, beside what nobody can be faster than.

The fold is the product's own: reading, dedupe, state, bookings, cells, conditions, LMDB, acknowledged output. Its
limits in the same process over the same records: reading alone, and decoding alone. Another engine is measured by
adding a function to `CONTENDERS` that folds the same log and returns its figures.
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
from domain.events import decode_event
from domain.instants import DEFAULT_ZONE, zone
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from eventlog.topics import ensure_topics, read_log_id
from ops.bench.history import dossiers_for, past_log, simulated
from ops.bench.measure import Measure, rate
from ops.bench.place import bare_broker, scratch
from stream.driver import fold_to_end
from stream.runner import WorkerConfig

PARTITIONS = 4
READ, DECODE, FOLD = "raw Kafka read", "decode only", "one worker's fold"
PROFILED = 40


@dataclass(frozen=True, slots=True)
class Log:
    """The log that every contender gets: where it is, how many events, up to which offsets."""

    kafka: KafkaConfig
    folder: Path
    """For the contender's state."""
    events: int
    ends: Mapping[int, int]
    conditions: str


Contender = Callable[[Log], list[Measure]]


def measure_stream(
    events: int, environ: Mapping[str, str], profile: Callable[[str], None] | None = None
) -> list[Measure]:
    """All contenders over one log of about so many events. `profile` gets the top functions of one more fold."""
    with _log(events, environ) as log:
        found = [m for contender in CONTENDERS for m in contender(log)]
        if profile is not None:
            profile(_profiled(log))
    return _beside(found)


@contextmanager
def _log(events: int, environ: Mapping[str, str]) -> Iterator[Log]:
    with scratch("stream") as folder, bare_broker(folder, environ) as kafka:
        count, ends = past_log(kafka, simulated(dossiers_for(events)), PARTITIONS)
        ensure_topics(kafka, time.time_ns() // 1_000_000, PARTITIONS)
        conditions = (
            f"{count} events of 3 simulated months in order of arrival, blocks of 200 or one hour, "
            f"{PARTITIONS} partitions, one process, local broker"
        )
        yield Log(kafka, folder / "state", count, ends, conditions)


def read_only(log: Log) -> list[Measure]:
    """Reads all records and looks at nothing."""
    begun = time.perf_counter()
    for _ in _records(log):
        pass
    return [rate(READ, log.events, time.perf_counter() - begun, conditions=log.conditions)]


def decode_only(log: Log) -> list[Measure]:
    """Splits all blocks and decodes all events; the records are in memory already."""
    values = [*_records(log)]
    begun = time.perf_counter()
    for value in values:
        for raw in split_block(value):
            decode_event(raw)
    return [rate(DECODE, log.events, time.perf_counter() - begun, conditions=log.conditions)]


def fold(log: Log, generation: int = 1) -> list[Measure]:
    """The product's fold from an empty state to the log's end."""
    config = WorkerConfig(
        log.kafka,
        log.folder,
        zone(DEFAULT_ZONE),
        generation,
        read_log_id(log.kafka, log.kafka.events),
        PARTITIONS,
    )
    begun, used = time.perf_counter(), time.process_time()
    fold_to_end(config, range(PARTITIONS))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    conditions = f"{log.conditions}; {cpu / seconds:.0%} of a core"
    return [
        rate(FOLD, log.events, seconds, conditions=conditions),
        rate(f"{FOLD}, by CPU time", log.events, cpu, conditions="what other processes take does not count"),
    ]


CONTENDERS: tuple[Contender, ...] = (read_only, decode_only, fold)


def _beside(found: Sequence[Measure]) -> list[Measure]:
    """Every contender beside the slower of the two limits, which is the one that binds."""
    limits = {m.name: m for m in found if m.name in (READ, DECODE)}
    binding = min(limits.values(), key=lambda m: m.value)
    return [m if m.name in limits else m.against(binding) for m in found]


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
