"""What all tests share: no deadlines in property tests, no settings from the environment of who runs them; files
that share a stack run in one of two processes."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
KEPT = frozenset({"GS766_CACHE", "GS766_CHAOS_SECONDS", "GS766_FUZZ_SECONDS", "GS766_PYTHON", "GS766_VENV"})
"""Where the installation itself is, and how long the chaos and fuzz tests last; none changes behaviour."""

# A bare `pytest` finds the packages too, and so do the processes that tests start.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
for name in [name for name in os.environ if name.startswith("GS766_") and name not in KEPT]:
    del os.environ[name]

# Copies of seals that are kept outside the data folder go where no test leaves anything behind.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="gs766-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# A busy machine is no failure: tests assert no durations.
settings.register_profile("gs766", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gs766")

ONE_STACK = tuple(
    frozenset(f"tests/{folder}/test_{name}.py" for name in names.split())
    for folder, names in (
        ("fuzz", "api many_dead_letters stack_under_attack"),
        ("integration/stack", "rebuild switch"),
        ("integration/stack", "live many_alerts steering told_live"),
    )
)
"""Files whose tests share a stack: the process that runs one of them runs all. A stack's start takes 15 s of
processor time, and at rest it takes a fifth of a core."""


def together(nodeid: str) -> str:
    """What is run by the same process as that test."""
    file = nodeid.split("::", 1)[0]
    return next((min(files) for files in ONE_STACK if file in files), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deals files to processes as `--dist=loadfile` does, those that share a stack together."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return Together(config, log)
