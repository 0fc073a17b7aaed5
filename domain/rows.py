"""The rows that the fold emits: the contract between the stream and the store.

Each struct is written as a JSON array in the order of its fields, absolute, one row per (subject, log record
that changed it): `version` is that record's offset in its partition. Instants are epoch milliseconds, days are
days since 1970-01-01 in the province's zone. `values` of a cell stand in the order of `measures.MEASURES`.
"""

from msgspec import Struct

from domain.instants import Day, Millis

STOPPED = "stopped"
"""The `field` of the dead letter that says where and why a partition stopped: no row of any log record."""


class DossierRow(Struct, array_like=True, frozen=True, gc=False):
    """Tables `dossiers`, `dossier_versions`, `open_dossiers`. `attributes` is a mask over ATTRIBUTES;
    `late_from` holds, per FAMILIES, the start of the present or coming stretch of open-and-late."""

    dossier_code: str
    version: int
    known_at: Millis
    unit: str
    receiving_unit: str
    procedure: str
    channel: str
    applicant_kind: str
    service_level: str
    status: str
    submitted_at: Millis | None
    accepted_at: Millis | None
    due_at: Millis | None
    due_at_original: Millis | None
    due_basis: str
    finished_at: Millis | None
    returned_at: Millis | None
    ended_at: Millis | None
    end_kind: str
    supplements: int
    paused: bool
    apology_at: Millis | None
    moves: int
    step: str
    office: str
    last_step_at: Millis | None
    last_fact_at: Millis
    events: int
    attributes: int
    unhappy: bool
    is_open: bool
    late_from: tuple[Millis | None, ...]
    booking_days: tuple[Day, ...]
    findings: tuple[str, ...]
    timeline: str


class UnitCellRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `unit_cells`: the sums of a unit under one of four grains.

    `day` and `month` (whose `day` is its first) hold the sum of all that is known, and `known_day` 0; `day_known`
    and `month_known` the change that became known on `known_day`.
    """

    grain: str
    unit: str
    day: Day
    known_day: Day
    version: int
    values: tuple[int, ...]


class CellRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `cells`: the finest grain."""

    day: Day
    unit: str
    procedure: str
    channel: str
    version: int
    values: tuple[int, ...]


class ProcedureDayRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `procedure_days`: the change that became known on `known_day`; `values` follow
    `measures.PROCEDURE_MEASURES`."""

    day: Day
    unit: str
    procedure: str
    known_day: Day
    version: int
    values: tuple[int, ...]


class RecallRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `recalls`: one re-opening; `gone` when it no longer holds. Masks over FAMILIES, ATTRIBUTES."""

    dossier_code: str
    stopped_open: bool
    out_at: Millis
    in_at: Millis
    version: int
    known_at: Millis
    unit: str
    procedure: str
    channel: str
    ok: int
    early: int
    undated: bool
    unhappy: bool
    attributes: int
    gone: bool


class ConditionRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `conditions`: holds at `now` when start ≤ now < until; a row no longer true has until = start."""

    kind: str
    subject: str
    episode: str
    version: int
    known_at: Millis
    start: Millis
    until: Millis | None
    unit: str
    procedure: str
    due_at: Millis | None
    evidence: str


class FindingRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `findings`: something to look into, never a verdict on a person; `holds` false when resolved
    by a later event."""

    kind: str
    subject: str
    version: int
    known_at: Millis
    unit: str
    evidence: str
    holds: bool


class DeadLetterRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `dead_letters`: coordinates and reason; the bytes are in `records`."""

    offset: int
    index: int
    known_at: Millis
    source: str
    reason: str
    field: str


class PetitionRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `petitions`."""

    petition: str
    version: int
    known_at: Millis
    unit: str
    about: str
    dossier: str
    received_at: Millis | None
    due_at: Millis | None
    answered_at: Millis | None
    unhappy: bool
    events: int


class DocumentRow(Struct, array_like=True, frozen=True, gc=False):
    """Table `documents`: procedures, units, calendars, indicator sets, targets, alert rules, reports.
    `history` is a JSON array of [type, occurred_at, event id, data] in canonical order."""

    kind: str
    subject: str
    version: int
    known_at: Millis
    history: str


ROW_TYPES: dict[str, type[Struct]] = {
    "dossiers": DossierRow,
    "unit_cells": UnitCellRow,
    "cells": CellRow,
    "procedure_days": ProcedureDayRow,
    "recalls": RecallRow,
    "conditions": ConditionRow,
    "findings": FindingRow,
    "dead_letters": DeadLetterRow,
    "petitions": PetitionRow,
    "documents": DocumentRow,
}
"""The parts of a change record, by name."""
RETIRED_PARTS = frozenset({"unit_procedures", "unit_days", "unit_months", "unit_day_known", "unit_month_known"})
"""Parts that older rules emitted: change records of before may still wait in the topic; nothing reads these."""
