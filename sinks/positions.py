"""What the store has durably applied: the rows of `positions`, written by the writer and read by everybody."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from clickhouse_driver import Client

from domain.errors import Refused, Unavailable
from domain.instants import Millis, from_millis, to_millis
from sinks.clickhouse import clean_errors
from sinks.contiguity import NONE_YET
from sinks.generations import active_generation

RECORDS, CHANGES, COMPLETE = "records", "changes", "complete"
EVENTS, ALERTS, CHANGE_TOPIC = "dossier-events", "alert-log", "dossier-changes"
"""The topics' names as the store writes them, without the prefix that a stack may put before them."""


@dataclass(frozen=True, slots=True)
class Position:
    """One row of `positions`; migration 3 says what each name means. `offset` is the next one to read."""

    name: str
    topic: str
    partition: int
    generation: int = 0
    offset: int = 0
    to_offset: int = NONE_YET
    known_at: Millis = 0
    clock: Millis = 0
    log_id: str = ""
    record_hash: str = ""
    open: str = ""

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What the row is about."""
        return self.name, self.topic, self.partition, self.generation


@dataclass(frozen=True, slots=True)
class Complete:
    """How far a log partition is in a generation: everything up to and including `to_offset` is queryable.

    `known_at` is when the last of it was appended, `clock` the greatest credible `occurred_at` in it.
    """

    partition: int
    to_offset: int
    known_at: Millis
    clock: Millis
    log_id: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What stopped a generation, with the coordinates of the change record that showed it."""

    generation: int
    partition: int
    topic: str
    topic_partition: int
    offset: int
    reason: str


_COLUMNS = "name, topic, partition, generation, offset, to_offset, known_at, clock, log_id, record_hash, open"


def read_positions(client: Client) -> tuple[tuple[Position, ...], int]:
    """All position rows, and the version of the newest."""
    with clean_errors():
        found = client.execute(f"SELECT {_COLUMNS}, version FROM positions FINAL ORDER BY ALL")
    rows = tuple(
        Position(
            name=row[0],
            topic=row[1],
            partition=row[2],
            generation=row[3],
            offset=row[4],
            to_offset=row[5],
            known_at=to_millis(row[6]),
            clock=to_millis(row[7]),
            log_id=row[8],
            record_hash=row[9],
            open=row[10],
        )
        for row in found
    )
    return rows, max((row[11] for row in found), default=0)


def write_positions(client: Client, positions: Iterable[Position], version: int, now: Millis) -> None:
    """Writes rows in one INSERT; `version` must be greater than any written before."""
    rows = [
        (
            *(p.name, p.topic, p.partition, p.generation, p.offset, p.to_offset),
            *(from_millis(p.known_at), from_millis(p.clock), p.log_id, p.record_hash, p.open),
            *(from_millis(now), version),
        )
        for p in positions
    ]
    if rows:
        with clean_errors():
            client.execute(f"INSERT INTO positions ({_COLUMNS}, updated_at, version) VALUES", rows)


def read_complete(client: Client, generation: int) -> dict[int, Complete]:
    """By log partition, what of that generation is queryable; a partition without a whole batch is absent."""
    with clean_errors():
        rows = client.execute(
            "SELECT partition, to_offset, known_at, clock, log_id FROM positions FINAL WHERE name = %(name)s"
            " AND generation = %(generation)s AND to_offset >= 0 ORDER BY partition",
            {"name": COMPLETE, "generation": generation},
        )
    return {row[0]: Complete(row[0], row[1], to_millis(row[2]), to_millis(row[3]), row[4]) for row in rows}


def complete_to(client: Client, generation: int) -> dict[int, int]:
    """By log partition, the offset of the last log record all of whose rows are queryable."""
    return {partition: found.to_offset for partition, found in read_complete(client, generation).items()}


def log_clock(client: Client, generation: int) -> Millis | None:
    """The log's own time: the greatest credible `occurred_at` in what is queryable; None before anything is."""
    return max((found.clock for found in read_complete(client, generation).values()), default=None)


def log_began(client: Client) -> Millis | None:
    """When the log began, the earliest `known_at`: nothing was known before it. None in an empty store."""
    with clean_errors():
        rows: list[tuple[int, datetime]] = client.execute(
            "SELECT count(), min(known_at) FROM records WHERE topic = %(topic)s AND offset = 0", {"topic": EVENTS}
        )
    count, began = rows[0]
    return to_millis(began) if count else None


def read_faults(client: Client) -> tuple[Fault, ...]:
    """What stopped generations, the oldest first."""
    with clean_errors():
        rows = client.execute(
            "SELECT generation, partition, topic, topic_partition, offset, reason FROM faults FINAL"
            " ORDER BY found_at, generation, partition"
        )
    return tuple(Fault(*row) for row in rows)


def write_faults(client: Client, faults: Iterable[Fault], now: Millis) -> None:
    """Records faults; the same one twice is one."""
    rows = [
        (f.generation, f.partition, f.topic, f.topic_partition, f.offset, f.reason, from_millis(now))
        for f in faults
    ]
    if rows:
        with clean_errors():
            client.execute(
                "INSERT INTO faults (generation, partition, topic, topic_partition, offset, reason, found_at)"
                " VALUES",
                rows,
            )


def reached(complete: Mapping[int, int], ends: Mapping[int, int]) -> bool:
    """Whether all below `ends` (the offset behind the last wanted record, by partition) is queryable."""
    return all(complete.get(partition, NONE_YET) + 1 >= end for partition, end in ends.items())


def wait_until(
    client: Client, ends: Mapping[int, int], *, seconds: float, generation: int | None = None
) -> dict[int, int]:
    """Waits until everything below `ends` is queryable and returns `complete_to`.

    `ends` is what `BulkWriter.flush` or `end_offsets` gives; without `generation`, the active one counts. Raises
    Unavailable when it took longer than `seconds`, Refused when that generation has stopped for good.
    """
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        wanted = active_generation(client) if generation is None else generation
        complete = {} if wanted is None else complete_to(client, wanted)
        if reached(complete, ends) and wanted is not None:
            return complete
        for fault in read_faults(client):
            if fault.generation == wanted:
                raise Refused(f"generation {wanted} has stopped ({fault.reason}): rebuild")
        left = deadline - time.monotonic()
        if left <= 0:
            missing = {p: end for p, end in ends.items() if complete.get(p, NONE_YET) + 1 < end}
            raise Unavailable(f"not all is queryable after {seconds:g} s: still waiting for {missing}")
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.25)
