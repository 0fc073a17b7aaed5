"""The leaves of a whole record are those of its events one by one, whatever stands in it."""

import json
import uuid
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import encode_block
from domain.event_types import EVENT_TYPES
from domain.seals import (
    LONGEST_KEY,
    NO_LABELS,
    NO_SUBJECT,
    label_hash,
    leaf_hash,
    leaf_hashes,
    next_labels,
    read_checkpoint,
    record_leaves,
    subject_key,
    write_checkpoint,
)

LOG = "00000000-0000-4766-8766-000000000766"
TYPES = st.sampled_from([*sorted(EVENT_TYPES)[:5], "nobody.knows", "", "\0"])
SUBJECTS = st.one_of(
    st.sampled_from(["H44-1", "", "a\0", "ế", "x" * (LONGEST_KEY + 1), None, 7]), st.text(max_size=5)
)
EVENTS: st.SearchStrategy[object] = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"type": st.one_of(TYPES, st.integers()), "subject": SUBJECTS, "n": st.none()}
    ),
    st.sampled_from([1, None, [], "text"]),
)
BLOCKS = st.lists(EVENTS.map(lambda event: json.dumps(event).encode()), min_size=1, max_size=6)


@given(BLOCKS, st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_blocks_leaves_are_those_of_its_events(events: list[bytes], offset: int, known_at: int) -> None:
    value = encode_block(events)
    expected = [
        (subject_key(event), leaf_hash(LOG, 3, offset, n, len(events), known_at, event))
        for n, event in enumerate(events)
    ]
    found = record_leaves(uuid.UUID(LOG).bytes, 3, offset, known_at, value)
    assert found == expected
    assert leaf_hashes(uuid.UUID(LOG).bytes, 3, offset, known_at, value) == [leaf for _, leaf in expected]


@given(st.binary(max_size=20).filter(lambda value: not value.lstrip(b" \t\r\n").startswith((b"[", b"{"))))
def test_what_is_no_block_is_one_leaf_over_all_its_bytes(value: bytes) -> None:
    expected = [(NO_SUBJECT, leaf_hash(LOG, 0, 5, 0, 0, 9, value))]
    assert record_leaves(uuid.UUID(LOG).bytes, 0, 5, 9, value) == expected


def test_what_stands_beside_a_record_is_sealed_by_these_bytes() -> None:
    label = label_hash(7, -1, b"H44-1", "live", "k1")
    told = (7).to_bytes(8, "big") + b"\xff" * 8
    for part in (b"H44-1", b"live", b"k1"):
        told += len(part).to_bytes(4, "big") + part
    assert label == sha256(told).digest()
    assert next_labels(NO_LABELS, label) == sha256(b"\x04" + bytes(32) + label).digest()
    others = [(8, -1, b"H44-1", "live", "k1"), (7, 0, b"H44-1", "live", "k1"), (7, -1, b"H44-1l", "ive", "k1")]
    assert label not in [label_hash(*other) for other in others]


def test_a_checkpoint_from_before_labels_were_sealed_keeps_its_text() -> None:
    tree = f'{{"known_at":5,"log":"x","log_id":"{LOG}","offset":3,"partition":0,"root":"00","size":4}}'
    body = (
        '{"closes":[],"format":"gs766-checkpoint-1","key":"aa","keys":["aa"],"number":1,"previous":"",'
        f'"time":"2026-08-03T00:00:00Z","trees":[{tree}]}}'
    )
    assert write_checkpoint(read_checkpoint(body)) == body
