"""The letter Mẫu 04 over HTTP: a draft of one dossier, as a Word file or as what stands in it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from api.access import Principal, require
from api.answers import json
from api.params import strict_query
from api.problems import NotFound, responses
from api.services import Services, services_of
from dashboards.papers.letter import MEDIA, render

router = APIRouter(
    prefix="/v1",
    tags=["papers"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
_FILES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA: {}, "application/json": {}}}}


@router.get("/dossiers/{code}/apology-letter", summary="Draft of the apology (Mẫu 04)", responses=_FILES)
def get_apology_letter(
    who: Annotated[Principal, Depends(require("read"))],
    services: Annotated[Services, Depends(services_of)],
    code: Annotated[str, Path(max_length=128)],
    reason: Annotated[str | None, Query(max_length=200, description="One line, without personal data.")] = None,
    new_date: Annotated[
        str | None, Query(max_length=10, description="A working day after the due day. Default: a proposal.")
    ] = None,
    file_format: Annotated[Literal["docx", "json"], Query(alias="format")] = "docx",
) -> Response:
    """Code, procedure, dates, reason, new appointment; addressee, number and signature stay blank. Nothing is
    recorded but that the dossier was read: `dossier.apology_sent` is sent when the letter has gone out.

    The header `X-GS766-Warnings` names what to heed before signing (`too_late`, `already_late`,
    `second_reappointment`, `paused`, `result_exists`); `format=json` tells them in words.
    """
    with services.context(services, who) as ctx:
        told = services.figures.apology_letter(ctx, code, reason, new_date)
    if told is None:
        raise NotFound(f"there is no dossier {code}")
    services.acts.record("dossier_read", code, who, services.wall())
    if file_format == "json":
        return json(told)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in code)
    headers = {
        "Content-Disposition": f'attachment; filename="mau-04-{safe}.docx"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-GS766-Warnings": ",".join(w["code"] for w in told["warnings"]),
    }
    return Response(render(told, services.config.apology_template), 200, headers, MEDIA)
