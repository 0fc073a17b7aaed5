"""A stack that a command started for itself ends with that command, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from ops.stack_file import read_stack
from ops.supervisor import is_held
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[3]
BENCH = """
import sys, time
from ops.bench import run
from ops.bench.place import running, scratch
from ops.cli import main

def measure(environ, sizes):
    with scratch("test") as folder, running(folder / "data", environ, "--only", "store"):
        print(folder, flush=True)
        time.sleep(600)

run.ALL = {"test": measure}
main(["bench", "test"])
"""
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=LINUX)])
def test_a_bench_that_is_ended_leaves_no_stack(tmp_path: Path, number: int) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-c", BENCH],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert bench.stdout is not None
    folder = Path(bench.stdout.readline().strip())
    stack = read_stack(folder / "data")
    assert stack is not None
    pids = [stack.pid, stack.parts["store"].pid]

    bench.send_signal(number)

    code = bench.wait(60)
    until(lambda: not any(map(_runs, pids)), "the stack to end with the bench")
    assert not is_held(folder / "data")
    if number == signal.SIGTERM:
        assert code == 128 + number
        assert not folder.exists()


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
