"""What a dossier has, as groups D and F of the index count it."""

from typing import Any

import pytest

from domain.bookings import book
from domain.events import make_event
from domain.facts import fact_of, merge
from domain.fold import fold_dossier
from domain.instants import Zone, parse_rfc3339
from domain.measures import MEASURES
from domain.procedures import procedure_key
from domain.reference import Reference

ZONE = Zone("Asia/Ho_Chi_Minh")
START = parse_rfc3339("2026-08-03T08:00:00+07:00")
HOUR = 3_600_000


def booked(*said: tuple[str, dict[str, Any]], procedure: str = "1.000001", returns: bool = True) -> set[str]:
    """The measures of a dossier to which these things happen, hour after hour."""
    events = [
        make_event("dossier.accepted", "D", START, {"unit": "H1", "procedure": procedure}, source="/t", id="0")
    ]
    for n, (verb, data) in enumerate(said, 1):
        events.append(make_event(f"dossier.{verb}", "D", START + n * HOUR, data, source="/t", id=str(n)))
    described = make_event(
        "procedure.described",
        "1.000001",
        START - HOUR,
        {"returns_document": returns},
        source="/t",
        id="p",
    )
    reference = Reference({("procedure", "1.000001"): (fact_of(described),)}, ZONE)
    folded = fold_dossier(merge((), map(fact_of, events)), reference)
    return {MEASURES[m] for _, m, value in book(folded.timeline, ZONE).entries if value > 0}


FEE = ("payment_requested", {"amounts": [20_000]})
PAID = ("fee_paid", {"amounts": [20_000], "gateway": "national_portal"})
SYNCED = ("synced", {"accepted": True})


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ((FEE, SYNCED), True),
        ((SYNCED, FEE, PAID), False),
        ((SYNCED, FEE, SYNCED), True),
        ((FEE, ("synced", {"accepted": False})), False),
        ((("payment_requested", {"amounts": [0]}), SYNCED), False),
        ((SYNCED,), False),
    ],
)
def test_a_fee_is_synced_where_it_was_known_when_the_dossier_was_synchronised(
    said: tuple[tuple[str, dict[str, Any]], ...], holds: bool
) -> None:
    assert ("acc_fee_synced" in booked(*said)) == holds


def test_a_result_counts_only_where_the_procedure_returns_a_document() -> None:
    end = ("finished", {"result_files": [{"electronic": True}]})
    assert {"acc_result", "acc_result_due"} <= booked(end)
    assert not {"acc_result", "acc_result_due"} & booked(end, returns=False)


def test_digitised_needs_a_result_file_only_where_a_result_is_due() -> None:
    papers = ("components_recorded", {"components": [{"digitised": True}]})
    assert "acc_digitised" not in booked(papers)
    assert "acc_digitised" in booked(papers, returns=False)


def test_a_suffix_names_the_same_procedure() -> None:
    assert procedure_key("2.000815.000.00.00.H44") == procedure_key("2.000815") == "2.000815"
    for other in ("1.001", "1.2.3", "TTHC.01", "", "2.0008150.1"):
        assert procedure_key(other) == other
    assert "acc_result_due" not in booked(procedure="1.000001.000.00.00.H44", returns=False)
