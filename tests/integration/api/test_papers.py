"""Papers from a folded store: the form equals the oracle, and what was issued is found again after later events.

Half of a random log is known when a paper is made; the other half arrives afterwards and changes dossiers, units,
procedures and petitions that the paper speaks of.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_driver import Client

from api.figures import FigureContext, NotFound
from api.figures.rankings import rankings
from api.papers import issuing
from api.papers.ii06a import Form, Line
from api.papers.issuing import Asked, Paper, Record
from api.papers.publication import Publication
from api.papers.standing import Place, place_now, place_then, standing, unscoped
from dashboards.papers.files import FORMATS, render, renderers
from domain.blocks import partition_of
from domain.errors import InvalidInput, Unavailable
from domain.instants import MS_DAY, Millis, day_date, format_rfc3339
from tests.integration.api.folded_store import Connect, embedded_store, fold_into, record
from tests.unit.domain.oracle import Dossier, brute_force, read
from tests.unit.domain.random_dossiers import DAYS, FIRST_DAY, PROCEDURES, ZONE, Said, random_dossier, some_period

PARTITIONS = 2
DOSSIERS = 150
START = ZONE.midnight(FIRST_DAY)
NOW = ZONE.midnight(FIRST_DAY + 45) + 10 * 3_600_000
KNOWN = ZONE.midnight(FIRST_DAY + 40) + 12_345_678
HOUR = 3_600_000


@dataclass(frozen=True)
class Arrival:
    """An event and when it became known; a broadcast stands in every partition."""

    known_at: Millis
    type: str
    subject: str
    at: Millis
    data: Any
    broadcast: bool = False


@dataclass(frozen=True)
class World:
    """The store, and every event that went into it."""

    client: Client
    arrivals: tuple[Arrival, ...]
    complete: dict[int, int]

    def context(self, **changes: Any) -> FigureContext:
        return replace(FigureContext(self.client, 1, ZONE, "H44", NOW, None, self.complete), **changes)

    def oracle(self, known: Millis) -> list[Dossier]:
        said: dict[str, list[Said]] = {}
        for a in self.arrivals:
            if a.type.startswith("dossier.") and a.known_at < known:
                said.setdefault(a.subject, []).append(Said(a.type.removeprefix("dossier."), a.at, a.data))
        return [read(found) for found in said.values()]

    def paper(self, kind: str, place: Place | None = None, **asked: Any) -> Paper:
        ctx = self.context()
        here = place_then(ctx, KNOWN, place_now(ctx, self.complete, -1)) if place is None else place
        return issuing.make(ctx, here, Asked(kind=kind, **{"as_of": NOW, **asked}), issued=True)


def log() -> list[Arrival]:
    rng = random.Random(44)
    found = [
        Arrival(START - MS_DAY + n, "unit.registered", code, START - MS_DAY, {"name": name, "kind": kind})
        for n, (code, name, kind) in enumerate(
            (
                ("H44.07", "Sở Mẫu", "department"),
                ("H44.100", "Xã Mẫu A", "commune"),
                ("H44.101", "Xã Mẫu B", "commune"),
            )
        )
    ]
    for n, code in enumerate(PROCEDURES):
        data = {"name": f"Thủ tục {code}", "field": f"LV{n % 2}", "fee": True}
        found.append(Arrival(START - MS_DAY + 10 + n, "procedure.described", code, START - MS_DAY, data, True))
    for n in range(DOSSIERS):
        for s in random_dossier(rng):
            lag = rng.choice((0, 1, 5, 30, 90, 300)) * HOUR + rng.randrange(1000)
            found.append(Arrival(max(s.at, START) + lag, f"dossier.{s.verb}", f"H44.100-26-{n:04d}", s.at, s.data))
    for n in range(12):
        at = START + rng.randrange(30) * MS_DAY
        data = {"unit": "H44.100", "about": "staff", "due_at": format_rfc3339(at + 5 * MS_DAY)}
        found.append(Arrival(at + 1, "petition.received", f"P{n}", at, data))
        found.append(
            Arrival(at + rng.randrange(1, 30) * MS_DAY, "petition.answered", f"P{n}", at + 3 * MS_DAY, {})
        )
    later = KNOWN + MS_DAY
    found.append(Arrival(later, "unit.renamed", "H44.100", START, {"name": "Phường Mới"}))
    found.append(
        Arrival(later, "procedure.described", PROCEDURES[0], START, {"name": "Tên mới", "field": "LV9"}, True)
    )
    return sorted(found, key=lambda a: a.known_at)


def filled(connect: Connect, folder: Path, arrivals: Sequence[Arrival]) -> World:
    """The store with these events in it."""
    complete = {}
    for partition in range(PARTITIONS):
        mine = [a for a in arrivals if a.broadcast or partition_of(a.subject, PARTITIONS) == partition]
        records = [record(n, a.known_at, a.type, a.subject, a.at, a.data) for n, a in enumerate(mine)]
        fold_into(connect("writer"), folder, records, ZONE, partition, PARTITIONS)
        complete[partition] = len(records) - 1
    return World(connect("reader"), tuple(arrivals), complete)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("papers")
    with embedded_store(folder) as connect:
        yield filled(connect, folder, log())


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same log up to the instant of issue, folded alone."""
    folder = tmp_path_factory.mktemp("then")
    with embedded_store(folder) as connect:
        yield filled(connect, folder, [a for a in log() if a.known_at < KNOWN])


