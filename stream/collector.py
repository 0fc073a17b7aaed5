"""Python's garbage collector, looking rarely: what a fold makes is freed by counting references."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 200_000
"""Objects made before the youngest are looked at, instead of 700: some MB at most wait for it."""


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """For the length of the block; about a tenth of a fold's processor time otherwise goes into looking. What was
    there before (modules) is not looked at."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, *before[1:])
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
