"""Admission of wire records: a decision per item with a code that a vendor can program against.

Pushing the same again is harmless and answered `duplicate`: what a dossier's last record said is remembered.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from api.access import Principal
from api.intake import Admitted, ItemResult, Status, strict_object
from domain.errors import InvalidEvent, NewerEvent
from domain.instants import Millis, Zone
from producers.edge import Edge
from producers.engine import without_values
from producers.memory import Memory, Record
from producers.portal_importing import step_event
from producers.portal_wire import BadRecord, WireItem, read_item
from producers.records import is_open, record_digest, record_event

MAX_ECHO = 128


class PortalResult(Struct, frozen=True, kw_only=True):
    """The answer for one item; `code` is one of `producers.portal_wire.CODES` where it was rejected."""

    index: int
    MaHoSo: str | None
    status: Status
    http: int = 202
    code: str | None = None
    field: str | None = None
    reason: str | None = None
    partition: int | None = None
    offset: int | None = None
    spooled: bool = False
    dropped_fields: tuple[str, ...] = ()


class Decided(NamedTuple):
    """What a request comes to: events to write, answers that are ready, and what to remember once it is safe."""

    admitted: list[Admitted]
    ready: list[PortalResult]
    records: dict[int, Record]
    subjects: dict[int, str]


def decide(
    items: Sequence[bytes],
    principal: Principal,
    source: str,
    *,
    now: Millis,
    zone: Zone,
    sees: Callable[[str], bool],
    edge: Edge,
    memory: Memory,
) -> Decided:
    """Every item to an event, or to its answer."""
    ready: list[PortalResult] = []
    read: list[tuple[int, WireItem]] = []
    for index, raw in enumerate(items):
        found: dict[str, Any] = {}
        try:
            try:
                found = strict_object(raw)
            except InvalidEvent as error:
                raise BadRecord("NOT_AN_OBJECT", "", error.reason) from error
            item = read_item(found, zone, applicants=edge.applicants)
            for field, unit in (("DonViXuLy", item.data.get("unit")),):
                if unit and not sees(unit):
                    raise BadRecord("OUT_OF_SCOPE", field, "this key does not reach that unit")
            if not principal.writes(source):
                raise BadRecord("OUT_OF_SCOPE", "", f"this key may not send records of the source {source[:64]}")
            read.append((index, item))
        except BadRecord as bad:
            ready.append(rejected(index, found.get("MaHoSo"), bad))
    return _events(read, ready, source, now=now, edge=edge, memory=memory)


def _events(
    read: list[tuple[int, WireItem]],
    ready: list[PortalResult],
    source: str,
    *,
    now: Millis,
    edge: Edge,
    memory: Memory,
) -> Decided:
    whole = [(index, item) for index, item in read if item.at is None]
    records = {
        index: Record(item.code, record_digest(edge, item.data, item.anchor), now, is_open(item.data))
        for index, item in whole
    }
    times = dict(zip(records, memory.decide(source, list(records.values()), live=True), strict=True))
    admitted: list[Admitted] = []
    seen: set[str] = set()
    for index, item in read:
        at = times.get(index, item.at)
        if at is None:
            ready.append(_duplicate(index, item))
            continue
        try:
            if item.at is not None:
                entered = step_event(edge, source, item, now)
            else:
                digest = records[index].digest
                entered = record_event(edge, source, item.code, item.data, digest, at, now)
        except (InvalidEvent, NewerEvent) as error:
            reason = without_values(str(error))
            ready.append(rejected(index, item.code, BadRecord("INVALID", getattr(error, "field", ""), reason)))
            continue
        if entered.event.id in seen:
            ready.append(_duplicate(index, item))
            continue
        seen.add(entered.event.id)
        dropped = tuple(dict.fromkeys((*item.dropped, *entered.dropped)))[:50]
        admitted.append(Admitted(index, entered.event, entered.encoded, dropped))
    return Decided(admitted, ready, records, {index: item.code for index, item in read})


def rejected(index: int, code: object, bad: BadRecord) -> PortalResult:
    """The answer of an item that cannot be taken."""
    return PortalResult(
        index=index,
        MaHoSo=code[:MAX_ECHO] if isinstance(code, str) else None,
        status="rejected",
        http=403 if bad.code == "OUT_OF_SCOPE" else 422,
        code=bad.code,
        field=bad.field or None,
        reason=bad.reason,
    )


def written_result(result: ItemResult, subject: str) -> PortalResult:
    """The answer of an item that went the way of all events."""
    return PortalResult(
        index=result.index,
        MaHoSo=subject,
        status=result.status,
        http=result.http,
        code="OUT_OF_SCOPE" if result.status == "rejected" else None,
        field="MaHoSo" if result.status == "rejected" else None,
        reason=result.reason,
        partition=result.partition,
        offset=result.offset,
        spooled=result.spooled,
        dropped_fields=result.dropped_fields,
    )


def _duplicate(index: int, item: WireItem) -> PortalResult:
    return PortalResult(index=index, MaHoSo=item.code, status="duplicate", dropped_fields=item.dropped[:50])
