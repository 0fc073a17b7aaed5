"""Errors as people read them: problem+json (RFC 9457) with what was wrong, where, and what to do.

One table of problem kinds, with their Vietnamese sentence; one place that maps our errors to them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from domain.errors import Gs766Error, InvalidEvent, InvalidInput, NotKnownYet, Refused, Unavailable

log = logging.getLogger(__name__)

Kind = Literal[
    "bad-request",
    "conflict",
    "forbidden",
    "internal",
    "invalid-event",
    "invalid-input",
    "method-not-allowed",
    "no-key",
    "not-found",
    "not-known-yet",
    "too-large",
    "too-many-requests",
    "unavailable",
    "unknown-parameter",
    "unsupported-media-type",
]


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """HTTP status, English title, and the Vietnamese sentence for a screen."""

    status: int
    title: str
    vi: str


KINDS: dict[Kind, ProblemKind] = {
    "bad-request": ProblemKind(400, "The request cannot be read", "Không đọc được yêu cầu."),
    "conflict": ProblemKind(409, "A safety check refused this", "Bị từ chối do kiểm tra an toàn không đạt."),
    "forbidden": ProblemKind(403, "The key does not allow this", "Khóa truy cập không có quyền này."),
    "internal": ProblemKind(500, "A fault of the server", "Lỗi máy chủ; đã ghi nhật ký."),
    "invalid-event": ProblemKind(422, "The event cannot be accepted", "Sự kiện không hợp lệ."),
    "invalid-input": ProblemKind(422, "A value cannot be used", "Giá trị không hợp lệ."),
    "method-not-allowed": ProblemKind(405, "This method is not allowed here", "Phương thức không được phép."),
    "no-key": ProblemKind(401, "A key is needed", "Cần khóa truy cập hợp lệ."),
    "not-found": ProblemKind(404, "There is no such thing", "Không tìm thấy."),
    "not-known-yet": ProblemKind(
        422, "The log did not reach back that far", "Thời điểm này trước khi có nhật ký; không có số liệu."
    ),
    "too-large": ProblemKind(413, "The request is too large", "Yêu cầu quá lớn; hãy chia nhỏ."),
    "too-many-requests": ProblemKind(429, "Too many requests", "Quá nhiều yêu cầu; thử lại sau."),
    "unavailable": ProblemKind(
        503, "A part of the system does not answer", "Hệ thống tạm gián đoạn; thử lại sau."
    ),
    "unknown-parameter": ProblemKind(422, "An unknown parameter", "Tham số không tồn tại."),
    "unsupported-media-type": ProblemKind(415, "This format is not read", "Định dạng không được hỗ trợ."),
}
assert set(KINDS) == set(get_args(Kind))
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
MEDIA_TYPE = "application/problem+json"


class Problem(Gs766Error):
    """Raised where a request ends: answered as problem+json; `extra` members stand beside the usual ones."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.kind: Kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


class NotFound(Gs766Error):
    """What was asked for is not there, or lies outside the caller's units: 404 for both, alike."""


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


def kind_of(error: Gs766Error) -> Kind:
    """The problem kind of one of our errors; an error that nobody expected is internal."""
    if isinstance(error, Problem):
        return error.kind
    table: tuple[tuple[type[Gs766Error], Kind], ...] = (
        (NotFound, "not-found"),
        (NotKnownYet, "not-known-yet"),
        (InvalidEvent, "invalid-event"),
        (InvalidInput, "invalid-input"),
        (Unavailable, "unavailable"),
        (Refused, "conflict"),
    )
    for found, kind in table:
        if isinstance(error, found):
            return kind
    return "internal"


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


_HINTS: dict[Kind, str] = {
    "not-found": "there is no such route, or nothing under that name; the routes are listed at /docs",
    "too-large": "the request is larger than this server takes: send fewer events at a time",
}
_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong and what to do."},
        "detail_vi": {"type": "string", "description": "A sentence for a screen, in Vietnamese."},
        "instance": {"type": "string"},
        "field": {"type": "string"},
    },
}


def responses(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for OpenAPI."""
    documented: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        found = KINDS[kind]
        documented[found.status] = {
            "description": found.title,
            "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}},
        }
    return documented
