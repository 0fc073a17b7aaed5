"""What an app answers when a request fails: `problems` as responses."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.problems import KINDS, MEDIA_TYPE, Kind, Problem, kind_of
from domain.errors import Gs766Error, InvalidEvent

log = logging.getLogger(__name__)
_BY_STATUS: dict[int, Kind] = {
    400: "bad-request",
    401: "no-key",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-input",
    429: "too-many-requests",
    503: "unavailable",
}


_HINTS: dict[Kind, str] = {
    "not-found": "there is no such route, or nothing under that name; the routes are listed at /docs",
    "too-large": "the request is larger than this server takes: send fewer events at a time",
}


def problem_response(
    kind: Kind,
    detail: str,
    *,
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """The answer; `detail_vi` is a sentence for a screen, `detail` says exactly what was wrong."""
    found = KINDS[kind]
    body: dict[str, Any] = {
        "type": f"urn:gs766:problem:{kind}",
        "title": found.title,
        "status": found.status,
        "detail": detail,
        "detail_vi": found.vi,
    }
    if instance:
        body["instance"] = instance
    body |= extra or {}
    given = dict(headers or {})
    if found.status == 401:
        given.setdefault("WWW-Authenticate", 'Bearer realm="gs766"')
    if found.status in (429, 503):
        given.setdefault("Retry-After", "5")
    given.setdefault("Cache-Control", "no-store")
    return Response(msgspec.json.encode(body), found.status, given, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error of the app leaves as problem+json; what nobody expected is logged and says nothing inside."""

    @app.exception_handler(Gs766Error)
    async def ours(request: Request, error: Gs766Error) -> Response:
        kind = kind_of(error)
        if kind == "internal":
            log.error("%s %s: %s", request.method, request.url.path, error)
            return problem_response(kind, "the request failed inside the server", instance=request.url.path)
        headers = error.headers if isinstance(error, Problem) else {}
        extra = dict(error.extra) if isinstance(error, Problem) else {}
        if isinstance(error, InvalidEvent) and error.field:
            extra["field"] = error.field
        return problem_response(kind, str(error), instance=request.url.path, headers=headers, extra=extra)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        kind = _BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal")
        detail = _HINTS.get(kind, str(error.detail))
        return problem_response(kind, detail, instance=request.url.path, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first.get("loc", ())[1:])
        detail = f"{field or 'the request'}: {first.get('msg', 'cannot be read')}"
        return problem_response("invalid-input", detail, instance=request.url.path, extra={"field": field})

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem_response(
            "internal", "the request failed inside the server; its log says why", instance=request.url.path
        )
