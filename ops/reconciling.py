"""Reconcile: replays the log's records from the store through the fold and compares every derived row and column.

The replay is the fold itself, over a state of its own in a temporary folder; expected rows lie on disk too, so
that memory is bounded. Where number and sum of hashes of a table's rows are those expected, rows are not handed
over one by one: the store hashes them as the fold emits them. Where not, each is looked at. What arrives meanwhile
is folded in further rounds. A row that no log record explains, one that is missing, and one that says something
else are differences; tampering with `records` themselves is not its matter (that is `verify`).
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from domain.instants import Millis
from domain.rows import STOPPED
from ops.expected import Expected, Sums, key_bytes
from ops.processes import each_partition, processes_for
from sinks.positions import EVENTS, complete_to
from sinks.queries.derived import (
    DERIVED_TABLES,
    DerivedTable,
    Flat,
    dossier_version,
    log_end,
    odd_pauses,
    read_log,
    read_rows,
    row_sum,
)
from stream.partition import FoldConfig, PartitionFold, may_hold_documents
from stream.state import StateStore

Verdict = Literal["holds", "fails", "cannot_tell"]
ROUNDS = 5
WRITING_S = 3
COPYING_S = 10
MOST_DIFFERENCES = 500
MOST_OF_A_TABLE = 25
"""Of one table and partition, so that no table hides another."""
_BATCH_ROWS = 20_000
_TOLD_BY = 500


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: which row of which table, which column, what it should say and what it says."""

    table: str
    partition: int
    key: dict[str, Any]
    column: str
    expected: Any
    found: Any
    version: int | None = None


@dataclass(slots=True)
class Report:
    """What was compared, and what differed; `unsure` counts rows that changed faster than they were read."""

    checked: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    unsure: int = 0
    reason: str = ""

    def add(self, other: "Report") -> None:
        """Takes in the report of one more partition."""
        self.checked = {name: n + other.checked[name] for name, n in self.checked.items()}
        self.differences = [*self.differences, *other.differences][:MOST_DIFFERENCES]
        self.unsure += other.unsure
        self.reason = self.reason or other.reason

    @property
    def verdict(self) -> Verdict:
        """The answer in one word."""
        if self.differences:
            return "fails"
        return "cannot_tell" if self.unsure or self.reason else "holds"

    def to_json(self) -> dict[str, Any]:
        """The shape of design.md §6."""
        found: dict[str, Any] = {"verdict": self.verdict, "checked": self.checked}
        found["differences"] = [msgspec.to_builtins(d) for d in self.differences]
        if self.reason:
            found["reason"] = self.reason
        if self.unsure:
            found["unsure"] = self.unsure
        return found


class Replayed(NamedTuple):
    """A log record out of the store."""

    offset: int
    timestamp_ms: Millis
    value: bytes


class PartitionReplay:
    """The fold of one partition over records from the store, feeding `Expected`."""

    def __init__(self, client: Any, config: FoldConfig, folder: Path) -> None:
        self.client = client
        self._config = config
        self._state = StateStore(folder / "state")
        self.expected = Expected(folder / "expected")
        self._fold = PartitionFold(self._state, config)

    def close(self) -> None:
        """Ends it."""
        self._state.close()
        self.expected.close()

    @property
    def next_offset(self) -> int:
        """What is replayed next."""
        return self._fold.next_offset

    def to(self, offset: int, progress: Callable[[int], None]) -> str:
        """Replays up to and including an offset; returns '' or why it could not."""
        partition = self._config.partition
        stretch = read_log(self.client, EVENTS, partition, self._fold.next_offset, offset + 1)
        for record in (Replayed(*row) for row in stretch):
            if record.offset != self._fold.next_offset:
                return (
                    f"records of partition {partition} lack offset {self._fold.next_offset}: "
                    "delete the store's folder and start again, the writer reads the log anew"
                )
            if may_hold_documents(record.value):
                self._take()
            self._fold.apply(record)
            while self._fold.sweeping:
                self._take()
                self._fold.sweep(record)
            if self._fold.size >= _BATCH_ROWS:
                self._take()
            progress(1)
        self._take()
        if self._fold.next_offset <= offset:
            return f"records of partition {partition} end at {self._fold.next_offset - 1}, not at {offset}"
        return ""

    def _take(self) -> None:
        self.expected.take(self._fold.batch())
        self._fold.commit(0)


def _silent(_what: str, _n: int) -> None:
    """Where nobody watches."""


