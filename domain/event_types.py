"""The catalogue of event types: kind, verb, data, version, and rank among facts of one instant.

Types are short strings in the past tense; a changed meaning gets a new `dataversion` and a total upcaster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain import event_data as d

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type: `rank` orders facts of one instant in the order a dossier lives them."""

    name: str
    kind: str
    data: type[d.Data]
    rank: int
    broadcast: bool = False
    version: int = 1
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    """From a version to the next one, applied in turn until `version`."""


_RANKS = (
    "submitted",
    "accepted",
    "due",
    "step",
    "request",
    "receipt",
    "finished",
    "returned",
    "withdrawn",
    "stopped",
    "rejected",
    "reopened",
    "transferred",
    "other",
)
_RANK = {name: n for n, name in enumerate(_RANKS)}

_DOSSIER: tuple[tuple[str, type[d.Data], str], ...] = (
    ("submitted", d.Intake, "submitted"),
    ("accepted", d.Intake, "accepted"),
    ("rejected", d.Intake, "rejected"),
    ("step_started", d.Step, "step"),
    ("step_completed", d.Step, "step"),
    ("supplement_requested", d.Supplement, "request"),
    ("supplement_received", d.Supplement, "receipt"),
    ("payment_requested", d.Payment, "request"),
    ("fee_paid", d.Payment, "receipt"),
    ("due_date_moved", d.DueMove, "due"),
    ("apology_sent", d.Apology, "other"),
    ("finished", d.End, "finished"),
    ("returned", d.End, "returned"),
    ("withdrawn", d.Reason, "withdrawn"),
    ("stopped", d.Reason, "stopped"),
    ("reopened", d.Reason, "reopened"),
    ("transferred", d.Transfer, "transferred"),
    ("components_recorded", d.Components, "other"),
    ("identity_verified", d.Identity, "other"),
    ("synced", d.Sync, "other"),
    ("rated", d.Rating, "other"),
    ("complained", d.Complaint, "other"),
    ("snapshot_received", d.Snapshot, "other"),
)
_OTHER: tuple[tuple[str, type[d.Data], bool], ...] = (
    ("petition.received", d.PetitionReceived, False),
    ("petition.answered", d.Nothing, False),
    ("petition.refused", d.Reason, False),
    ("petition.supplement_requested", d.Nothing, False),
    ("petition.published", d.Nothing, False),
    ("petition.disliked", d.Nothing, False),
    ("petition.rated", d.Rating, False),
    ("petition.reopened", d.Reason, False),
    ("petition.linked", d.PetitionLink, False),
    ("petition.unlinked", d.PetitionLink, False),
    ("procedure.announced", d.Announced, False),
    ("procedure.publicised", d.Nothing, False),
    ("procedure.described", d.Described, True),
    ("procedure.online_level_set", d.OnlineLevel, False),
    ("procedure.fee_set", d.Fee, False),
    ("procedure.limit_set", d.LimitSet, True),
    ("procedure.payment_integrated", d.Nothing, False),
    ("procedure.model_dossier_published", d.Nothing, False),
    ("unit.registered", d.UnitRegistered, False),
    ("unit.renamed", d.UnitRegistered, False),
    ("unit.merged", d.UnitMerged, False),
    ("unit.closed", d.Nothing, False),
    ("unit.certified_copies_offered", d.Nothing, False),
    ("unit.national_report_received", d.Figures, False),
    ("unit.portal_figures_received", d.PortalFigures, False),
    ("unit.observation_recorded", d.Figures, False),
    ("unit.source_described", d.SourceDescribed, False),
    ("calendar.published", d.Document, True),
    ("target.published", d.Document, False),
    ("indicator_set.published", d.Document, False),
    ("alert_rules.published", d.Document, True),
    ("message_rules.published", d.Document, False),
    ("report.issued", d.ReportIssued, False),
    ("log.created", d.LogCreated, False),
)
ALERT_VERBS = (
    "raised held suppressed notify_intended notified delivered opened acknowledged unacknowledged reason_given "
    "disputed promised silenced commented escalated"
).split()
SYSTEM_VERBS = (
    "record_quarantined key_created key_revoked dossier_read exported sql_run note_erased generation_switched "
    "file_imported list_read webhook_created webhook_removed identifier_key_created identifier_key_destroyed "
    "identifiers_erased backup_scrubbed history_lost finding_closed recipient_added recipient_changed "
    "recipient_removed backup_taken backup_restored cold_exported cold_trimmed signing_key_rotated store_used"
).split()


def _catalogue() -> dict[str, EventType]:
    types = [EventType(f"dossier.{v}", "dossier", data, _RANK[rank]) for v, data, rank in _DOSSIER]
    types += [
        EventType(name, name.split(".")[0], data, _RANK["other"], broadcast) for name, data, broadcast in _OTHER
    ]
    types += [EventType(f"alert.{v}", "alert", d.Act, _RANK["other"]) for v in ALERT_VERBS]
    types += [EventType(f"system.{v}", "system", d.Act, _RANK["other"]) for v in SYSTEM_VERBS]
    return {t.name: t for t in types}


EVENT_TYPES: Mapping[str, EventType] = _catalogue()
BROADCAST_TYPES = frozenset(t.name for t in EVENT_TYPES.values() if t.broadcast)
