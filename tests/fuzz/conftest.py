"""What the fuzz tests share: one whole stack, on a clock that stands in the middle of the good events."""

from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that is attacked by every test here; ended before others run: at rest it takes a third of a core."""
    running = RunningStack(tmp_path_factory.mktemp("fuzz") / "data", "--clock", "2026-09-01T00:00:00+07:00")
    try:
        yield running.start()
    finally:
        running.stop()