def reconcile(
    client: Any,
    generation: int,
    config: Callable[[int], FoldConfig],
    partitions: int,
    progress: Callable[[str, int], None] = _silent,
    connect_anew: Callable[[], Any] | None = None,
) -> Report:
    """Compares all derived rows of a generation with a replay up to what is complete now.

    `client` must see all rows without the reader's limits. `progress(what, n)` hears of work done. With
    `connect_anew`, which makes such a client in another process, as many partitions are compared at once as there
    are cores, unless the log is short.
    """
    work = partial(_compare, None if connect_anew else client, connect_anew, generation, config)
    records = sum(log_end(client, EVENTS, partition) + 1 for partition in range(partitions))
    processes = processes_for(records) if connect_anew else 1
    found = each_partition(work, range(partitions), progress, processes)
    report = Report({"records": 0, **{t.name: 0 for t in DERIVED_TABLES}})
    for one in found:
        report.add(one)
        if report.reason:
            break
    return report


def stands(
    client: Any, generation: int, folded: Sequence[Sums], progress: Callable[[str, int], None] = _silent
) -> Report | None:
    """Compares all derived rows of a generation to which nothing is written with what its fold came to; None when
    they differ: `reconcile` finds where."""
    report = Report({"records": 0, **{t.name: 0 for t in DERIVED_TABLES}})
    for sums in folded:
        report.checked["records"] += sums.offset + 1
        progress("records", sums.offset + 1)
        for table in DERIVED_TABLES:
            if row_sum(client, table, generation, sums.partition) != sums.tables[table.name]:
                return None
            count = sums.tables[table.name][0]
            report.checked[table.name] += count
            progress(table.name, count)
    return report


def _compare(
    client: Any,
    connect_anew: Callable[[], Any] | None,
    generation: int,
    config: Callable[[int], FoldConfig],
    partition: int,
    progress: Callable[[str, int], None],
    _stopped: Callable[[], bool],
) -> Report:
    """The comparison of one partition."""
    report = Report({"records": 0, **{t.name: 0 for t in DERIVED_TABLES}})
    counted = _Counted(progress)
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="gs766-reconcile-"))
        asked = opened.enter_context(connect_anew()) if connect_anew else client
        replay = opened.enter_context(closing(PartitionReplay(asked, config(partition), Path(folder))))
        report.reason = _partition(generation, partition, replay, report, counted.add)
    counted.tell()
    return report


class _Counted:
    """Progress told by the thousand: it may have to travel between processes."""

    def __init__(self, progress: Callable[[str, int], None]) -> None:
        self._progress = progress
        self._waiting: dict[str, int] = {}

    def add(self, what: str, n: int) -> None:
        """So much more is done."""
        self._waiting[what] = self._waiting.get(what, 0) + n
        if self._waiting[what] >= _TOLD_BY:
            self._progress(what, self._waiting.pop(what))

    def tell(self) -> None:
        """Tells the rest."""
        for what, n in self._waiting.items():
            self._progress(what, n)


def _written(client: Any, generation: int, partition: int, newest: int) -> int:
    """The last offset that rows may come from: rows stand in the store a moment before the position that counts
    them, so that what is newer than it is looked for in the log, for a few seconds."""
    return _waited(
        lambda: max(complete_to(client, generation).get(partition, -1), log_end(client, EVENTS, partition)),
        newest,
        WRITING_S,
    )


def _copied(client: Any, partition: int, target: int) -> None:
    """Waits some seconds for the store's copy of the log: it is written apart from the figures, and may come after
    them. What has not come by then is missing, which is said."""
    _waited(lambda: log_end(client, EVENTS, partition), target, COPYING_S)


def _waited(look: Callable[[], int], wanted: int, seconds: int) -> int:
    """Looks again and again until something is as far as wanted, or for so long; how far it is then."""
    for _ in range(seconds * 10):
        found = look()
        if found >= wanted:
            break
        time.sleep(0.1)
    return found


