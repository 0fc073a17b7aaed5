"""`python -m tests.fuzz.run`: malformed input by every way in upon a stack of its own, round after round; a table.

    --inputs N     how many in all (100,000), a third each by HTTP, by files and straight into the topic
    --rounds N     in so many rounds (10); after each the memory of every part is taken

Exit 0 when each input was answered or dead-lettered with a reason, nothing was answered 500 or above, no part
ended, every good event between them is queryable, `reconcile` holds, and no part's memory grew round by round.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from ops.lifeline import unwound_by_signals
from tests.support.attack import Attack, health_is_not_red, processes
from tests.support.stack import RunningStack

CLOCK = "2026-09-01T00:00:00+07:00"
GROWTH = 0.15
"""So far above the middle third of the rounds a part's memory may lie in the last one, by medians: caches of
records and merges of the store come and go. What keeps its input, and doubles over all rounds, comes to 0.2."""


NOISE = {"store": 384}
"""MiB that a part's median may move by itself: the store merges records of 2 MB, more the more there are."""


def too_large(rounds: list[dict[str, int]]) -> dict[str, float]:
    """The parts whose memory grew, and by which share."""
    return {
        part: round(share, 2)
        for part, share in grown(rounds).items()
        if share > GROWTH and share * max(r[part] for r in rounds) > NOISE.get(part, 0)
    }


def grown(rounds: list[dict[str, int]]) -> dict[str, float]:
    """By part: its median size in the last third of the rounds over that in the middle one, minus 1. Fewer than
    six rounds tell nothing."""
    third = len(rounds) // 3
    if third < 2:
        return {}
    last, middle = rounds[-third:], rounds[-2 * third : -third]
    return {part: median(r[part] for r in last) / median(r[part] for r in middle) - 1 for part in rounds[0]}


def attack(stack: RunningStack, inputs: int, rounds: int, folder: Path) -> dict[str, Any]:
    """All rounds and the judgement; raises AssertionError with what does not hold."""
    before = {name: pid for name, (pid, _) in processes(stack).items()}
    attacker, sizes = Attack(stack, folder), []
    for number in range(rounds):
        attacker.run(inputs // rounds + (number < inputs % rounds))
        stack.settle()
        sizes.append({name: size >> 20 for name, (_, size) in processes(stack).items()})
        print(attacker.inputs, "inputs;", *(f"{n} {s}" for n, s in sizes[-1].items()), "MiB", file=sys.stderr)
    numbers: dict[str, Any] = attacker.check()
    assert attacker.inputs >= inputs, (attacker.inputs, inputs)
    health_is_not_red(stack)
    reconciled = stack.json("reconcile", seconds=900)
    assert reconciled["verdict"] == "holds", reconciled
    after = {name: pid for name, (pid, _) in processes(stack).items()}
    assert after == before, f"parts ended: {before} → {after}"
    growth, too_much = grown(sizes), too_large(sizes)
    assert not too_much, f"memory grows from round to round: {too_much}; MiB by round: {sizes}"
    return numbers | {
        "inputs": attacker.inputs,
        "MiB": sizes,
        "growth": {part: round(share, 3) for part, share in growth.items()},
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    report: dict[str, Any] = {"held": False}
    with tempfile.TemporaryDirectory(prefix="gs766-fuzz-") as folder:
        stack = RunningStack(Path(folder) / "data", "--clock", CLOCK)
        try:
            report |= attack(stack.start(), given.inputs, given.rounds, Path(folder)) | {"held": True}
        except AssertionError as error:
            report["why"] = str(error)[:2000]
        finally:
            stack.stop()
    print(json.dumps(report))
    return 0 if report["held"] else 1


if __name__ == "__main__":
    with unwound_by_signals():
        code = main()
    sys.exit(code)
