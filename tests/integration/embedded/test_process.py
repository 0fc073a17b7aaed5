"""The store as a process: restarts, stops, a folder in use."""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from clickhouse_driver import Client

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


def test_rows_that_were_acknowledged_survive_a_kill_in_the_middle_of_inserts(tmp_path: Path) -> None:
    first = start(tmp_path)
    client = first.client()
    client.execute("CREATE TABLE kept (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    acknowledged: list[int] = []
    enough = threading.Event()

    def insert(own: Client, who: int) -> None:
        with contextlib.suppress(Exception):
            for turn in range(100_000):
                low = who * 10**9 + turn * 100
                own.execute("INSERT INTO kept VALUES", [(low + n, "x" * 50) for n in range(100)])
                acknowledged.append(low)
                if len(acknowledged) > 60:
                    enough.set()

    threads = [threading.Thread(target=insert, args=(first.client(), who)) for who in range(3)]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    first.process.kill()
    first.process.wait(30)
    for thread in threads:
        thread.join(30)
    second = start(tmp_path)
    try:
        found = second.client().execute("SELECT intDiv(a, 100) * 100 AS low, count() FROM kept GROUP BY low")
        assert {count for _, count in found} == {100}  # whole inserts only
        assert set(acknowledged) <= {low for low, _ in found}
    finally:
        assert second.stop() == 0


def test_a_stop_under_load_is_orderly_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    first = start(tmp_path)
    first.client().execute("CREATE TABLE kept (a UInt64) ENGINE = MergeTree ORDER BY a")
    acknowledged: list[int] = []
    going = threading.Barrier(5)

    def insert(own: Client, who: int) -> None:
        own.execute("SELECT 1")
        going.wait(30)
        with contextlib.suppress(Exception):
            for turn in range(100_000):
                own.execute("INSERT INTO kept VALUES", [(who * 10**6 + turn,)])
                acknowledged.append(who * 10**6 + turn)

    threads = [threading.Thread(target=insert, args=(first.client(), who)) for who in range(4)]
    for thread in threads:
        thread.start()
    going.wait(30)
    until(lambda: len(acknowledged) > 20)
    assert first.get("SELECT 1").status_code == 200
    assert first.stop() == 0
    for thread in threads:
        thread.join(30)
    second = start(tmp_path)
    try:
        assert set(acknowledged) <= {row[0] for row in second.client().execute("SELECT a FROM kept")}
    finally:
        assert second.stop() == 0
