"""The offline verifier's own reading of events and its own counting agree with the fold and with the algebra."""

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from api.figures.quantities import from_totals
from api.figures.sums import judged
from api.figures.totals import Grain
from domain.dossier import replay
from domain.events import encode_event, make_event
from domain.facts import fact_of, merge
from domain.measures import FAMILIES
from domain.timeline import timeline_of
from sinks.sealing.offline import verify_bundle
from tests.unit.domain.random_dossiers import HOUR, ZONE, random_dossier, some_period

OFFSET = 7 * HOUR


def one(rng: random.Random) -> tuple[Any, list[str]]:
    """A dossier's timeline as the product makes it, and its events as they stand in the log, in any order."""
    said = random_dossier(rng)
    events = [
        make_event(f"dossier.{s.verb}", "D", s.at, s.data, source="/test", id=f"{n:03d}")
        for n, s in enumerate(said)
    ]
    state = replay(merge((), (fact_of(e) for e in events)))
    by_limit = None if state.accepted_at is None else state.accepted_at + 90 * HOUR
    timeline = timeline_of(state, by_limit, result_due=rng.random() < 0.7)
    texts = [encode_event(e).decode() for e in events]
    rng.shuffle(texts)
    return timeline, texts


@pytest.mark.parametrize("seed", range(8))
def test_the_timeline_is_read_again_from_the_events_alone(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        timeline, texts = one(rng)
        found = verify_bundle.Checked()
        stated = json.loads(timeline.encode())
        verify_bundle._check_timeline("D", stated, texts, found)
        assert (found.read_again, found.stated) == (1, 0)
        if stated[0] and stated[0][-1][1] is not None:
            stated[0][-1][1] -= HOUR
            with pytest.raises(verify_bundle.Wrong):
                verify_bundle._check_timeline("D", stated, texts, found)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dossier_counts_for_the_verifier_as_it_counts_in_the_figures(family: str) -> None:
    rng = random.Random(family)
    ctx: Any = SimpleNamespace(zone=ZONE)
    for _ in range(250):
        timeline, _ = one(rng)
        for whole_days in (True, False):
            start, until = some_period(rng, whole_days=whole_days)
            wanted = from_totals(judged(ctx, timeline.encode(), Grain(start, until, family)), family)
            found = verify_bundle.quantities(json.loads(timeline.encode()), start, until, family, OFFSET)
            assert found == {name: wanted[name] for name in found}


def test_whole_records_are_taken_as_stated_but_their_instants_stand_in_events() -> None:
    event = make_event(
        "dossier.snapshot_received",
        "D",
        20_000 * 24 * HOUR,
        {"accepted_at": "2026-08-03T09:12:00+07:00", "unit": "H44"},
        source="/test",
        id="1",
    )
    text = encode_event(event).decode()
    accepted = verify_bundle.millis("2026-08-03T09:12:00+07:00")
    timeline: list[Any] = [[[accepted, None, ""]], None, [], [], [], None, [], True, False, []]
    found = verify_bundle.Checked()
    verify_bundle._check_timeline("D", timeline, [text], found)
    assert found.stated == 1
    timeline[0][0][0] += 1
    with pytest.raises(verify_bundle.Wrong, match="stands in none"):
        verify_bundle._check_timeline("D", timeline, [text], found)


def test_a_tree_of_sums_proves_each_row_and_the_whole() -> None:
    for size in (1, 2, 3, 7, 8, 13):
        leaves = [(verify_bundle.row_hash([str(n)]), n % 2, 1) for n in range(size)]
        levels = verify_bundle.sum_levels(leaves)
        root, numerator, denominator = levels[-1][0]
        assert (numerator, denominator) == (size // 2, size)
        for n, leaf in enumerate(leaves):
            path = verify_bundle.sum_path(levels, n)
            assert verify_bundle._risen(leaf, n, size, path) == (root, numerator, denominator)
            other = (leaf[0], leaf[1] + 1, leaf[2])
            assert verify_bundle._risen(other, n, size, path)[1:] != (numerator, denominator)
