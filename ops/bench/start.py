"""How long a stack takes to be ready and to end, and what its parts hold when nothing happens."""

import time
from collections.abc import Mapping

from ops.bench.measure import Measure
from ops.bench.place import BenchStack, bare_broker, scratch

IDLE_SECONDS = 10.0
BROKER = "start of the broker alone"


def measure_start(environ: Mapping[str, str], idle_seconds: float = IDLE_SECONDS) -> list[Measure]:
    """First and second start, stop, and resident memory by part. Kafka's jars are in the cache already."""
    with scratch("start-broker") as folder:
        with bare_broker(folder, environ):
            pass
        begun = time.monotonic()
        with bare_broker(folder, environ):
            broker = Measure(BROKER, time.monotonic() - begun, "s", conditions="formatted already")
    with scratch("start") as folder:
        stack = BenchStack(folder, environ)
        try:
            first = Measure("first start", stack.start(), "s", conditions="empty data folder, jars in the cache")
            stopped = Measure("stop", stack.stop(), "s", conditions="as Ctrl-C, every part ends in order")
            second = Measure("second start", stack.start(), "s", conditions="same data folder")
            time.sleep(idle_seconds)
            memory = stack.rss()
        finally:
            stack.stop()
    said = f"resident set {idle_seconds:.0f} s after the second start, children included"
    return [
        broker,
        first.against(broker),
        second.against(broker),
        stopped,
        *(Measure(f"memory of {name}", mb, "MB", conditions=said) for name, mb in memory.items() if mb),
        Measure("memory of all parts", sum(memory.values()), "MB", conditions=said),
    ]
