"""Every indicator of random small provinces equals a plain recomputation from the definition: random units,
periods, instants, knowledge and sets."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from api import audit
from api.audit import committed
from api.figures import FigureContext, scorecard
from domain.errors import InvalidInput
from domain.events import encode_event, make_event
from domain.indicator_documents import decode_set, packaged_sets
from domain.instants import Millis, parse_rfc3339
from domain.periods import parse_period
from domain.seals import Signed
from sinks.sealing.offline import verify_bundle
from tests.integration.api.folded_store import Record, embedded_store, fold_into
from tests.support.indicator_oracle import TABLE, Asked, Told, indicators, points
from tests.support.random_province import KINDS, random_province, records_of
from tests.unit.domain.random_dossiers import FIRST_DAY, HOUR, ZONE

PARTITIONS = 2
NOW = ZONE.midnight(FIRST_DAY + 75) + 10 * HOUR
PERIODS = ("2025-12", "2026-01", "2026-02", "2026-03", "2026-Q1", "2025", "2026", "2026-01-05..2026-02-11", "ytd")
OTHER = decode_set(
    {"inherits": "2026", "name": "other", "attribute_basis": "accepted", "petition_basis": "accepted"}
)
SETS = (*packaged_sets(), OTHER)
WORLDS = 3
QUESTIONS = 25


@pytest.fixture(scope="module", params=range(WORLDS))
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FigureContext, list[Told], int]]:
    folder = tmp_path_factory.mktemp("province")
    told = random_province(random.Random(f"province {request.param}"))
    with embedded_store(folder) as connect:
        ends = {}
        for partition in range(PARTITIONS):
            records = [Record(*r) for r in records_of(told, partition, PARTITIONS)]
            fold_into(connect("writer"), folder, records, ZONE, partition, PARTITIONS)
            ends[partition] = len(records) - 1
        # As a server does: what one question made is there for the next.
        yield (
            FigureContext(connect("reader"), 1, ZONE, "H44", NOW, None, ends, lambda: SETS, shared=True),
            told,
            request.param,
        )


def check(ctx: FigureContext, told: list[Told], rng: random.Random) -> None:
    ctx = replace(ctx)
    unit, period, chosen = rng.choice(tuple(KINDS)), rng.choice(PERIODS), rng.choice(("2026", "2025", "other"))
    as_of = NOW if rng.random() < 0.4 else moment(rng)
    known = None if rng.random() < 0.5 else moment(rng)
    span = parse_period(period, ZONE, as_of)
    if as_of <= span.start_ms:
        return
    got = scorecard(ctx, unit, period, as_of, known, chosen)
    basis = "accepted" if chosen == "other" else "in_hand"
    asked = Asked(unit, span.start_ms, span.until(as_of), as_of, NOW, known, period, basis, basis)
    wanted = indicators(told, asked)
    question = (unit, period, as_of, known, chosen)
    total = 0.0
    applicable = 0.0
    for row in got["indicators"]:
        code = row["code"]
        assert (row["numerator"], row["denominator"]) == pytest.approx(wanted[code], nan_ok=True), (code, question)
        worth = points(code, wanted[code])
        if code == "DOSSIER_PAID_ONLINE" and chosen == "2025" and worth is not None:
            worth = min(6.0, worth / 0.30)
        assert row["points"] == (None if worth is None else pytest.approx(worth)), (code, question)
        total += worth or 0.0
        applicable += 0.0 if worth is None else TABLE[code][0]
    assert got["total_portal"] == pytest.approx(total)
    assert got["max_applicable"] == pytest.approx(applicable)
    assert got["total_rebased"] == pytest.approx(total * 100 / applicable)


def moment(rng: random.Random) -> Millis:
    """A midnight, or an instant inside a day."""
    at = ZONE.midnight(FIRST_DAY + rng.randrange(3, 70))
    return at if rng.random() < 0.5 else at + rng.randrange(1, 24 * HOUR)


@pytest.mark.parametrize("seed", range(QUESTIONS))
def test_every_indicator_is_what_its_definition_says(
    world: tuple[FigureContext, list[Told], int], seed: int
) -> None:
    ctx, told, number = world
    rng = random.Random(f"question {number} {seed}")
    for _ in range(3):
        check(ctx, told, rng)


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_that_events_make_up_is_counted_again_by_the_offline_verifier(
    world: tuple[FigureContext, list[Told], int], seed: int
) -> None:
    ctx, told, number = world
    rng = random.Random(f"opened {number} {seed}")
    unit, period = rng.choice(("H44", "H44.100", "H44.07")), rng.choice(("2026-01", "2026-02", "2026-Q1"))
    known = None if seed % 2 else moment(rng)
    opened, refused = set(), dict[str, str]()
    for row in scorecard(ctx, unit, period, NOW, known, "2026")["indicators"]:
        try:
            said, _, named = committed(ctx, Signed("{}", ""), row["code"], unit, period, NOW, known, "2026")
        except InvalidInput as error:
            refused[row["code"]] = str(error)
            continue
        opened.add(said["basis"])
        assert (said["numerator"], said["denominator"]) == (row["numerator"], row["denominator"])
        figure, texts, found = json.loads(json.dumps(said)), texts_of(told, named, known), verify_bundle.Checked()
        if "last_year" in figure:
            for one in figure["rows"]:
                verify_bundle._check_share(figure, one, texts[("dossier", one["code"])], found)
        if said["basis"] != "dossiers":
            for one in figure["rows"]:
                verify_bundle._check_counted(figure["basis"], figure, one, texts, found)
        if "documents" in figure:
            check_documents(figure, texts, found)
    rest = {code: why for code, why in refused.items() if "unknown here" not in why}
    assert rest == {}
    assert opened >= {"dossiers", "petitions", "procedures", "services"}
    assert unit != "H44" or opened >= {"communes"}
    assert unit != "H44" or opened >= {"announcements", "contents"}


def check_documents(figure: Any, texts: verify_bundle.Texts, found: verify_bundle.Checked) -> None:
    """A denominator told by documents is found again from them, and no other passes."""
    verify_bundle._check_documents(figure, texts, found)
    without = {name: value for name, value in figure.items() if name != "documents"}
    for false in (figure | {"denominator": figure["denominator"] + 1}, without):
        with pytest.raises(verify_bundle.Wrong):
            verify_bundle._check_documents(false, texts, found)


def texts_of(told: list[Told], named: list[tuple[str, str]], known: Millis | None) -> verify_bundle.Texts:
    """The events of those named, as a bundle holds them."""
    found: dict[tuple[str, str], list[str]] = {}
    for n, t in enumerate(told):
        key = t.type.partition(".")[0], t.subject
        if key in named and (known is None or t.known_at < known):
            event = make_event(t.type, t.subject, t.at, t.data, source="/test", id=f"{n:06d}")
            found.setdefault(key, []).append(encode_event(event).decode())
    return found


@pytest.mark.parametrize("seed", range(2))
def test_a_change_of_petitions_and_procedures_is_explained_by_what_arrived(
    world: tuple[FigureContext, list[Told], int], seed: int
) -> None:
    ctx, _, number = world
    rng = random.Random(f"changes {number} {seed}")
    low = ZONE.midnight(FIRST_DAY + rng.randrange(5, 30))
    found = audit.changes(ctx, "H44", "2026-01", low, low + 25 * 24 * HOUR, NOW, "2026")
    rest = {"DOSSIER_SYNC", "ELECTRONIC_CERTIFIED_COPY"}
    for row in found["differences"]:
        unknown = None in (row["numerator"]["change"], row["denominator"]["change"])
        assert row["explained"] or unknown or row["code"] in rest, row
    counted = [r["code"] for r in found["differences"] if r["explained"] and not r["dossiers"]]
    assert {name for other in found["others"] for name in other["changed"]} >= set(counted)
    petitions = [other for other in found["others"] if other["kind"] == "petition"]
    assert bool(petitions) == any(row["code"].startswith("PETITION") for row in found["differences"])
    assert all(other["events"] for other in petitions)
    assert all(low <= parse_rfc3339(e["known_at"]) for other in found["others"] for e in other["events"])
