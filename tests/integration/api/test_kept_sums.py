"""What a server keeps between requests follows the log, and never what somebody did to an answer."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from clickhouse_driver import Client

from api.figures import FigureContext, overdue, scorecard
from api.figures.kept import Kept, Shared
from domain.instants import Millis
from sinks.positions import COMPLETE, EVENTS, Position, write_positions
from tests.integration.api.folded_store import Connect, Record, embedded_store, fold_into, record
from tests.unit.domain.random_dossiers import ZONE

DAY = 86_400_000
START = ZONE.midnight(ZONE.day(1_785_800_000_000))


def story(first: int, count: int) -> list[Record]:
    found = []
    for n in range(first, first + count):
        at = START + 9 * 3_600_000 + n * 1000
        data = {"unit": f"H44.{1 + n % 2}", "procedure": "2.000815", "due_at": START + DAY}
        found.append(record(n, at + 100, "dossier.accepted", f"d-{n}", at, {**data, "due_at": _text(START + DAY)}))
    return found


def _text(at: Millis) -> str:
    return ZONE.local(at).isoformat()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Connect]:
    with embedded_store(tmp_path) as connect:
        yield connect


def told(writer: Client, folder: Path, records: list[Record]) -> None:
    fold_into(writer, folder, records, ZONE)
    reached = Position(COMPLETE, EVENTS, 0, 1, len(records), len(records) - 1)
    write_positions(writer, [reached], len(records), START)


def test_a_kept_sum_is_made_anew_when_the_log_has_moved_on(store: Connect, tmp_path: Path) -> None:
    kept = Kept()

    def asked(now: Millis) -> FigureContext:
        return FigureContext(store("reader"), 1, ZONE, "H44", now, None, {0: 99}, kept=kept, shared=True)

    def received(unit: str, now: Millis) -> int:
        found: int = scorecard(asked(now), unit, "ytd")["volumes"]["received"]
        return found

    now = START + 2 * DAY
    told(store("writer"), tmp_path / "a", story(0, 4))
    assert [received(unit, now) for unit in ("H44", "H44.1", "H44.2", "H44")] == [4, 2, 2, 4]
    assert overdue(asked(now))["totals"]["open_late"] == 4
    told(store("writer"), tmp_path / "b", story(0, 10))
    assert [received(unit, now) for unit in ("H44", "H44.1", "H44.2", "H44")] == [10, 5, 5, 10]


def test_a_clock_that_goes_on_or_back_is_answered_from_the_same_sums(store: Connect, tmp_path: Path) -> None:
    told(store("writer"), tmp_path / "a", story(0, 6))
    kept = Kept()
    for now in (START + DAY - 5, START + DAY + 5, START + DAY - 5, START + DAY, START + 10 * 3_600_000):
        answers = []
        for sharing in (True, False):
            ctx = FigureContext(
                store("reader"),
                1,
                ZONE,
                "H44",
                now,
                None,
                {0: 5},
                kept=kept if sharing else Kept(),
                shared=sharing,
            )
            answers.append([scorecard(ctx, "H44.1", "ytd"), overdue(ctx, "H44.1")["totals"]])
        assert answers[0] == answers[1]


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    shared = Shared(most=3, rows=10)
    for n in range(3):
        shared.get(n, partial(list, [n]))
    shared.get(0, lambda: [99])
    shared.get(3, lambda: [3])
    assert shared.get(0, lambda: [99]) == [0]
    assert shared.get(1, lambda: [98]) == [98]
    shared.get("many", lambda: [*range(20)])
    assert shared.get(0, lambda: [97]) == [97]
