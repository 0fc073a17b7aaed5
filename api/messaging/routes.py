"""Routes of messages: the rules in force, and what would have been sent over a past week. Nothing is sent here."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Response

from api.access import Principal, require
from api.alerts.recipients import RecipientStore
from api.answers import json
from api.messaging.reading import rules_in_force, thresholds_in_force
from api.messaging.simulating import simulation
from api.params import strict_query
from api.problems import Problem, responses
from api.services import Services, services_of
from domain.errors import InvalidInput

router = APIRouter(
    prefix="/v1/messages",
    tags=["alerts"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "invalid-input", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Services, Depends(services_of)]
Week = Annotated[str, Query(max_length=20, description="An ISO week, such as 2026-W48.")]
KnownOption = Annotated[
    Literal["then", "now"],
    Query(description="Alerts as known then, or as known now (for weeks before the log began)."),
]


@router.get("/rules", summary="Message rules in force")
def get_rules(who: Reader, services: Parts) -> Response:
    """Slots, quiet hours, ceilings, routes and escalation as they hold now, and from which version; beside them
    the thresholds at which alerts begin (`alert_rules`)."""
    with services.context(services, who) as ctx:
        rules, version = rules_in_force(ctx, ctx.now_ms)
        thresholds, told_by = thresholds_in_force(ctx)
        return json(
            {
                "version": version,
                "rules": msgspec.to_builtins(rules),
                "thresholds": msgspec.to_builtins(thresholds),
                "thresholds_version": told_by,
                **ctx.position(),
            }
        )


@router.get("/simulation", summary="What would have been sent over a past week")
def get_simulation(who: Admin, services: Parts, week: Week, known: KnownOption = "then") -> Response:
    """The messages to each account, slot by slot, under the rules in force then; nobody is told anything."""
    return _simulated(services, who, week, None, known)


@router.post("/simulation", summary="What other rules would have sent over a past week")
def post_simulation(
    who: Admin,
    services: Parts,
    week: Week,
    body: Annotated[dict[str, Any], Body()],
    known: KnownOption = "then",
) -> Response:
    """The same under the document in the body (`message_rules`, what it does not name is as by default)."""
    return _simulated(services, who, week, body, known)


def _simulated(
    services: Services, who: Principal, week: str, document: dict[str, Any] | None, known: str
) -> Response:
    if who.units and services.config.root not in who.units:
        raise Problem("forbidden", "a simulation shows the whole province: it needs a key without units")
    people = [entry.recipient() for entry in RecipientStore(services.config.private).entries()]
    if not people:
        raise InvalidInput("there are no recipients yet: add them with `gs766 recipients`, then simulate")
    with services.context(services, who) as ctx:
        return json(simulation(ctx, week, people, document, known=known))
