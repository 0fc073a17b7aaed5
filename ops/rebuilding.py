"""Rebuild: fills the next generation beside the live one, compares it, switches to it, drops the old one.

The fold runs here, over state folders of the new generation, and follows the log while the running stack goes on
answering from the old one. The rows that stand are compared with those that were folded, by the sums of their
hashes; where they differ, `reconcile` folds the log again and says where. The switch is one row of the journal;
the worker is started anew and takes the new generation over partition by partition (`ops/switching.py`).
"""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from domain.errors import Refused, Unavailable
from domain.instants import Millis, to_millis
from eventlog.reader import LogReader
from ops.addresses import kafka_config, store_target
from ops.expected import Expected, Sums
from ops.generation import Generations, read_generations, write_generations
from ops.processes import each_partition, processes_for
from ops.reconciling import Report, reconcile, stands
from ops.settings import Settings
from ops.stack_file import read_stack
from ops.switching import HAND_OVER_S, Follower, one_rebuild, settle, switch
from sinks import generations as journal
from sinks.clickhouse import connect
from sinks.positions import CHANGES, read_positions, wait_until
from sinks.queries.derived import DERIVED_TABLES
from stream.driver import fold_to_end
from stream.partition import Batch
from stream.runner import WorkerConfig, worker_config

WAIT_SECONDS = 24 * 3600.0
CATCH_UP_SECONDS = 3600.0
Say = Callable[[str], None]


def _now() -> Millis:
    return to_millis(datetime.now(UTC))


def configured(settings: Settings, generation: int) -> WorkerConfig:
    """A worker's configuration for a generation of this stack."""
    kafka = kafka_config(settings)
    return worker_config(kafka, settings.folder("state"), settings.zone, generation, settings.partitions)


def store_client(settings: Settings) -> Any:
    """A client without the reader's limits, with an answer's time to match a long comparison."""
    return connect(store_target(settings, "writer"), send_receive_timeout=3600)


def reconcile_active(settings: Settings, progress: Callable[[str, int], None]) -> Report:
    """Compares the active generation with the log; Refused before there is one."""
    client = store_client(settings)
    active = journal.active_generation(client)
    if active is None:
        raise Refused("the store has no active generation yet: start the stack and let the writer begin")
    config = configured(settings, active)
    _wait_for_writer(client, config)
    return reconcile(client, active, config.fold, settings.partitions, progress, partial(store_client, settings))


def _wait_for_writer(client: Any, config: WorkerConfig) -> None:
    """Waits until the store holds all change records of this moment: after its folder was deleted, the writer
    reads them anew. Unavailable when that does not come about."""
    with LogReader(config.kafka, config.kafka.changes) as reader:
        ends = reader.end_offsets()
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while True:
        rows, _ = read_positions(client)
        held = {row.partition: row.offset for row in rows if row.name == CHANGES}
        if all(held.get(p, 0) >= end for p, end in ends.items()):
            return
        if time.monotonic() > deadline:
            raise Unavailable("the store's writer does not catch up with the log: see gs766 status and its log")
        time.sleep(0.1)


def rebuild(settings: Settings, say: Say, progress: Callable[[str, int], None]) -> Report:
    """Builds the next generation, follows the log with it, and switches to it; returns the comparison it was
    switched on.

    Nothing is switched when the comparison does not hold. Interrupted at any point, even killed, it may be run
    again: it takes the next number, and the abandoned one is dropped. Refused while another one runs.
    """
    with one_rebuild(settings.data):
        return _rebuild(settings, say, progress)


def _rebuild(settings: Settings, say: Say, progress: Callable[[str, int], None]) -> Report:
    client = store_client(settings)
    settle(settings)
    known = journal.generations(client)
    before = read_generations(settings.data)
    number = max([before.active, *(g.number for g in known)]) + 1
    _drop_abandoned(settings, client, known, say)
    config = configured(settings, number)
    journal.begin(client, number, config.fingerprint, config.log_id, _now())
    write_generations(settings.data, Generations(before.active, number))
    say(f"filling generation {number} from the log, beside generation {before.active}")
    folded = _fill(config, say)
    say("waiting until the store has it all")
    wait_until(client, {f.partition: f.offset + 1 for f in folded}, seconds=WAIT_SECONDS, generation=number)
    say("comparing every row with what was folded")
    report = stands(client, number, folded, progress) or reconcile(
        client, number, config.fold, settings.partitions, progress, partial(store_client, settings)
    )
    if report.verdict != "holds":
        say(f"generation {number} is not switched to: the comparison says {report.verdict}")
        write_generations(settings.data, before)
        return report
    with Follower(config) as follower:
        say("folding what came meanwhile")
        follower.catch_up()
        say("ending the worker of the old generation, to switch where it stands")
        switch(settings, client, config, configured(settings, before.active), follower)
        say(f"generation {number} answers now")
        _hand_over(settings, follower, say)
    for old in {before.active, *(g.number for g in known if g.state != "dropped")}:
        _drop(settings, client, old)
    say(f"generation {before.active} is dropped")
    return report


def _hand_over(settings: Settings, follower: Follower, say: Say) -> None:
    """Gives the partitions to the stack's worker; without one the state lies ready for the next start."""
    stack = read_stack(settings.data)
    worker = stack.parts.get("worker") if stack else None
    if worker is None:
        return
    if worker.state == "refused":
        say("the stack's worker stands still: stop the stack and start it again, it folds the new generation")
    elif not follower.hand_over(HAND_OVER_S):
        say("the stack's worker has not taken the new generation over yet: see gs766 status")


def _fill(config: WorkerConfig, say: Say) -> list[Sums]:
    """Folds all partitions up to the log's present end, as many at once as there are cores; returns up to where,
    and the sums of the rows that must stand then."""
    with LogReader(config.kafka, config.kafka.events) as reader:
        records = sum(reader.end_offsets().values())
    return each_partition(partial(_fold_one, config), range(config.partitions), say, processes_for(records))


def _fold_one(config: WorkerConfig, partition: int, say: Say, stopped: Callable[[], bool]) -> Sums:
    reached = -1
    with (
        TemporaryDirectory(prefix="gs766-rebuild-") as folder,
        closing(Expected(Path(folder), hashes=True)) as expected,
    ):

        def took(batch: Batch) -> None:
            nonlocal reached
            expected.take(batch)
            reached = batch.to_offset

        fold_to_end(config, [partition], stopped, took)
        say(f"partition {partition} is folded up to offset {reached}")
        return Sums(partition, reached, {t.name: expected.sum(t) for t in DERIVED_TABLES})


def _drop_abandoned(settings: Settings, client: Any, known: tuple[journal.Generation, ...], say: Say) -> None:
    for generation in known:
        if generation.state == "building":
            say(f"dropping generation {generation.number}, which was never finished")
            _drop(settings, client, generation.number)


def _drop(settings: Settings, client: Any, number: int) -> None:
    if any(g.number == number and g.state != "active" for g in journal.generations(client)):
        journal.drop(client, number, _now())
    shutil.rmtree(settings.folder("state") / f"g{number}", ignore_errors=True)
    if settings.snapshot_folder is not None:
        shutil.rmtree(settings.snapshot_folder / f"g{number}", ignore_errors=True)
