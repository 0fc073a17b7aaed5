"""Routes about the system itself: health, metrics, schemas, dead letters, keys, and the live stream."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from api.access import Principal, authenticate, require
from api.answers import json
from api.cursors import decode_cursor, encode_cursor
from api.health import Facts, Health, assess
from api.metrics import Sample, render, sample
from api.params import strict_query
from api.problems import Problem, responses
from api.schemas import schemas
from api.services import Services, services_of
from api.vector import Vector, parse_vector
from domain.errors import InvalidInput
from domain.instants import format_rfc3339
from sinks.queries import live
from sinks.queries.reader import Reader

router = APIRouter(dependencies=[Depends(strict_query)])
Parts = Annotated[Services, Depends(services_of)]
STORE_PATIENCE_S = 5.0
_LEVELS = {"green": 0, "amber": 1, "red": 2}


@router.get(
    "/v1/health",
    tags=["system"],
    summary="How the whole chain is",
    responses={503: {"description": "With `strict=1`: some part is red."}},
)
def get_health(
    request: Request,
    services: Parts,
    strict: Annotated[bool, Query(description="Answer 503 when red, for load balancers.")] = False,
) -> Response:
    """Each part green, amber or red and why; red when figures are wrong or stand still, not only when HTTP is
    down.

    Without a key from elsewhere only the overall status is told.
    """
    found = health_of(services)
    status = 503 if strict and found.status == "red" else 200
    try:
        authenticate(request, services.keys, loopback_reads=services.config.loopback_reads)
    except Problem:
        return json({"status": found.status}, status)
    return json(found, status)


def health_of(services: Services) -> Health:
    """Probes and judges."""
    services.acts.flush_keys()
    return assess(services.probe(services))


@router.get(
    "/metrics",
    tags=["system"],
    summary="Prometheus metrics",
    response_class=PlainTextResponse,
    responses=responses("no-key", "forbidden"),
)
def get_metrics(who: Annotated[Principal, Depends(require("read", "display"))], services: Parts) -> Response:
    """Text exposition format; the table of names is in `api/metrics.py`."""
    del who
    facts = services.probe(services)
    text = render([*services.counters.samples(), *gauges(facts, assess(facts)), *_own(services)])
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def gauges(facts: Facts, health: Health) -> list[Sample]:
    """Health as numbers."""
    found = [sample("gs766_health", _LEVELS[health.status], {"part": "all"})]
    found += [sample("gs766_health", _LEVELS[part.status], {"part": name}) for name, part in health.parts.items()]
    for lag in facts.worker:
        labels = {"partition": lag.partition}
        found.append(sample("gs766_log_end_offset", lag.end, labels))
        found.append(sample("gs766_complete_to", lag.position, labels))
        found.append(sample("gs766_worker_lag_records", lag.records, labels))
    found += [
        sample("gs766_writer_lag_records", lag.records, {"partition": lag.partition, "topic": lag.topic})
        for lag in facts.writer
    ]
    if facts.fresh_at is not None:
        found.append(sample("gs766_data_age_seconds", max(0, facts.now - facts.fresh_at) / 1000))
    if facts.generation is not None:
        found.append(sample("gs766_generation", facts.generation))
    found.append(sample("gs766_spooled_events", facts.spooled))
    found.append(sample("gs766_spooled_bytes", facts.spooled_bytes))
    return found


def _own(services: Services) -> list[Sample]:
    return [
        sample("gs766_up", 1),
        sample("gs766_stream_clients", services.hub.clients),
        sample("gs766_stream_dropped_total", services.hub.dropped),
        sample("gs766_act_failures_total", services.acts.failures),
    ]


@router.get("/v1/schemas", tags=["reference"], summary="JSON Schemas of every event type")
def get_schemas(
    type: Annotated[str | None, Query(max_length=64, description="One type only.")] = None,
) -> Response:
    """The envelope and the data of each type; open to everybody, for whoever writes a source."""
    found = schemas()
    if type is None:
        return json(found, max_age=300)
    if type not in found["types"]:
        raise InvalidInput(f"'{type}' is not an event type: leave `type` out for the list")
    return json(found["types"][type], max_age=300)


@router.get(
    "/v1/dead-letters",
    tags=["lists"],
    summary="Events that could not be folded",
    responses=responses("no-key", "forbidden", "invalid-input", "unavailable"),
)
def get_dead_letters(
    who: Annotated[Principal, Depends(require("read", "admin", "intake"))],
    services: Parts,
    source: Annotated[str | None, Query(max_length=128)] = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 100,
) -> Response:
    """Coordinates, reason and field; the bytes are in the log. A key bound to sources sees its own."""
    wanted = _sources(who, source)
    place = decode_cursor(cursor, (int, int, int)) if cursor else (-1, -1, -1)
    moment = services.moments.current()
    with services.context(services, Principal(who.key_id, who.scopes)) as ctx:
        reader = Reader(ctx.client, moment.vector.generation)
        rows = live.dead_letters(reader, (place[0], place[1], place[2]), wanted, limit)
    names = ("partition", "offset", "index", "known_at", "source", "reason", "field")
    items: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    for item in items:
        item["known_at"] = format_rfc3339(item["known_at"])
    following = encode_cursor(rows[-1][:3]) if len(rows) == limit else None
    return json({"generation": moment.vector.generation, "dead_letters": items, "next": following})


def _sources(who: Principal, source: str | None) -> tuple[str, ...]:
    """Whose dead letters: () for all. Those without a key's sources but with a subtree see none of them."""
    if who.sources:
        if source is not None and source not in who.sources:
            raise Problem("forbidden", "this key is bound to other sources")
        return (source,) if source is not None else who.sources
    if who.units:
        raise Problem(
            "forbidden", "dead letters have no unit: they need a key for the whole province or for a source"
        )
    return (source,) if source is not None else ()


@router.get(
    "/v1/stream",
    tags=["figures"],
    summary="Live notices (server-sent events)",
    responses={
        200: {"content": {"text/event-stream": {"example": "event: figures\nid: 1:120.88.3.9:17\ndata: {}\n\n"}}},
        **responses("no-key", "forbidden", "invalid-input", "unavailable"),
    },
)
async def get_stream(
    request: Request,
    who: Annotated[Principal, Depends(require("read", "display"))],
    services: Parts,
    last_event_id: Annotated[str | None, Header(description="Resume after this event.")] = None,
) -> Response:
    """`dossier` (a dossier changed), `alert` (a condition or an act), `figures` (at most one a second),
    `heartbeat`, `ready` (what was missed has been sent), `reset` (read everything anew). Ids are places in the
    logs: with `Last-Event-ID` nothing is missed, some may come twice. `display` keys get no dossiers.
    """
    since = _place(last_event_id)
    if services.hub.full:
        raise Problem("unavailable", "too many open streams: close some, or retry later")
    if not await services.hub.ready(STORE_PATIENCE_S):
        raise Problem("unavailable", "the store has not answered yet: /v1/health says why; retry later")
    sees = await asyncio.to_thread(services.sees, who)
    stream = services.hub.subscribe(
        since,
        sees,
        all_units=not who.units,
        dossiers="read" in who.scopes,
        heartbeat_s=services.config.heartbeat_ms / 1000,
        still_allowed=lambda: _allowed(request, services),
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _place(text: str | None) -> Vector | None:
    return parse_vector(text) if text else None


def _allowed(request: Request, services: Services) -> bool:
    """Whether the key still holds: a revoked one ends its streams at the next heartbeat."""
    try:
        authenticate(request, services.keys, loopback_reads=services.config.loopback_reads)
    except Problem:
        return False
    return True
