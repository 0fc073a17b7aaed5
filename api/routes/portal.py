"""`POST /v1/portal/dossiers`: the records that provincial systems push to the national portal, pushed here too."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from api.access import Principal, require
from api.intake import ItemResult
from api.params import strict_query
from api.portal import Decided, PortalResult, decide, written_result
from api.routes.intake import without_others_dossiers, written
from api.routes.items import answered, described, taken
from api.services import Services, services_of
from producers.portal_wire import SOURCE

router = APIRouter(prefix="/v1/portal", tags=["intake"], dependencies=[Depends(strict_query)])

_RECORD: dict[str, Any] = {
    "MaHoSo": "H44.100-260803-0012",
    "MaTTHC": "1.001193",
    "KenhThucHien": "2",
    "LoaiDoiTuong": "1",
    "NgayTiepNhan": "20260803091200",
    "NgayHenTra": "20260810170000",
    "TrangThaiHoSo": "4",
    "DonViXuLy": "H44.100",
    "DanhSachLePhi": [{"MaPhiLePhi": "LP01", "Gia": "8000"}],
}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
            "examples": {"one": {"value": _RECORD}, "batch": {"value": [_RECORD]}},
        },
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": msgspec.json.encode(_RECORD).decode(),
        },
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
            "MaHoSo": "H44.100-260803-0012",
            "status": "accepted",
            "http": 202,
            "code": None,
            "field": None,
            "reason": None,
            "partition": 2,
            "offset": 1042,
            "spooled": False,
            "dropped_fields": ["ChuHoSo"],
        }
    ],
}


@router.post(
    "/dossiers",
    summary="Push records in the portal's wire format",
    status_code=202,
    openapi_extra={"requestBody": _BODY},
    responses=described(_ANSWER, "All are safe, or were known already."),
)
async def post_portal_dossiers(
    request: Request,
    principal: Annotated[Principal, Depends(require("intake", "admin"))],
    services: Annotated[Services, Depends(services_of)],
    source: Annotated[str | None, Query(max_length=128, description="Where the records come from.")] = None,
) -> Response:
    """One record, an array of them, or one a line; whole dossiers and processing steps may be mixed.

    Each item is answered by itself: `accepted`, `duplicate` (the dossier's last record said the same), or
    `rejected` with a stable `code`, the `field` and a `reason` (docs/vendors.md). Pushing again is harmless.
    **429** and **503** carry `Retry-After`; push the same items again.
    """
    items = await taken(request, principal, services, "application/json or application/x-ndjson")
    named = source or (principal.sources[0] if len(principal.sources) == 1 else SOURCE)
    decided = await asyncio.to_thread(_decided, items, principal, named, services)
    results = await _written(decided, principal, named, services)
    return answered(results, principal, services)


def _decided(items: tuple[bytes, ...], principal: Principal, source: str, services: Services) -> Decided:
    return decide(
        items,
        principal,
        source,
        now=services.wall(),
        zone=services.zone,
        sees=services.sees(principal),
        edge=services.edge,
        memory=services.imports,
    )


async def _written(decided: Decided, principal: Principal, source: str, services: Services) -> list[PortalResult]:
    admitted = decided.admitted
    outside: list[ItemResult] = []
    if principal.units:
        admitted, outside = await asyncio.to_thread(without_others_dossiers, admitted, principal, services)
    results = await written(services, admitted, outside, principal.key_id)
    safe = [decided.records[r.index] for r in results if r.status == "accepted" and r.index in decided.records]
    await asyncio.to_thread(services.imports.sent, source, safe)
    answers = [*decided.ready, *(written_result(r, decided.subjects[r.index]) for r in results)]
    return sorted(answers, key=lambda r: r.index)
