"""The overdue list as the store counts it equals the rules' own verdicts, dossier by dossier."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.figures import FigureContext, dossier, overdue
from api.figures.kept import Kept
from api.figures.lists import age_bucket
from api.figures.rows import late_working_days
from domain.instants import Millis
from domain.timeline import decode_timeline
from domain.verdicts import judge_before
from sinks.queries import dossiers
from sinks.queries.late import LateList
from tests.integration.api.folded_store import Connect, Record, embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import FIRST_DAY, ZONE, random_dossier

DOSSIERS = 150


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    with embedded_store(tmp_path_factory.mktemp("late")) as connect:
        rng, records, offset = random.Random(7), list[Record](), 0
        for n in range(DOSSIERS):
            for said in random_dossier(rng):
                code, at = f"H44.100-26-{n:04d}", ZONE.midnight(FIRST_DAY)
                records.append(record(offset, at, f"dossier.{said.verb}", code, said.at, said.data))
                offset += 1
        fold_into(connect("writer"), tmp_path_factory.mktemp("state"), records, ZONE)
        yield connect


def context(store: Connect, now: Millis) -> FigureContext:
    return FigureContext(store("reader"), 1, ZONE, "H44", now, kept=Kept())


@pytest.mark.parametrize("family", ["766", "06a"])
@pytest.mark.parametrize("day", [20, 45, 90, 400])
def test_what_the_store_counts_is_what_the_rules_say(store: Connect, family: str, day: int) -> None:
    until = ZONE.midnight(FIRST_DAY + day) + 37_000_000 * (day % 2)
    ctx = context(store, until)
    reader = ctx.reader()
    asked = LateList(family, until, ZONE, ctx.reference.calendar_starts)
    expected, ages = {}, Counter[str]()
    rows = dossiers.page(reader, f"last_fact_at < fromUnixTimestamp64Milli(toInt64({until}), 'UTC')", limit=10_000)
    for d in rows:
        state, verdict = judge_before(decode_timeline(d.timeline), family, until, ZONE)
        if state == "open_late" and verdict is not None:
            expected[d.code] = verdict.late_by
            ages[age_bucket(late_working_days(ctx, verdict))] += 1
    assert {p.code: p.late_by for p in asked.places(reader, None, 10_000)} == expected
    assert sum(n for _, n in asked.spans(reader)) == len(expected)
    if day >= 90:
        assert expected
        listed = overdue(ctx, rule="timestamp" if family == "766" else "date")
        assert {k: v for k, v in listed["ages"].items() if v} == ages


def test_a_dossier_of_then_shows_what_had_been_said_by_then(store: Connect) -> None:
    rng = random.Random(7)
    changed, base = 0, context(store, 0)
    for n in range(40):
        said, code = random_dossier(rng), f"H44.100-26-{n:04d}"
        if not said:
            continue
        until = sorted(s.at for s in said)[len(said) // 2]
        then = dossier(replace(base, now=until), code, as_of=until)
        assert then is not None
        asked = [s for s in said if s.verb == "supplement_requested" and s.at < until]
        now = dossier(replace(base, now=ZONE.midnight(FIRST_DAY + 500)), code)
        assert now is not None
        assert then["events"] == len([s for s in said if s.at < until])
        assert then["supplements"] <= len(asked)
        assert then["ended_at"] is None or then["ended_at"] < (then["as_of"] or "")
        changed += then["status"] != now["status"]
    assert changed


def test_documents_are_read_again_only_when_they_changed(store: Connect) -> None:
    kept, client = Kept(), store("reader")
    first = FigureContext(client, 1, ZONE, "H44", 0, kept=kept).documents
    assert FigureContext(client, 1, ZONE, "H44", 0, kept=kept).documents is first
    row = ("unit", "H44.999", 10**9, 0, '[["unit.registered", 1, "x", {"name": "Mới", "kind": "commune"}]]')
    store("writer").execute(
        "INSERT INTO documents (generation, partition, kind, subject, version, known_at, history) VALUES",
        [(1, 0, *row[:3], row[3], row[4])],
    )
    again = FigureContext(client, 1, ZONE, "H44", 10, kept=kept)
    assert again.documents is not first
    assert again.tree.units["H44.999"].name == "Mới"
