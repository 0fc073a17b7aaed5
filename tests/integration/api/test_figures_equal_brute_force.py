"""Figures asked of the store equal the oracle's: every way of asking, over a random log folded into rows.

The log arrives late and out of order, in two partitions; questions are random units, periods, instants inside
and at the ends of days, knowledge at and inside days, every rule family.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import msgspec
import pytest
from clickhouse_driver import Client

from api.figures import (
    FigureContext,
    NotFound,
    dossier,
    dossier_events,
    due,
    findings,
    indicator,
    indicator_dossiers,
    live,
    overdue,
    scorecard,
    units,
)
from api.figures.context import ask
from api.figures.kept import Kept
from api.figures.quantities import Quantities
from domain.blocks import partition_of
from domain.errors import InvalidInput, NotKnownYet
from domain.indicator_documents import packaged_sets
from domain.indicator_sets import IndicatorSet
from domain.instants import MS_DAY, Millis
from domain.measures import FAMILIES
from tests.integration.api.folded_store import Connect, embedded_store, fold_into, record
from tests.unit.domain.oracle import Dossier, brute_force, late, names_of, read
from tests.unit.domain.random_dossiers import (
    FIRST_DAY,
    UNITS,
    ZONE,
    Said,
    random_dossier,
    some_period,
)

PARTITIONS = 2
DOSSIERS = 120
NOW = ZONE.midnight(FIRST_DAY + 45) + 10 * 3_600_000
SUBTREES = {
    "H44": frozenset(UNITS),
    "H44.07": frozenset({"H44.07"}),
    "H44.100": frozenset({"H44.100", "H44.100.01"}),
    "H44.100.01": frozenset({"H44.100.01"}),
    "H44.101": frozenset({"H44.101"}),
}
TEXT = "%Y-%m-%dT%H:%M:%S.%f%z"


class Arrival(NamedTuple):
    """An event of a dossier and when it became known."""

    known_at: Millis
    code: str
    said: Said


@dataclass(frozen=True)
class World:
    """The store's client and what was written: the oracle's side of every comparison."""

    client: Client
    arrivals: tuple[Arrival, ...]
    read: dict[Millis | None, dict[str, tuple[str, Dossier]]] = field(default_factory=dict)
    """What `dossiers` has read, by what had arrived."""
    kept: Kept = field(default_factory=Kept)

    def context(self, family: str = "766", **changes: Any) -> FigureContext:
        def sets() -> Sequence[IndicatorSet]:
            return [msgspec.structs.replace(s, rules=family) for s in packaged_sets()]

        base = FigureContext(self.client, 1, ZONE, "H44", NOW, None, {0: 1, 1: 2}, sets, kept=self.kept)
        return replace(base, **changes)

    def said(self, known_before: Millis | None = None) -> dict[str, list[Said]]:
        """The events of each dossier, in the order of arrival, those known before an instant."""
        found: dict[str, list[Said]] = {}
        for r in self.arrivals:
            if known_before is None or r.known_at < known_before:
                found.setdefault(r.code, []).append(r.said)
        return found

    def dossiers(self, unit: str = "H44", known_before: Millis | None = None) -> dict[str, Dossier]:
        """The oracle's dossiers of a unit with its subtree."""
        if known_before not in self.read:
            said = self.said(known_before)
            self.read[known_before] = {code: (unit_of(told), read(told)) for code, told in said.items()}
        return {
            code: dossier
            for code, (here, dossier) in self.read[known_before].items()
            if unit == "H44" or here in SUBTREES[unit]
        }


def unit_of(said: Sequence[Said]) -> str:
    """The unit that the last event in canonical order named."""
    order = ("submitted", "accepted", "transferred")
    named = [
        (s.at, order.index(s.verb), n, s.data["unit"])
        for n, s in enumerate(said)
        if s.verb in order and "unit" in s.data
    ]
    return str(max(named)[3]) if named else "?"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    with embedded_store(tmp_path_factory.mktemp("figures")) as connect:
        yield connect


@pytest.fixture(scope="module")
def world(store: Connect, tmp_path_factory: pytest.TempPathFactory) -> World:
    arrivals = random_arrivals(random.Random(766))
    writer = store("writer")
    folder = tmp_path_factory.mktemp("state")
    for partition in range(PARTITIONS):
        mine = [a for a in arrivals if partition_of(a.code, PARTITIONS) == partition]
        records = [
            record(n, a.known_at, f"dossier.{a.said.verb}", a.code, a.said.at, a.said.data)
            for n, a in enumerate(mine)
        ]
        fold_into(writer, folder, records, ZONE, partition, PARTITIONS)
    return World(store("reader"), tuple(arrivals))


