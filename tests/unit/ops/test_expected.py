"""What a fold says must stand: the same sums whether rows are kept or hashes; compared with a store's."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from domain.events import Event
from ops.expected import Expected, Sums
from ops.reconciling import stands
from sinks.queries.derived import DERIVED_TABLES, flatten, hash_of
from stream.partition import PartitionFold
from stream.state import StateStore
from tests.support.duties import duties
from tests.support.events import HOUR, T0, limit_event
from tests.support.lifecycles import lifecycles
from tests.unit.stream.test_partition import CONFIG, records_of

EVENTS: list[Event] = [*lifecycles(40, seed=5), *duties(), limit_event("2.000003", 5, T0 - 900 * HOUR)]


def folded(folder: Path) -> tuple[list[dict[str, list[Struct]]], list[dict[str, tuple[int, int]]]]:
    """The batches of a fold, and the sums of what was kept of them: rows, and hashes."""
    kept = [Expected(folder / "rows"), Expected(folder / "hashes", hashes=True)]
    store = StateStore(folder / "state")
    fold = PartitionFold(store, CONFIG)
    batches = []
    for record in records_of(EVENTS, [3, 8, 40]):
        fold.apply(record)
        while True:
            batch = fold.batch()
            batches.append(batch.rows)
            for expected in kept:
                expected.take(batch)
            fold.commit(0)
            if not fold.sweeping:
                break
            fold.sweep(record)
    sums = [{t.name: expected.sum(t) for t in DERIVED_TABLES} for expected in kept]
    for expected in kept:
        expected.close()
    store.close()
    return batches, sums


class FakeStore:
    """A store whose tables have given sums."""

    def __init__(self, sums: Mapping[str, tuple[int, int]]) -> None:
        self._sums = sums

    def execute(self, sql: str, *_: Any, **__: Any) -> list[tuple[int, int]]:
        found = re.search(r"FROM (\w+) FINAL", sql)
        assert found is not None
        return [self._sums[found[1]]]


def test_the_sums_are_those_of_the_last_row_of_each_key(tmp_path: Path) -> None:
    batches, (rows, hashes) = folded(tmp_path)
    assert rows == hashes
    for table in DERIVED_TABLES:
        stand: dict[Any, bytes] = {}
        for batch in batches:
            for row in batch.get(table.part, ()):
                key = table.key_of(flatten(row))
                if table.name == "open_dossiers" and not getattr(row, "is_open", False):
                    stand.pop(key, None)
                else:
                    stand[key] = msgspec.json.encode(row)
        assert rows[table.name] == (len(stand), sum(map(hash_of, stand.values())) % 2**64), table.name
    assert all(
        rows[name][0] for name in ("dossiers", "open_dossiers", "cells", "conditions", "petitions", "recalls")
    )


def test_a_store_stands_only_with_every_sum(tmp_path: Path) -> None:
    _, (sums, _) = folded(tmp_path)
    report = stands(FakeStore(sums), 2, [Sums(0, 11, sums)])
    assert report is not None
    assert report.verdict == "holds"
    assert report.checked == {"records": 12, **{name: count for name, (count, _) in sums.items()}}
    for name, (count, total) in sums.items():
        for other in ((count + 1, total), (count, total + 1)):
            assert stands(FakeStore({**sums, name: other}), 2, [Sums(0, 11, sums)]) is None, name


@pytest.mark.parametrize("hashes", [False, True])
def test_nothing_expected_is_nothing(tmp_path: Path, hashes: bool) -> None:
    expected = Expected(tmp_path, hashes=hashes)
    assert {expected.sum(table) for table in DERIVED_TABLES} == {(0, 0)}
    expected.close()
