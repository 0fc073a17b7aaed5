"""Inputs grown by what they reach in the code (`tests/fuzz/guided.py`): none ends the process, memory stays flat.

The small run tries 4,000; `GS766_FUZZ_SECONDS` gives it a share of its time.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.effort import SECONDS, times
from tests.support.stack import ROOT


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no build for this platform")
@pytest.mark.timeout(600 + 2 * SECONDS)
def test_no_input_that_reaches_new_code_ends_the_process(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    options = [f"-runs={times(4_000)}", "-seed=1", "-rss_limit_mb=1500", "-max_len=8192", "-timeout=60"]
    command = [sys.executable, "-m", "tests.fuzz.guided", str(corpus), *options, f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "DONE" in done.stderr
