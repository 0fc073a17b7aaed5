"""Blocks and frames as bytes: whatever clickhouse-driver writes is passed over exactly."""

import io
import types
from typing import Any

import pytest
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.context import Context
from clickhouse_driver.streams.native import BlockOutputStream
from hypothesis import given
from hypothesis import strategies as st

from sinks.embedded.blocks import skipper, split_arguments, split_blocks
from sinks.embedded.errors import ProtocolError
from sinks.embedded.wire import LZ4, ZSTD, frames, read_frame, reader_of

NAMES = st.sampled_from(["a", "b", "ệ"])
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "UInt16": st.integers(0, 65535),
    "String": st.text(max_size=200),
    "Nullable(UUID)": st.none() | st.uuids(),
    "LowCardinality(Nullable(String))": st.none() | NAMES,
    "Array(Tuple(x LowCardinality(String), `y z` Array(String)))": st.lists(
        st.tuples(NAMES, st.lists(st.text(max_size=3), max_size=2)), max_size=3
    ),
    "Map(LowCardinality(String), Array(Nullable(UInt8)))": st.dictionaries(
        NAMES, st.lists(st.none() | st.integers(0, 255), max_size=2), max_size=2
    ),
    "Enum8('a, (' = 1, 'b' = 2)": st.sampled_from(["a, (", "b"]),
    "Decimal(38, 2)": st.integers(-9, 9),
}


def native(rows: list[tuple[Any, ...]]) -> bytes:
    """Rows as clickhouse-driver writes them, without BlockInfo."""
    context = Context()
    context.server_info = types.SimpleNamespace(used_revision=0, get_timezone=lambda: "UTC")
    context.client_settings = {"strings_encoding": "utf-8", "strings_as_bytes": False, "use_numpy": False}
    context.settings = {}
    out = io.BytesIO()
    columns = [(f"c{i}", kind) for i, kind in enumerate(TYPES)]
    block = ColumnOrientedBlock(columns, [list(column) for column in zip(*rows, strict=True)])
    BlockOutputStream(CompressedBufferedWriter(out, 1 << 16), context).write(block)
    return out.getvalue()


@given(st.lists(st.lists(st.tuples(*TYPES.values()), min_size=1, max_size=4), min_size=1, max_size=3))
def test_blocks_one_after_another_are_cut_where_they_end(blocks: list[list[tuple[Any, ...]]]) -> None:
    parts = [native(rows) for rows in blocks]
    assert split_blocks(b"".join(parts)) == parts


@given(st.binary(max_size=3000), st.sampled_from([LZ4, ZSTD]))
def test_frames_open_to_what_was_packed(data: bytes, method: int) -> None:
    reader, opened = reader_of(frames(data, method)), b""
    while len(opened) < len(data):
        found, plain = read_frame(reader)
        assert found == method
        opened += plain
    assert opened == data


def test_a_frame_with_one_bit_changed_is_refused() -> None:
    frame = bytearray(frames(b"hello" * 100, LZ4))
    frame[-1] ^= 1
    with pytest.raises(ProtocolError):
        read_frame(reader_of(bytes(frame)))


def test_a_type_without_fixed_layout_is_named_in_the_error() -> None:
    block = b"\1\1\1a\4JSON\0"
    with pytest.raises(ProtocolError, match="JSON"):
        split_blocks(block)


def test_arguments_are_split_at_their_own_commas() -> None:
    text = "A, Tuple(B, C), Enum8('x, y' = 1, 'it\\'s (' = 2), `d,e` F"
    assert split_arguments(text) == ["A", "Tuple(B, C)", "Enum8('x, y' = 1, 'it\\'s (' = 2)", "`d,e` F"]


@pytest.mark.parametrize(
    "spec",
    [
        "Decimal(0\u0665, 2)",
        "Decimal()",
        "FixedString(-5)",
        "FixedString(x)",
        "FixedString(99999999999999)",
        "SimpleAggregateFunction(sum)",
        "Array(" * 3000 + "UInt8" + ")" * 3000,
        "",
    ],
)
def test_what_is_no_type_is_refused_in_a_sentence(spec: str) -> None:
    with pytest.raises(ProtocolError):
        skipper(spec)
