"""A small province told in random order: every kind of event, late arrivals, units that merge."""

import random
from typing import Any

from domain.blocks import partition_of
from domain.event_types import BROADCAST_TYPES
from domain.events import encode_event, make_event
from domain.instants import MS_DAY, Millis, format_rfc3339
from tests.support.indicator_oracle import PARTS, Told
from tests.unit.domain.random_dossiers import DAYS, FIRST_DAY, HOUR, PROCEDURES, UNITS, ZONE, random_dossier

EARLY = ZONE.midnight(FIRST_DAY - 60)
KINDS = {
    "H44": "province",
    "H44.07": "department",
    "H44.100": "commune",
    "H44.101": "commune",
    "H44.100.01": "other",
}
PARENTS = {"H44.07": "H44", "H44.100": "H44", "H44.101": "H44", "H44.100.01": "H44.100"}


def random_province(rng: random.Random, dossiers: int = 70, petitions: int = 25) -> list[Told]:
    """Everything told, in the order in which it became known."""
    told = [
        Told(EARLY, "unit.registered", code, EARLY, {"kind": kind, "name": code, **_parent(code)})
        for code, kind in KINDS.items()
    ]
    told += _units(rng)
    for code in (*PROCEDURES, "3.004", "3.005"):
        told += _procedure(rng, code)
    for n in range(dossiers):
        told += _dossier(rng, f"H44.100-26-{n:04d}")
    for n in range(petitions):
        told += _petition(rng, f"PAKN-{n}")
    return sorted(told, key=lambda t: t.known_at)


def records_of(told: list[Told], partition: int, partitions: int) -> list[tuple[int, Millis, bytes]]:
    """(offset, append time, block of one event) of a partition; broadcast ones stand in each, under one id."""
    found: list[tuple[int, Millis, bytes]] = []
    for n, t in enumerate(told):
        if t.type in BROADCAST_TYPES or partition_of(t.subject, partitions) == partition:
            event = make_event(t.type, t.subject, t.at, t.data, source="/test", id=f"{n:06d}")
            found.append((len(found), t.known_at, b"[" + encode_event(event) + b"]"))
    return found


def _parent(code: str) -> dict[str, Any]:
    return {"parent": PARENTS[code]} if code in PARENTS else {}


def _when(rng: random.Random, low: int = -5, high: int = DAYS) -> Millis:
    return ZONE.midnight(FIRST_DAY) + rng.randrange(low * 24, high * 24) * HOUR + rng.randrange(1, HOUR)


def _later(rng: random.Random, at: Millis) -> Millis:
    """When it became known: never before the log began, up to a month late."""
    return max(at, ZONE.midnight(FIRST_DAY)) + rng.choice((0, 1, 5, 30, 90, 700)) * HOUR + rng.randrange(1_000)


def _told(rng: random.Random, kind: str, subject: str, at: Millis, data: dict[str, Any]) -> Told:
    return Told(_later(rng, at), kind, subject, at, data)


def _units(rng: random.Random) -> list[Told]:
    offered = [
        _told(rng, "unit.certified_copies_offered", code, _when(rng), {})
        for code in ("H44.100", "H44.101")
        if rng.random() < 0.6
    ]
    merged = (
        [_told(rng, "unit.merged", "H44.101", _when(rng, 20), {"into": "H44.100"})] if rng.random() < 0.6 else []
    )
    reports = []
    for kind, period in (
        ("national_report_received", "2026-01"),
        ("portal_figures_received", "2026-01"),
        ("national_report_received", "2025"),
        ("national_report_received", "2024"),
    ):
        for unit in ("H44", "H44.07"):
            if rng.random() < 0.4:
                figures = {"accepted": rng.randrange(1, 90)}
                reports.append(
                    _told(rng, f"unit.{kind}", unit, _when(rng), {"period": period, "figures": figures})
                )
    return [*offered, *merged, *reports]


def _procedure(rng: random.Random, code: str) -> list[Told]:
    said = []
    for n in range(rng.choice((0, 1, 1, 2))):
        data: dict[str, Any] = {}
        if rng.random() < 0.7:
            data["applied_by"] = rng.choice((["commune"], ["H44.07"], ["commune", "H44.07"], ["H44.100.01"]))
        if rng.random() < 0.6:
            data["applicant_kinds"] = rng.choice((["citizen"], ["business"], ["citizen", "business"]))
        for name in ("returns_document", "fee"):
            if rng.random() < 0.6:
                data[name] = rng.random() < 0.6
        if rng.random() < 0.6:
            data["parts"] = sorted(PARTS)[rng.choice((0, 0, 1)) :]
        at = EARLY + rng.randrange(1, HOUR) if n == 0 else _when(rng)
        said.append(_told(rng, "procedure.described", code, at, data))
    if rng.random() < 0.7:
        level = {"level": rng.choice(("full", "partial", "information"))}
        said.append(_told(rng, "procedure.online_level_set", code, _when(rng, -60), level))
    for _ in range(rng.choice((0, 1, 2))):
        at = _when(rng, -10)
        effective = {"effective_at": format_rfc3339(at + rng.randrange(0, 14) * MS_DAY)}
        said.append(_told(rng, "procedure.announced", code, at, effective if rng.random() < 0.8 else {}))
        if rng.random() < 0.7:
            said.append(_told(rng, "procedure.publicised", code, at + rng.randrange(-2, 12) * MS_DAY, {}))
    return said


def _dossier(rng: random.Random, code: str) -> list[Told]:
    said = [(f"dossier.{s.verb}", s.at, s.data) for s in random_dossier(rng)]
    if not said:
        return []
    last = max(at for _, at, _ in said)
    if rng.random() < 0.3:
        said.append(("dossier.payment_requested", last - 5 * HOUR - 7, {"amounts": [rng.choice((0, 9_000))]}))
    if rng.random() < 0.3:
        said.append(("dossier.synced", last - 3 * HOUR - 11, {"accepted": True}))
    if rng.random() < 0.3:
        papers = {
            "components": [{"digitised": False, "reused": False, "from_store": rng.random() < 0.5}],
            "result_to_store": rng.random() < 0.5,
        }
        said.append(("dossier.components_recorded", last - HOUR - 13, papers))
    return [_told(rng, kind, code, at, data) for kind, at, data in said]


def _petition(rng: random.Random, code: str) -> list[Told]:
    at = _when(rng)
    data: dict[str, Any] = {"unit": rng.choice(UNITS)}
    if rng.random() < 0.85:
        data["due_at"] = format_rfc3339(at + rng.randrange(1, 300) * HOUR)
    said = [("received", at, data)]
    for verb, share in (("answered", 0.7), ("disliked", 0.2), ("reopened", 0.25), ("answered", 0.3)):
        if rng.random() < share:
            at += rng.randrange(1, 200 * HOUR)
            said.append((verb, at, {}))
    return [_told(rng, f"petition.{verb}", code, at, data) for verb, at, data in said]
