"""Sums of cells give exactly what judging every dossier gives, for any period and rule family.

The oracle is written from domain.md §4–6 and measures.md alone, over plain events: it shares no code with the
fold. The other side is the product's: fold → bookings → sums per day → algebra.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.algebra import Recalled, quantities, totals
from domain.fold import Folded, fold_dossier
from domain.instants import Millis, parse_rfc3339
from domain.measures import ATTRIBUTES, FAMILIES, MEASURES
from domain.reference import Reference
from domain.verdicts import judge_before
from tests.unit.domain.random_dossiers import ZONE, Said, facts_of, random_dossier, some_period

NEVER = 1 << 60
LAST = 1 << 20
RANKS = {
    verb: rank
    for rank, verbs in enumerate(
        (
            "submitted",
            "accepted",
            "due_date_moved",
            "supplement_requested payment_requested",
            "supplement_received fee_paid",
            "finished",
            "returned",
            "withdrawn",
            "stopped",
            "rejected",
            "reopened",
            "transferred",
        )
    )
    for verb in verbs.split()
}
Stay = tuple[Millis, Millis, str]


class Dossier(NamedTuple):
    """What the oracle makes of a dossier's events; NEVER stands for what has not come."""

    stays: list[Stay]
    stopped_open: list[Stay]
    supplements: list[tuple[Millis, Millis, bool]]
    payments: list[tuple[Millis, Millis]]
    dues: list[tuple[Millis, Millis]]
    unhappy: bool
    has: set[str]

    def of(self, family: str) -> list[Stay]:
        return self.stopped_open if family == "06a-stopped-open" else self.stays

    def due(self, t: Millis) -> Millis | None:
        said = [due for at, due in self.dues if at <= t]
        return said[-1] if said else None


def read(said: Sequence[Said]) -> Dossier:
    """A dossier from its events, by the texts."""
    numbered = sorted(enumerate(said), key=lambda x: (x[1].at, RANKS.get(x[1].verb, LAST), str(x[0])))
    events = [s for _, s in numbered]
    accepted = next((s.at for s in events if s.verb == "accepted"), None)
    ratings = [s.data["rating"] for s in events if s.verb == "rated"]
    supplements, payments, dues = pauses_and_dues(events, accepted)
    return Dossier(
        stays_of(events, accepted, stopped_ends=True),
        stays_of(events, accepted, stopped_ends=False),
        supplements,
        payments,
        dues,
        ratings[-1:] == ["dislike"] or any(s.verb == "complained" for s in events),
        attributes_of(events),
    )


def stays_of(events: Sequence[Said], accepted: Millis | None, *, stopped_ends: bool) -> list[Stay]:
    """Chapters lie between re-openings; one without an end runs on into the next."""
    if accepted is None:
        return []
    chapters: list[tuple[Millis, list[Said]]] = [(accepted, [])]
    running = False
    for s in events:
        running = running or s.verb == "accepted"
        if s.verb == "reopened" and running and end_of(chapters[-1][1], stopped_ends=True):
            chapters.append((s.at, []))
        elif s.verb in ("finished", "returned") or (s.verb in ("withdrawn", "stopped", "rejected") and running):
            chapters[-1][1].append(s)
    stays: list[Stay] = []
    since: Millis | None = None
    for start, ends in chapters:
        since = start if since is None else since
        end = end_of(ends, stopped_ends=stopped_ends)
        if end is not None:
            stays.append((since, max(since, end.at), end.verb))
            since = None
    return stays if since is None else [*stays, (since, NEVER, "")]


def end_of(ends: Sequence[Said], *, stopped_ends: bool) -> Said | None:
    """The first 'finished', else the first 'returned', else what gave the dossier up."""
    for verbs in (("finished",), ("returned",), ("withdrawn", "stopped", "rejected")):
        for s in ends:
            if s.verb in verbs and (stopped_ends or s.verb != "stopped"):
                return s
    return None