def random_arrivals(rng: random.Random) -> list[Arrival]:
    """Single events that become known up to four days after they happened; what was said first of two things
    of one instant arrives first, so that the oracle can order them as the fold does."""
    found = []
    for n in range(DOSSIERS):
        code = f"H44.100-26-{n:04d}"
        for s in random_dossier(rng):
            lag = rng.choice((0, 1, 5, 30, 90)) * 3_600_000 + rng.randrange(1000)
            found.append(Arrival(max(s.at, ZONE.midnight(FIRST_DAY)) + lag, code, s))
    return sorted(found, key=lambda a: a[:2])


def check(world: World, unit: str, start: Millis, until: Millis, known: Millis | None) -> None:
    first = ZONE.local(start).date().isoformat()
    last = ZONE.local(until - 1).date().isoformat()
    for family in FAMILIES:
        ctx = world.context(family)
        q = ask(ctx, unit, f"{first}..{last}", as_of=until, known_at=known)
        assert (q.start, q.until) == (start, until)
        got = Quantities(ctx, q).of(unit)
        expected = brute_force(list(world.dossiers(unit, known).values()), start, until, family)
        names = names_of(family)
        assert {n: got[n] for n in names} == {n: expected[n] for n in names}, (unit, family, q)


@pytest.mark.parametrize("seed", range(12))
def test_whole_days_and_ends_inside_a_day_equal_the_oracle(world: World, seed: int) -> None:
    rng = random.Random(seed)
    start, until = some_period(rng, whole_days=seed % 2 == 0)
    check(world, rng.choice(tuple(SUBTREES)), start, until, None)


def test_now_equals_the_oracle_for_every_unit(world: World) -> None:
    for unit in SUBTREES:
        check(world, unit, ZONE.midnight(FIRST_DAY + 30), NOW, None)


