"""A folded province copied inside the store answers as the folded one does, times the copies, in its shape."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from clickhouse_driver import Client

from api.figures import FigureContext, dossier, overdue, scorecard
from domain.measures import MEASURES
from ops.bench.synthetic import leave_as_live, multiply, size_of
from tests.integration.api.folded_store import Record, embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import FIRST_DAY, ZONE, random_dossier

COPIES = 11
NOW = ZONE.midnight(FIRST_DAY + 45) + 36_000_000
COUNTED = ("numerator", "denominator")


class World(NamedTuple):
    """The big store, and what the folded province in it answered before it was copied."""

    many: Client
    card: dict[str, Any]
    late: dict[str, Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with embedded_store(tmp_path_factory.mktemp("big")) as connect:
        rng, records, offset = random.Random(3), list[Record](), 0
        for number in range(60):
            for said in random_dossier(rng):
                code = f"H44.100-260101-{number:04d}"
                records.append(record(offset, NOW, f"dossier.{said.verb}", code, said.at, said.data))
                offset += 1
        fold_into(connect("writer"), tmp_path_factory.mktemp("state"), records, ZONE)
        reader = connect("reader")
        card, late = scorecard(context(reader), "H44", "2026-01"), overdue(context(reader), limit=1000)
        multiply(connect("writer"), COPIES, 4, lambda _: None)
        leave_as_live(connect("writer"))
        yield World(reader, card, late)


def context(client: Client) -> FigureContext:
    return FigureContext(client, 1, ZONE, "H44", NOW)


def test_every_figure_of_the_province_is_that_of_the_folded_one_times_the_copies(world: World) -> None:
    one, many = world.card, scorecard(context(world.many), "H44", "2026-01")
    for a, b in zip(one["indicators"], many["indicators"], strict=True):
        assert a["code"] == b["code"]
        for part in COUNTED:
            assert b[part] == (a[part] * COPIES if a[part] is not None else None), a["code"]
    assert many["volumes"] == {name: n * COPIES for name, n in one["volumes"].items()}


def test_the_lists_agree_with_the_sums_and_dossiers_are_whole(world: World) -> None:
    one, many = world.late, overdue(context(world.many), limit=1000)
    assert many["totals"] == {name: n * COPIES for name, n in one["totals"].items()}
    assert many["matching"] == one["matching"] * COPIES == many["totals"]["open_late"]
    assert len({d["dossier_code"] for d in many["dossiers"]}) == many["matching"]
    assert many["ages"] == {name: n * COPIES for name, n in one["ages"].items()}
    for line in many["dossiers"][:5]:
        found = dossier(context(world.many), line["dossier_code"])
        assert found is not None
        assert found["unit"] == line["unit"]


def test_sums_keep_their_width_and_units_their_own_dossiers(world: World) -> None:
    many = world.many
    assert many.execute("SELECT DISTINCT length(values) FROM unit_cells") == [(len(MEASURES),)]
    days = "FROM unit_cells FINAL WHERE grain = 'day'"
    counted = f"SELECT unit, sum(accepted) AS n {days} GROUP BY unit HAVING n != 0 ORDER BY unit"
    listed = "SELECT unit, count() FROM dossiers FINAL WHERE accepted_at IS NOT NULL GROUP BY unit ORDER BY unit"
    assert many.execute(counted) == many.execute(listed)


def test_small_stores_are_folded_whole() -> None:
    assert size_of(20_000).copies == 1
    size = size_of(5_000_000)
    assert size.folded * size.copies >= 5_000_000
    assert (size.months, size.first.isoformat()) == (27, "2024-06-01")