def total(body: Any, of: Callable[[Line], int]) -> int:
    assert isinstance(body, Form)
    return sum(of(line) for line in body.lines)


@pytest.mark.parametrize("seed", range(25))
def test_the_form_equals_the_oracle_and_its_identities_hold(world: World, seed: int) -> None:
    rng = random.Random(seed)
    start, until = some_period(rng, whole_days=seed % 2 == 0)
    known = START + rng.randrange(5, DAYS) * MS_DAY + rng.randrange(MS_DAY)
    ctx = world.context(now=until)
    place = place_then(ctx, known, place_now(ctx, world.complete, -1))
    last = day_date(ZONE.day(until - 1))
    period = f"{day_date(ZONE.day(start))}..{last}"
    family, stopped = rng.choice((("06a", "end"), ("06a-stopped-open", "open")))
    options = {"stopped": stopped, "by": rng.choice(("unit", "field"))}
    asked = Asked(kind="ii06a", period=period, as_of=until, options=options)
    body = issuing.make(ctx, place, asked, issued=False).body
    expected = brute_force(world.oracle(place.known_at), start, until, family)
    assert total(body, lambda x: x.received) == expected["received"]
    assert total(body, lambda x: x.carried) == expected["carried"]
    assert total(body, lambda x: x.early) == expected["done_early"]
    assert total(body, lambda x: x.early + x.on_time) == expected["done_ok"]
    assert total(body, lambda x: x.late) == expected["done_late"]
    assert total(body, lambda x: x.in_process) == expected["open"]
    assert total(body, lambda x: x.open_late) == expected["open_late"]
    assert isinstance(body, Form)
    assert all(x.received == x.done + x.in_process for x in body.lines)
    assert len(body.overdue) == expected["done_late"] + expected["open_late"]
    assert len(body.undated) == expected["undated_open"] + expected["undated_done"]


def test_every_dossier_on_which_the_two_rules_disagree_is_named(world: World) -> None:
    body = world.paper("ii06a", period="2026-02", options={"first_day": "1"}).body
    assert isinstance(body, Form)
    late = {d.code for d in body.overdue}
    for d in body.disagree:
        assert (d.by_date.endswith("late")) is (d.code in late)
        assert (d.by_time.endswith("late")) is not (d.code in late)
    assert body.disagree


def test_a_month_of_the_form_runs_from_the_15th_to_the_14th(world: World) -> None:
    head = world.paper("ii06a", period="2026-01").heading
    assert (head.first_day, head.last_day) == ("2025-12-15", "2026-01-14")
    head = world.paper("ii06a", period="2026-01", options={"first_day": "1"}).heading
    assert (head.first_day, head.last_day) == ("2026-01-01", "2026-01-31")
    with pytest.raises(InvalidInput, match="from 1 to 28"):
        world.paper("ii06a", period="2026-01", options={"first_day": "31"})


def record_of(paper: Paper, world: World) -> Record:
    head = paper.heading
    place = place_then(world.context(), KNOWN, place_now(world.context(), world.complete, -1))
    return Record(
        id=issuing.paper_id(paper), kind=head.kind, unit=head.unit, period=head.period, as_of=NOW,
        known_at=place.known_at, issued_at=KNOWN + 1, options=head.options,
        versions={**head.versions, **renderers(), "log": "log"}, positions=head.positions,
        hashes={}, content_hash="",
    )  # fmt: skip


QUESTIONS: dict[str, dict[str, Any]] = {
    "ii06a": {"period": "2026-01", "options": {"form": "wide"}},
    "league": {"period": "2026-01"},
    "publication": {"period": "2026-01"},
    "brief": {},
    "targets": {"period": "ytd", "options": {"children": "yes"}},
}


@pytest.mark.parametrize("kind", QUESTIONS)
def test_an_issued_paper_is_found_again_after_later_events(world: World, then: World, kind: str) -> None:
    place = place_now(then.context(), then.complete, -1)
    issued = then.paper(kind, place, **QUESTIONS[kind])
    files = {form: render(issued, form) for form in FORMATS[kind]}
    assert then.complete != world.complete
    record_ = msgspec.structs.replace(record_of(issued, world), known_at=place.known_at)
    again = issuing.again(world.context(), record_)
    assert again.body == issued.body
    assert {form: render(again, form) for form in files} == files
    assert issuing.reasons(record_, again, renderers(), "log") == []
    assert issuing.moved(world.context(), record_) == []


