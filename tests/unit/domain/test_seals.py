"""The leaves of a whole record are those of its events one by one, whatever stands in it."""

import json
import uuid

from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import encode_block
from domain.event_types import EVENT_TYPES
from domain.seals import LONGEST_KEY, NO_SUBJECT, leaf_hash, leaf_hashes, record_leaves, subject_key

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
