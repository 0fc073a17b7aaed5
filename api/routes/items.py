"""What both intakes do with a request of many items, before and after the items are judged: who may send now,
which bodies are read, and how the answers for each become one."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from fastapi import Request, Response

from api.access import Principal
from api.intake import JSON_TYPES, LINE_TYPES, ItemResult, split_body, status_of
from api.portal import PortalResult
from api.problems import KINDS, MEDIA_TYPE, Problem, responses
from api.services import Services

Results = Sequence[ItemResult] | Sequence[PortalResult]


def described(example: dict[str, Any], all_safe: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that takes items: when all are safe, when some are, and why none may be."""

    def answer(text: str) -> dict[str, Any]:
        return {"description": text, "content": {"application/json": {"example": example}}}

    failures = responses(
        *("bad-request", "too-many-requests", "no-key", "forbidden", "too-large"),
        *("unsupported-media-type", "invalid-event", "unavailable"),
    )
    some = "Some are safe, some were rejected: see `results`."
    return {202: answer(all_safe), 207: answer(some), **failures}


async def taken(request: Request, principal: Principal, services: Services, formats: str) -> tuple[bytes, ...]:
    """The items of a body, undecoded. Problem for a format that is not read (`formats` says what is), a body or a
    number of items beyond the limits, and while the key's source has to be mended."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON_TYPES | LINE_TYPES:
        raise Problem("unsupported-media-type", f"send {formats}")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("unsupported-media-type", "compressed bodies are not read: send it plain")
    _check_brake(principal, services)
    body = await _read(request, services.config.max_body_bytes)
    return split_body(body, kind, services.config.max_items)


def answered(results: Results, principal: Principal, services: Services) -> Response:
    """One answer for all items, counted; a key whose items are mostly bad is slowed down from here on."""
    if "admin" not in principal.scopes:
        bad = sum(r.http == 422 for r in results)
        services.brake.note(principal.key_id, len(results), bad, services.wall())
    counts = {word: sum(r.status == word for r in results) for word in ("accepted", "duplicate", "rejected")}
    for word, count in counts.items():
        services.counters.add("gs766_intake_events_total", count, status=word)
    services.counters.add("gs766_intake_dropped_fields_total", sum(len(r.dropped_fields) for r in results))
    body: dict[str, Any] = {
        "accepted": counts["accepted"],
        "duplicates": counts["duplicate"],
        "rejected": counts["rejected"],
        "spooled": sum(r.spooled for r in results),
        "results": results,
    }
    status = status_of(results)
    if status < 400:
        return Response(msgspec.json.encode(body), status, media_type="application/json")
    first = next(r for r in results if r.status == "rejected")
    name: Literal["forbidden", "invalid-event"] = "forbidden" if status == 403 else "invalid-event"
    problem = {
        "type": f"urn:gs766:problem:{name}",
        "title": KINDS[name].title,
        "status": status,
        "detail": f"none was accepted; item {first.index}: {first.reason}",
        "detail_vi": KINDS[name].vi,
        "field": first.field,
    }
    return Response(msgspec.json.encode(problem | body), status, media_type=MEDIA_TYPE)


def _check_brake(principal: Principal, services: Services) -> None:
    wait_ms = services.brake.wait_ms(principal.key_id, services.wall())
    if wait_ms:
        raise Problem(
            "too-many-requests",
            "more than 5 % of this key's events were rejected: read the answers, mend the source, then go on",
            headers={"Retry-After": str(-(-wait_ms // 1000))},
        )


async def _read(request: Request, limit: int) -> bytes:
    """The body, read only as far as the limit allows."""
    declared = request.headers.get("content-length", "0")
    too_large = Problem("too-large", f"the body is larger than {limit} bytes: send fewer at a time")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)
