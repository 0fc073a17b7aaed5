"""How a worker's state grows: bytes a dossier, memory while it is used, and how soon another worker has it.

The dossiers are real ones, folded from simulated events, and then written again under other codes: measured is the
state, not the fold. One worker holds all partitions.
"""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from domain.blocks import encode_block, partition_of
from domain.events import Event, encode_event
from domain.instants import DEFAULT_ZONE, zone
from ops.bench.history import simulated
from ops.bench.measure import Measure
from ops.bench.place import scratch
from stream.partition import FoldConfig, PartitionFold, may_hold_documents
from stream.resident import memory
from stream.runner import MAX_ROWS
from stream.snapshots import take, take_over
from stream.state import Position, StateStore, Subject

PARTITIONS = 4
TEMPLATES = 400
BATCH = 5_000
TOUCHED = 100_000


class _Block:
    """A record of the small log that is folded for templates."""

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value, self.timestamp_ms = offset, value, 1_790_000_000_000


def measure_state(dossiers: int) -> list[Measure]:
    """State of so many dossiers in one worker: size, memory, snapshot."""
    said = f"{dossiers:,} dossiers, {PARTITIONS} partitions in one process"
    with scratch("state") as folder, ExitStack() as opened:
        templates = _templates(folder / "templates")
        base, own_base = memory()
        stores = [StateStore(folder / f"p{p}") for p in range(PARTITIONS)]
        for store in stores:
            opened.callback(store.close)
        for place, store in enumerate(stores):
            _fill(store, templates, place, dossiers // PARTITIONS)
        size = sum(f.stat().st_blocks * 512 for f in folder.glob("p*/data.mdb"))
        rss, own = _used(stores, templates, dossiers // PARTITIONS)
        found = [
            Measure("state a dossier", size / dossiers, "bytes", conditions=said),
            Measure(
                "resident memory in use, greatest", rss / 1e6, "MB", conditions=f"{said}; {base / 1e6:.0f} before"
            ),
            Measure(
                "of which the process's own", own / 1e6, "MB", conditions=f"{said}; {own_base / 1e6:.0f} before"
            ),
        ]
        return [*found, *_moved(stores, folder, said)]


def _templates(folder: Path) -> list[Subject]:
    """Some hundred folded dossiers."""
    store = StateStore(folder)
    fold = PartitionFold(store, FoldConfig(0, 1, zone(DEFAULT_ZONE), 1, "bench", "bench"))
    for record in _log():
        fold.apply(record)
        while True:
            fold.batch()
            fold.commit(0)
            if not fold.sweeping:
                break
            fold.sweep(record)
    found = [s for s in store.all_subjects() if s.kind == "dossier"]
    store.close()
    return found


def _log() -> Iterator[_Block]:
    values: list[bytes] = []
    waiting: list[Event] = []
    for event in simulated(TEMPLATES):
        if partition_of(event.subject, 1):
            continue
        waiting.append(event)
        if len(waiting) == 200 or may_hold_documents(encode_event(event)):
            values.append(encode_block([encode_event(e) for e in waiting]))
            waiting = []
    values.append(encode_block([encode_event(e) for e in waiting]))
    for offset, value in enumerate(values):
        yield _Block(offset, value)


def _code(number: int, template: Subject) -> str:
    return f"{template.subject}-{number:07d}"


def _fill(store: StateStore, templates: list[Subject], place: int, count: int) -> None:
    """Codes in an order that no key order follows, as they come in life."""
    numbers = list(range(count))
    random.Random(place).shuffle(numbers)
    for done, number in enumerate(numbers):
        template = templates[number % len(templates)]
        store.put_subject(replace(template, subject=_code(number, template)))
        if done % BATCH == BATCH - 1 or done == count - 1:
            store.commit(Position("bench", "bench", done))


def _used(stores: list[StateStore], templates: list[Subject], count: int) -> tuple[int, int]:
    """The greatest (resident, own) bytes while dossiers anywhere in the state are read and written."""
    r, most, most_own = random.Random(766), 0, 0
    for n in range(TOUCHED):
        store = stores[n % len(stores)]
        number = r.randrange(count)
        template = templates[number % len(templates)]
        subject = store.subject("dossier", _code(number, template))
        assert subject is not None
        store.put_subject(subject)
        if n % (MAX_ROWS // 10) == 0:
            for one in stores:
                assert one.position is not None
                one.commit(replace(one.position, offset=one.position.offset + 1))
            rss, own = memory()
            most, most_own = max(most, rss), max(most_own, own)
    return most, most_own


def _moved(stores: list[StateStore], folder: Path, said: str) -> list[Measure]:
    """Seconds to copy the state away, and for another worker to have all of it."""
    begun, used = time.monotonic(), time.process_time()
    for place, store in enumerate(stores):
        take(store, folder / "snapshots" / f"p{place}")
    taken, spent = time.monotonic(), time.process_time()
    for place in range(len(stores)):
        other = StateStore(folder / "other" / f"p{place}")
        if not take_over(other, folder / "snapshots" / f"p{place}", 1, lambda _: True):
            raise AssertionError("a snapshot was not taken over")
        other.close()
    over, whole = time.monotonic(), time.process_time()
    size = sum(f.stat().st_size for f in (folder / "snapshots").rglob("*.mdb"))
    return [
        Measure(
            "snapshot of all partitions",
            taken - begun,
            "s",
            conditions=f"{spent - used:.1f} s of a core; {size / 1e6:.0f} MB; {said}",
        ),
        Measure(
            "another worker has it, checked",
            over - taken,
            "s",
            conditions=f"{whole - spent:.1f} s of a core; {said}",
        ),
    ]
