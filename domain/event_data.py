"""What each event type may carry: the allow-list itself. A field that is not here never reaches the log.

Only codes, times, numbers and enumerated reasons; no free text about people. Identifiers (an officer, a
file link) stand here as keyed hashes only, made at the edge. Struct fields are the wire's names.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

Code = Annotated[str, Meta(min_length=1, max_length=128)]
"""An opaque code: dossier, unit, procedure, step, office, reason. Never parsed."""
KeyedHash = Annotated[str, Meta(pattern=r"^k[0-9A-Za-z-]{1,16}:[0-9a-f]{32,64}$")]
"""HMAC-SHA-256 of an identifier under the key named before the colon."""
Name = Annotated[str, Meta(min_length=1, max_length=1000)]
"""A public name (of a unit or a procedure), never a person's."""
Time = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]

_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_END = datetime(2200, 1, 1, tzinfo=UTC)


def check_time(t: datetime, name: str) -> None:
    """ValueError for an instant in no year that a dossier can speak of (some systems send year 1 for none)."""
    if not _FIRST <= t < _END:
        raise ValueError(f"{name}: the year is outside 1970 to 2199")


Channel = Literal["counter", "online", "post"]
ApplicantKind = Literal["citizen", "business", "state", "other"]
ServiceLevel = Literal["full", "partial", "information"]
Gateway = Literal["national_portal", "local_gateway", "other"]
Status = Literal[
    "submitted",
    "accepted",
    "rejected",
    "processing",
    "supplement_requested",
    "payment_requested",
    "withdrawn",
    "stopped",
    "finished",
    "returned",
]


