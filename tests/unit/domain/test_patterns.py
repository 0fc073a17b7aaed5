"""Findings from a dossier's own events: each kind with what shows it, and what looks like it and is none."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidEvent
from domain.instants import DEFAULT_ZONE, Millis, format_rfc3339, parse_rfc3339
from domain.patterns import (
    KINDS,
    FindingRules,
    Paid,
    Telling,
    Told,
    all_paid_online,
    filing_of,
    patterns,
    payment_of,
    refiled,
    two_codes,
)
from domain.reference import check_thresholds
from ops.bench.findings import SHOWN_BY, measure_findings

CALENDAR = vietnam_calendar(DEFAULT_ZONE)
AS_OF = parse_rfc3339("2026-12-01T00:00:00+07:00")
DAY, HOUR = 86_400_000, 3_600_000
T = parse_rfc3339("2026-08-03T08:00:00+07:00")
DUE = T + 7 * DAY
Step = tuple[str, Millis, dict[str, Any]]


def told(*steps: tuple[Any, ...], lag: Millis | None = 5_000) -> list[Told]:
    """Events of a dossier: (verb, instant, data)."""
    return [
        Told(verb, at, None if lag is None else at + lag, data[0] if data else {}, (0, n, 0))
        for n, (verb, at, *data) in enumerate(sorted(steps, key=lambda s: s[1]))
    ]


def kinds(*steps: tuple[Any, ...], lag: Millis | None = 5_000) -> dict[str, tuple[int, ...]]:
    """The kinds found, each with the offsets of its evidence."""
    found = patterns(told(*steps, lag=lag), FindingRules(), CALENDAR, AS_OF)
    return {p.kind: tuple(place[1] for place in p.places) for p in found}


ACCEPTED = ("accepted", T, {"due_at": format_rfc3339(DUE)})
PLAIN: Sequence[tuple[Any, ...]] = (
    ("submitted", T - HOUR),
    ACCEPTED,
    ("step_completed", T + DAY),
    ("finished", T + 3 * DAY),
    ("returned", T + 4 * DAY),
)
MOVE = {"from": format_rfc3339(DUE), "to": format_rfc3339(DUE + 9 * DAY)}
FILE = {"hash": "k1:" + "a" * 32}
BROUGHT = ("components_recorded", T + HOUR, {"components": [FILE]})


def filings(*dossiers: tuple[str, list[Told]]) -> set[str]:
    found = [filing_of(code, events) for code, events in dossiers]
    return {code for code, _ in refiled([f for f in found if f is not None], FindingRules())}


def test_filing_again_shortly_after_a_rejection_is_seen_by_the_applicant_alone() -> None:
    mine, other = {"applicant": "k2026-1:" + "a" * 64}, {"applicant": "k2026-1:" + "b" * 64}
    refused = told(("submitted", T, mine), ("rejected", T + DAY))
    record = told(("snapshot_received", T, {**mine, "status": "rejected"}))
    again = told(("submitted", T + 3 * DAY, mine), ("accepted", T + 4 * DAY))
    assert filings(("a", refused), ("b", again)) == {"b"}
    assert filings(("a", record), ("b", again)) == {"b"}
    assert filings(("a", refused), ("b", told(("submitted", T + 3 * DAY, other)))) == set()
    assert filings(("a", refused), ("b", told(("submitted", T + 3 * DAY)))) == set()
    assert filings(("a", refused), ("b", told(("submitted", T + 60 * DAY, mine)))) == set()
    assert filings(("a", refused), ("b", told(("submitted", T - DAY, mine)))) == set()
    accepted_after_all = told(("submitted", T, mine), ("rejected", T + DAY), ("finished", T + 2 * DAY))
    assert filings(("a", accepted_after_all), ("b", again)) == set()
    ((_, pattern),) = refiled([f for f in (filing_of("a", refused), filing_of("b", again)) if f], FindingRules())
    assert (pattern.kind, pattern.at) == ("refiled", T + 3 * DAY)
    assert pattern.places == (again[0].place, refused[1].place)


def test_a_filing_across_new_year_meets_the_rejection_by_last_years_hash_while_it_opens() -> None:
    old, new, sealed = (
        f"k{year}:" + letter * 64 for year, letter in (("2025-1", "a"), ("2026-1", "b"), ("2025-1", "c"))
    )
    refused = told(("submitted", T, {"applicant": old}), ("rejected", T + DAY))
    again = told(("submitted", T + 3 * DAY, {"applicant": new, "applicant_before": sealed}))
    opened = {(new, sealed): old}
    both = [filing_of("a", refused, lambda *k: opened.get(k)), filing_of("b", again, lambda *k: opened.get(k))]
    ((code, pattern),) = refiled([f for f in both if f is not None], FindingRules())
    assert (code, pattern.places) == ("b", (again[0].place, refused[1].place))
    assert filings(("a", refused), ("b", again)) == set(), "a key was destroyed"


def test_a_plain_dossier_shows_nothing() -> None:
    assert kinds(*PLAIN) == {}
    assert kinds(*PLAIN, lag=None) == {}


@pytest.mark.parametrize(
    ("kind", "steps", "evidence"),
    [
        ("finished_then_worked", (*PLAIN, ("supplement_requested", T + 5 * DAY)), (3, 5)),
        ("finished_at_once", (PLAIN[0], ("accepted", T), ("finished", T + 1_000), ("returned", T + DAY)), (1, 2)),
        (
            "input_as_result",
            (*PLAIN[:3], BROUGHT, ("finished", T + 3 * DAY, {"result_files": [FILE]}), PLAIN[4]),
            (2, 4),
        ),
        ("due_moved_late", (*PLAIN[:3], ("due_date_moved", DUE + DAY, MOVE), ("returned", DUE + 2 * DAY)), (3,)),
        ("paused_before_due", (*PLAIN[:3], ("supplement_requested", DUE - HOUR), ("returned", DUE + DAY)), (3,)),
        ("step_after_end", (*PLAIN, ("step_completed", T + 5 * DAY)), (3, 5)),
        ("taken_back", (*PLAIN, ("reopened", T + 5 * DAY), ("returned", T + 6 * DAY)), (3, 5)),
        ("forgotten", PLAIN[:3], (2,)),
        ("not_returned", PLAIN[:4], (3,)),
        ("not_accepted", PLAIN[:1], (0,)),
        ("no_steps", (*PLAIN[:2], ("synced", T + HOUR), *PLAIN[3:]), (2, 3)),
    ],
)
def test_each_kind_names_the_events_that_show_it(
    kind: str, steps: Sequence[tuple[Any, ...]], evidence: tuple[int, ...]
) -> None:
    assert kinds(*steps) == {kind: evidence}


def test_an_end_recorded_long_after_is_backdated_and_an_import_tells_nothing() -> None:
    assert set(kinds(*PLAIN, lag=4 * DAY)) == {"backdated_end"}


@pytest.mark.parametrize(
    "steps",
    [
        (
            *PLAIN[:3],
            ("apology_sent", DUE - DAY),
            ("due_date_moved", DUE + DAY, MOVE),
            ("returned", DUE + 2 * DAY),
        ),
        (*PLAIN, ("step_completed", T + 3 * DAY + 30_000)),
        (*PLAIN[:2], ("supplement_requested", T + DAY)),
        (*PLAIN[:2], ("synced", T + HOUR, {"accepted": False}), *PLAIN[3:]),
    ],
    ids=["apologised", "stamped in one action", "the applicant's turn", "refused by the portal"],
)
def test_what_looks_alike_is_no_finding(steps: Sequence[tuple[Any, ...]]) -> None:
    assert kinds(*steps) == {}


def test_nothing_is_found_before_it_happened() -> None:
    found = patterns(told(*PLAIN[:3]), FindingRules(), CALENDAR, T + 2 * DAY)
    assert found == []


def test_two_codes_need_the_same_seconds_and_the_same_day() -> None:
    steps = [
        ("submitted", 0),
        ("accepted", 7_003),
        ("step_completed", 61_001),
        ("finished", 95_500),
        ("returned", 10**6),
    ]

    def at(start: Millis, unit: int = 1) -> list[Told]:
        return told(*((verb, start + offset * unit) for verb, offset in steps))

    rules = FindingRules()
    assert [code for code, _ in two_codes([("a", at(T)), ("b", at(T + HOUR)), ("c", at(T + 9 * DAY))], rules)] == [
        "a",
        "b",
    ]
    whole = [told(*((verb, start + n * 60_000) for n, (verb, _) in enumerate(steps))) for start in (T, T + HOUR)]
    assert two_codes(zip("ab", whole, strict=True), rules) == []


def test_what_a_source_never_tells_is_no_finding() -> None:
    telling, rules = Telling(), FindingRules()
    for n in range(10):
        telling.add("silent", told(*PLAIN[:4]))
        telling.add("telling", told(*PLAIN[: 5 if n else 4]))
    assert not telling.counts("silent", "not_returned", rules)
    assert telling.counts("telling", "not_returned", rules)
    assert telling.counts("silent", "taken_back", rules)


def test_what_is_planted_into_a_simulated_province_is_found() -> None:
    found = {m.name.rpartition(" (")[0]: m.value for m in measure_findings(700, 0.3, seed=11)}
    for kind in SHOWN_BY.values():
        assert kind in KINDS
        for name in ("recall", "precision"):
            value = found[f"findings: {kind} {name}"]
            assert value is not None
            assert value >= 0.75, (kind, name)


def test_thresholds_are_part_of_the_alert_rules_and_unknown_ones_are_refused() -> None:
    check_thresholds({"findings": {"backdated_hours": 24}})
    for wrong in ({"backdated_days": 1}, {"backdated_hours": -1}):
        with pytest.raises(InvalidEvent):
            check_thresholds({"findings": wrong})


def test_every_payment_online_stands_out_from_its_peers_only() -> None:
    rules = FindingRules()
    usual = [Paid(84, 100), Paid(70, 90), Paid(450, 500), Paid(30, 40), Paid(95, 110)]
    assert all_paid_online(Paid(40, 40), usual, rules)
    assert all_paid_online(Paid(398, 400), usual, rules)
    assert not all_paid_online(Paid(96, 100), usual, rules), "some were paid in cash"
    assert not all_paid_online(Paid(29, 29), usual, rules), "too few to say anything"
    assert not all_paid_online(Paid(40, 40), usual[:4], rules), "too few peers"
    assert not all_paid_online(Paid(40, 40), [Paid(3, 9)] * 9, rules), "peers with hardly a payment"
    assert not all_paid_online(Paid(40, 40), [Paid(100, 100)] * 9, rules), "so is everybody"
    assert not all_paid_online(Paid(), usual, rules)


def test_a_dossier_is_paid_online_when_any_of_its_payments_was() -> None:
    def paid(at: int, gateway: str) -> Told:
        return Told("fee_paid", at, None, {"gateway": gateway}, (0, at, 0))

    assert payment_of([]) is None
    assert payment_of([paid(1, "other")]) == (paid(1, "other"), False)
    assert payment_of([paid(1, "local_gateway"), paid(2, "other")]) == (paid(2, "other"), True)
