"""The drill: restores a backup into a passing folder, runs and compares it there, and says how long it took.

Nothing can be sent: the notifier is not started, neither is anything else that speaks to the outside, and the
settings' addresses of other Kafkas and stores are not used.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from domain.errors import Refused, Unavailable
from eventlog.segments import row_bytes
from ops.addresses import kafka_config
from ops.backup.logs import EVENTS, RawLog, log_topics
from ops.backup.manifest import Manifest
from ops.backup.restoring import restore_backup
from ops.backup.verifying import Verdict
from ops.lifeline import following_me, unwound_by_signals
from ops.rebuilding import reconcile_active, store_client
from ops.settings import Settings, load
from ops.stack_file import read_stack
from ops.supervisor import GRACE_SECONDS
from sinks.positions import RECORDS, read_positions, wait_until

PARTS = "broker,store,migrate,writer,worker,api"
START_SECONDS = 180.0
WAIT_SECONDS = 24 * 3600.0
KEPT_VARIABLES = ("GS766_CACHE",)
Say = Callable[[str], None]
Step = Callable[[str, int, int | None], None]


def run_drill(
    folder: Path, keys: Path | None, scratch: Path | None, environ: Mapping[str, str], say: Say, step: Step
) -> Verdict:
    """Restores, runs and compares; leaves nothing behind. Errors as `restore_backup`."""
    environ = {k: v for k, v in environ.items() if not k.startswith("GS766_") or k in KEPT_VARIABLES}
    verdict = Verdict()
    clock = _Clock()
    with unwound_by_signals(), _passing_folder(scratch) as place:
        data = place / "data"
        restored = restore_backup(folder, data, keys, environ, say, step, alone=True)
        clock.lap("restore")
        settings = load(environ, data)
        with _stack(settings, environ, place / "up.log", say):
            clock.lap("start")
            say("waiting until all of it is queryable")
            with store_client(settings) as client:
                wait_until(client, restored.manifest.ends(EVENTS), seconds=WAIT_SECONDS)
                _until_recorded(client, restored.manifest)
                clock.lap("queryable")
                _compare_counts(client, restored.manifest, verdict)
            _compare_logs(settings, restored.manifest, verdict, step)
            clock.lap("compare_logs")
            _reconcile(settings, verdict, step)
            clock.lap("reconcile")
    verdict.more = {
        "seconds": clock.laps(),
        "ready_after_seconds": clock.sum_of("restore", "start", "queryable"),
        "backup_made_at": restored.manifest.made_at,
        "backup_age_seconds": _age(restored.manifest),
        "missing_keys": list(restored.missing_keys),
    }
    return verdict


class _Clock:
    """How long each step took."""

    def __init__(self) -> None:
        self._from = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name] = round(now - self._from, 1)
        self._from = now

    def laps(self) -> dict[str, float]:
        return {**self._laps, "total": round(sum(self._laps.values()), 1)}

    def sum_of(self, *names: str) -> float:
        return round(sum(self._laps[name] for name in names), 1)


def _age(manifest: Manifest) -> int:
    """What a loss now would cost: the log's range was closed when the backup began."""
    return round((datetime.now(UTC) - datetime.fromisoformat(manifest.began_at)).total_seconds())


# --- a stack that leaves nothing behind -------------------------------------------------------------------


@contextmanager
def _passing_folder(scratch: Path | None) -> Iterator[Path]:
    if scratch is not None and not scratch.is_dir():
        raise Refused(f"there is no folder {scratch}: give --scratch a folder with room for the restored log")
    path = Path(tempfile.mkdtemp(prefix="gs766-drill-", dir=scratch))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _stack(settings: Settings, environ: Mapping[str, str], log: Path, say: Say) -> Iterator[None]:
    say("starting it, without the notifier")
    command = [sys.executable, "-m", "ops.cli", "up", "--data", str(settings.data), "--only", PARTS]
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=following_me(environ),
            start_new_session=True,
        )
    try:
        _until_ready(settings, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(3 * GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(settings: Settings, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        stack = read_stack(settings.data)
        if stack is not None and stack.ready:
            return
        time.sleep(0.1)
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    raise Unavailable(f"the restored stack does not become ready: {lines[-1] if lines else 'it said nothing'}")


# --- comparisons ------------------------------------------------------------------------------------------


def _until_recorded(client: Any, manifest: Manifest) -> None:
    """Both logs are in the store to the end, the alert log too."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        positions, _ = read_positions(client)
        done = {(p.topic, p.partition): p.offset for p in positions if p.name == RECORDS}
        if all(done.get((held.topic, held.partition), 0) >= held.stop for held in manifest.ranges):
            return
        if time.monotonic() > deadline:
            raise Unavailable("the writer does not bring both logs into the store")
        time.sleep(0.1)


def _compare_counts(client: Any, manifest: Manifest, verdict: Verdict) -> None:
    """As many records in the store as in the backup; what the restored stack appended itself lies behind."""
    for held in manifest.ranges:
        [(count,)] = client.execute(
            "SELECT uniqExact(offset) FROM records WHERE topic = %(topic)s AND partition = %(partition)s"
            " AND offset < %(stop)s",
            {"topic": held.topic, "partition": held.partition, "stop": held.stop},
        )
        if count != held.stop:
            verdict.differs("table records", f"{held.topic} partition {held.partition}", held.stop, count)


def _compare_logs(settings: Settings, manifest: Manifest, verdict: Verdict, step: Step) -> None:
    """Every segment's range, read back from the restored log: same bytes, same times, same offsets."""
    kafka = kafka_config(settings)
    for name, topic in log_topics(kafka).items():
        with RawLog(kafka, topic) as log:
            for segment in manifest.segments:
                if segment.topic != name:
                    continue
                content, records = sha256(), 0
                for row in log.rows(segment.partition, segment.start, segment.stop):
                    content.update(row_bytes(row))
                    records += 1
                    step("records compared", 1, manifest.records)
                verdict.checked["records"] += records
                verdict.checked["files"] += 1
                verdict.checked["bytes"] += segment.bytes
                if records != segment.records:
                    verdict.differs(segment.file, "records", segment.records, records)
                if content.hexdigest() != segment.content:
                    verdict.differs(segment.file, "content", segment.content, content.hexdigest())


def _reconcile(settings: Settings, verdict: Verdict, step: Step) -> None:
    """Every derived row against the log."""
    report = reconcile_active(settings, lambda what, n: step(f"reconcile {what}", n, None))
    verdict.checked.update(
        {f"rows of {name}" if name != "records" else "replayed": n for name, n in report.checked.items()}
    )
    if report.verdict == "cannot_tell":
        verdict.reason = report.reason or f"{report.unsure} rows changed while they were compared"
    for found in report.differences:
        verdict.differs(
            f"table {found.table}", f"{found.column or 'row'} of {found.key}", found.expected, found.found
        )
