"""Whatever bytes stand in the log, the fold goes on: rows that fit the store, or a dead letter with a reason."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.blocks import split_block
from domain.changes import decode_change, pack
from domain.errors import InvalidEvent, NewerEvent
from domain.events import decode_event, encode_event
from domain.instants import zone
from stream.partition import FoldConfig, PartitionFold
from stream.state import StateStore
from tests.support.effort import times
from tests.support.events import T0
from tests.support.hostile import bent_events, records
from tests.support.records import Rec

CONFIG = FoldConfig(0, 1, zone("Asia/Ho_Chi_Minh"), 1, "log", "fingerprint")
DATE32 = (-25_567, 120_529)
"""1900-01-01 to 2299-12-31 in days."""
MS_DAY = 86_400_000


def folded(fold: PartitionFold, record: Rec) -> dict[str, list[Any]]:
    """Everything that is emitted for one record, committed."""
    rows: dict[str, list[Any]] = {}

    def emit() -> None:
        batch = fold.batch()
        for name, values in batch.rows.items():
            rows.setdefault(name, []).extend(values)
        for value in pack(
            batch.rows, generation=1, partition=0, from_offset=0, to_offset=0, known_at=0, clock=0, log_id="log"
        ):
            decode_change(value)
        fold.commit(1)

    fold.apply(record)
    emit()
    while fold.sweeping:
        fold.sweep(record)
        emit()
    return rows


def check_fits_the_store(rows: dict[str, list[Any]]) -> None:
    """Days and instants that the store's types hold, counts that fit 32 bits."""
    first, last = DATE32
    for values in rows.values():
        for row in values:
            for name in row.__struct_fields__:
                value = getattr(row, name)
                if value is None:
                    continue
                if name in ("day", "month"):
                    assert first <= value <= last, row
                if name.endswith("_at") or name in ("start", "until", "due_at_original"):
                    assert first <= value // MS_DAY <= last, row
                if name == "booking_days":
                    assert all(first <= day <= last for day in value), row


@settings(max_examples=times(150))
@given(st.lists(records(), min_size=1, max_size=8))
def test_any_bytes_give_rows_or_dead_letters_and_the_position_moves(values: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = StateStore(Path(folder))
        fold = PartitionFold(store, CONFIG)
        for offset, value in enumerate(values):
            rows = folded(fold, Rec(offset, value, T0))
            check_fits_the_store(rows)
            for letter in rows.get("dead_letters", []):
                assert letter.offset == offset
                assert letter.reason
                assert len(letter.reason) < 500
            assert fold.position.offset == offset
        store.close()


@settings(max_examples=times(300))
@given(records())
def test_decoding_raises_nothing_but_invalid_and_newer(value: bytes) -> None:
    try:
        parts = split_block(value)
    except InvalidEvent:
        parts = ()
    for part in (*parts, value):
        try:
            event = decode_event(part)
        except (InvalidEvent, NewerEvent):
            continue
        again = decode_event(encode_event(event))
        assert (again.hash, again.body, again.occurred_at) == (event.hash, event.body, event.occurred_at)


@settings(max_examples=times(100))
@given(st.one_of(st.binary(max_size=80), records()))
def test_a_change_record_decodes_or_is_a_decode_error(value: bytes) -> None:
    with suppress(msgspec.DecodeError):
        decode_change(value)


@settings(max_examples=times(100))
@given(st.lists(bent_events(("A", "B")), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_what_is_folded_does_not_depend_on_the_order_of_hostile_events(
    events: list[dict[str, Any]], r: Any
) -> None:
    def state(given_events: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
        with tempfile.TemporaryDirectory() as folder:
            store = StateStore(Path(folder))
            fold = PartitionFold(store, CONFIG)
            for offset, event in enumerate(given_events):
                folded(fold, Rec(offset, msgspec.json.encode([event]), T0))
            found = {(s.kind, s.subject): (s.facts, s.by_day) for s in store.all_subjects()}
            store.close()
        return found

    encodable = [e for e in events if _encodes(e)]
    shuffled = list(encodable)
    r.shuffle(shuffled)
    assert state(encodable) == state(shuffled)


def _encodes(event: dict[str, Any]) -> bool:
    try:
        msgspec.json.encode([event])
    except (OverflowError, ValueError):
        return False
    return True
