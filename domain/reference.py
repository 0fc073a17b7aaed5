"""Reference documents as the fold sees them: limits, described procedures, calendars, alert thresholds.

They reach every partition of the log (broadcast), so that a partition's fold depends on its own log alone.
A document is chosen by its validity at the dossier's acceptance, never by when it arrived.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec

from domain import event_data as d
from domain.calendar import WorkingCalendar, decode_calendar
from domain.calendar_vn import vietnam_calendar
from domain.errors import InvalidEvent, InvalidInput
from domain.events import Event, decode_data
from domain.facts import Facts, effective, fact_of
from domain.instants import HORIZON, Millis, Zone, to_millis
from domain.limits import Limit, due_after
from domain.patterns import FindingRules
from domain.procedures import procedure_key
from domain.raised import RaisedThresholds

DocumentKey = tuple[str, str]
"""(kind, subject): ('procedure', '2.000815'), ('calendar', 'default') …"""
BUILT_IN = "built-in"
Days = Annotated[int, msgspec.Meta(ge=1, le=250)]
DaysOrNone = Annotated[int, msgspec.Meta(ge=0, le=250)]
"""0: this limit is not watched."""
_ABOUT = ("name", "version", "valid_from", "valid_to", "source", "title")
"""What any document may say of itself."""
Hours = Annotated[int, msgspec.Meta(ge=1, le=240)]


class AlertThresholds(RaisedThresholds, frozen=True):
    """Thresholds of the conditions of users.md §B; all are settings (`alert_rules.published`). Those of the kinds
    that the notifier raises stand beside them, under their own names."""

    findings: FindingRules = FindingRules()
    """Those of an auditor's findings, which no condition depends on."""
    due_soon_working_days: Days = 3
    apology_working_days: Days = 1
    forgotten_working_days: Days = 5
    forgotten_share_of_limit: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """A08: also without a step for this part of the working time from acceptance to the due date; 0: not."""
    returned_working_days: Days = 5
    returned_told: bool = False
    """Whether the sources tell when results are handed out: until they do, none can be called not returned."""
    acceptance_hours: Hours = 8
    acceptance_warning_hours: Annotated[int, msgspec.Meta(ge=0, le=240)] = 2
    supplement_working_days: Days = 15
    payment_working_days: Days = 5
    sync_working_days: Days = 1
    requires_sync: bool = True
    """A11 only of dossiers of which at least one synchronisation, accepted or refused, was told. False: of all,
    for a province whose every source tells of it."""
    petition_warning_working_days: Days = 1
    petition_refusal_working_days: DaysOrNone = 2
    petition_supplement_working_days: DaysOrNone = 5
    petition_resolution_working_days: Days = 15
    """Of petitions that came without a due date."""
    petition_publication_working_days: DaysOrNone = 2
    petition_publication_told: bool = False
    """Whether the sources tell when an answer was published: until they do, none can be called unpublished."""
    publicising_working_days: Days = 5
    publicising_warning_working_days: Days = 2


