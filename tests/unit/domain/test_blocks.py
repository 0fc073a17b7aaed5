"""Rules of the block codec and of the partitioner."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafka_murmur2

from domain.blocks import (
    MAX_BLOCK_BYTES,
    MAX_BLOCK_EVENTS,
    Grouper,
    encode_block,
    murmur2,
    partition_of,
    split_block,
)
from domain.errors import InvalidEvent
from domain.events import MAX_EVENT_BYTES

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON_VALUES, max_size=4)
EVENTS = st.builds(
    lambda value, spaced, ascii_only: json.dumps(
        value, ensure_ascii=ascii_only, separators=(" , ", " : ") if spaced else (",", ":")
    ).encode("utf-8", "surrogatepass"),
    OBJECTS,
    st.booleans(),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        # From Apache Kafka's own UtilsTest.testMurmur2.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_vectors_of_kafka(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


@given(st.binary(max_size=64))
def test_murmur2_equals_that_of_the_kafka_client(data: bytes) -> None:
    assert murmur2(data) == kafka_murmur2(data)


@given(st.text(max_size=30), st.integers(1, 64))
def test_a_subject_lands_where_kafka_puts_its_key(subject: str, partitions: int) -> None:
    key = subject.encode("utf-8", "replace")
    assert partition_of(key, partitions) == (kafka_murmur2(key) & 0x7FFFFFFF) % partitions


@given(st.lists(EVENTS, min_size=1, max_size=20))
def test_splitting_gives_back_the_exact_bytes(events: list[bytes]) -> None:
    assert split_block(encode_block(events)) == tuple(events)


@given(st.lists(EVENTS, min_size=2, max_size=5), st.sampled_from([b" ", b"\n", b"\t \r\n"]))
def test_white_space_between_events_belongs_to_none_of_them(events: list[bytes], space: bytes) -> None:
    value = space + b"[" + space + (space + b"," + space).join(events) + space + b"]" + space
    assert split_block(value) == tuple(events)


@given(EVENTS, st.sampled_from([b"", b" \n"]))
def test_a_single_object_is_a_block_of_one(event: bytes, space: bytes) -> None:
    assert split_block(space + event + space) == (event,)


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"[]", b"null", b"7", b'"a"', b"[{}", b"[{}]]", b"[{},]", b"{} {}", b"\xff", b"[" * 100_000],
)
def test_what_is_not_a_block_is_invalid(value: bytes) -> None:
    with pytest.raises(InvalidEvent):
        split_block(value)


def test_limits_hold_on_both_sides() -> None:
    assert len(split_block(encode_block([b"{}"] * MAX_BLOCK_EVENTS))) == MAX_BLOCK_EVENTS
    too_many = b"[" + b",".join([b"{}"] * (MAX_BLOCK_EVENTS + 1)) + b"]"
    large = b'"' + b"a" * (MAX_EVENT_BYTES - 1) + b'"'
    with pytest.raises(InvalidEvent):
        split_block(too_many)
    for events in ([], [b"{}"] * (MAX_BLOCK_EVENTS + 1), [b""], [large], [large[1:]] * 5):
        with pytest.raises(InvalidEvent):
            encode_block(events)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=1, max_size=40)), max_size=60),
    st.integers(1, 7),
    st.integers(10, 120),
)
def test_grouping_keeps_every_event_in_order_within_its_limits(
    events: list[tuple[int, bytes]], max_events: int, max_bytes: int
) -> None:
    grouper = Grouper(max_events, max_bytes)
    blocks = [block for p, event in events for block in grouper.add(p, event)] + list(grouper.drain())
    for partition in range(4):
        came = [event for p, event in events if p == partition]
        assert came == [e for block in blocks if block.partition == partition for e in block.events]
    for block in blocks:
        assert 1 <= len(block.events) <= max_events
        assert len(block.encode()) <= max_bytes or len(block.events) == 1
    assert grouper.drain() == ()


def test_full_blocks_of_large_events_stay_below_the_limit() -> None:
    grouper = Grouper()
    large = b'"' + b"a" * (MAX_EVENT_BYTES - 2) + b'"'
    blocks = [b for _ in range(9) for b in grouper.add(0, large)] + list(grouper.drain())
    assert [len(block.events) for block in blocks] == [3, 3, 3]
    assert all(len(block.encode()) <= MAX_BLOCK_BYTES for block in blocks)
    with pytest.raises(InvalidEvent):
        grouper.add(0, large + b" ")
