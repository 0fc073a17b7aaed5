"""A simulated month has the figures of a real province: every indicator, recomputed from its events by the plain
oracle, lies near the published rate."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
import pytest

from domain.errors import InvalidInput
from domain.events import Event
from domain.instants import parse_rfc3339
from producers.simulator import Plan, decode_proportions, packaged_proportions, simulate, simulate_days
from tests.support.indicator_oracle import TABLE, Asked, Pair, Told, indicators

START, END = parse_rfc3339("2026-08-01T00:00:00+07:00"), parse_rfc3339("2026-09-01T00:00:00+07:00")
DOSSIERS = 6_000
NEAR = 0.04
"""Of a rate, here: five standard deviations of a share of all dossiers, or what small units never file."""
UNSAID = {"digitised": False, "reused": False, "from_store": False}


def told(event: Event) -> Told:
    """An event as the oracle reads it, what is left out written out."""
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event.data))
    if event.type == "dossier.synced":
        data.setdefault("accepted", True)
    for component in data.get("components", ()):
        component |= UNSAID | component
    return Told(event.recorded_at or event.occurred_at, event.type, event.subject, event.occurred_at, data)


def figures(events: Iterable[Event]) -> dict[str, Pair]:
    """Of August, as known at its end."""
    return indicators(map(told, events), Asked("H44", START, END, END, END, period="2026-08"))


@pytest.fixture(scope="module")
def found() -> dict[str, Pair]:
    return figures(simulate(DOSSIERS, "2026-08", 1))


@pytest.mark.parametrize("code", TABLE)
def test_every_indicator_is_near_the_published_rate(code: str, found: dict[str, Pair]) -> None:
    numerator, denominator = found[code]
    wanted = packaged_proportions().published[code]
    assert denominator is not None
    assert numerator is not None
    if wanted == (0, 0):
        assert (numerator, denominator) == (0, 0)
    else:
        near = max(NEAR, 0.5 / denominator)  # a few petitions have no finer rate
        assert numerator / denominator == pytest.approx(wanted[0] / wanted[1], abs=near)


def test_counts_of_the_catalogue_are_the_published_ones(found: dict[str, Pair]) -> None:
    published = packaged_proportions().published
    for code in TABLE:
        if code.startswith(("FORMALITY", "ONLINE_SERVICE", "CITIZEN_DATA_CONNECTED_F", "PUBLIC_CONTENT")):
            assert found[code][1] == published[code][1], code


def test_the_proportions_are_settings() -> None:
    usual = packaged_proportions()
    other = msgspec.structs.replace(
        usual,
        published={**usual.published, "DOSSIER_SUBMITTED_ONLINE": (80_000, 152_595)},
        announcements=msgspec.structs.replace(usual.announcements, in_span=20, announced_on_time=1.0),
    )
    got = figures(simulate_days(Plan(800, date(2026, 8, 1), date(2026, 8, 31), 2, proportions=other)))
    up, down = got["DOSSIER_SUBMITTED_ONLINE"]
    assert up is not None
    assert down
    assert up / down == pytest.approx(80 / 152.595, abs=0.08)
    assert got["PUBLISH_ON_TIME"] == (20, 20)


def test_petitions_of_the_months_before_are_still_in_hand() -> None:
    received = [e for e in simulate(DOSSIERS, "2026-08", 2) if e.type == "petition.received"]
    assert len(received) == round(DOSSIERS * 247 / 184_513)
    assert any(e.occurred_at < START for e in received)


def test_what_the_portal_took_is_told_at_the_end_of_each_whole_month_only() -> None:
    reports = ("unit.portal_figures_received", "unit.national_report_received")
    events = simulate_days(Plan(300, date(2026, 7, 10), date(2026, 8, 31), 1))
    said = [(e.type, e.data.period) for e in events if e.type in reports]  # type: ignore[attr-defined]
    assert said == [(name, "2026-08") for name in reports]


def test_settings_that_contradict_themselves_or_lack_something_are_refused() -> None:
    usual = packaged_proportions()
    wrong = msgspec.structs.replace(usual, published={**usual.published, "FORMALITY_PAID_ONLINE": (9_000, 310)})
    with pytest.raises(InvalidInput, match="9000 procedures"):
        list(simulate_days(Plan(1, date(2026, 8, 1), date(2026, 8, 2), 1, proportions=wrong)))
    with pytest.raises(InvalidInput, match="published"):
        decode_proportions(b"[units]\ndepartments = 1\ncommunes = 1\n")
