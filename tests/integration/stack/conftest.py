"""Whole stacks: one that several tests share, and a factory for tests that break theirs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.stack import RunningStack

Start = Callable[..., RunningStack]
FIXED: list[RunningStack] = []
"""The stack of `fixed`, once it was started."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a stack on an empty folder; it is ended with the test."""
    running: list[RunningStack] = []

    def begin(*options: str) -> RunningStack:
        stack = RunningStack(tmp_path / f"data{len(running)}", *options)
        running.append(stack)
        return stack.start()

    yield begin
    for stack in running:
        stack.stop()


@pytest.fixture(scope="package")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack on a clock after `lifecycles`; the tests take it in turn, each as the one before left it."""
    stack = RunningStack(tmp_path_factory.mktemp("fixed"), "--clock", "2026-09-01T00:00:00+07:00")
    FIXED.append(stack)
    try:
        yield stack.start()
    finally:
        stack.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Ends that stack with the last test that takes it: it would stand idle for the others of this folder."""
    del item
    yield
    if "fixed" not in getattr(nextitem, "fixturenames", ()):
        for stack in FIXED:
            stack.stop()


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack on the wall clock for tests that leave it whole; each takes dossier codes of its own."""
    stack = RunningStack(tmp_path_factory.mktemp("shared"), bare=True).start()
    yield stack
    stack.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a stack come last of this folder: it ends with them and stands idle for few others."""
    here = [n for n, item in enumerate(items) if Path(__file__).parent == item.path.parent]

    def sharing(item: pytest.Item) -> int:
        names = getattr(item, "fixturenames", ())
        return 2 * ("shared" in names) + ("fixed" in names)

    theirs = sorted((items[n] for n in here), key=sharing)
    for n, item in zip(here, theirs, strict=True):
        items[n] = item
