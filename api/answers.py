"""How a figure is answered: the caller's context, a conditional answer, and JSON; one way for all read routes."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import Request, Response

from api.access import Principal
from api.etag import figure_tag, matches
from api.problems import NotFound
from api.services import Services

_encode = msgspec.json.Encoder(
    enc_hook=lambda value: list(value) if isinstance(value, frozenset | set) else str(value)
)


def figure(
    request: Request,
    services: Services,
    principal: Principal,
    ask: Callable[[Any], Any],
    *,
    cached: bool = True,
) -> Response:
    """Asks with the caller's context; None is 404. With `cached`, an unchanged answer is a 304."""
    tag = ""
    if cached:
        moment = services.moments.current()
        tag = figure_tag(
            request,
            generation=moment.vector.generation,
            complete_to=moment.vector.events,
            now=services.now(moment),
            principal_units=principal.units,
            run=services.run,
        )
        if matches(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers={"ETag": tag})
    with services.context(services, principal) as ctx:
        found = ask(ctx)
    if found is None:
        raise NotFound("there is nothing under that name, or it lies outside your units")
    headers = {
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, X-GS766-Key",
        **({"ETag": tag} if tag else {}),
    }
    return Response(_encode.encode(found), 200, headers, "application/json")


def json(value: Any, status: int = 200, *, max_age: int = 0) -> Response:
    """An answer that no figure stands behind."""
    cache = f"private, max-age={max_age}" if max_age else "no-store"
    return Response(_encode.encode(value), status, {"Cache-Control": cache}, "application/json")