class Reference:
    """An immutable view of the broadcast documents of one partition.

    `documents` maps (kind, subject) to that document's facts in canonical order.
    """

    def __init__(self, documents: Mapping[DocumentKey, Facts], zone: Zone) -> None:
        self.zone = zone
        self._limits: dict[str, list[tuple[Millis, Limit, str]]] = {}
        self._returns: dict[str, list[tuple[Millis, bool]]] = {}
        self._calendars: list[tuple[Millis, WorkingCalendar, str]] = []
        self.thresholds = AlertThresholds()
        self.thresholds_version = BUILT_IN
        for (kind, subject), facts in documents.items():
            for fact in effective(facts)[0]:
                self._add(kind, subject, fact.occurred_at, fact.id, decode_data(fact.type, fact.body))
        for versions in (*self._limits.values(), *self._returns.values()):
            cast(list[Any], versions).sort(key=lambda v: v[0])
        self._calendars.sort(key=lambda v: v[0])

    def _add(self, kind: str, subject: str, at: Millis, event_id: str, data: d.Data) -> None:
        if isinstance(data, d.LimitSet):
            start = at if data.effective_at is None else to_millis(data.effective_at)
            self._limits.setdefault(procedure_key(subject), []).append(
                (start, Limit(data.amount, data.unit), event_id)
            )
        elif isinstance(data, d.Described) and data.returns_document is not None:
            self._returns.setdefault(procedure_key(subject), []).append((at, data.returns_document))
        elif isinstance(data, d.Document) and kind == "calendar":
            start = at if data.valid_from is None else to_millis(data.valid_from)
            calendar = WorkingCalendar(decode_calendar(_with_zone(data.document, self.zone)))
            self._calendars.append((start, calendar, event_id))
        elif isinstance(data, d.Document) and kind == "alert_rules":
            self.thresholds = msgspec.convert(data.document, AlertThresholds)
            self.thresholds_version = event_id

    @property
    def calendar_starts(self) -> tuple[Millis, ...]:
        """The instants from which the published calendars are valid, in order."""
        return tuple(start for start, _, _ in self._calendars)

    def calendar_at(self, at: Millis) -> tuple[WorkingCalendar, str]:
        """The working calendar valid at an instant, and its version."""
        n = bisect_right(self._calendars, at, key=lambda v: v[0])
        if n:
            return self._calendars[n - 1][1], self._calendars[n - 1][2]
        return vietnam_calendar(self.zone.name), BUILT_IN

    def computed_due(self, procedure: str | None, accepted: Millis) -> tuple[Millis, str] | None:
        """The due date by the procedure's limit valid at acceptance, with what it was computed from.

        A limit that reaches beyond HORIZON (a calendar of one minute a week) is due then.
        """
        versions = self._limits.get(procedure_key(procedure or ""), [])
        n = bisect_right(versions, accepted, key=lambda v: v[0])
        if not n:
            return None
        calendar, version = self.calendar_at(accepted)
        try:
            due = min(due_after(versions[n - 1][1], accepted, calendar), HORIZON)
        except (InvalidInput, OverflowError, ValueError):
            due = HORIZON
        return due, f"limit {versions[n - 1][2]}, calendar {version}"

    def returns_document(self, procedure: str | None, accepted: Millis) -> bool:
        """Whether the procedure returns a document; yes where nothing is known, since the denominators that
        the portal published for group F equal those of group B."""
        versions = self._returns.get(procedure_key(procedure or ""), [])
        n = bisect_right(versions, accepted, key=lambda v: v[0])
        return versions[n - 1][1] if n else True


def check_thresholds(document: Mapping[str, Any]) -> None:
    """A new document of alert rules: a name that is none is refused, so that no rule is thought to hold that does
    not. Only at the edge: the fold goes on to read what older releases let in."""
    known = AlertThresholds.__struct_fields__
    unknown = sorted(set(document) - {*known, *_ABOUT})
    if unknown:
        raise InvalidEvent(
            f"{', '.join(unknown)[:200]}: no such rule; known are {', '.join(known)}", "data.document"
        )
    try:
        msgspec.convert(dict(document), AlertThresholds)
    except msgspec.ValidationError as error:
        raise InvalidEvent(f"alert_rules cannot be used: {error}", "data.document") from error


def check_document(event: Event, zone: Zone) -> None:
    """Raises InvalidEvent when a reference document cannot be used: checked at the edge and by the fold."""
    try:
        Reference({(event.kind, event.subject): (fact_of(event),)}, zone)
    except (InvalidInput, msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
        raise InvalidEvent(str(error), "data.document") from error


def _with_zone(document: dict[str, Any], zone: Zone) -> dict[str, Any]:
    """A province has one time zone; a calendar that names none gets it."""
    return document if "zone" in document else {**document, "zone": zone.name}
