"""What the chaos tests print: the table of recovery times."""

import json

import pytest

from tests.chaos.run import table

REPORTS: list[dict[str, object]] = []
"""One for each run, as `tests.chaos.run` prints it."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Recovery times are told, not asserted."""
    for report in REPORTS:
        terminalreporter.section("chaos")
        for line in table(report):
            terminalreporter.write_line(line)
        terminalreporter.write_line(json.dumps({k: v for k, v in report.items() if k != "faults"}))
