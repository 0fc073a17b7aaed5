"""Header names that are no UTF-8, as Faust's client meets them: see `eventlog.foreign_headers`.

aiokafka's compiled decoder raises and stands still before such a record. Here the rest of that batch is not
delivered, and the partition's follower reads it from the log: a delivery is only a hint (design rule 4).
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher  # type: ignore[import-untyped]
from aiokafka.record.memory_records import MemoryRecords  # type: ignore[import-untyped]


class _Batch:
    """A batch that ends before the first record that cannot be decoded."""

    __slots__ = ("_batch",)

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            return


class _Records:
    """The batches of one fetch."""

    __slots__ = ("_records",)

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def next_batch(self) -> _Batch | None:
        """The next batch, None behind the last."""
        batch = self._records.next_batch()
        return None if batch is None else _Batch(batch)


def deliver_past_any_header() -> None:
    """Makes every consumer of this process go on behind such records. Harmless when called again."""
    fetcher.MemoryRecords = _Records
