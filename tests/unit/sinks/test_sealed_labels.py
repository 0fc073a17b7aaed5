"""What stands beside records is judged stretch by stretch, from wherever a verification begins."""

from collections.abc import Mapping

from msgspec.structs import replace

from domain.merkle import Hash
from domain.seals import NO_LABELS, TreeHead, label_hash, next_labels
from sinks.sealing.copies import SealedLabels
from sinks.sealing.outcome import Goals
from sinks.sealing.stored import Beside

RECORDS = [Beside(1_000 + n, b"H44", "live", "k1") for n in range(12)]
ENDS = (4, 8, 12)


def heads(begin: int) -> dict[int, TreeHead]:
    """The trees of three checkpoints; what stands beside records is sealed from `begin` on."""
    chain: Hash = NO_LABELS
    found = {}
    for offset, r in enumerate(RECORDS):
        if offset >= begin:
            chain = next_labels(chain, label_hash(offset, r.appended_at, r.key, r.origin, r.key_id))
        if offset + 1 in ENDS:
            head = TreeHead(log="x", log_id="", partition=0, size=0, root="", offset=offset + 1, known_at=0)
            sealed = replace(head, labels=chain.hex(), labels_from=begin)
            found[offset + 1] = sealed if offset + 1 > begin else head
    return found


def odd(
    begin: int, start: int, changed: Mapping[int, Beside], reached: Mapping[int, str] | None = None
) -> list[tuple[int, int, int]]:
    trees = heads(begin)
    left = tuple((n, trees[end]) for n, end in enumerate(ENDS, 1) if end > start)
    goals = Goals(("dossier-events", 0), "", trees.get(start), left)
    labels = SealedLabels(goals, start, reached or {})
    for offset in range(start, 12):
        labels.add(offset, changed.get(offset, RECORDS[offset]))
        if offset + 1 in trees:
            labels.compare(ENDS.index(offset + 1) + 1, trees[offset + 1])
    return labels.odd


def test_each_change_beside_a_record_is_named_by_its_stretch() -> None:
    for name, value in (("appended_at", 1), ("key", b"H45"), ("origin", "import"), ("key_id", "k2")):
        other = RECORDS[5]._replace(**{name: value})  # type: ignore[arg-type]
        for start in (0, 4):
            assert odd(0, start, {5: other}) == [(4, 8, 2)]
    imported = RECORDS[1]._replace(origin="import")
    assert odd(0, 0, {1: imported, 9: imported}) == [(0, 4, 1), (8, 12, 3)]
    assert odd(0, 0, {}) == []


def test_what_was_not_sealed_yet_is_passed_over_and_the_rest_is_not() -> None:
    other = RECORDS[5]._replace(origin="import")
    assert odd(6, 0, {5: other}) == []
    assert odd(5, 0, {5: other}) == [(5, 8, 2)]


def test_a_verification_that_goes_on_takes_its_chain_along() -> None:
    chain: Hash = NO_LABELS
    for offset in range(6):
        r = RECORDS[offset]
        chain = next_labels(chain, label_hash(offset, r.appended_at, r.key, r.origin, r.key_id))
    trees = heads(0)
    labels = SealedLabels(Goals(("", 0), "", None, ((2, trees[8]), (3, trees[12]))), 6, {0: chain.hex()})
    for offset in range(6, 12):
        labels.add(offset, RECORDS[offset])
        if offset + 1 in trees:
            labels.compare(0, trees[offset + 1])
    assert labels.odd == []