@pytest.mark.parametrize("few", [0, 100_000])
def test_adding_a_days_bookings_and_taking_them_away_give_the_same(
    world: World, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.figures.sums.FEW", few)
    monkeypatch.setattr("api.figures.sums.dossiers.count_booked_on", lambda *_: -1 if few == 0 else 0)
    for hour in (3, 9, 17):
        until = ZONE.midnight(FIRST_DAY + 20) + hour * 3_600_000
        check(world, "H44", ZONE.midnight(FIRST_DAY + 5), until, None)


@pytest.mark.parametrize("seed", range(8))
def test_what_was_known_then_equals_the_oracle_over_what_had_arrived(world: World, seed: int) -> None:
    rng = random.Random(1000 + seed)
    start, until = some_period(rng, whole_days=seed % 2 == 0)
    known = ZONE.midnight(FIRST_DAY + rng.randrange(5, 60))
    if seed % 4 >= 2:
        known += rng.randrange(MS_DAY)
    check(world, rng.choice(tuple(SUBTREES)), start, until, known)


def test_before_the_log_began_nothing_is_answered(world: World) -> None:
    with pytest.raises(NotKnownYet):
        scorecard(world.context(), "H44", "2026-01", known_at="2025-01-01")


def test_a_period_that_has_not_begun_is_refused_and_a_later_instant_is_a_forecast(world: World) -> None:
    with pytest.raises(InvalidInput):
        scorecard(world.context(), "H44", "2027-01")
    card = scorecard(world.context(), "H44", "2026-02", as_of="2026-02-28")
    assert card["forecast"] is True
    assert card["as_of"] == "2026-03-01T00:00:00.000+07:00"


def test_a_scorecard_has_the_agreed_members_and_null_where_there_is_nothing(world: World) -> None:
    card = scorecard(world.context(), "H44", "2026-01", children=True)
    members = (
        "unit period as_of known_at set generation complete_to total_portal total_rebased max_applicable band"
    )
    assert set(members.split()) | {"groups", "indicators", "versions", "undated", "children"} <= set(card)
    assert [c["unit"] for c in card["children"]] == ["H44.07", "H44.100", "H44.101"]
    by_code = {row["code"]: row for row in card["indicators"]}
    assert len(by_code) == 21
    b = by_code["PROCESSED_ON_TIME"]
    assert b["rate"] == b["numerator"] / b["denominator"]
    assert b["points"] == pytest.approx(20 * b["rate"])
    unknown = by_code["FORMALITY_ONLINE_SERVICE"]
    assert (unknown["numerator"], unknown["points"], unknown["applies"]) == (None, None, False)
    assert "procedure" in unknown["reason"]
    assert json.loads(json.dumps(card)) == card


@pytest.mark.parametrize("by", ["unit", "procedure", "field", "channel"])
def test_a_cut_adds_to_the_whole(world: World, by: Any) -> None:
    for code, as_of in (
        ("PROCESSED_ON_TIME", "2026-01-31"),
        ("PROCESSED_ON_TIME", "2026-01-20T10:30"),
        ("DOSSIER_SUBMITTED_ONLINE", "2026-01-20T10:30"),
        ("REUSED_DIGITIZED_DATA", "2026-01-31"),
    ):
        whole = indicator(world.context(), code, "H44", "2026-01", by=by, as_of=as_of)
        assert whole["rows"]
        for part in ("numerator", "denominator"):
            assert sum(row[part] for row in whole["rows"]) == whole[part], (code, by, part)


def test_each_day_of_a_cut_by_day_is_the_figure_of_that_day(world: World) -> None:
    rows = indicator(
        world.context(), "PROCESSED_ON_TIME", "H44.100", "2026-01", by="day", as_of="2026-01-20T10:30"
    )
    assert len(rows["rows"]) == 20
    for row in rows["rows"]:
        day = ZONE.day(ask(world.context(), "H44", f"{row['key']}..{row['key']}").start)
        until = min(ZONE.midnight(day + 1), ask(world.context(), "H44", "2026-01", as_of="2026-01-20T10:30").until)
        found = brute_force(list(world.dossiers("H44.100").values()), ZONE.midnight(day), until, "766")
        assert row["denominator"] == found["received"]
        assert row["numerator"] == found["done_ok"] + found["open"] - found["open_late"]


@pytest.mark.parametrize("part", ["numerator", "denominator", "missing"])
def test_an_opened_figure_lists_as_many_dossiers_as_it_says(world: World, part: Any) -> None:
    ctx = world.context()
    codes = "PROCESSED_ON_TIME DOSSIER_SUBMITTED_ONLINE DOSSIER_PAID_ONLINE DOSSIER_RECEIVING_SATISFACTION"
    for code in [*codes.split(), "ORIGINAL_RESULT_AVAILABLE", "DOSSIER_SYNC"]:
        for unit, as_of in (("H44", "2026-01-31"), ("H44.100", "2026-01-20T10:30")):
            figure = indicator(ctx, code, unit, "2026-01", as_of=as_of)
            listed: list[str] = []
            size, cursor = (7 if code == "DOSSIER_SYNC" else 50), None
            while True:
                page = indicator_dossiers(ctx, code, unit, "2026-01", part, as_of=as_of, cursor=cursor, limit=size)
                listed += [d["dossier_code"] for d in page["dossiers"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert len(listed) == len(set(listed)) == figure[part], (code, unit)


def oracle_states(world: World, until: Millis, family: str, unit: str = "H44") -> dict[str, str]:
    found = {}
    for code, d in world.dossiers(unit).items():
        begun = [s for s in d.of(family) if s[0] < until]
        if not begun:
            continue
        _, end, how = begun[-1]
        at, how = (end, how) if end < until else (until - 1, "")
        if d.due(at) is None:
            found[code] = "undated"
        elif how:
            found[code] = "finished_late" if late(d, family, at, how) else "finished_on_time"
        else:
            found[code] = "open_late" if late(d, family, at, how) else "open_not_due"
    return found


@pytest.mark.parametrize("rule", ["timestamp", "date"])
@pytest.mark.parametrize("as_of", [None, "2026-01-10", "2026-01-20T10:30"])
def test_overdue_lists_and_totals_equal_the_oracle(world: World, rule: Any, as_of: str | None) -> None:
    ctx = world.context()
    until = NOW if as_of is None else ctx.instant(as_of)
    assert until is not None
    for unit in (None, "H44.100"):
        states = oracle_states(world, until, {"timestamp": "766", "date": "06a"}[rule], unit or "H44")
        expected = Counter(states.values())
        for state in ("finished_on_time", "finished_late", "open_late", "open_not_due", "undated"):
            listed: list[str] = []
            cursor = None
            while True:
                page = overdue(ctx, unit, as_of=as_of, rule=rule, state=state, cursor=cursor, limit=5)
                assert page["totals"] == {s: expected[s] for s in page["totals"]}
                listed += [d["dossier_code"] for d in page["dossiers"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert sorted(listed) == sorted(c for c, s in states.items() if s == state)
            assert len(listed) == len(set(listed))


def test_overdue_begins_with_the_latest_and_counts_ages(world: World) -> None:
    found = overdue(world.context(), limit=500)
    lateness = [d["late_by_seconds"] for d in found["dossiers"]]
    assert lateness == sorted(lateness, reverse=True)
    assert sum(found["ages"].values()) == found["matching"] == found["totals"]["open_late"]
    some = overdue(world.context(), min_days=5, limit=500)
    assert [d["dossier_code"] for d in some["dossiers"]] == [
        d["dossier_code"] for d in found["dossiers"] if d["late_by_working_days"] >= 5
    ]
    one = overdue(world.context(), procedure="1.001", limit=500)
    assert one["totals"]["open_late"] == one["matching"]
    assert {d["procedure"] for d in one["dossiers"]} <= {"1.001"}


def test_due_lists_open_dossiers_by_their_due_date(world: World) -> None:
    found = due(world.context(), within="3wd", limit=500)
    until = ZONE.midnight(FIRST_DAY + 45)
    assert [d["due_at"] for d in found["dossiers"]] == sorted(d["due_at"] for d in found["dossiers"])
    expected = set()
    end = world.context().instant(found["until"])
    for code, d in world.dossiers().items():
        begun = [s for s in d.stays if s[0] < NOW]
        at = d.due(NOW - 1)
        if begun and begun[-1][1] >= NOW and at is not None and NOW <= at < (end or until):
            expected.add(code)
    assert {d["dossier_code"] for d in found["dossiers"]} == expected
    assert sum(found["by_day"].values()) == len(expected) == found["matching"]


def test_a_dossier_tells_every_verdict_in_words_and_numbers(world: World) -> None:
    ctx = world.context()
    states = oracle_states(world, NOW, "766")
    for code in list(states)[:30]:
        found = dossier(ctx, code)
        assert found is not None
        assert found["state"] == states[code]
        assert [v["rule"] for v in found["verdicts"]] == list(FAMILIES)
        assert all(v["vi"].endswith(".") and v["en"].endswith(".") for v in found["verdicts"])
        assert json.loads(json.dumps(found)) == found
    assert dossier(ctx, "none") is None
    assert dossier_events(ctx, "none") == []


def test_a_dossier_as_known_then_is_judged_on_what_had_arrived(world: World) -> None:
    known = ZONE.midnight(FIRST_DAY + 20) + 5_000
    for code, said in list(world.said(known).items())[:20]:
        found = dossier(world.context(), code, known_at=known)
        assert found is not None
        assert found["unit"] == unit_of(said)
        assert [s["start"] for s in found["stays"]] == [
            world.context().text(s[0]) for s in read(said).stays if s[0] < NOW
        ]


def test_what_lies_outside_the_scope_does_not_exist(world: World) -> None:
    ctx = world.context(scope=("H44.100",))
    assert [u["code"] for u in units(ctx)] == ["H44.100", "H44.100.01"]
    for unit in ("H44", "H44.07", "nowhere"):
        with pytest.raises(NotFound):
            scorecard(ctx, unit, "2026-01")
        with pytest.raises(NotFound):
            overdue(ctx, unit)
    mine = world.dossiers("H44.100")
    assert sum(overdue(ctx)["totals"].values()) == len(oracle_states(world, NOW, "766", "H44.100"))
    for code in list(world.dossiers())[:40]:
        assert (dossier(ctx, code) is not None) == (code in mine)
    assert {f["unit"] for f in findings(ctx, limit=500)["findings"]} <= SUBTREES["H44.100"]
    assert live(ctx)["unit"] == "H44.100"


def test_the_live_answer_agrees_with_the_lists(world: World) -> None:
    ctx = world.context()
    found = live(ctx)
    late_now = overdue(ctx, limit=500)
    assert found["open_late"] == late_now["totals"]["open_late"]
    assert sum(u["open_late"] for u in found["units"]) == found["open_late"]
    assert found["late_without_apology"] == sum(not d["apology"] for d in late_now["dossiers"])
    assert found["due_today_open"] == due(ctx, within="0d", limit=500)["matching"]
    assert found["score"]["total_portal"] == scorecard(ctx, "H44", "2026-02")["total_portal"]


def test_findings_go_on_page_by_page(world: World) -> None:
    ctx = world.context()
    whole = findings(ctx, limit=500)
    assert sum(whole["counts"].values()) == len(whole["findings"])
    listed: list[Any] = []
    cursor = None
    while True:
        page = findings(ctx, cursor=cursor, limit=9)
        listed += page["findings"]
        cursor = page["next"]
        if cursor is None:
            break
    assert listed == whole["findings"]
