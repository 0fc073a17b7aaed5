"""Sums of cells give exactly what judging every dossier gives, for any period and rule family.

One side is the oracle beside this file, the other the product's: fold → bookings → sums per day → algebra.
"""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.algebra import Recalled, quantities, totals
from domain.bookings import book
from domain.fold import Folded, fold_dossier
from domain.instants import Millis, parse_rfc3339
from domain.measures import ATTRIBUTES, FAMILIES, MEASURES
from domain.reference import Reference
from domain.verdicts import judge_before
from tests.unit.domain.oracle import NEVER, brute_force, late, names_of, read
from tests.unit.domain.random_dossiers import ZONE, Said, facts_of, random_dossier, some_period


def recalled_in(folded: Sequence[Folded], start: Millis, until: Millis, family: str) -> Recalled:
    bit = 1 << FAMILIES.index(family)
    rows = [
        r
        for f in folded
        for r in f.recalls
        if r.stopped_open == (family == "06a-stopped-open") and r.out_at >= start and r.in_at < until
    ]
    attributes = [
        r for f in folded for r in f.recalls if not r.stopped_open and r.out_at >= start and r.in_at < until
    ]
    return Recalled(
        all=len(rows),
        ok=sum(bool(r.ok & bit) for r in rows),
        good=sum(bool(r.ok & bit) and not r.unhappy for r in rows),
        early=sum(bool(r.early & bit) for r in rows),
        undated=sum(r.undated for r in attributes),
        attributes={x: sum(r.attributes >> n & 1 for r in attributes) for n, x in enumerate(ATTRIBUTES)},
    )


def sums(folded: Sequence[Folded], until: Millis, *, subtract: bool) -> dict[str, int]:
    """P(m, until): whole days from the sums per day, and the day of `until` entry by entry, either what was
    booked before `until` added, or what is booked from then on taken away again."""
    day = ZONE.day(until)
    found: Counter[str] = Counter()
    for f in folded:
        for booked, cell in f.by_day:
            if booked < day + subtract:
                found.update({MEASURES[m]: value for m, value in cell})
        for at, m, value in book(f.timeline, ZONE).entries:
            if ZONE.day(at) == day and (at >= until) == subtract:
                found[MEASURES[m]] += -value if subtract else value
    return dict(found)


def check(seeds: list[int], period: int, *, whole_days: bool) -> None:
    said = [random_dossier(random.Random(seed)) for seed in seeds]
    oracle = [read(s) for s in said]
    reference = Reference({}, ZONE)
    folded = [fold_dossier(facts_of(f"D{n}", s), reference) for n, s in enumerate(said)]
    start, until = some_period(random.Random(period), whole_days=whole_days)
    before = sums(folded, start, subtract=False)
    for subtract in (False, True):
        at_end = sums(folded, until, subtract=subtract)
        for family in FAMILIES:
            expected = brute_force(oracle, start, until, family)
            got = quantities(before, at_end, recalled_in(folded, start, until, family), family)
            names = names_of(family)
            assert {n: got[n] for n in names} == {n: expected[n] for n in names}, family
            assert got["received"] == got["done"] + got["open"]


SEEDS = st.lists(st.integers(0, 2**40), min_size=1, max_size=12)
PERIOD = st.integers(0, 2**40)


@settings(max_examples=250, deadline=None)
@given(SEEDS, PERIOD)
def test_whole_days_sum_to_what_judging_every_dossier_gives(seeds: list[int], period: int) -> None:
    check(seeds, period, whole_days=True)


@settings(max_examples=250, deadline=None)
@given(SEEDS, PERIOD)
def test_a_period_that_ends_inside_a_day_is_exact_to_the_millisecond(seeds: list[int], period: int) -> None:
    check(seeds, period, whole_days=False)


@settings(max_examples=150, deadline=None)
@given(SEEDS, PERIOD)
def test_the_five_totals_are_disjoint_and_cover_every_accepted_dossier(seeds: list[int], period: int) -> None:
    said = [random_dossier(random.Random(seed)) for seed in seeds]
    folded = [fold_dossier(facts_of(f"D{n}", s), Reference({}, ZONE)) for n, s in enumerate(said)]
    _, until = some_period(random.Random(period), whole_days=False)
    for family in ("766", "766-shift", "orig", "06a"):
        expected = dict.fromkeys(("finished_on_time", "finished_late", "open_late", "open_not_due", "undated"), 0)
        judged = dict(expected)
        for d, f in zip((read(s) for s in said), folded, strict=True):
            begun = [s for s in d.of(family) if s[0] < until]
            state = judge_before(f.timeline, family, until, ZONE)[0]
            if not begun:
                assert state == "not_accepted"
                continue
            judged[state] += 1
            _, end, how = begun[-1]
            at, how = (end, how) if end < until else (until - 1, "")
            is_late = late(d, family, at, how)
            if d.due(at) is None:
                expected["undated"] += 1
            elif how:
                expected["finished_late" if is_late else "finished_on_time"] += 1
            else:
                expected["open_late" if is_late else "open_not_due"] += 1
        recalled = recalled_in(folded, -NEVER, until, family)
        assert totals(sums(folded, until, subtract=False), recalled, family) == expected == judged


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dossier_due_exactly_at_the_end_of_the_period_is_on_time(family: str) -> None:
    until = ZONE.midnight(20_500)
    said = (Said("accepted", until - 86_400_000, {"due_at": "2026-02-16T00:00:00+07:00"}),)
    assert parse_rfc3339(said[0].data["due_at"]) == until
    folded = [fold_dossier(facts_of("D", said), Reference({}, ZONE))]
    got = quantities({}, sums(folded, until, subtract=False), Recalled(), family)
    assert (got["open"], got["open_late"]) == (1, 0)