class Data(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all event data. Time fields named in `times` are normalised to UTC milliseconds, so that one
    instant written in two ways has one content hash."""

    times: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.times:
            t = getattr(self, name)
            if t is not None:
                check_time(t, name)
                utc = t.astimezone(UTC)
                msgspec.structs.force_setattr(self, name, utc.replace(microsecond=utc.microsecond // 1000 * 1000))


class Nothing(Data, frozen=True, omit_defaults=True, kw_only=True):
    """An event that says all by its type and time."""


class Intake(Data, frozen=True, omit_defaults=True, kw_only=True):
    """submitted, accepted, rejected: who handles which procedure, and until when."""

    times = ("due_at",)
    procedure: Code | None = None
    unit: Code | None = None
    receiving_unit: Code | None = None
    channel: Channel | None = None
    applicant_kind: ApplicantKind | None = None
    service_level: ServiceLevel | None = None
    due_at: Time | None = None
    reason: Code | None = None
    applicant: KeyedHash | None = None
    """Tells one applicant's dossiers from another's; only where a province decided so (setting `applicants`)."""
    applicant_before: KeyedHash | None = None
    """Early in a year: last year's hash of the same applicant, sealed; opens only while both years' keys live."""


class Step(Data, frozen=True, omit_defaults=True, kw_only=True):
    """step_started, step_completed: a processing step at an office."""

    times = ("planned_end",)
    step: Code | None = None
    office: Code | None = None
    officer: KeyedHash | None = None
    planned_end: Time | None = None


class Supplement(Data, frozen=True, omit_defaults=True, kw_only=True):
    """supplement_requested, supplement_received: the pause, and the due date before and after it."""

    times = ("due_before", "due_after")
    due_before: Time | None = None
    due_after: Time | None = None
    reason: Code | None = None


class Payment(Data, frozen=True, omit_defaults=True, kw_only=True):
    """payment_requested, fee_paid: amounts in đồng; a dossier whose amounts are all zero owes nothing."""

    amounts: Annotated[tuple[Count, ...], Meta(max_length=100)] = ()
    gateway: Gateway | None = None


class DueMove(Data, frozen=True, omit_defaults=True, kw_only=True, rename={"from_": "from"}):
    """due_date_moved: a re-appointment."""

    times = ("from_", "to")
    from_: Time | None = None
    to: Time
    reason: Code | None = None


class Apology(Data, frozen=True, omit_defaults=True, kw_only=True):
    """apology_sent: Mẫu 04 with its number and the new appointment."""

    times = ("new_due_at",)
    document_number: Code | None = None
    new_due_at: Time | None = None


class ResultFile(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One result file: presence, whether it is electronic and signed, and its link as a keyed hash."""

    electronic: bool = True
    signed: bool = False
    hash: KeyedHash | None = None


class End(Data, frozen=True, omit_defaults=True, kw_only=True):
    """finished, returned: the results. `documents` counts paper or electronic documents handed over."""

    result_files: Annotated[tuple[ResultFile, ...], Meta(max_length=200)] = ()
    documents: Count | None = None


class Reason(Data, frozen=True, omit_defaults=True, kw_only=True):
    """withdrawn, stopped, reopened."""

    reason: Code | None = None


class Transfer(Data, frozen=True, omit_defaults=True, kw_only=True):
    """transferred: the unit that handles the dossier from now on."""

    unit: Code
    reason: Code | None = None


class Component(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One paper of the dossier: digitised, reused, taken from the national store, replaced by a result."""

    code: Code | None = None
    digitised: bool = False
    reused: bool = False
    from_store: bool = False
    replaced_by: Code | None = None
    hash: KeyedHash | None = None


class Components(Data, frozen=True, omit_defaults=True, kw_only=True):
    """components_recorded; `result_to_store` says that the result was shared to the national store."""

    components: Annotated[tuple[Component, ...], Meta(max_length=500)] = ()
    result_to_store: bool = False


class Identity(Data, frozen=True, omit_defaults=True, kw_only=True):
    """identity_verified: by the VNeID account, or by the population database."""

    vneid: bool = False
    population_data: bool = False


class Sync(Data, frozen=True, omit_defaults=True, kw_only=True):
    """synced: the national portal's answer."""

    accepted: bool = True
    reason: Code | None = None


class Rating(Data, frozen=True, omit_defaults=True, kw_only=True):
    """rated: the citizen's verdict on the handling."""

    rating: Literal["like", "dislike"]


class Complaint(Data, frozen=True, omit_defaults=True, kw_only=True):
    """complained: a petition about this dossier."""

    petition: Code | None = None


class SnapshotSupplement(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One row of the portal's DanhSachHoSoBoSung, times only."""

    requested_at: Time | None = None
    received_at: Time | None = None
    due_before: Time | None = None
    due_after: Time | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            t = getattr(self, name)
            if t is not None:
                check_time(t, name)


class Snapshot(Data, frozen=True, omit_defaults=True, kw_only=True):
    """snapshot_received: a whole record as a provincial system pushes it, cleaned. `source_verdict` is what the
    source itself says of the limit: kept, compared with ours, and counted nowhere."""

    times = ("submitted_at", "accepted_at", "due_at", "rejected_at", "finished_at", "returned_at")
    status: Status | None = None
    procedure: Code | None = None
    unit: Code | None = None
    receiving_unit: Code | None = None
    channel: Channel | None = None
    applicant_kind: ApplicantKind | None = None
    service_level: ServiceLevel | None = None
    submitted_at: Time | None = None
    accepted_at: Time | None = None
    due_at: Time | None = None
    rejected_at: Time | None = None
    finished_at: Time | None = None
    returned_at: Time | None = None
    supplements: Annotated[tuple[SnapshotSupplement, ...], Meta(max_length=50)] = ()
    amounts: Annotated[tuple[Count, ...], Meta(max_length=100)] = ()
    gateway: Gateway | None = None
    components: Annotated[tuple[Component, ...], Meta(max_length=500)] = ()
    result_files: Annotated[tuple[ResultFile, ...], Meta(max_length=200)] = ()
    result_to_store: bool = False
    vneid: bool = False
    population_data: bool = False
    office: Code | None = None
    officer: KeyedHash | None = None
    applicant: KeyedHash | None = None
    source_verdict: Literal["early", "on_time", "late"] | None = None
    applicant_before: KeyedHash | None = None


class PetitionReceived(Data, frozen=True, omit_defaults=True, kw_only=True):
    """petition.received: about a rule or about staff, to which unit, about which dossier, until when."""

    times = ("due_at",)
    about: Literal["rule", "staff"] | None = None
    unit: Code | None = None
    dossier: Code | None = None
    due_at: Time | None = None


class PetitionLink(Data, frozen=True, omit_defaults=True, kw_only=True):
    """petition.linked, petition.unlinked."""

    dossier: Code


class Announced(Data, frozen=True, omit_defaults=True, kw_only=True):
    """procedure.announced: the decision's date is the event's time; when the procedure takes effect."""

    times = ("effective_at",)
    effective_at: Time | None = None
    document_number: Code | None = None


class Described(Data, frozen=True, omit_defaults=True, kw_only=True):
    """procedure.described (broadcast): the reference facts of a procedure, valid from the event's time."""

    name: Name | None = None
    field: Code | None = None
    applied_by: tuple[Code, ...] | None = None
    applicant_kinds: tuple[ApplicantKind, ...] | None = None
    returns_document: bool | None = None
    fee: bool | None = None
    parts: tuple[Code, ...] | None = None
    target_group: Code | None = None


class OnlineLevel(Data, frozen=True, omit_defaults=True, kw_only=True):
    """procedure.online_level_set."""

    level: ServiceLevel


class Fee(Data, frozen=True, omit_defaults=True, kw_only=True):
    """procedure.fee_set."""

    amount: Count


class LimitSet(Data, frozen=True, omit_defaults=True, kw_only=True):
    """procedure.limit_set (broadcast): the time limit for dossiers accepted from `effective_at`, or the
    event's time, on."""

    times = ("effective_at",)
    amount: Annotated[int, Meta(ge=0, le=10_000)]
    unit: Literal["working_days", "calendar_days", "working_hours", "months"] = "working_days"
    effective_at: Time | None = None


class UnitRegistered(Data, frozen=True, omit_defaults=True, kw_only=True):
    """unit.registered, unit.renamed: name, kind and parent, valid from the event's time."""

    name: Name | None = None
    kind: Literal["province", "department", "commune", "other"] | None = None
    parent: Code | None = None


class UnitMerged(Data, frozen=True, omit_defaults=True, kw_only=True):
    """unit.merged: into which unit."""

    into: Code


class Figures(Data, frozen=True, omit_defaults=True, kw_only=True):
    """National report, observations: what the log cannot know, from which document, and who recorded it. An
    observation is named by the code of its target, or CODE.numerator and CODE.denominator."""

    period: Code
    figures: dict[str, float | None] = {}
    document: Code | None = None
    recorded_by: Code | None = None


class SourceDescribed(Data, frozen=True, omit_defaults=True, kw_only=True):
    """unit.source_described: what the dossiers of a source cannot tell (`domain.coverage.FACTS`), for which
    units (none named: the unit and all below it). An indicator of nothing but such facts is unknown, not zero."""

    source: Code
    cannot_tell: Annotated[tuple[Code, ...], Meta(max_length=100)] = ()
    units: Annotated[tuple[Code, ...], Meta(max_length=500)] = ()


class PortalFigures(Figures, frozen=True, omit_defaults=True, kw_only=True):
    """portal_figures_received: what the national portal showed of a unit and period. Figures are named
    METRIC.numerator, METRIC.denominator, METRIC.score, METRIC.max; `until` is the instant up to which the
    portal had counted, where it says so. Several receipts of a period are versions: the last one counts."""

    times = ("until",)
    until: Time | None = None


class Document(Data, frozen=True, omit_defaults=True, kw_only=True):
    """calendar, target, indicator set, alert rules, message rules `published`: the whole versioned document."""

    times = ("valid_from", "valid_to")
    document: dict[str, Any]
    version: Code | None = None
    valid_from: Time | None = None
    valid_to: Time | None = None


class ReportIssued(Data, frozen=True, omit_defaults=True, kw_only=True):
    """report.issued: what was published, from which question, versions and log positions; `hashes` give the
    SHA-256 of each file by its format, `content_hash` that of the first."""

    times = ("as_of", "known_at")
    report: Code
    unit: Code | None = None
    period: Code | None = None
    as_of: Time | None = None
    known_at: Time | None = None
    options: dict[str, str] = {}
    versions: dict[str, str] = {}
    positions: dict[str, int] = {}
    content_hash: Code | None = None
    hashes: dict[str, str] = {}
    actor: Code | None = None


class LogCreated(Data, frozen=True, omit_defaults=True, kw_only=True):
    """log.created: the identity of a log, in the first record of each of its partitions."""

    log_id: Code


class Act(Data, frozen=True, omit_defaults=True, kw_only=True):
    """An act in the alert log: who did what to which alert, with evidence; human words only as a salted hash."""

    times = ("until", "instant", "due_at")
    kind: Code | None = None
    about: Code | None = None
    episode: Code | None = None
    unit: Code | None = None
    actor: Code | None = None
    channel: Code | None = None
    reason: Code | None = None
    note_hash: Code | None = None
    until: Time | None = None
    instant: Time | None = None
    key: Code | None = None
    procedure: Code | None = None
    due_at: Time | None = None
    evidence: dict[str, Any] = {}
