"""The fold of one partition: the same rows whatever the batches, the order and the crashes."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import NewerEvent, Refused
from domain.events import Event
from domain.instants import zone
from domain.measures import MEASURES
from stream.partition import FoldConfig, PartitionFold, may_hold_documents
from stream.state import StateStore
from tests.support.events import HOUR, T0, block, dossier_event, limit_event, provinces

CONFIG = FoldConfig(0, 1, zone("Asia/Ho_Chi_Minh"), 1, "log", "fingerprint")
Rows = dict[str, list[Any]]


@dataclass(frozen=True)
class Rec:
    """A log record."""

    offset: int
    value: bytes
    timestamp_ms: int = 0


@contextmanager
def folder() -> Iterator[Path]:
    """An empty state folder."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def run(
    path: Path,
    records: Sequence[Rec],
    batch: int = 1,
    crash_at: frozenset[int] = frozenset(),
    made: type[PartitionFold] = PartitionFold,
) -> Rows:
    """Folds records in batches; at the given offsets the worker dies after emitting, before committing."""
    rows: Rows = {}
    store = StateStore(path)
    fold = made(store, CONFIG)
    pending = set(crash_at)

    def emit() -> bool:
        for name, values in fold.batch().rows.items():
            rows.setdefault(name, []).extend(msgspec.to_builtins(v) for v in values)
        return True

    def crashes(record: Rec) -> bool:
        nonlocal store, fold
        if record.offset not in pending:
            return False
        pending.discard(record.offset)
        emit()
        store.close()
        store = StateStore(path)
        fold = made(store, CONFIG)
        return True

    n = 0
    while n < len(records):
        record = records[n]
        if record.offset < fold.next_offset:
            n += 1
            continue
        if fold.sweeping:
            fold.sweep(record, count=2)
            if not crashes(record):
                emit()
                fold.commit(1)
            continue
        if may_hold_documents(record.value) and fold.size:
            emit()
            fold.commit(1)
        fold.apply(record)
        if crashes(record):
            n = 0
            continue
        if fold.sweeping or (n + 1) % batch == 0 or n + 1 == len(records):
            emit()
            fold.commit(1)
    store.close()
    return rows


def settled(rows: Rows) -> dict[str, dict[Any, Any]]:
    """What a store with replacing tables shows: the row of the greatest version by key."""
    keys: dict[str, Callable[[Any], Any]] = {
        "dossiers": lambda r: r[0],
        "unit_cells": lambda r: tuple(r[:4]),
        "cells": lambda r: tuple(r[:4]),
        "procedure_days": lambda r: tuple(r[:4]),
        "recalls": lambda r: (*r[:4], r[4]),
        "conditions": lambda r: tuple(r[:3]),
        "findings": lambda r: tuple(r[:2]),
        "dead_letters": lambda r: tuple(r[:2]),
        "documents": lambda r: tuple(r[:2]),
        "petitions": lambda r: r[0],
    }
    versions = {
        "dossiers": 1,
        "unit_cells": 4,
        "cells": 4,
        "procedure_days": 4,
        "recalls": 4,
        "conditions": 3,
        "findings": 2,
        "documents": 2,
        "petitions": 1,
    }
    found: dict[str, dict[Any, Any]] = {}
    for table, values in rows.items():
        last = found.setdefault(table, {})
        for row in values:
            key, version = keys[table](row), versions.get(table, 0)
            if key not in last or last[key][version] <= row[version]:
                last[key] = row
    return found


def records_of(events: Sequence[Event], sizes: Sequence[int]) -> list[Rec]:
    """Cuts events into records of the given sizes, cyclically."""
    records: list[Rec] = []
    rest, n = list(events), 0
    while rest:
        size = sizes[n % len(sizes)]
        records.append(Rec(len(records), block(rest[:size]), T0 + len(records) * HOUR))
        rest, n = rest[size:], n + 1
    return records


@settings(max_examples=40, deadline=None)
@given(provinces(), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 5), st.data())
def test_crashes_and_batches_change_no_row(
    events: list[Event], sizes: list[int], batch: int, data: st.DataObject
) -> None:
    records = records_of(events, sizes)
    crash_at = data.draw(st.frozensets(st.sampled_from(range(len(records))), max_size=3))
    with folder() as a, folder() as b:
        assert settled(run(a, records)) == settled(run(b, records, batch, crash_at))


@settings(max_examples=40, deadline=None)
@given(provinces(), st.randoms(use_true_random=False))
def test_order_and_duplicates_do_not_matter(events: list[Event], random: Any) -> None:
    shuffled = events * 2
    random.shuffle(shuffled)
    with folder() as a, folder() as b:
        one = settled(run(a, records_of(events, [3])))
        two = settled(run(b, records_of(shuffled, [2])))
    assert _content(one) == _content(two)


