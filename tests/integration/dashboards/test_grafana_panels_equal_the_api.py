"""Every panel's SQL, asked of a store filled by folding random dossiers, gives the figures that the API gives."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clickhouse_driver import Client

from api.figures import FigureContext, live, overdue, scorecard
from api.figures.wall import open_counts
from dashboards.grafana import queries
from dashboards.grafana.queries import Terms
from domain.instants import day_date, from_millis
from tests.integration.api.folded_store import embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import FIRST_DAY, ZONE, random_dossier

NOW = ZONE.midnight(FIRST_DAY + 45) + 10 * 3_600_000
NOW_SQL = f"fromUnixTimestamp64Milli(toInt64({NOW}), 'UTC')"
TODAY = day_date(ZONE.day(NOW))
MONTHS = (f"{TODAY:%Y-%m}", f"{TODAY.replace(day=1) - timedelta(days=1):%Y-%m}")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    rng = random.Random(13)
    said = []
    for n in range(150):
        code = f"H44.100-260801-{n:04d}"
        said += [(s.at, code, s) for s in random_dossier(rng) if s.at < NOW]
    said.sort(key=lambda x: x[0])
    records = [record(n, at, f"dossier.{s.verb}", code, at, s.data) for n, (at, code, s) in enumerate(said)]
    folder = tmp_path_factory.mktemp("grafana")
    with embedded_store(folder) as connect:
        writer = connect("writer")
        fold_into(writer, folder, records, ZONE)
        # A dropped and a building generation beside the active one: their rows must never be seen.
        at = datetime(2026, 1, 1, tzinfo=UTC)
        journal = [(1, 1, "active", at), (2, 2, "building", at)]
        writer.execute("INSERT INTO generations (sequence, generation, state, changed_at) VALUES", journal)
        for table in ("unit_cells", "open_dossiers"):
            writer.execute(f"INSERT INTO {table} SELECT * REPLACE (2 AS generation) FROM {table}")
        yield connect("reader")


@pytest.fixture(scope="module")
def context(reader: Client) -> FigureContext:
    return FigureContext(reader, 1, ZONE, "H44", NOW, None, {0: 1})


def ask(reader: Client, statement: Any, month: str = MONTHS[0]) -> list[dict[str, Any]]:
    terms = Terms(now=NOW_SQL, month=f"'{month}'", zone=ZONE.name)
    sql = statement(terms)
    names = [column[0] for column in reader.execute(f"DESCRIBE ({sql})")]
    rows = reader.execute(sql)
    return [dict(zip(names, row, strict=True)) for row in rows]


COUNTS = ("received", "done", "done_ok", "done_late", "open", "open_late")


@pytest.mark.parametrize("month", MONTHS)
def test_the_province_in_a_month_equals_its_scorecard(reader: Client, context: FigureContext, month: str) -> None:
    (row,) = ask(reader, queries.province, month)
    card = scorecard(context, "H44", month)
    assert {name: row[name] for name in COUNTS} == {name: card["volumes"][name] for name in COUNTS}
    on_time = next(i for i in card["indicators"] if i["code"] == "PROCESSED_ON_TIME")
    assert row["on_time_rate"] == pytest.approx(on_time["rate"])
    assert row["received"] > 20


@pytest.mark.parametrize("month", MONTHS)
def test_each_unit_in_a_month_adds_to_the_scorecards(reader: Client, context: FigureContext, month: str) -> None:
    rows = {row["unit"]: row for row in ask(reader, queries.by_unit, month)}
    assert len(rows) > 2
    leaves = [u for u in rows if u in context.tree.units and not context.tree.children.get(u)]
    assert leaves
    for unit in leaves:
        volumes = scorecard(context, unit, month)["volumes"]
        assert {name: rows[unit][name] for name in COUNTS} == {name: volumes[name] for name in COUNTS}, unit


@pytest.mark.parametrize("month", MONTHS)
def test_shares_equal_the_indicators(reader: Client, context: FigureContext, month: str) -> None:
    (row,) = ask(reader, queries.shares, month)
    by_code = {i["code"]: i for i in scorecard(context, "H44", month)["indicators"]}
    online, paid = by_code["DOSSIER_SUBMITTED_ONLINE"], by_code["DOSSIER_PAID_ONLINE"]
    assert (row["accepted_online"], row["accepted"]) == (online["numerator"], online["denominator"])
    assert (row["paid_online"], row["payable"]) == (paid["numerator"], paid["denominator"])


def test_overdue_and_due_today_equal_the_lists(reader: Client, context: FigureContext) -> None:
    rows = ask(reader, queries.overdue_by_unit)
    found = overdue(context, limit=5_000)
    assert sum(r["overdue"] for r in rows) == found["totals"]["open_late"] > 0
    counts = open_counts(context, context.reader(None))
    assert {r["unit"]: (r["overdue"], r["no_apology"]) for r in rows} == {
        unit: (c[1], c[2]) for unit, c in counts.items() if c[1]
    }
    for row in rows:
        assert sum(row[name] for name, _ in queries.AGES) == row["overdue"]
    due = {r["unit"]: r["due_today"] for r in ask(reader, queries.due_today)}
    assert due == {unit: c[3] for unit, c in counts.items() if c[3]}
    assert live(context)["open_late"] == sum(r["overdue"] for r in rows)
    listed = ask(reader, queries.oldest)
    assert {r["dossier_code"] for r in listed} == {d["dossier_code"] for d in found["dossiers"]}


@pytest.mark.parametrize("month", MONTHS)
def test_the_trend_of_open_and_late_equals_the_total_at_each_days_end(
    reader: Client, context: FigureContext, month: str
) -> None:
    rows = ask(reader, queries.trend, month)
    assert len(rows) > 5
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        day = ZONE.day(round(row["time"].timestamp() * 1000))
        end = min(ZONE.midnight(day + 1), NOW)
        assert row["open_late"] == overdue(context, as_of=end, limit=1)["totals"]["open_late"], from_millis(end)
        card = scorecard(context, "H44", f"{day_date(day)}..{day_date(day)}", as_of=end)
        assert row["accepted"] == card["volumes"]["accepted"]


def test_the_months_to_choose_from_reach_to_the_present_one(reader: Client) -> None:
    found = [row["month"] for row in ask(reader, queries.months)]
    assert found[0] == MONTHS[0]
    assert MONTHS[1] in found
    assert found == sorted(found, reverse=True)
