"""Rules of the disk spool."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused, Unavailable
from eventlog.spool import Spool, Spooled, frame, scan


def record(n: int, size: int = 10) -> Spooled:
    return Spooled("t", n % 4, None if n % 2 else b"k", b"%d" % n + b"x" * size, "live", "key", 1)


def drained(spool: Spool, max_bytes: int = 100) -> list[Spooled]:
    out: list[Spooled] = []
    while True:
        records, place = spool.peek(max_bytes)
        if not records:
            return out
        out += records
        spool.advance(place, records)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.binary(max_size=30))
def test_a_torn_tail_at_any_byte_costs_only_the_torn_frame(payloads: list[bytes], last: bytes) -> None:
    whole = b"".join(frame(p) for p in payloads)
    torn = frame(last + b"!")
    for cut in range(len(torn)):
        assert scan(whole + torn[:cut]) == (payloads, len(whole))
    assert scan(whole + torn) == ([*payloads, last + b"!"], len(whole) + len(torn))
    assert scan(whole + bytes(50)) == (payloads, len(whole))


def test_a_reopened_spool_ignores_a_tail_torn_at_any_byte(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append([record(n) for n in range(3)])
    three = spool.state().bytes
    spool.append([record(3)])
    spool.close()
    (segment,) = (tmp_path / "s").glob("*.spool")
    data = segment.read_bytes()
    for cut in range(three, len(data)):
        segment.write_bytes(data[:cut])
        again = Spool(tmp_path / "s")
        assert again.state().torn_bytes == cut - three
        assert again.state().events == 3
        assert again.peek(10_000)[0] == [record(n) for n in range(3)]
        again.append([record(9)])
        assert again.peek(10_000)[0][-1] == record(9)
        again.close()


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=12))
def test_records_leave_in_the_order_in_which_they_came_across_restarts(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, segment_bytes=120)
    came: list[Spooled] = []
    left: list[Spooled] = []
    for count, take, restart in steps:
        records = [record(len(came) + n) for n in range(count)]
        spool.append(records)
        came += records
        if take:
            taken, place = spool.peek(80)
            spool.advance(place, taken)
            left += taken
        if restart:
            spool.close()
            spool = Spool(folder, segment_bytes=120)
        assert spool.state().events == len(came) - len(left)
    assert left + drained(spool) == came
    assert spool.state().events == 0
    assert spool.state().bytes == 0
    assert sum(path.stat().st_size for path in folder.glob("*.spool")) == 0
    spool.close()


def test_what_was_sent_but_not_noted_is_sent_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([record(0), record(1)])
    assert len(spool.peek()[0]) == 2
    spool.close()
    assert Spool(tmp_path).peek()[0] == [record(0), record(1)]


def test_a_full_spool_refuses_and_keeps_nothing_of_the_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, quota=200)
    spool.append([record(0)])
    with pytest.raises(Unavailable, match="full"):
        spool.append([record(1), record(2, size=200)])
    assert drained(spool) == [record(0)]
    spool.append([record(3)])
    assert drained(spool) == [record(3)]


def test_a_failed_write_is_answered_and_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append([record(0)])
    real = os.fsync

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(Unavailable, match="No space"):
        spool.append([record(1)])
    monkeypatch.setattr(os, "fsync", real)
    spool.append([record(2)])
    spool.close()
    assert drained(Spool(tmp_path)) == [record(0), record(2)]


@pytest.mark.parametrize("reopened", [False, True])
def test_a_spool_that_filled_its_disk_is_gone_from_it_when_it_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reopened: bool
) -> None:
    spool = Spool(tmp_path)
    spool.append([record(n, 1000) for n in range(5)])

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        for n in range(20):
            with pytest.raises(Unavailable, match="No space left"):
                spool.append([record(100 + n)])
    assert len(list(tmp_path.glob("*.spool"))) <= 2, "a file for each attempt"
    if reopened:
        spool.close()
        spool = Spool(tmp_path)
    assert drained(spool) == [record(n, 1000) for n in range(5)]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) == 0
    assert (spool.state().events, spool.state().bytes) == (0, 0)
    spool.append([record(7)])
    assert drained(spool) == [record(7)]
    spool.close()


def test_damage_before_the_last_segment_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=10)
    for n in range(3):
        spool.append([record(n)])
    spool.close()
    first = min(tmp_path.glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    with pytest.raises(Refused, match="damaged"):
        Spool(tmp_path)


def test_two_processes_cannot_share_a_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(Refused, match="another process"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


def test_taking_out_needs_no_new_space_and_a_torn_note_costs_only_a_repetition(tmp_path: Path) -> None:
    """A spool that has filled its disk could else never be emptied: the note of what was sent did not fit."""
    spool = Spool(tmp_path / "s")
    spool.append([record(n) for n in range(4)])
    note = tmp_path / "s" / "position"
    before = note.stat()
    for _ in range(2):
        records, place = spool.peek(1)
        spool.advance(place, records)
    after = note.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    spool.close()
    whole = note.read_bytes()
    half = len(whole) // 2
    note.write_bytes(b"\xff" * half + whole[half:])
    torn = Spool(tmp_path / "s")
    assert torn.peek(1)[0] in ([record(1)], [record(2)])
    torn.close()
    note.write_bytes(whole)
    again = Spool(tmp_path / "s")
    assert again.peek(1)[0] == [record(2)]
    again.close()


def test_a_position_of_an_older_release_is_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append([record(n) for n in range(3)])
    spool.advance(spool.peek(1)[1], [record(0)])
    spool.close()
    note = tmp_path / "s" / "position"
    whole = note.read_bytes()
    note.write_bytes(whole[len(whole) // 2 :])
    again = Spool(tmp_path / "s")
    assert again.peek(1)[0] == [record(1)]
    again.close()
