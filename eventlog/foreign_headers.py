"""Header names that are no UTF-8: a foreign producer's record must not stop those who read the log.

Kafka stores any bytes as a header's name. kafka-python takes such a record for a corrupt batch and stands still
before it for ever; here the name is read with its wrong bytes spelled out (`\\xff`). The clients of the log never
look at a name that is not theirs.
"""

from typing import Any

from kafka.record.default_records import DefaultRecordBatch


class _Spelled(bytearray):
    """A batch's bytes whose slices decode to text whatever they hold."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Spelled(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        del errors
        return super().decode(encoding, "backslashreplace")


class _TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python has no types
    """A batch that reads a record again, with names spelled out, when it could not be decoded."""

    _buffer: Any

    def _read_msg(self, *args: Any) -> Any:
        try:
            return super()._read_msg(*args)
        except UnicodeDecodeError:
            plain, self._buffer = self._buffer, _Spelled(self._buffer)
            try:
                return super()._read_msg(*args)
            finally:
                self._buffer = plain


def read_any_header() -> None:
    """Makes every consumer of this process read such records. Harmless when called again."""
    from kafka.record import memory_records

    memory_records.DefaultRecordBatch = _TolerantBatch
