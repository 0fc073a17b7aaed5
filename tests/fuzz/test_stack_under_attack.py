"""A whole stack under malformed input by every way in: nothing good is lost, nothing bad is silent, nothing ends.

`python -m tests.fuzz.run` sends 100,000 inputs to a stack of its own and measures growth.
"""

from pathlib import Path

import pytest

from tests.fuzz.run import too_large
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
    store = (210, 307, 337, 300, 242, 338, 372, 449, 497, 574)
    rounds = [{"store": size, "api": 100 + 10 * n, "writer": 190} for n, size in enumerate(store)]
    assert too_large(rounds).keys() == {"api"}
    assert too_large([{"store": 2 * size + 400 * n} for n, size in enumerate(store)])
    assert too_large(rounds[:5]) == {}, "too few to tell"
