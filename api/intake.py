"""Admission of events at the edge: a pure decision per item, taken before anything is written.

The allow-list is the catalogue: what it does not know is dropped and named. `recorded_at` is stamped always.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Raw, Struct

from api.access import Principal
from domain.errors import Gs766Error, InvalidEvent, InvalidInput, NewerEvent
from domain.event_data import Document
from domain.event_types import BROADCAST_TYPES, EVENT_TYPES
from domain.events import MAX_EVENT_BYTES, Event
from domain.indicator_documents import conflicts, decode_set, packaged_documents, packaged_sets
from domain.indicator_sets import IndicatorSet
from domain.instants import Millis, Zone
from domain.messages.rules import decode_rules
from domain.reference import check_document, check_thresholds
from domain.target_documents import decode_targets
from producers.edge import Admitted as Entered
from producers.edge import Edge

Status = Literal["accepted", "duplicate", "rejected"]
JSON_TYPES = frozenset(
    {"", "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
)
LINE_TYPES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"}
)
OWN_KINDS = frozenset({"alert", "system", "log"})
"""Written by the product itself only."""
OPEN_KINDS = frozenset({"dossier", "petition"})
"""What an `intake` key may send; all other kinds are reference data and need `admin`."""
MAX_ECHO = 128


class ItemResult(Struct, frozen=True, kw_only=True):
    """The answer for one item. `partition` and `offset` are null while an accepted event waits in the spool
    (`spooled`); `http` is the status that the item alone would have had."""

    index: int
    id: str | None
    status: Status
    http: int = 202
    reason: str | None = None
    field: str | None = None
    partition: int | None = None
    offset: int | None = None
    spooled: bool = False
    dropped_fields: tuple[str, ...] = ()


class Admitted(Struct, frozen=True):
    """An item that may be written: its event and the bytes for the log."""

    index: int
    event: Event
    encoded: bytes
    dropped_fields: tuple[str, ...]

    @property
    def broadcast(self) -> bool:
        """Whether every partition gets a copy."""
        return self.event.type in BROADCAST_TYPES


class Forbidden(Gs766Error):
    """The key does not reach so far: 403 for that item."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.field = field


def split_body(body: bytes, content_type: str, max_items: int) -> tuple[bytes, ...]:
    """The items of a request body as their exact bytes: one object, an array of objects, or one object a line.

    Raises InvalidInput when the body as a whole cannot be read; what the items hold is not looked at.
    """
    if content_type in LINE_TYPES:
        items = tuple(line for line in (part.strip() for part in body.splitlines()) if line)
    elif body.lstrip()[:1] == b"{":
        items = (body.strip(),)
    else:
        try:
            items = tuple(bytes(item) for item in msgspec.json.decode(body, type=list[Raw]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"the body is neither a CloudEvent nor a JSON array of them ({error})") from error
    if not items:
        raise InvalidInput("the body holds no event")
    if len(items) > max_items:
        raise InvalidInput(f"the body holds {len(items)} events: send at most {max_items} at a time")
    return items


KnownSets = Callable[[], tuple[Mapping[str, Mapping[str, Any]], Sequence[IndicatorSet]]]
"""The documents of indicator sets by name, and the sets in order of publication."""


def _packaged() -> tuple[Mapping[str, Mapping[str, Any]], Sequence[IndicatorSet]]:
    return packaged_documents(), packaged_sets()


def admit(
    items: Sequence[bytes],
    principal: Principal,
    *,
    now: Millis,
    zone: Zone,
    sees: Callable[[str], bool] | None = None,
    edge: Edge | None = None,
    known_sets: KnownSets = _packaged,
) -> tuple[list[Admitted], list[ItemResult]]:
    """Decides each item: those to be written, and the answers of all others.

    `sees` tells whether a unit lies in the principal's subtree (default: by its code); `edge` hashes
    identifiers (default: drops and names them). An item equal to an
    earlier one of the same request is a `duplicate`; against the log that is the fold's to see.
    """
    admitted: list[Admitted] = []
    refused: list[ItemResult] = []
    seen: dict[tuple[str, str], bytes] = {}
    for index, raw in enumerate(items):
        found: dict[str, Any] = {}
        try:
            found = strict_object(raw)
            entered = _decide(found, principal, now, zone, sees or principal.sees, edge or Edge(None), known_sets)
        except (InvalidEvent, Forbidden, NewerEvent) as error:
            refused.append(refusal(index, found, error))
            continue
        event, encoded, dropped = entered.event, entered.encoded, entered.dropped
        if seen.get((event.source, event.id)) == event.hash:
            refused.append(ItemResult(index=index, id=event.id, status="duplicate", dropped_fields=dropped))
            continue
        seen[event.source, event.id] = event.hash
        if len(encoded) > MAX_EVENT_BYTES:
            refused.append(refusal(index, found, InvalidEvent("the event is larger than 128 KiB: split it")))
            continue
        admitted.append(Admitted(index, event, encoded, dropped))
    return admitted, refused


def strict_object(raw: bytes) -> dict[str, Any]:
    """The JSON object of an item; InvalidEvent for anything else, a doubled name, NaN, or bad UTF-8."""
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event is larger than {MAX_EVENT_BYTES // 1024} KiB: split it")
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_constant)
        if b"\\u" in raw:  # half a surrogate pair is no text: it cannot be answered, stored or shown
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"not valid JSON ({_brief(error)})") from error
    if not isinstance(found, dict):
        raise InvalidEvent("a CloudEvent is a JSON object")
    return found


