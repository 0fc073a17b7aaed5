"""The store as a process: restarts, stops, a folder in use."""

import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.support.embedded_store import (
    ROOT,
    running_queries,
    start,
    until,
)


def test_what_was_written_is_there_after_a_restart_and_no_process_stays(tmp_path: Path) -> None:
    first = start(tmp_path)
    client = first.client()
    client.execute("CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO kept VALUES", [(1,), (2,)])
    assert first.stop() == 0
    assert not psutil.pid_exists(first.process.pid)
    second = start(tmp_path)
    try:
        assert second.client("reader").execute("SELECT sum(a) FROM kept") == [(3,)]
    finally:
        assert second.stop() == 0


def test_a_stop_ends_statements_that_would_run_on(tmp_path: Path) -> None:
    running = start(tmp_path)
    busy, probe = running.client(), running.client()
    busy.execute("SELECT 1")
    busy.connection.send_query("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)")
    busy.connection.send_external_tables(None)
    until(lambda: running_queries(probe, "sipHash64") == 1)
    assert running.stop() == 0


def test_a_folder_in_use_is_refused_with_one_line(tmp_path: Path) -> None:
    first = start(tmp_path)
    try:
        command = [sys.executable, "-m", "sinks.embedded", "--path", str(tmp_path / "store")]
        second = subprocess.run(
            [*command, "--passwords-file", str(tmp_path / "passwords.json")],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
            check=False,
        )
        assert second.returncode == 4
        assert len(second.stderr.strip().splitlines()) == 1
    finally:
        first.stop()
