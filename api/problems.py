"""Errors as people read them: problem+json (RFC 9457) with what was wrong, where, and what to do.

One table of problem kinds, with their Vietnamese sentence; one place that maps our errors to them. The notifier
raises them too, so nothing of a web server is imported here: `problem_answers` makes the answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from domain.errors import Gs766Error, InvalidEvent, InvalidInput, NotKnownYet, Refused, Unavailable

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
