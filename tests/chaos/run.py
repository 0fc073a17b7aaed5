"""`python -m tests.chaos.run`: faults upon a loaded stack, one after the other, then the judgement and a table.

    --list LIST    each fault of it once: small (a minute and a half), workers (rebalances), long (all there are)
    --seconds N    instead draw faults for about so long, two at a time now and then
    --rate N       events a second (300)
    --only TEXT    only faults whose name matches this pattern
    --seed N       another order

Exit 0 when everything held, and every part had recovered in time. It enters namespaces of its own where that is
permitted, needs nobody while it runs, and ends: a fault after which the stack comes back too late is told and the
next one follows; one after which it does not come back at all is the last.
"""

import argparse
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ops.lifeline import unwound_by_signals
from tests.chaos import checker
from tests.chaos.faults import LONG, SMALL, TWO_WORKERS, Fault
from tests.chaos.load import Load
from tests.chaos.machine import ALONE, alone, free_memory
from tests.chaos.place import START, Place
from tests.support.stack import RunningStack
from tests.support.waiting import until

PATIENCE = 30.0 * float(os.environ.get("CHAOS_PATIENCE", "1"))
"""Every part must have recovered so long after its fault is over; more on a machine that others use too."""
BEHIND = 2 * PATIENCE
"""What had come in by then must be queryable: on a busy machine the load itself keeps it waiting."""
LOST = 10 * PATIENCE
"""A stack that has not come back by then will not."""
LEAST_MEMORY = 2 << 30
"""The disks stand in memory: below this no further fault is begun, and what was sent is judged."""


@dataclass(slots=True)
class Outcome:
    """One fault and how long after it everything was well again, in seconds."""

    fault: str
    intake: float | None = None
    queryable: float | None = None
    not_red: float | None = None
    reasons: dict[str, float] = field(default_factory=dict)
    """Each part of health that was red afterwards, and until when."""
    skipped: str = ""
    failed: str = ""
    late: list[str] = field(default_factory=list)
    """What came, but not in time."""


