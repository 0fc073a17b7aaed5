"""A province's days are its own: an instant between two midnights falls on another day, month and period."""

from datetime import date

import msgspec
import pytest

from domain.instants import date_day, parse_rfc3339, zone
from domain.measures import INDEX
from domain.periods import parse_period
from stream.partition import FoldConfig, PartitionFold
from stream.state import StateStore
from tests.support.events import block, dossier_event
from tests.unit.stream.test_partition import Rec, folder

BETWEEN = parse_rfc3339("2026-08-31T18:00:00Z")
"""01:00 on 1 September in Viet Nam, 20:00 on 31 August in Amsterdam."""


@pytest.mark.parametrize(
    ("name", "day", "period"),
    [("Asia/Ho_Chi_Minh", "2026-09-01", "2026-09"), ("Europe/Amsterdam", "2026-08-31", "2026-08")],
)
def test_an_instant_between_the_midnights_is_booked_on_the_province_own_day(
    name: str, day: str, period: str
) -> None:
    event = dossier_event("H44.1-1", "accepted", BETWEEN, 1, unit="H44.1")
    config = FoldConfig(0, 1, zone(name), 1, "log", "fingerprint")
    with folder() as path:
        store = StateStore(path)
        fold = PartitionFold(store, config)
        fold.apply(Rec(0, block([event]), BETWEEN))
        rows = {table: [msgspec.to_builtins(r) for r in found] for table, found in fold.batch().rows.items()}
        store.close()
    expected = date_day(date.fromisoformat(day))
    by_grain = {row[0]: row for row in rows["unit_cells"]}
    cell = by_grain["day"]
    assert (cell[1], cell[2]) == ("H44.1", expected)
    assert cell[-1][INDEX["accepted"]] == 1
    assert by_grain["day_known"][3] == expected
    assert by_grain["month"][2] == date_day(date.fromisoformat(period + "-01"))
    bounds = parse_period(period, zone(name), BETWEEN + 1)
    assert bounds.start_ms <= BETWEEN < bounds.end_ms
