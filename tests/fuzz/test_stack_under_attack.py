"""A whole stack under malformed input by every way in: nothing good is lost, nothing bad is silent, nothing ends.

`python -m tests.fuzz.run` sends 100,000 inputs to a stack of its own and measures growth.
"""

from pathlib import Path

import pytest

from tests.fuzz.run import GROWTH as BY_ROUNDS
from tests.fuzz.run import grown
from tests.support.attack import Attack, health_is_not_red, processes
from tests.support.effort import times
from tests.support.stack import RunningStack

GROWTH = 600 * 1024 * 1024
"""A part may grow by its caches and by one batch of giant records, not by what it was sent."""


@pytest.mark.timeout(3600)
def test_a_stack_under_attack_keeps_all_that_is_good_and_names_all_that_is_bad(
    stack: RunningStack, tmp_path: Path
) -> None:
    before = processes(stack)
    attack = Attack(stack, tmp_path)
    attack.run(times(2_000))
    numbers = attack.check()
    after = processes(stack)
    print(numbers, {name: f"{before[name][1] >> 20}→{after[name][1] >> 20} MiB" for name in before})
    assert {name: pid for name, (pid, _) in after.items()} == {name: pid for name, (pid, _) in before.items()}
    for name, (_, size) in after.items():
        assert size - before[name][1] < GROWTH, name
    health_is_not_red(stack)
    assert stack.json("reconcile")["verdict"] == "holds"


def test_growth_is_told_from_caches_that_come_and_go() -> None:
    store = (518, 552, 463, 584, 588, 720, 708, 572, 556, 678)
    rounds = [{"store": size, "leaking": 100 + 10 * n} for n, size in enumerate(store)]
    found = grown(rounds)
    assert found["store"] < BY_ROUNDS < found["leaking"]
    assert grown(rounds[:5]) == {}, "too few to tell"