@dataclass(slots=True)
class Chaos:
    """One run over one place."""

    place: Place
    load: Load
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, faults: Iterator[tuple[Fault, ...]]) -> None:
        """All faults; a fault from which the stack does not recover at all ends the run."""
        for together in faults:
            if free_memory() < LEAST_MEMORY:
                tell("too little memory is left for the disks: no further fault")
                return
            outcome = Outcome(" and ".join(fault.name for fault in together))
            self.outcomes.append(outcome)
            missing = [self.place.machine.missing.get(f.needs, "") for f in together if f.needs]
            if any(missing):
                outcome.skipped = next(filter(None, missing))
                continue
            tell(f"{outcome.fault}")
            try:
                self._one(together, outcome)
            except Exception as error:
                outcome.failed = str(error) or traceback.format_exc()
                raise
            tell(
                f"  intake {outcome.intake:.1f} s, queryable {outcome.queryable:.1f} s, "
                f"not red {outcome.not_red:.1f} s {outcome.reasons or ''} {'; '.join(outcome.late)}; "
                f"{dict(self.load.answers)}"
            )

    def _one(self, together: Sequence[Fault], outcome: Outcome) -> None:
        self.load.reasons.clear()
        for fault in together:
            fault.inject(self.place)
        begun = time.monotonic()
        for fault in together:
            time.sleep(max(0.0, begun + fault.hold - time.monotonic()))
            if len(together) == 1:
                try:
                    self._while_it_lasts(fault, begun)
                except AssertionError as error:
                    outcome.late.append(str(error))
        for fault in together:
            fault.heal(self.place)
        healed = time.monotonic()
        self._in_time(outcome, lambda: self.load.acks_after(healed), "the intake to take events again")
        outcome.intake = self.load.last_ack - healed
        ends = until(self.place.ends, "Kafka to answer", LOST)
        self._in_time(outcome, lambda: self._not_red(outcome, healed), "health not to be red", healed)
        outcome.not_red = time.monotonic() - healed
        self._in_time(outcome, lambda: self.place.reaches(ends), "what was logged to be queryable", healed, BEHIND)
        outcome.queryable = time.monotonic() - healed
        assert not self.load.wrong, self.load.wrong[:3]

    def _in_time(
        self,
        outcome: Outcome,
        condition: Callable[[], bool],
        what: str,
        since: float | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Waits until something is so again; notes when that took longer than it may."""
        begun = since or time.monotonic()
        until(condition, what, LOST)
        took = time.monotonic() - begun
        if took > patience:
            outcome.late.append(f"{what}: {took:.0f} s, {patience:.0f} allowed")

    def _not_red(self, outcome: Outcome, healed: float) -> bool:
        """Whether health is no longer red; notes what still is."""
        health = self.place.health()
        parts = {"the API": {"status": "red"}} if not health else health["parts"]
        for name, part in parts.items():
            if part["status"] == "red":
                outcome.reasons[name] = round(time.monotonic() - healed, 1)
        return health.get("status") in ("green", "amber")

    def _while_it_lasts(self, fault: Fault, begun: float) -> None:
        shows = fault.shows
        if shows is not None:
            until(lambda: shows(self.place, self.load.reasons), f"{fault.name} to show", PATIENCE)
        if fault.mild:
            until(lambda: self.load.acks_after(begun), f"the intake to go on during {fault.name}", PATIENCE)


def drawn(seconds: float, seed: int) -> Iterator[tuple[Fault, ...]]:
    """Faults for about so long: each once, then by chance, every fourth time two together."""
    r, end = random.Random(seed), time.monotonic() + seconds
    bag = list(LONG)
    r.shuffle(bag)
    while time.monotonic() < end:
        for fault in TWO_WORKERS:
            yield (fault,)
        for number in range(12):
            if time.monotonic() > end:
                return
            if not bag:
                bag = r.sample(LONG, len(LONG))
            fault = bag.pop()
            other = r.choice(LONG) if number % 4 == 3 else None
            if other is None or other.name.split()[-1] in fault.name or "disk full" in other.name:
                yield (fault,)
            else:
                yield fault, other


SLOWEST = 1_000.0
"""Events a second that a judgement gets through at least."""


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """Seconds after the end of each fault, as a person reads them."""
    yield f"{'fault':<60} {'intake':>8} {'not red':>8} {'queryable':>10}"
    for fault in report.get("faults", []):
        times = (fault["intake"], fault["not_red"], fault["queryable"])
        shown = " ".join(f"{'–' if t is None else format(t, '.1f'):>8}" for t in times)
        yield f"{fault['fault']:<60} {shown}   {fault['skipped']}{fault['failed']}{'; '.join(fault['late'])}"


def tell(text: str) -> None:
    """Progress, for a person."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def judge(place: Place, load: Load, folder: Path) -> dict[str, Any]:
    """Everything against what was acknowledged, and the figures against those of a stack without faults."""
    patience = LOST + load.acknowledged / SLOWEST
    place.settle(patience)
    numbers: dict[str, Any] = checker.check(place, load.events, patience)
    found = checker.figures(place)
    place.end()
    twin = RunningStack(folder / "twin", *place.options)
    try:
        checker.load_twin(twin.start(START), load.events(), patience)
        expected = checker.figures(twin)
    finally:
        twin.stop()
    for name, value in expected.items():
        assert found[name] == value, f"{name} differs from that of a run without faults"
    return numbers


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", choices=("small", "workers", "long"), default="small")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if not os.environ.get(ALONE):
        command, why = alone([sys.executable, "-m", "tests.chaos.run", *sys.argv[1:]])
        if not why:
            os.execvp(command[0], command)
        tell(f"disk, mount and network faults are left out: {why}")
    folder = given.folder or Path(tempfile.mkdtemp(prefix="gs766-chaos-"))
    place = Place(folder)
    chosen = {"small": SMALL, "workers": TWO_WORKERS, "long": (*TWO_WORKERS, *LONG)}[given.list]
    faults = (
        drawn(given.seconds, given.seed)
        if given.seconds
        else ((f,) for f in chosen if re.search(given.only, f.name))
    )
    report: dict[str, Any] = {"held": False}
    try:
        place.begin()
        load = Load(place, given.rate).start()
        chaos = Chaos(place, load)
        begun = time.monotonic()
        try:
            chaos.run(faults)
        finally:
            report["seconds"] = round(time.monotonic() - begun, 1)
            report["faults"] = [asdict(outcome) for outcome in chaos.outcomes]
            report["answers"] = dict(load.answers)
        load.stop(LOST)
        assert not load.wrong, load.wrong[:3]
        report["rate"] = round(load.acknowledged / (time.monotonic() - begun), 1)
        report |= judge(place, load, folder)
        late = [f"{outcome.fault}: {what}" for outcome in chaos.outcomes for what in outcome.late]
        assert not late, late
        report["held"] = True
    except Exception as error:  # whatever it is, the table is printed
        report["why"] = (str(error) or traceback.format_exc())[:2000]
    finally:
        place.end()
        if given.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(*table(report), sep="\n", file=sys.stderr)
    print(json.dumps(report))
    return 0 if report["held"] else 1


if __name__ == "__main__":
    with unwound_by_signals():
        code = main()
    sys.exit(code)
