"""Ids of imported events, and the compact table that counts repetitions."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from producers.identity import Seen, content_digest, event_id
from producers.rules import Draft


@given(st.lists(st.binary(min_size=16, max_size=16) | st.sampled_from((b"\0" * 16, b"\1" * 16))))
def test_the_table_counts_as_a_dictionary_does(digests: list[bytes]) -> None:
    seen, counts = Seen(), Counter[bytes]()
    for digest in digests:
        assert seen.count(digest) == counts[digest]
        counts[digest] += 1


def test_the_table_grows_without_forgetting() -> None:
    seen = Seen()
    digests = [n.to_bytes(8, "big") * 2 for n in range(1, 20_000)]
    assert all(seen.count(d) == 0 for d in digests)
    assert all(seen.count(d) == 1 for d in digests)
    assert len(seen) == len(digests)


def test_an_id_depends_on_what_is_said_and_not_on_when_it_was_recorded_or_by_whom() -> None:
    draft = Draft("dossier.step_completed", "D1", 5, None, {"step": "B1", "officer": "A"})
    same = Draft("dossier.step_completed", "D1", 5, 77, {"officer": "B", "step": "B1"})
    other = Draft("dossier.step_completed", "D1", 6, None, {"step": "B1", "officer": "A"})
    assert content_digest("/s", draft) == content_digest("/s", same)
    assert len({content_digest("/s", draft), content_digest("/s", other), content_digest("/t", draft)}) == 3
    assert len({event_id(content_digest("/s", draft), n) for n in range(4)}) == 4
