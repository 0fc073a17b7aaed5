"""How fast history comes in: from the log to queryable rows, and from files through the log."""

import csv
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from domain.events import decode_event, encode_event
from domain.instants import format_rfc3339
from eventlog.producer import BulkWriter
from ops.bench.history import dossiers_for, simulated
from ops.bench.measure import Measure, rate, spent_by
from ops.bench.place import BenchStack, running, scratch
from ops.importing import import_into_log
from ops.rebuilding import store_client
from producers.log_sink import LogSink
from producers.sink import JsonlSink
from sinks.positions import wait_until

PARTITIONS = 4
PATIENCE = 3600.0
LIMIT = "the worker's processor time alone"
COLUMNS = ("dossier", "unit", "procedure", "channel", "what", "time", "due")
MAPPING = """\
source = "/bench/csv"
[rows]
subject = "dossier"
[times]
formats = ["iso"]
[[event]]
time = "time"
type = { column = "what", map = { accepted = "accepted", step = "step_completed", finished = "finished" } }
[event.data]
unit = "unit"
procedure = "procedure"
channel = "channel"
due_at = "due"
"""
_WORDS = {"dossier.accepted": "accepted", "dossier.step_completed": "step", "dossier.finished": "finished"}


class Loaded(NamedTuple):
    """A stack that has folded simulated events: how many, seconds to the log and to queryable rows, and the
    processor time by part before and after."""

    stack: BenchStack
    events: int
    logged: float
    queryable: float
    cpu_before: Mapping[str, float]
    cpu_after: Mapping[str, float]

    @property
    def worker_cpu(self) -> float:
        """Seconds of processor time in which the worker folded it all."""
        return self.cpu_after["worker"] - self.cpu_before["worker"]


@contextmanager
def loaded_stack(folder: Path, environ: Mapping[str, str], events: int) -> Iterator[Loaded]:
    """A whole stack with about so many simulated events, brought in as one bulk import."""
    with running(folder, environ, "--clock", "log") as stack:
        lines = [(e, encode_event(e)) for e in simulated(dossiers_for(events))]
        before, begun = stack.cpu(), time.monotonic()
        with BulkWriter(stack.kafka, stack.kafka.events, PARTITIONS) as bulk:
            sink = LogSink(bulk)
            for event, encoded in lines:
                sink.add(event, encoded)
            sink.flush()
        logged = time.monotonic() - begun
        wait_until_queryable(stack, sink.ends)
        queryable = time.monotonic() - begun
        yield Loaded(stack, len(lines), logged, queryable, before, stack.cpu())


def measure_end_to_end(environ: Mapping[str, str], events: int) -> list[Measure]:
    """Events a second from the first append to the last queryable row, beside what one worker's processor time
    for the same log allows."""
    with scratch("end-to-end") as folder, loaded_stack(folder, environ, events) as done:
        said = f"{done.events} events of 3 simulated months in one bulk import, whole stack, one worker"
        name = "log to queryable"
        limit = rate(LIMIT, done.events, done.worker_cpu, conditions="a whole core, and nothing else in the way")
        appended = "encoded already, blocks of 500, acknowledged"
        return [
            limit,
            rate("events into the log", done.events, done.logged, conditions=appended),
            rate(name, done.events, done.queryable, conditions=said).against(limit),
            *spent_by(name, done.cpu_before, done.cpu_after, done.events / 1e6, "s per million events", said),
        ]


def measure_import(environ: Mapping[str, str], events: int) -> list[Measure]:
    """JSONL and CSV files: to the log only, and until queryable, beside reading the file alone."""
    with scratch("import") as folder, running(folder / "data", environ, "--clock", "log") as stack:
        mapping = folder / "bench.toml"
        mapping.write_text(MAPPING)
        found: list[Measure] = []
        for kind, given in (("jsonl", None), ("csv", mapping)):
            files = [_file(folder, kind, events, seed) for seed in (1, 2)]
            alone = _read_alone(kind, files[0])
            found.append(alone)
            found.append(_import(stack, kind, files[0], given, wait=False).against(alone))
            _settle(stack)
            found.append(_import(stack, kind, files[1], given, wait=True).against(alone))
            _settle(stack)
        return found


def _import(stack: BenchStack, kind: str, path: Path, mapping: Path | None, *, wait: bool) -> Measure:
    begun = time.monotonic()
    report = import_into_log(stack.settings, kind, [path], mapping, wait=wait)
    seconds = time.monotonic() - begun
    name = f"import {kind} to {'queryable' if wait else 'the log'}"
    return rate(name, report.events, seconds, conditions=f"{report.events} events, {report.rejected} rejected")


def _settle(stack: BenchStack) -> None:
    from eventlog.reader import LogReader

    with LogReader(stack.kafka, stack.kafka.events) as reader:
        wait_until_queryable(stack, reader.end_offsets())


def wait_until_queryable(stack: BenchStack, ends: Mapping[int, int]) -> None:
    """Returns when the log is queryable up to these ends; Unavailable after an hour."""
    with store_client(stack.settings) as client:
        wait_until(client, ends, seconds=PATIENCE)


def _file(folder: Path, kind: str, events: int, seed: int) -> Path:
    """A simulated month as a file; another seed is another province's month."""
    path = folder / f"{kind}-{seed}.{kind}"
    # CSV carries three of the simulator's types, about half of its events.
    wanted = dossiers_for(events if kind == "jsonl" else 2 * events)
    made = simulated(wanted, 1, seed, reference=kind == "jsonl")
    if kind == "jsonl":
        with JsonlSink(path) as sink:
            for event in made:
                sink.add(event, encode_event(event))
        return path
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for event in made:
            if event.type in _WORDS:
                writer.writerow(_row(event.subject, _WORDS[event.type], event.occurred_at, event.data))
    return path


def _row(code: str, word: str, at: int, data: object) -> Sequence[str]:
    fields = [str(getattr(data, name, None) or "") for name in ("unit", "procedure", "channel", "due_at")]
    return (code, fields[0], fields[1], fields[2], word, format_rfc3339(at), fields[3])


def _read_alone(kind: str, path: Path) -> Measure:
    """Reading and decoding the file in this process, nothing else."""
    begun = time.monotonic()
    count = sum(1 for _ in _rows_of(kind, path))
    return rate(f"reading {kind} alone", count, time.monotonic() - begun, conditions="every line decoded")


def _rows_of(kind: str, path: Path) -> Iterable[object]:
    if kind == "jsonl":
        with path.open("rb") as file:
            yield from map(decode_event, file)
    else:
        with path.open(newline="") as file:
            yield from csv.DictReader(file)
