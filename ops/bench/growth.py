"""Whether cost grows in proportion: one stack that is loaded in three steps, 1 : 5 : 20, and measured after each.

State a dossier, store an event, processor time per million events, and a worker's memory; each beside the same
figure of the first step: a ratio of 1 is proportion.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from domain.events import Event, encode_event
from eventlog.producer import BulkWriter
from ops.bench.history import dossiers_for, simulated
from ops.bench.intake import PARTITIONS, wait_until_queryable
from ops.bench.measure import Measure
from ops.bench.place import BenchStack, running, scratch
from ops.rebuilding import store_client
from producers.log_sink import LogSink

STEPS = (20, 4, 1)
MONTHS = 12
_COUNTED = ("worker", "store", "writer")
_SIZES = (
    "SELECT (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()), "
    "(SELECT uniqExact(dossier_code) FROM dossiers)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """What stood after a step: events so far, in it, and what they cost."""

    events: int
    added: int
    dossiers: int
    state: int
    store: int
    cpu: Mapping[str, float]
    seconds: float
    rss: int
    own: int


def measure_growth(
    environ: Mapping[str, str], events: int, say: Callable[[str], None] = lambda _: None
) -> list[Measure]:
    """The figures after a twentieth, a quarter and all of about so many events of a simulated year;
    those of a step are said when they are known, because the last takes long."""
    source = simulated(dossiers_for(events), MONTHS)
    with scratch("growth") as folder, running(folder, environ, "--clock", "log") as stack:
        steps: list[Step] = []
        for part in STEPS:
            before, begun = stack.cpu(), time.monotonic()
            count = _load(stack, source, events // part - sum(s.added for s in steps))
            spent = time.monotonic() - begun
            steps.append(_measured(stack, folder, count, sum(s.added for s in steps), before, spent))
            for m in _figures(steps[-1], steps[0]):
                say(f"{m.name}: {m.value:,.1f} {m.unit}")
    return [m for step in steps for m in _figures(step, steps[0])]


def _load(stack: BenchStack, source: Iterator[Event], most: int) -> int:
    with BulkWriter(stack.kafka, stack.kafka.events, PARTITIONS) as bulk:
        sink = LogSink(bulk)
        count = 0
        for event in islice(source, max(0, most)):
            sink.add(event, encode_event(event))
            count += 1
        sink.flush()
    wait_until_queryable(stack, sink.ends)
    return count


def _measured(
    stack: BenchStack, folder: Path, count: int, earlier: int, before: Mapping[str, float], seconds: float
) -> Step:
    with store_client(stack.settings) as client:
        [(stored, dossiers)] = client.execute(_SIZES)
    after = stack.cpu()
    state = sum(f.stat().st_blocks * 512 for f in (folder / "state").rglob("data.mdb"))
    rss, own = _memory(stack.stack.parts["worker"].pid)
    cpu = {str(part): after[part] - before.get(part, 0.0) for part in _COUNTED if part in after}
    return Step(earlier + count, count, dossiers, state, stored, cpu, seconds, rss, own)


def _memory(pid: int) -> tuple[int, int]:
    """(resident, of which its own) bytes of a process; the second is the first where the system does not tell."""
    process = psutil.Process(pid)
    found = process.memory_info()
    return found.rss, found.rss - getattr(found, "shared", 0)


def _figures(step: Step, first: Step) -> Iterator[Measure]:
    said = f"{step.dossiers:,} dossiers; the last {step.added:,} events are counted"
    each = 1e6 / step.added, 1e6 / first.added
    for name, unit, value, beside in (
        ("state a dossier", "bytes", step.state / step.dossiers, first.state / first.dossiers),
        ("store an event", "bytes", step.store / step.events, first.store / first.events),
        *(
            (f"CPU of the {part}", "s per million events", spent * each[0], first.cpu[part] * each[1])
            for part, spent in step.cpu.items()
        ),
        (
            "by the clock, with making them",
            "s per million events",
            step.seconds * each[0],
            first.seconds * each[1],
        ),
        ("worker's memory", "MB", step.rss / 1e6, None),
        ("of which its own", "MB", step.own / 1e6, None),
    ):
        found = Measure(f"{step.events:,} events: {name}", value, unit, conditions=said)
        if step is not first and beside:
            found = found.against(Measure(f"{first.events:,} events: {name}", beside, unit))
        yield found