def _content(found: dict[str, dict[Any, Any]]) -> dict[str, Any]:
    """What must be equal between two imports (decisions 21): no versions, no known_at, no empty rows."""
    dossiers = {k: [*r[:1], *r[3:]] for k, r in found["dossiers"].items()}
    cells = {
        table: {key: row[-1] for key, row in found.get(table, {}).items() if any(row[-1])}
        for table in ("unit_cells", "cells")
    }
    cells["unit_cells"] = {k: v for k, v in cells["unit_cells"].items() if not k[0].endswith("_known")}
    cells["procedure_days"] = _over_all_knowledge(found.get("procedure_days", {}))
    recalls = {
        k[:4]: [*r[6:]] for k, r in found.get("recalls", {}).items() if not _gone_later(k, found["recalls"])
    }
    conditions = {k: [*r[:3], *r[5:]] for k, r in found.get("conditions", {}).items() if r[5] != r[6]}
    findings = {k: r[4:] for k, r in found.get("findings", {}).items() if r[6]}
    return {
        "dossiers": dossiers,
        "cells": cells,
        "recalls": recalls,
        "conditions": conditions,
        "findings": findings,
    }


def _over_all_knowledge(rows: dict[Any, Any]) -> dict[Any, Any]:
    summed: dict[Any, list[int]] = {}
    for (day, unit, procedure, _), row in rows.items():
        before = summed.get((day, unit, procedure), [0] * len(row[-1]))
        summed[day, unit, procedure] = [a + b for a, b in zip(before, row[-1], strict=True)]
    return {key: values for key, values in summed.items() if any(values)}


def _gone_later(key: Any, recalls: dict[Any, Any]) -> bool:
    latest = max(k for k in recalls if k[:4] == key[:4])
    return latest != key or recalls[latest][-1] is True


@settings(max_examples=25, deadline=None)
@given(provinces(), st.integers(0, 20), st.data())
def test_a_limit_that_arrives_late_gives_the_rows_it_would_have_given_early(
    events: list[Event], place: int, data: st.DataObject
) -> None:
    limit = limit_event("2.000815", 5, T0 - 1000 * HOUR)
    late = [*events[:place], limit, *events[place:]]
    records = records_of(late, [1])
    crash_at = data.draw(st.frozensets(st.sampled_from(range(len(records))), max_size=2))
    with folder() as a, folder() as b, folder() as c, folder() as c2:
        early = settled(run(a, records_of([limit, *events], [1])))
        assert _content(early) == _content(settled(run(b, records)))
        assert settled(run(c, records, 3, crash_at)) == settled(run(c2, records))


@settings(max_examples=25, deadline=None)
@given(provinces())
def test_sums_of_cells_are_the_sums_of_the_dossiers(events: list[Event]) -> None:
    with folder() as path:
        found = settled(run(path, records_of(events, [2])))
    rows: dict[str, list[Any]] = {"cells": [*found.get("cells", {}).values()]}
    rows |= {grain: [] for grain in ("day", "month", "day_known", "month_known")}
    for row in found.get("unit_cells", {}).values():
        rows[row[0]].append(row)
    by_grain = [[sum(row[-1][m] for row in grain) for m in range(len(MEASURES))] for grain in rows.values()]
    assert all(sums == by_grain[0] for sums in by_grain)


def test_a_foreign_event_in_the_wrong_partition_is_a_dead_letter_and_the_rest_goes_on() -> None:
    good, bad = dossier_event("H44.100-1", "accepted", T0, 1), b'{"id": 5}'
    value = b"[" + bad + b"," + block([good])[1:]
    with folder() as path:
        rows = run(path, [Rec(0, value, T0), Rec(1, b"not json", T0)])
    assert [r[0] for r in rows["dossiers"]] == ["H44.100-1"]
    assert [(r[0], r[1], r[5]) for r in rows["dead_letters"]] == [(0, 0, "id"), (1, 0, "")]


def test_a_newer_dataversion_stops_before_the_record() -> None:
    event = block([dossier_event("H44.100-1", "accepted", T0, 1)]).replace(b'"data":', b'"dataversion":9,"data":')
    with folder() as path:
        store = StateStore(path)
        fold = PartitionFold(store, CONFIG)
        with pytest.raises(NewerEvent, match="partition 0 offset 0"):
            fold.apply(Rec(0, event, T0))
        assert fold.next_offset == 0
        store.close()


def test_a_second_process_that_moved_the_state_on_is_noticed() -> None:
    with folder() as path:
        store = StateStore(path)
        fold = PartitionFold(store, CONFIG)
        fold.apply(Rec(0, block([dossier_event("a", "accepted", T0, 1)]), T0))
        stolen = msgspec.structs.replace(fold.position, offset=7)
        with store._env.begin(write=True) as txn:
            txn.put(b"position", msgspec.msgpack.encode(stolen), db=store._meta)
        with pytest.raises(Refused, match="another process"):
            fold.commit(1)
        store.close()


def test_known_at_never_steps_back_when_the_brokers_clock_does() -> None:
    a, b = dossier_event("a", "accepted", T0, 1), dossier_event("b", "accepted", T0, 1)
    with folder() as path:
        rows = run(path, [Rec(0, block([a]), T0 + 5000), Rec(1, block([b]), T0)])
    assert [r[2] for r in rows["dossiers"]] == [T0 + 5000, T0 + 5000]