def _decide(
    found: dict[str, Any],
    principal: Principal,
    now: Millis,
    zone: Zone,
    sees: Callable[[str], bool],
    edge: Edge,
    known_sets: KnownSets,
) -> Entered:
    """The event as it may enter: cut to the allow-list, identifiers hashed, and within the key's reach."""
    if str(found.get("type")).partition(".")[0] in OWN_KINDS:
        raise Forbidden("events of this type are written by the system itself", "type")
    try:
        entered = edge.admit(found, received_at_ms=now)
    except (RecursionError, ValueError, OverflowError) as error:
        raise InvalidEvent(f"the event cannot be read ({_brief(error)})") from error
    event = entered.event
    _check_kind(event, principal)
    if not principal.writes(event.source):
        raise Forbidden("this key may not send events of that source", "source")
    for field, unit in units_of(event):
        if not sees(unit):
            raise Forbidden("this key does not reach that unit", field)
    _check_reference(event, zone, known_sets)
    return entered


def _check_kind(event: Event, principal: Principal) -> None:
    if event.kind in OPEN_KINDS and not principal.scopes & {"intake", "admin"}:
        raise Forbidden("events of dossiers and petitions need a key with the scope intake", "type")
    if event.kind not in OPEN_KINDS and "admin" not in principal.scopes:
        raise Forbidden("reference data need a key with the scope admin", "type")


def units_of(event: Event) -> list[tuple[str, str]]:
    """The units that an event speaks of, with their field; an event without one is checked by the fold."""
    units: list[tuple[str, str]] = []
    if event.kind == "unit":
        units.append(("subject", event.subject))
    unit = getattr(event.data, "unit", None)
    if isinstance(unit, str) and event.kind in OPEN_KINDS:
        units.append(("data.unit", unit))
    return units


def _check_reference(event: Event, zone: Zone, known_sets: KnownSets) -> None:
    """A document that the fold or a scorecard could not use is refused here, where somebody reads the answer."""
    try:
        if event.type in BROADCAST_TYPES:
            check_document(event, zone)
            if event.kind == "alert_rules" and isinstance(event.data, Document):
                check_thresholds(event.data.document)
        elif event.type == "indicator_set.published" and isinstance(event.data, Document):
            documents, sets = known_sets()
            clashes = conflicts(decode_set(event.data.document, documents), sets)
            if clashes:
                raise InvalidEvent("; ".join(clashes), "data.document")
        elif event.type == "target.published" and isinstance(event.data, Document):
            decode_targets(event.data.document)
        elif event.type == "message_rules.published" and isinstance(event.data, Document):
            decode_rules(event.data.document)
    except InvalidEvent:
        raise
    except (Gs766Error, msgspec.ValidationError, TypeError, ValueError, KeyError, OverflowError) as error:
        raise InvalidEvent(_brief(error), "data.document") from error


def refusal(index: int, found: dict[str, Any], error: Exception) -> ItemResult:
    given = found.get("id")
    return ItemResult(
        index=index,
        id=given[:MAX_ECHO] if isinstance(given, str) else None,
        status="rejected",
        http=403 if isinstance(error, Forbidden) else 422,
        reason=error.reason if isinstance(error, InvalidEvent) else _brief(error),
        field=getattr(error, "field", "") or ("dataversion" if isinstance(error, NewerEvent) else None),
    )


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _brief(error: Exception) -> str:
    return str(error)[:300] or type(error).__name__


class _Judged(Protocol):
    @property
    def status(self) -> Status: ...
    @property
    def http(self) -> int: ...


def status_of(results: Sequence[_Judged]) -> int:
    """202 when nothing was rejected; 207 when some were; 403 or 422 when all were, for that reason."""
    rejected = [result for result in results if result.status == "rejected"]
    if not rejected:
        return 202
    if len(rejected) < len(results):
        return 207
    return 403 if all(result.http == 403 for result in rejected) else 422


__all__ = ["EVENT_TYPES", "Admitted", "ItemResult", "admit", "split_body", "status_of", "strict_object"]
