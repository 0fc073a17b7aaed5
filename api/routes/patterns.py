"""Findings of an audit, and closing one with a reason. Thin: parameters in, `api.audit` asked, its answer out."""

import uuid
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from api import audit
from api.access import Principal, require
from api.alerts.private import PrivateStore
from api.answers import figure, json
from api.params import instant, strict_query
from api.problems import NotFound, responses
from api.routes.figures import AsOf, Limit, Period, UnitWanted
from api.services import Services, services_of
from domain.errors import InvalidInput
from domain.events import encode_event, make_event

SOURCE = "/gs766/people"
router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Actor = Annotated[Principal, Depends(require("act"))]
Parts = Annotated[Services, Depends(services_of)]


class Closing(msgspec.Struct, forbid_unknown_fields=True):
    """Which finding is closed, and why: a coded reason; words are kept outside the log."""

    dossier_code: str
    kind: str
    reason: str
    note: str | None = None


@router.get("/findings", summary="Patterns to look into, beside the peers")
def get_patterns(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    as_of: AsOf = None,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    peers: Annotated[bool, Query(description="Also look at the unit's peers.")] = True,
    limit: Limit = 200,
) -> Response:
    """Each finding with the events that show it, to be verified by a person; how often among the peers."""
    until = instant(as_of, services.zone, "as_of")
    return figure(
        request,
        services,
        who,
        lambda ctx: audit.findings(ctx, unit, period, until, kind, limit, peers),
        cached=False,
    )


@router.post("/findings/{finding}/close", status_code=202, summary="Close a finding with a reason")
def post_closing(
    who: Actor,
    services: Parts,
    finding: Annotated[str, Path(pattern="^[0-9a-f]{24}$")],
    body: Annotated[dict[str, Any], Body()],
) -> Response:
    """An act in the alert log. It changes no figure; another event about the dossier may be another finding."""
    try:
        said = msgspec.convert(body, Closing)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error
    if not said.reason.strip():
        raise InvalidInput("a finding is closed with a reason: verified, explained, source_error …")
    with services.context(services, who) as ctx:
        found = audit.one_finding(ctx, said.dossier_code, said.kind, finding)
    if found is None:
        raise NotFound(f"there is no finding {finding} about that dossier")
    unit, looked = found
    now = services.wall()
    places = [":".join(map(str, place)) for place in looked.pattern.places]
    data: dict[str, Any] = {"key": finding, "kind": said.kind, "unit": unit, "actor": who.key_id}
    data |= {"reason": said.reason, "evidence": {"events": places}}
    if said.note:
        private = PrivateStore(services.config.private)
        data["note_hash"] = private.add_note(f"finding:{finding}", said.note, who.key_id, now)
    act = make_event(
        "system.finding_closed",
        said.dossier_code,
        now,
        data,
        source=SOURCE,
        id=uuid.uuid4().hex,
        recorded_at=now,
    )
    pair = (act.subject, encode_event(act))
    services.log.submit([pair], topic=services.config.kafka.alerts, partition=0).result()
    return json({"id": act.id, "finding": finding, "status": "đã đóng", "reason": said.reason}, 202)
