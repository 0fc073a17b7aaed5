"""`gs766 test`: what is run for what was asked."""

import pytest

from ops.processes import cores
from ops.testing import FAULTS, parts_of
from tests.conftest import ONE_STACK, ROOT, together


def test_the_whole_suite_is_the_faults_alone_and_then_all_else_in_processes_side_by_side() -> None:
    faults, rest = parts_of(["--durations=5"])
    assert faults == (FAULTS, "--durations=5")
    assert f"--ignore={FAULTS}" in rest
    assert f"--numprocesses={min(4, cores() + 1)}" in rest
    assert "--durations=5" in rest


@pytest.mark.parametrize("named", [["tests/unit"], ["-k", "apology"], ["tests/chaos", "-x"]])
def test_whoever_names_tests_gets_them_as_asked(named: list[str]) -> None:
    assert parts_of(named) == (tuple(named),)


def test_files_that_share_a_stack_run_in_one_process_and_exist() -> None:
    for files in ONE_STACK:
        assert len({together(f"{file}::test_x[a::b]") for file in files}) == 1
        assert all((ROOT / file).is_file() for file in files)
    assert together("tests/unit/ops/test_testing.py::test_x") == "tests/unit/ops/test_testing.py"
