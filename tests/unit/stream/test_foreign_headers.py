"""A header's name that is no text ends a batch of Faust's client, never its partition."""

from aiokafka.consumer import fetcher  # type: ignore[import-untyped]
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.foreign_headers import deliver_past_any_header
from tests.support.attack import RawName


def test_the_client_goes_on_behind_a_name_that_is_no_text() -> None:
    deliver_past_any_header()
    builder = MemoryRecordsBuilder(2, 0, 1_000_000)
    for headers in ([("origin", b"live")], [(RawName("k"), b"1")], []):
        builder.append(1, None, b"value", headers)
    builder.close()
    records = fetcher.MemoryRecords(bytes(builder.buffer()))
    assert records.has_next()
    batch = records.next_batch()
    assert [record.offset for record in batch] == [0]
    assert batch.next_offset == 3
    assert records.next_batch() is None