def _partition(
    generation: int,
    partition: int,
    replay: PartitionReplay,
    report: Report,
    progress: Callable[[str, int], None],
) -> str:
    client = replay.client
    checks = {table.name: _TableCheck(table, partition, replay.expected, report) for table in DERIVED_TABLES}
    done = -1
    for number in range(ROUNDS):
        target = complete_to(client, generation).get(partition, -1)
        if number and target == done:
            break
        _copied(client, partition, target)
        reason = replay.to(target, lambda n: progress("records", n)) if target >= 0 else ""
        if reason:
            return reason
        report.checked["records"] += target - done
        for table in DERIVED_TABLES:
            above = None if number == 0 else done
            if above is None and (count := checks[table.name].whole(client, generation)):
                progress(table.name, count)
                continue
            for row in read_rows(client, table, generation, partition, above):
                if table.name == "dead_letters" and row[table.place("field")] == STOPPED:
                    continue  # says where the fold stands still, not what it made of a record
                checks[table.name].row(row, target)
                progress(table.name, 1)
            checks[table.name].settle()
        done = target
        if not any(check.later for check in checks.values()):
            break
    newest = max((check.newest for check in checks.values()), default=-1)
    written = _written(client, generation, partition, newest)
    for check in checks.values():
        check.finish(written, lambda code: dossier_version(client, generation, code))
    for code, version in odd_pauses(client, generation, partition):
        key = {"dossier_code": code}
        wanted, found = "the supplements of its timeline", "something else"
        one = Difference(
            table="open_dossiers", partition=partition, key=key, column="pauses", expected=wanted, found=found,
            version=version,
        )  # fmt: skip
        report.differences.append(one)
    return ""


class _TableCheck:
    """Compares the rows of one table in one partition; remembers rows that are newer than the replay."""

    def __init__(self, table: DerivedTable, partition: int, expected: Expected, report: Report) -> None:
        self._table, self._partition, self._expected, self._report = table, partition, expected, report
        self._version = table.place("offset" if table.name == "dead_letters" else "version")
        self._settled: list[bytes] = []
        self._told = 0
        self.later: dict[bytes, Flat] = {}

    def whole(self, client: Any, generation: int) -> int:
        """How many rows the table has, if they are just those that must stand, by their number and the sum of
        their hashes; else 0, and they are to be looked at one by one."""
        found = row_sum(client, self._table, generation, self._partition)
        if found != self._expected.sum(self._table):
            return 0
        self._report.checked[self._table.name] += found[0]
        self._expected.clear(self._table)
        return found[0]

    def row(self, found: Flat, target: int) -> None:
        """A row of the store. Newer than the replay: it waits for the next round."""
        key = self._table.key_of(found)
        packed = key_bytes(key)
        self.later.pop(packed, None)
        if found[self._version] > target:
            self.later[packed] = found
            return
        self._report.checked[self._table.name] += 1
        expected = self._expected.get(self._table, key)
        if expected is None:
            self._differs(found, "", None, "a row that no log record explains")
            return
        if expected != found:
            self._compare(expected, found)
        self._settled.append(packed)
        if len(self._settled) >= _BATCH_ROWS:
            self.settle()

    def settle(self) -> None:
        """Forgets the expectation of what was compared."""
        self._expected.settle(self._table, self._settled)
        self._settled = []

    @property
    def newest(self) -> int:
        """The greatest version among the rows that are newer than the replay, −1 without any."""
        return max((found[self._version] for found in self.later.values()), default=-1)

    def finish(self, written: int, closed: Callable[[str], int]) -> None:
        """What must stand and was not found; what is still newer than the replay: unsure, or beyond the log
        itself, which nothing explains. `closed` gives the version at which a dossier stands now: it may have
        left `open_dossiers` since."""
        for expected in self._expected.rows(self._table):
            if key_bytes(self._table.key_of(expected)) in self.later:
                continue
            if self._table.name == "open_dossiers" and closed(expected[0]) > expected[self._version]:
                self._report.unsure += 1
            else:
                self._differs(expected, "", "a row", None)
        for found in self.later.values():
            if found[self._version] > written:
                wanted = f"at most {written}, the end of what is complete"
                self._differs(found, "version", wanted, found[self._version])
            else:
                self._report.unsure += 1

    def _compare(self, expected: Flat, found: Flat) -> None:
        for place, column in enumerate(self._table.columns):
            if expected[place] != found[place]:
                self._differs(found, column.name, expected[place], found[place])

    def _differs(self, row: Flat, column: str, expected: Any, found: Any) -> None:
        self._told += 1
        if self._told > MOST_OF_A_TABLE or len(self._report.differences) >= MOST_DIFFERENCES:
            return
        names = dict(zip(self._table.key, self._table.key_of(row), strict=True))
        self._report.differences.append(
            Difference(
                table=self._table.name,
                partition=self._partition,
                key=names,
                column=column,
                expected=expected,
                found=found,
                version=row[self._version],
            )
        )
