"""Findings of an audit, and closing one with a reason. Thin: parameters in, `api.audit` asked, its answer out."""

import uuid
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from api import audit
from api.access import Principal, require
from api.alerts.private import PrivateStore
from api.answers import figure, json
from api.audit.searching import Looked
from api.figures import FigureContext
from api.params import instant, strict_query
from api.problems import NotFound, Problem, responses
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

    kind: str
    reason: str
    dossier_code: str | None = None
    unit: str | None = None
    """With `period`, for a finding about a unit."""
    period: str | None = None
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
    return json(closed(services, who, finding, said), 202)


def closed(services: Services, who: Principal, finding: str, said: Closing) -> dict[str, Any]:
    """Closes a finding that `who` may see; what was done. NotFound, InvalidInput, or a Problem for the office that
    the finding is about: somebody else has to have looked."""
    if not said.reason.strip():
        raise InvalidInput("a finding is closed with a reason: verified, explained, source_error …")
    with services.context(services, who) as ctx:
        found = _found(ctx, said, finding)
    if found is None:
        raise NotFound(f"there is no finding {finding} about that dossier or unit")
    if who.units and found[0] in who.units:
        raise Problem("forbidden", "a finding is closed by somebody else than the office that it is about")
    return _close(services, who, finding, said, *found)


def _found(ctx: FigureContext, said: Closing, finding: str) -> tuple[str, Looked] | None:
    if said.dossier_code is not None:
        return audit.one_finding(ctx, said.dossier_code, said.kind, finding)
    if said.unit is None or said.period is None:
        raise InvalidInput("a finding is about a dossier_code, or about a unit in a period: name which")
    return audit.one_of_unit(ctx, said.unit, said.period, said.kind, finding)


def _close(
    services: Services, who: Principal, finding: str, said: Closing, unit: str, looked: Looked
) -> dict[str, Any]:
    now = services.wall()
    places = [":".join(map(str, place)) for place in looked.pattern.places]
    data: dict[str, Any] = {"key": finding, "kind": said.kind, "unit": unit, "actor": who.key_id}
    data |= {"reason": said.reason, "evidence": {"events": places}}
    if said.note:
        private = PrivateStore(services.config.private)
        data["note_hash"] = private.add_note(f"finding:{finding}", said.note, who.key_id, now)
    act = make_event(
        "system.finding_closed",
        looked.code,
        now,
        data,
        source=SOURCE,
        id=uuid.uuid4().hex,
        recorded_at=now,
    )
    pair = (act.subject, encode_event(act))
    services.log.submit([pair], topic=services.config.kafka.alerts, partition=0).result()
    return {"id": act.id, "finding": finding, "status": "đã đóng", "reason": said.reason}
