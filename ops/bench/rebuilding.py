"""How long a rebuild takes: fill, wait, compare, switch; in seconds per million events."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

from domain.errors import Refused
from ops.bench.intake import LIMIT, loaded_stack
from ops.bench.measure import Measure
from ops.bench.place import BenchStack, scratch
from ops.rebuilding import rebuild

UNIT = "s per million events"
_STEPS = (
    ("filling", "fold into the new generation"),
    ("waiting", "until the store has it"),
    ("comparing", "compare every row, switch, drop"),
)


def measure_rebuild(environ: Mapping[str, str], events: int) -> list[Measure]:
    """The whole of `gs766 rebuild` over a loaded stack, its steps, and the worker's own time on that log."""
    with scratch("rebuild") as folder, loaded_stack(folder, environ, events) as done:
        begun = time.monotonic()
        marks: list[Mark] = []

        def say(line: str) -> None:
            here, store = _spent(done.stack)
            if marks:  # a process that has just ended counts nowhere for a moment
                here = max(here, marks[-1].spent[0])
            marks.append(Mark(line, time.monotonic() - begun, (here, store)))

        report = rebuild(done.stack.settings, say, lambda *_: None)
        say("")
        whole = marks[-1].at
        if report.verdict != "holds":
            raise Refused(f"the rebuild that was measured did not hold: {report.reason or report.differences[:3]}")
    count = done.events
    limit = Measure(LIMIT, done.worker_cpu / count * 1e6, UNIT, conditions="folding the same log live")
    said = f"{count} events, the stack answers meanwhile"
    found = [limit, Measure("rebuild", whole / count * 1e6, UNIT, conditions=said).against(limit)]
    return [*found, *steps(marks, count)]


class Mark(NamedTuple):
    """What a rebuild said, seconds after its beginning, and the processor time that was spent by then: in its own
    processes, and in the store."""

    line: str
    at: float
    spent: tuple[float, float]


def _spent(stack: BenchStack) -> tuple[float, float]:
    """Of this process and the folding ones, whether they have ended or not, without the stack's own."""
    times = os.times()
    here = times.user + times.system + times.children_user + times.children_system
    own = stack.process.pid if stack.process is not None else None
    for child in psutil.Process().children():
        if child.pid != own:
            with suppress(psutil.Error):
                here += sum(child.cpu_times()[:2])
    return here, stack.cpu().get("store", 0.0)


def steps(marks: Sequence[Mark], events: int) -> list[Measure]:
    """The named steps from what the rebuild said when; the last mark is its end."""
    starts = [(name, mark) for word, name in _STEPS for mark in marks if mark.line.startswith(word)]
    ends = [mark for _, mark in starts[1:]] + [marks[-1]]
    found = []
    for (name, start), end in zip(starts, ends, strict=True):
        seconds = end.at - start.at
        here, store = (b - a for a, b in zip(start.spent, end.spent, strict=True))
        said = f"{seconds:.1f} s; processor time: {here:.1f} s here, {store:.1f} s in the store"
        found.append(Measure(f"rebuild: {name}", seconds / events * 1e6, UNIT, conditions=said))
    return found
