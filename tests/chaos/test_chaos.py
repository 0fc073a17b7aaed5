"""Whatever fails: the acknowledged is logged, folded and in the store once; figures are as without faults.

The small run takes the short list of faults once. `GS766_CHAOS_SECONDS=3600` draws faults for an hour.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.conftest import REPORTS
from tests.chaos.faults import SMALL, TWO_WORKERS
from tests.support.stack import ROOT

SECONDS = int(os.environ.get("GS766_CHAOS_SECONDS", "0") or 0)
"""How long faults are drawn; 0: the small run."""
RATE = 1_000 if SECONDS else 200


@pytest.mark.timeout(1200 + 2 * SECONDS)
def test_nothing_acknowledged_is_lost_or_counted_twice_whatever_fails(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos.run", "--rate", str(RATE), "--seconds", str(SECONDS)]
    done = subprocess.run([*command, "--folder", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    report = json.loads(done.stdout.splitlines()[-1])
    REPORTS.append(report)
    assert report["held"], report
    assert report["acknowledged"] > 0


def test_faults_have_names_of_their_own() -> None:
    names = [fault.name for fault in (*SMALL, *TWO_WORKERS)]
    assert len(set(names)) == len(names)