def pauses_and_dues(
    events: Sequence[Said], accepted: Millis | None
) -> tuple[list[tuple[Millis, Millis, bool]], list[tuple[Millis, Millis]], list[tuple[Millis, Millis]]]:
    """A receipt answers every request that is outstanding; a due date counts from when it was said, and one
    that a move took back, when no other was known, from acceptance."""
    supplements: list[tuple[Millis, Millis, bool]] = []
    payments: list[tuple[Millis, Millis]] = []
    dues: list[tuple[Millis, Millis]] = []
    taken_back = None
    for s in events:
        before = dues[-1][1] if dues else None
        if s.verb in ("submitted", "accepted") and "due_at" in s.data:
            dues.append((s.at, parse_rfc3339(s.data["due_at"])))
        elif s.verb == "supplement_requested":
            supplements.append((s.at, NEVER, False))
        elif s.verb == "supplement_received" and any(done == NEVER for _, done, _ in supplements):
            due = parse_rfc3339(s.data["due_after"]) if "due_after" in s.data else None
            later = due is not None and before is not None and due > before
            supplements = [(r, s.at, later) if done == NEVER else (r, done, x) for r, done, x in supplements]
            if due is not None:
                dues.append((s.at, due))
        elif s.verb == "payment_requested":
            payments.append((s.at, NEVER))
        elif s.verb == "fee_paid":
            payments = [(r, s.at if done == NEVER else done) for r, done in payments]
        elif s.verb == "due_date_moved":
            if before is None and "from" in s.data:
                taken_back = parse_rfc3339(s.data["from"])
            dues.append((s.at, parse_rfc3339(s.data["to"])))
    if accepted is not None and taken_back is not None and not any(at <= accepted for at, _ in dues):
        dues.insert(0, (accepted, taken_back))
    return supplements, payments, dues


def attributes_of(events: Sequence[Said]) -> set[str]:
    channels = [s.data["channel"] for s in events if "channel" in s.data]
    papers = [c for s in events if s.verb == "components_recorded" for c in s.data["components"]]
    has = {"result_due"}
    if channels[-1:] == ["online"]:
        has.add("online")
    if any(amount for s in events for amount in s.data.get("amounts", ())):
        has.add("payable")
    if "payable" in has and any(s.data.get("gateway") == "national_portal" for s in events):
        has.add("paid_online")
    if any(s.data.get("result_files") for s in events):
        has.add("result")
    if "result" in has and any(c["digitised"] for c in papers):
        has.add("digitised")
    if any(c["reused"] for c in papers):
        has.add("reused")
    if any(s.data.get("vneid") for s in events):
        has.add("citizen_data")
    if any(s.verb == "synced" and s.data["accepted"] for s in events):
        has.add("synced")
    return has


def late(d: Dossier, family: str, t: Millis, how: str) -> bool:
    """At instant t; `how` is how the stay ended, '' while it is open."""
    if family.startswith("06a"):
        due = d.due(t)
        if due is None or how == "withdrawn":
            return False
        if not how and any(r <= t < done for r, done in [(r, x) for r, x, _ in d.supplements] + d.payments):
            return False
        return ZONE.day(t) > ZONE.day(due)
    due = d.dues[0][1] if family == "orig" and d.due(t) is not None else d.due(t)
    if due is None:
        return False
    asked = [x for x in d.supplements if x[0] <= t]
    if len(asked) >= 2:
        return True
    end, credit = t, 0
    for request, done, shifted in asked:
        if done <= t:
            credit += 0 if shifted and family == "766-shift" else done - request
        elif not how:
            end = request
    return end - credit > due


def brute_force(dossiers: Sequence[Dossier], start: Millis, until: Millis, family: str) -> Counter[str]:
    """Every dossier judged before `until`, one by one."""
    found: Counter[str] = Counter()
    for d in dossiers:
        stays = d.of(family)
        if d.stays and start <= d.stays[0][0] < until:
            found["accepted"] += 1
            found["accepted_online"] += "online" in d.has
            found.update(f"acc:{x}" for x in d.has)
        if d.stays and start <= d.stays[-1][1] < until:
            found.update(f"end:{x}" for x in d.has)
        if d.stays and any(begun < until and end >= start for begun, end, _ in d.stays):
            found.update(f"hand:{x}" for x in d.has)
        found["carried"] += any(begun < start <= end for begun, end, _ in stays)
        begun = [s for s in stays if s[0] < until]
        if not any(end >= start for _, end, _ in begun):
            continue
        _, end, how = begun[-1]
        ended = end < until
        at = end if ended else until - 1
        is_late = late(d, family, at, how if ended else "")
        undated = d.due(at) is None
        found["received"] += 1
        found["done" if ended else "open"] += 1
        found["done_late" if ended else "open_late"] += is_late
        found["satisfied"] += not is_late and not d.unhappy
        found["undated_done" if ended else "undated_open"] += undated
        if ended:
            found["done_ok"] += not is_late
            due = d.due(at)
            early = due is not None and how != "withdrawn" and ZONE.day(end) < ZONE.day(due)
            found["done_early"] += early and not is_late
    return found


def names_of(family: str) -> list[str]:
    names = "received carried accepted accepted_online done done_ok done_late open open_late satisfied".split()
    names += [f"{when}:{x}" for when in ("acc", "end", "hand") for x in ATTRIBUTES]
    names += ["done_early"] if family.startswith("06a") else []
    return names + ([] if family == "06a-stopped-open" else ["undated_open", "undated_done"])


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
        for at, m, value in f.entries:
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
