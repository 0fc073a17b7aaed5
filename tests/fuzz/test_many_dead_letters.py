"""A hundred thousand dead letters are listed page by page, each once, in order."""

from ops.rebuilding import store_client
from ops.settings import load
from sinks.generations import active_generation
from tests.support.attack import dead_letters
from tests.support.stack import RunningStack

COUNT = 100_000
FIRST = 10_000_000
"""An offset that no real record of the test has."""


def test_a_hundred_thousand_dead_letters_are_paged_through_once_each(stack: RunningStack) -> None:
    with store_client(load({**stack.environ}, stack.data)) as client:
        generation = active_generation(client)
    stack.tamper(
        "INSERT INTO dead_letters (generation, partition, offset, `index`, known_at, source, reason, field) "
        f"SELECT {generation}, number % 4, {FIRST} + intDiv(number, 40), intDiv(number, 4) % 10, now64(3), '/s', "
        f"'a reason', 'data.unit' FROM numbers({COUNT})"
    )
    try:
        found = [letter for letter in dead_letters(stack) if letter["offset"] >= FIRST]
        assert len(found) == COUNT
        assert {(letter["reason"], letter["field"]) for letter in found} == {("a reason", "data.unit")}
    finally:
        stack.tamper(f"ALTER TABLE dead_letters DELETE WHERE offset >= {FIRST} SETTINGS mutations_sync = 2")
