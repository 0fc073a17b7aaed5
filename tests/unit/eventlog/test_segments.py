"""Segment files give back exactly what was written, and notice every damage."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Refused
from eventlog.segments import BrokenSegment, Row, check_segment, read_segment, write_segments

small = st.binary(max_size=60)
contents = st.lists(
    st.tuples(
        st.integers(0, 1 << 45),
        st.none() | small,
        st.none() | small,
        st.lists(st.tuples(st.text(max_size=8), small), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=12,
)


def rows_of(content: list[tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]]) -> list[Row]:
    """Rows from offset 5 on."""
    return [Row(5 + n, *fields) for n, fields in enumerate(content)]


@given(contents, st.integers(1, 400), st.integers(1, 600))
def test_rows_come_back_exactly_however_they_are_cut_into_frames_and_files(
    content: list[tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]], frame: int, limit: int
) -> None:
    rows = rows_of(content)
    with TemporaryDirectory() as name:
        written = write_segments(Path(name), "log", 3, rows, limit, frame)
        assert [row for w in written for row in read_segment(Path(name) / w.name)] == rows
        position = 5
        for w in written:
            found = check_segment(Path(name) / w.name)
            assert found == w.segment
            assert (found.topic, found.partition, found.start) == ("log", 3, position)
            assert w.size == (Path(name) / w.name).stat().st_size
            position = found.stop
        assert position == 5 + len(rows)
        assert not list(Path(name).glob("*.part"))


@given(contents, st.data())
@settings(max_examples=100)
def test_any_cut_off_byte_any_flipped_bit_and_any_byte_behind_is_noticed(
    content: list[tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        (written,) = write_segments(Path(name), "log", 0, rows_of(content), frame_bytes=100)
        path = Path(name) / written.name
        whole = path.read_bytes()
        place = data.draw(st.integers(0, len(whole) - 1))
        flipped = bytes([whole[place] ^ (1 << data.draw(st.integers(0, 7)))])
        for damaged in (
            whole[:place],
            whole[:place] + flipped + whole[place + 1 :],
            whole + data.draw(st.binary(min_size=1, max_size=20)),
            whole[:place] + whole[place + 1 :],
        ):
            if damaged != whole:
                path.write_bytes(damaged)
                with pytest.raises(BrokenSegment, match=path.name):
                    check_segment(path)


def test_a_frame_of_another_segment_is_noticed_though_it_is_whole(tmp_path: Path) -> None:
    one, two = (
        write_segments(tmp_path, topic, 0, [Row(n, 1, None, b"x" * 50, ()) for n in range(4)], frame_bytes=60)[0]
        for topic in ("one", "two")
    )
    a, b = ((tmp_path / w.name).read_bytes() for w in (one, two))
    cut = len(a) // 2
    (tmp_path / one.name).write_bytes(a[:cut] + b[cut:])
    with pytest.raises(BrokenSegment, match="SHA-256"):
        check_segment(tmp_path / one.name)


def test_a_missing_offset_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    rows = [Row(0, 1, None, b"a", ()), Row(2, 1, None, b"b", ())]
    with pytest.raises(Refused, match="offset 1"):
        write_segments(tmp_path, "log", 0, rows)
    assert not list(tmp_path.iterdir())


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    assert write_segments(tmp_path, "log", 0, []) == []
    assert not list(tmp_path.iterdir())
