"""What the chaos tests print: the table of recovery times."""

import json

import pytest

REPORTS: list[dict[str, object]] = []
"""One for each run, as `tests.chaos.run` prints it."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Recovery times are told, not asserted."""
    for report in REPORTS:
        terminalreporter.section("chaos")
        faults = report.pop("faults", [])
        assert isinstance(faults, list)
        for fault in faults:
            times = [fault[name] for name in ("intake", "not_red", "queryable")]
            shown = fault["skipped"] or " ".join("      –" if t is None else f"{t:6.1f}s" for t in times)
            terminalreporter.write_line(f"{fault['fault']:<50} {shown} {fault['failed']}")
        terminalreporter.write_line(json.dumps(report))
