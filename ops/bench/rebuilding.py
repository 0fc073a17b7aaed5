"""How long a rebuild takes: fill, wait, compare, switch; in seconds per million events."""

import time
from collections.abc import Mapping

from domain.errors import Refused
from ops.bench.intake import LIMIT, loaded_stack
from ops.bench.measure import Measure
from ops.bench.place import scratch
from ops.rebuilding import rebuild

UNIT = "s per million events"
_STEPS = (
    ("filling", "fold into the new generation"),
    ("waiting", "until the store has it"),
    ("comparing", "compare every row with the log, switch, drop"),
)


def measure_rebuild(environ: Mapping[str, str], events: int) -> list[Measure]:
    """The whole of `gs766 rebuild` over a loaded stack, its steps, and the worker's own time on that log."""
    with scratch("rebuild") as folder, loaded_stack(folder, environ, events) as done:
        begun = time.monotonic()
        marks: list[tuple[str, float]] = []

        def say(line: str) -> None:
            marks.append((line, time.monotonic() - begun))

        report = rebuild(done.stack.settings, say, lambda *_: None)
        whole = time.monotonic() - begun
        if report.verdict != "holds":
            raise Refused(f"the rebuild that was measured did not hold: {report.reason or report.differences[:3]}")
    count = done.events
    limit = Measure(LIMIT, done.worker_cpu / count * 1e6, UNIT, conditions="folding the same log live")
    said = f"{count} events, the stack answers meanwhile"
    found = [limit, Measure("rebuild", whole / count * 1e6, UNIT, conditions=said).against(limit)]
    return [*found, *steps(marks, whole, count)]


def steps(marks: list[tuple[str, float]], whole: float, events: int) -> list[Measure]:
    """The named steps from what the rebuild said when."""
    starts = [(name, at) for word, name in _STEPS for line, at in marks if line.startswith(word)]
    ends = [at for _, at in starts[1:]] + [whole]
    return [
        Measure(f"rebuild: {name}", (end - at) / events * 1e6, UNIT, conditions=f"{end - at:.1f} s")
        for (name, at), end in zip(starts, ends, strict=True)
    ]
