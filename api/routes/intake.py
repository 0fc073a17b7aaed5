"""`POST /v1/events`: events come in here, one by one or in batches, with an answer for each."""

import asyncio
from concurrent.futures import Future
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from api.access import Principal, require
from api.intake import (
    Admitted,
    Forbidden,
    ItemResult,
    admit,
    refusal,
    units_of,
)
from api.params import strict_query
from api.routes.items import answered, described, taken
from api.services import Services, services_of
from domain.errors import Gs766Error
from eventlog.pending import Coordinates

router = APIRouter(prefix="/v1", tags=["intake"], dependencies=[Depends(strict_query)])

_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a-1",
    "source": "/h44/one-stop",
    "type": "dossier.accepted",
    "time": "2026-08-03T09:12:00+07:00",
    "subject": "H44.100-260803-0012",
    "data": {
        "procedure": "2.000815",
        "unit": "H44.100",
        "channel": "online",
        "due_at": "2026-08-10T17:00:00+07:00",
    },
}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
            "examples": {
                "one": {"summary": "one event", "value": _EVENT},
                "batch": {"summary": "a batch", "value": [_EVENT]},
            },
        },
        "application/cloudevents+json": {"schema": {"type": "object"}, "example": _EVENT},
        "application/cloudevents-batch+json": {"schema": {"type": "array"}, "example": [_EVENT]},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": msgspec.json.encode(_EVENT).decode()},
    },
}
_ANSWER: dict[str, Any] = {
    "accepted": 1,
    "duplicates": 0,
    "rejected": 0,
    "spooled": 0,
    "results": [
        {
            "index": 0,
            "id": "a-1",
            "status": "accepted",
            "http": 202,
            "reason": None,
            "field": None,
            "partition": 2,
            "offset": 1042,
            "spooled": False,
            "dropped_fields": ["data.owner_name"],
        }
    ],
}


@router.post(
    "/events",
    summary="Send events",
    status_code=202,
    openapi_extra={"requestBody": _BODY},
    responses=described(_ANSWER, "All are safe: acknowledged by Kafka, or on disk in the spool (`spooled`)."),
)
async def post_events(
    request: Request,
    principal: Annotated[Principal, Depends(require("intake", "admin"))],
    services: Annotated[Services, Depends(services_of)],
) -> Response:
    """One CloudEvent, a JSON array of them, or one a line (`application/x-ndjson`).

    Each item is answered by itself. **202**: all accepted. **207**: some rejected. **422** or **403**: all
    rejected; the problem holds the same `results`. Fields outside the allow-list are dropped before anything is
    written, and named in `dropped_fields`. Sending the same ids again is harmless. **429**: more than 5 % of
    the key's events were bad; mend the source. **503** with `Retry-After`: Kafka is away and the spool is full;
    some items may stand in the log already, send the same ids again.
    """
    items = await taken(
        request, principal, services, "application/json, a CloudEvents type or application/x-ndjson"
    )
    results = await asyncio.to_thread(_admit_and_submit, items, principal, services)
    return answered(await results, principal, services)


def _admit_and_submit(items: tuple[bytes, ...], principal: Principal, services: Services) -> Any:
    """Decides in a thread; returns what is to be awaited."""
    admitted, refused = admit(
        items,
        principal,
        now=services.wall(),
        zone=services.zone,
        sees=services.sees(principal),
        edge=services.edge,
        known_sets=services.known_sets,
    )
    if principal.units:
        admitted, outside = without_others_dossiers(admitted, principal, services)
        refused = [*refused, *outside]
    return written(services, admitted, refused, principal.key_id)


def without_others_dossiers(
    admitted: list[Admitted], principal: Principal, services: Services
) -> tuple[list[Admitted], list[ItemResult]]:
    """An event that names no unit belongs to its dossier's: outside the key's subtree it is refused.

    A dossier that the store does not hold yet cannot be judged and is let in: it counts for no unit before one
    of its events names one, and that one is checked.
    """
    nameless = sorted({a.event.subject for a in admitted if a.event.kind == "dossier" and not units_of(a.event)})
    if not nameless:
        return admitted, []
    sees = services.sees(principal)
    outside = {code for code, unit in services.units_of_dossiers(nameless).items() if not sees(unit)}
    kept = [a for a in admitted if a.event.subject not in outside or units_of(a.event)]
    reason = Forbidden("this key does not reach the unit that holds this dossier", "subject")
    refused = [refusal(a.index, {"id": a.event.id}, reason) for a in admitted if a not in kept]
    return kept, refused


async def written(
    services: Services, admitted: list[Admitted], refused: list[ItemResult], key_id: str
) -> list[ItemResult]:
    """Writes what was admitted; all answers in the order of the request. Unavailable as the writer says."""
    plain = [item for item in admitted if not item.broadcast]
    waiting: list[tuple[list[Admitted], Future[list[Coordinates | None]]]] = []
    if plain:
        pairs = [(item.event.subject, item.encoded) for item in plain]
        waiting.append((plain, services.log.submit(pairs, key_id=key_id)))
    for item in admitted:
        if item.broadcast:
            waiting.append(
                ([item], services.log.submit_broadcast(item.event.subject, item.encoded, key_id=key_id))
            )
    results = list(refused)
    failure: Gs766Error | None = None
    for sent, future in waiting:
        try:
            places = await asyncio.shield(asyncio.wrap_future(future))
        except Gs766Error as error:
            failure = failure or error
            continue
        results += [
            _accepted(item, place, all(p is not None for p in places) if item.broadcast else place is not None)
            for item, place in zip(sent, places, strict=False)
        ]
    if failure is not None:
        raise failure
    return sorted(results, key=lambda result: result.index)


def _accepted(item: Admitted, place: Coordinates | None, in_log: bool) -> ItemResult:
    return ItemResult(
        index=item.index,
        id=item.event.id,
        status="accepted",
        partition=place.partition if place and in_log else None,
        offset=place.offset if place and in_log else None,
        spooled=not in_log,
        dropped_fields=item.dropped_fields,
    )