def test_another_set_layout_or_log_is_named_as_the_reason(world: World) -> None:
    paper = world.paper("publication", period="2026-01")
    record_ = record_of(paper, world)
    old = msgspec.structs.replace(record_, versions={**record_.versions, "layout": "0", "fold": "0"})
    assert issuing.reasons(old, paper, renderers(), "other") == [
        f"the rules of the fold was 0 when it was issued and is {paper.heading.versions['fold']} now",
        "layout was 0 when it was issued and is 2 now",
        "the log was log when it was issued and is other now",
    ]


def test_rows_that_do_not_reach_the_positions_are_no_ground_for_a_paper(world: World) -> None:
    record_ = record_of(world.paper("publication", period="2026-01"), world)
    behind = world.context(complete_to={0: 3, 1: 3})
    with pytest.raises(Unavailable, match="do not yet reach the positions"):
        issuing.again(behind, record_)


def test_an_instant_that_comes_to_other_offsets_than_it_did_is_told(world: World) -> None:
    record_ = record_of(world.paper("publication", period="2026-01"), world)
    moved = msgspec.structs.replace(record_, positions={**record_.positions, "0": 5})
    assert "partition 0" in issuing.moved(world.context(), moved)[0]


def test_a_lagging_partition_holds_the_place_back(world: World) -> None:
    ctx = world.context()
    half = {0: world.complete[0], 1: world.complete[1] // 2}
    place = place_now(ctx, half, -1)
    assert place.positions[1] <= half[1]
    assert place.positions[0] < half[0]
    whole = place_now(ctx, world.complete, -1)
    assert whole.positions == world.complete


def test_a_key_of_one_unit_gets_that_unit_and_nothing_beside_it(world: World) -> None:
    mine = world.context(scope=("H44.100",))
    place = place_now(mine, world.complete, -1)
    own = issuing.make(mine, place, Asked(kind="publication", period="2026-01", as_of=NOW), issued=True)
    assert own.heading.unit == "H44.100"
    named = Asked(kind="publication", unit="H44.100", period="2026-01", as_of=NOW)
    assert issuing.make(world.context(), place, named, issued=True) == own
    for unit in ("H44", "H44.07", "H44.101", "H99"):
        with pytest.raises(NotFound):
            issuing.make(mine, place, Asked(kind="ii06a", unit=unit, period="2026-01", as_of=NOW), issued=True)


def test_petitions_on_the_publication_each_stand_in_one_place(world: World) -> None:
    body = world.paper("publication", period="2026-01").body
    assert isinstance(body, Publication)
    p = body.petitions
    assert p["received"] == p["answered_on_time"] + p["answered_late"] + p["open"] + p["open_late"] > 0


def test_what_was_published_before_is_listed_with_what_changed(world: World) -> None:
    first = world.paper("publication", period="2026-01")
    earlier = place_then(world.context(), KNOWN, place_now(world.context(), world.complete, -1))
    data = {
        "report": "publication", "unit": "H44", "period": "2026-01", "as_of": format_rfc3339(NOW),
        "known_at": format_rfc3339(earlier.known_at), "versions": first.heading.versions,
        "positions": first.heading.positions,
    }  # fmt: skip
    record_ = issuing.record_from("publication-abc", [("report.issued", KNOWN + 1, "e1", data)])
    place = place_now(world.context(), world.complete, -1)
    now = world.paper("publication", place, period="2026-01").body
    assert isinstance(now, Publication)
    ctx = unscoped(standing(world.context(), place, NOW))
    listed = issuing.corrections_of(ctx, [record_], "H44", "2026-01", now)
    (correction,) = listed
    assert correction.code == "abc"
    assert correction.changed
    assert isinstance(first.body, Publication)
    for name, then, _ in correction.changed:
        if name in first.body.volumes:
            assert then == str(first.body.volumes[name])


def test_the_league_ranks_departments_and_communes_apart_as_the_ranking_does(world: World) -> None:
    ctx = world.context()
    for by in ("portal", "rebased"):
        paper = world.paper("league", period="2026-01", options={"by": by})
        body: Any = paper.body
        found = rankings(ctx, "2026-01", by=by, as_of=paper.heading.as_of, known_at=paper.heading.known_at)
        tables = [
            (t.kind, t.size, [(r.unit, r.rank, r.reason, r.total_portal) for r in t.rows]) for t in body.tables
        ]
        assert tables == [
            (g["kind"], g["size"], [(r["unit"], r["rank"], r["reason"], r["total_portal"]) for r in g["units"]])
            for g in found["groups"]
        ]
        assert {t.kind for t in body.tables} == {"department", "commune"}
        assert all((row.rank is None) is (row.reason is not None) for t in body.tables for row in t.rows)
